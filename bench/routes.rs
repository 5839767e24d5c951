//! How long each route takes: the median of requests one after the other, on this machine's workerd and disk.
//!
//! `npm run bench`. Every route is also given as a ratio to `GET /health`, which does nothing: that is what compares
//! between machines. No threshold, no verdict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a tool"
)]

#[path = "measure.rs"]
mod measure;
#[path = "../tests/http/support/mod.rs"]
mod support;

use std::time::Duration;

use measure::millis;
use support::{Server, json};

const REQUESTS: usize = 300;

fn main() {
    let server = Server::start();
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    let (session, messages) = (format!("/sessions/{id}"), format!("/sessions/{id}/messages"));
    let said = json!({"session_id": id, "message": "What did I just say?"});
    let appended = json!({"messages": [{"role": "user", "content": "hello"}]});

    let idle = median(|| server.get("/health").expect(200));
    println!("{REQUESTS} requests each, p50\n");
    report("GET /health", idle, idle);
    report("GET /health?deep=1", median(|| server.get("/health?deep=1").expect(200)), idle);
    report("POST /sessions", median(|| server.post("/sessions", json!({})).expect(201)), idle);
    report("POST /sessions, with a user", median(|| server.post("/sessions", json!({"user_id": "bob"})).expect(201)), idle);
    report("GET /sessions/{id}", median(|| server.get(&session).expect(200)), idle);
    report("PATCH /sessions/{id}", median(|| server.patch(&session, json!({"metadata": {"k": 1}})).expect(200)), idle);
    report("POST /sessions/{id}/renew", median(|| server.ask("POST", &format!("{session}/renew"), &[], None).expect(200)), idle);
    report("POST /sessions/{id}/messages", median(|| server.post(&messages, appended.clone()).expect(201)), idle);
    report("GET /sessions/{id}/messages, last 20", median(|| server.get(&format!("{messages}?order=desc&limit=20")).expect(200)), idle);
    report("POST /chat, in a session", median(|| server.post("/chat", said.clone()).expect(200)), idle);
    report("POST /chat, new session", median(|| server.post("/chat", json!({"message": "hello"})).expect(200)), idle);
    report(
        "DELETE /sessions/{id}, with its creation",
        median(|| {
            let id = server.new_session();
            server.delete(&format!("/sessions/{id}")).expect(200)
        }),
        idle,
    );
    report("GET /users/{id}/sessions, first 20", median(|| server.get("/users/bob/sessions?limit=20").expect(200)), idle);
    report("GET /sessions, first 20", median(|| server.get("/sessions?limit=20").expect(200)), idle);
}

/// The median of how long `request` takes.
fn median<T>(request: impl Fn() -> T) -> Duration {
    measure::median_of(REQUESTS, || drop(request()))
}

fn report(route: &str, time: Duration, idle: Duration) {
    println!("{route:<40} {:>8.2} ms {:>6.1}x", millis(time), millis(time) / millis(idle));
}
