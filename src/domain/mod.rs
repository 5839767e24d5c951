//! The rules of sessions: pure values and functions.
//!
//! Nothing here knows the platform, serde, a clock or randomness; those come in as arguments.

pub(crate) mod caller;
pub(crate) mod context;
pub(crate) mod deadline;
pub(crate) mod id;
pub(crate) mod history;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod persona;
pub(crate) mod session;
pub(crate) mod speech;
pub(crate) mod stats;
pub(crate) mod time;
pub(crate) mod turn;
