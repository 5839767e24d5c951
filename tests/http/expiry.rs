//! Sessions end when they should, everywhere at once, and leave nothing behind.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::support::{Server, eventually, json, sqlite};

/// Waits until `seconds` after `start`: deadlines are about the clock, so these tests must be too.
fn wait_until(start: Instant, seconds: f64) {
    thread::sleep(Duration::from_secs_f64(seconds).saturating_sub(start.elapsed()));
}

fn expect_gone(server: &Server, id: &str) {
    server.get(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
    server.patch(&format!("/sessions/{id}"), json!({"title": "x"})).expect_problem(404, "SESSION_NOT_FOUND");
    server.delete(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
    server.ask("POST", &format!("/sessions/{id}/renew"), &[], None).expect_problem(404, "SESSION_NOT_FOUND");
    server.get(&format!("/sessions/{id}/messages")).expect_problem(404, "SESSION_NOT_FOUND");
    let message = json!({"messages": [{"role": "user", "content": "x"}]});
    server.post(&format!("/sessions/{id}/messages"), message).expect_problem(404, "SESSION_NOT_FOUND");
    server.post("/chat", json!({"session_id": id, "message": "x"})).expect_problem(404, "INVALID_SESSION");
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"], json!([]));
}

#[test]
fn an_idle_session_is_gone_for_every_route_and_after_a_restart() {
    let mut server = Server::with(&[("IDLE_TIMEOUT_SECONDS", "2")]);
    let start = Instant::now();
    server.post("/sessions", json!({"session_id": "s", "user_id": "ann"})).expect(201);
    server.say("s", "hello");
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"].as_array().unwrap().len(), 1);
    let said = Instant::now();
    wait_until(start, 1.2);
    server.get("/sessions/s").expect(200);
    wait_until(said, 2.0);
    expect_gone(&server, "s");
    eventually("the index forgets it", || server.get("/sessions").expect(200).value()["sessions"] == json!([]));

    server.post("/sessions", json!({"session_id": "s", "user_id": "ann"})).expect(201);
    let created = Instant::now();
    server.kill();
    wait_until(created, 2.0);
    server.launch();
    expect_gone(&server, "s");
}

#[test]
fn activity_keeps_a_session_and_reading_does_not() {
    let server = Server::start();
    let start = Instant::now();
    for id in ["kept", "read"] {
        server.post("/sessions", json!({"session_id": id, "ttl_seconds": 3})).expect(201);
    }
    for tick in 1..=3 {
        wait_until(start, 1.5 * f64::from(tick));
        server.ask("POST", "/sessions/kept/renew", &[], None).expect(200);
        server.get("/sessions/read");
    }
    server.get("/sessions/read").expect_problem(404, "SESSION_NOT_FOUND");
    server.get("/sessions/kept").expect(200);
}

#[test]
fn an_expired_session_leaves_no_data_without_anybody_asking() {
    const MARKER: &str = "marker-of-an-expired-session";
    let mut server = Server::with(&[("IDLE_TIMEOUT_SECONDS", "1")]);
    server.post("/sessions", json!({"session_id": "s", "user_id": "ann"})).expect(201);
    server.say("s", MARKER);
    assert!(!server.databases("session").is_empty());
    eventually("the index forgets it", || server.get("/sessions").expect(200).value()["sessions"] == json!([]));
    // A database can be looked into only while nobody else has it open.
    let is_empty = |server: &Server| {
        [server.databases("session"), server.databases("user")].concat().iter().all(|file| sqlite::tables(file).is_empty())
    };
    for _ in 0..20 {
        server.kill();
        if is_empty(&server) {
            break;
        }
        server.launch();
        thread::sleep(Duration::from_millis(500));
    }
    server.kill();
    assert!(is_empty(&server), "its tables are still there");
    for file in server.files() {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes()), "its text is still in {}", file.display());
    }
}

#[test]
fn an_expired_id_can_be_used_again_at_once_by_somebody_else() {
    let server = Server::start();
    server.post("/sessions", json!({"session_id": "s", "user_id": "ann", "ttl_seconds": 2})).expect(201);
    server.say("s", "my name is Ann");
    let said = Instant::now();
    wait_until(said, 2.0);
    server.post("/sessions", json!({"session_id": "s", "user_id": "bob"})).expect(201);
    assert!(server.say("s", "what's my name?").starts_with("You have not told me"));
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"], json!([]));
    assert_eq!(server.get("/users/bob/sessions").expect(200).value()["sessions"][0]["session_id"], "s");
}

#[test]
fn a_shortened_timeout_holds_from_its_patch_on() {
    let server = Server::start();
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    server.patch("/sessions/s", json!({"ttl_seconds": 1})).expect(200);
    let patched = Instant::now();
    wait_until(patched, 1.0);
    server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
    eventually("the index forgets it", || server.get("/sessions").expect(200).value()["sessions"] == json!([]));
}
