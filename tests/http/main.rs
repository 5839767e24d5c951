//! Behaviour over HTTP, against workerd with the bundle that would be deployed. One file a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may fail"
)]

mod support;

mod atlus;
mod auth;
mod bad_input;
mod cleanup;
mod clearing;
mod connect;
mod context;
mod contract;
mod counting;
mod crash;
mod dialects;
mod ending;
mod expiry;
mod export;
mod forgetting;
mod history;
mod idempotency;
mod import;
mod interrupted;
mod late;
mod learning;
mod logs;
mod memory;
mod messages;
mod models;
mod nono;
mod order;
mod ownership;
mod page;
mod pairing;
mod personas;
mod query;
mod rate;
mod redo;
mod rejoining;
mod repeated;
mod search;
mod sessions;
mod sockets;
mod stats;
mod storage;
mod streams;
mod tokens;
mod tools;
mod transcripts;
mod turns;
mod users;
mod walkthrough;
mod workers_ai;
