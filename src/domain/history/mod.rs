//! What a history must satisfy so that every provider takes it, however it came about.
//!
//! `pairing` keeps calls and results together when messages are stored; `prompt` makes of a stored stretch what a model
//! is sent.

pub(crate) mod pairing;
pub(crate) mod prompt;
