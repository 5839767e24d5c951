//! Counters of everything, in eight Durable Objects: what session objects report is added up there.
//!
//! A session reports to one of them, by a hash of its id, so none is asked by all; who wants the totals asks all eight.
//! They know neither ids of sessions nor of users, nor anything that was said: of an id only a hash, to count a report once.

pub(crate) mod client;
mod object;
pub(crate) mod protocol;
mod storage;
