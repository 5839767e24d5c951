//! Sessions on their way out and in, in parts, so that their size does not matter.
//!
//! `export` reads a session part by part, as fast as it is taken; `import` stores parts that nobody sees until the last
//! call makes a session of them; `protocol` is what crosses, `client` the edge's side.

pub(crate) mod client;
pub(super) mod export;
mod import;
pub(super) mod protocol;
