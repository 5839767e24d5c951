//! The user object: one Durable Object per user, with the list of that user's sessions, the full text of their messages,
//! what is remembered of the user, and what the user wants.
//!
//! Same anatomy as the session object. Written by session objects, read by the edge. What it says of a session is a
//! copy; whether a session may be used is asked of the session alone.

pub(crate) mod client;
mod ending;
mod object;
mod protocol;
mod storage;
