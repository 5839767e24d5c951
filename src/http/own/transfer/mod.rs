//! Sessions as files: `export` writes them, `import` reads them in again.
//!
//! `json` is complete and ours, `jsonl` what other programs read, `markdown` for people. `split` cuts JSON into pieces,
//! `reading` makes parts of a session of them. Nothing here holds a whole file.

pub(crate) mod export;
pub(crate) mod import;
pub(super) mod json;
mod jsonl;
mod markdown;
mod reading;
mod split;
