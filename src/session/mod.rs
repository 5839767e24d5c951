//! The session object: one Durable Object per session, the only truth about it.
//!
//! `client` is the edge's side, `protocol` and `record` are what crosses, the rest runs inside the object: `core` is what the
//! platform sees, `object` takes calls, `life` begins, changes and ends sessions, `contents` reads and appends messages,
//! `removal` takes them out, `turn` runs turns, `transfer` exports and imports, `storage` holds all SQL, `reports` tells the
//! counters, `sharing` tells the user's object, `copies` keeps the user's list and the KV index up to date, `burial` takes what
//! has ended out of both, `alarm` has that done when nobody calls.

mod alarm;
mod burial;
pub(crate) mod client;
mod contents;
mod copies;
mod core;
mod life;
mod object;
mod protocol;
pub(crate) mod record;
mod removal;
mod reports;
mod sharing;
mod storage;
pub(crate) mod transfer;
mod turn;

pub(crate) use protocol::PageRequest;
