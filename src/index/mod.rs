//! What is known of all sessions together: a copy in KV to look them over, and counters that add up what they report.
//!
//! No decision depends on either. `kv` may be a minute old and more; `counters` are exact, as late as reports are.

pub(crate) mod counters;
mod kv;

pub(crate) use kv::{Entry, delete, list, ping, put, walk};
