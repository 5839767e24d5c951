//! Ends that fail or take long go on by themselves, whatever breaks on the way, and are seen to fail.

use std::thread;

use crate::{
    support::{Server, eventually, json, sqlite, totals::stats},
    users::begin,
};

/// Of which version the tables of a class's objects seem to be.
#[derive(Clone, Copy)]
enum Version {
    /// One that is newer than this one.
    Newer,
    Ours,
}

/// Makes all objects of a class seem to be of that version; the server is stopped.
fn make(server: &Server, class: &str, version: Version) {
    let change = match version {
        Version::Newer => "+ 100",
        Version::Ours => "- 100",
    };
    let format = if class == "user" { "format set version = version" } else { "session set format = format" };
    server.databases(class).iter().for_each(|file| sqlite::run(file, &format!("update {format} {change}")));
}

fn failures(server: &Server, upkeep: &str) -> Option<u64> {
    stats(server)["failures"][upkeep].as_u64()
}

/// Waits until a user who is erased can be written to again.
#[track_caller]
fn eventually_erased(server: &Server, user: &str) {
    eventually("nothing is left", || server.put(&format!("/users/{user}/memory/k"), json!({"value": 1})).status == 201);
}

#[test]
fn an_erasure_goes_on_after_an_alarm_that_could_read_nothing() {
    let mut server = Server::start();
    begin(&server, "ann", json!({"session_id": "s"}));
    server.kill();
    make(&server, "session", Version::Newer);
    server.launch();
    assert_eq!(server.delete("/users/ann").expect(202).value()["erased"], false);
    server.kill();
    make(&server, "session", Version::Ours);
    make(&server, "user", Version::Newer);
    server.hasten_alarms("user");
    server.launch();
    eventually("the alarm has failed", || server.log().contains("an erasure ends later"));
    // By now the platform has taken note of that.
    server.get("/users/ann").expect_problem(503, "UNAVAILABLE");
    server.kill();
    make(&server, "user", Version::Ours);
    server.hasten_alarms("user");
    server.launch();
    eventually_erased(&server, "ann");
    server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn an_erasure_that_takes_several_passes_needs_nobody_to_ask_again() {
    const SESSIONS: usize = 410;
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "0"), ("STATS_LAG_SECONDS", "1")]);
    thread::scope(|scope| {
        for part in 0..5 {
            let server = &server;
            scope.spawn(move || {
                (0..SESSIONS / 5).for_each(|number| drop(begin(server, "ann", json!({"session_id": format!("{part}-{number}")}))))
            });
        }
    });
    let receipt = server.delete("/users/ann").expect(202).value();
    assert_eq!((&receipt["erased"], &receipt["sessions"]), (&json!(false), &json!(200)), "{receipt}");
    eventually_erased(&server, "ann");
    server.get("/sessions/4-0").expect_problem(404, "SESSION_NOT_FOUND");
    eventually("all are counted once", || stats(&server)["sessions"]["erased"] == SESSIONS);
}

#[test]
fn a_burial_that_fails_is_counted_before_it_succeeds() {
    let mut server = Server::with(&[("STATS_LAG_SECONDS", "1")]);
    begin(&server, "ann", json!({"session_id": "s"}));
    server.kill();
    make(&server, "user", Version::Newer);
    server.launch();
    server.delete("/sessions/s");
    // Each call tries again.
    let is_counted = || {
        server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
        failures(&server, "burial") > Some(0)
    };
    eventually("it is counted", is_counted);
    assert_eq!(stats(&server)["sessions"]["deleted"], 1);
    server.kill();
    assert_eq!(sqlite::rows(&server.databases("session")[0], "session"), 1);
    make(&server, "user", Version::Ours);
    server.launch();
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    eventually("both are counted", || stats(&server)["sessions"]["created"] == 2);
    assert_eq!(stats(&server)["sessions"]["deleted"], 1);
}

#[test]
fn what_a_users_object_fails_to_end_is_counted() {
    let mut server = Server::start();
    begin(&server, "ann", json!({"session_id": "s"}));
    server.kill();
    make(&server, "session", Version::Newer);
    server.launch();
    server.delete("/users/ann").expect(202);
    assert_eq!(failures(&server, "ending"), Some(1));
    server.kill();
    make(&server, "user", Version::Newer);
    server.hasten_alarms("user");
    server.launch();
    eventually("that its list cannot be read is counted, too", || failures(&server, "ending") == Some(2));
}
