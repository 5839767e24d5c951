//! What all sessions have come to, as a test expects it and as the server tells it.

use std::{
    ops::AddAssign,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Server;

/// What a test expects to be counted.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) created: u64,
    pub(crate) deleted: u64,
    pub(crate) expired: u64,
    pub(crate) messages: u64,
    pub(crate) turns: u64,
    pub(crate) errors: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

impl AddAssign for Expected {
    fn add_assign(&mut self, other: Expected) {
        self.created += other.created;
        self.deleted += other.deleted;
        self.expired += other.expired;
        self.messages += other.messages;
        self.turns += other.turns;
        self.errors += other.errors;
        self.prompt_tokens += other.prompt_tokens;
        self.completion_tokens += other.completion_tokens;
    }
}

impl Expected {
    /// What a heading or a bucket of the answer says; `sessions` is where its sessions are.
    pub(crate) fn read(counts: &Value, sessions: &Value) -> Expected {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        Expected {
            created: number(&sessions["created"]),
            deleted: number(&sessions["deleted"]),
            expired: number(&sessions["expired"]),
            messages: number(&counts["messages"]),
            turns: number(&counts["turns"]),
            errors: number(&counts["errors"]),
            prompt_tokens: number(&counts["tokens"]["prompt"]),
            completion_tokens: number(&counts["tokens"]["completion"]),
        }
    }
}

/// What the server tells.
pub(crate) fn stats(server: &Server) -> Value {
    server.get("/sessions/stats").expect(200).value()
}

/// The part of it that tests expect something of.
pub(crate) fn totals(server: &Server) -> Expected {
    let stats = stats(server);
    Expected::read(&stats, &stats["sessions"])
}

/// Waits until `expected` is counted, and that nothing more is; gives the whole answer.
#[track_caller]
pub(crate) fn settles_at(server: &Server, expected: Expected) -> Value {
    let started = Instant::now();
    while totals(server) != expected && started.elapsed() < Duration::from_secs(40) {
        thread::sleep(Duration::from_millis(100));
    }
    // Whatever were counted twice would be by now.
    thread::sleep(Duration::from_millis(1500));
    assert_eq!(totals(server), expected);
    let stats = stats(server);
    let alive = expected.created - expected.deleted - expected.expired;
    assert_eq!((&stats["sessions"]["alive"], &stats["active_sessions_memory"]), (&json!(alive), &json!(alive)));
    for bucket in ["hour", "day"] {
        let mut sum = Expected::default();
        let buckets = server.get(&format!("/sessions/stats?bucket={bucket}")).expect(200).value()["buckets"].clone();
        buckets.as_array().unwrap().iter().for_each(|bucket| sum += Expected::read(bucket, bucket));
        assert_eq!(sum, expected, "{bucket}s");
    }
    stats
}

/// Waits until `condition` holds for every session object's database, which can be looked into only while nobody has it open.
#[track_caller]
pub(crate) fn eventually_on_disk(what: &str, server: &mut Server, condition: impl Fn(&Path) -> bool) {
    for _ in 0..40 {
        server.kill();
        let holds = server.databases("session").iter().all(|file| condition(file));
        server.launch();
        if holds {
            return;
        }
        thread::sleep(Duration::from_millis(500));
    }
    panic!("not within 20 s: {what}");
}
