//! Memory: values under keys, with the same calls and the same table in a user's object and in a session's.
//!
//! `client` is the edge's side, `protocol` what may be asked; in the object that is asked, `store` does it and `table` has the
//! rows. Whose memory it is, and who may see it, is the object's business; what a model is told of it is not decided here.

pub(crate) mod client;
pub(crate) mod protocol;
pub(crate) mod store;
mod table;
