//! What is known of all sessions together: a copy in KV to look them over.

mod kv;

pub(crate) use kv::{Entry, delete, list, ping, put};
