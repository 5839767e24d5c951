//! What a history must satisfy so that every provider takes it, however it came about.
//!
//! `pairing` keeps calls and results together when messages are stored; `prompt` makes of a stored stretch what a model
//! is sent; `part` is what a session is written out as, `intake` checks it when it is read in again.

pub(crate) mod intake;
pub(crate) mod pairing;
pub(crate) mod part;
pub(crate) mod prompt;
