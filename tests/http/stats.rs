//! What `/sessions/stats` tells, and what the counters keep.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::support::{
    Server, eventually, json,
    model::{Model, Step},
    root, sqlite,
    totals::{Expected, eventually_on_disk, settles_at, stats, totals},
};

#[test]
fn sessions_are_spread_over_all_counters() {
    let mut server = Server::start();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(server.new_session())));
        }
    });
    settles_at(&server, Expected { created: 100, ..Expected::default() });
    server.kill();
    let files = server.databases("counter");
    let counted: Vec<usize> = files.iter().map(|file| sqlite::count(file, "applied")).collect();
    assert!(counted.len() == 8 && counted.iter().all(|count| *count > 0), "{counted:?}");
    assert_eq!(counted.iter().sum::<usize>(), 100);
    let pinned = fs::read_to_string(root().join("tests/http/fixtures/counter-format-1.schema.sql")).unwrap();
    assert_eq!(sqlite::tables(&files[0]), pinned.trim());
}

#[test]
fn hours_become_days_and_what_is_long_ago_is_forgotten_but_for_the_totals() {
    let mut server = Server::with(&[("STATS_LAG_SECONDS", "1")]);
    let id = server.new_session();
    server.say(&id, "hello");
    server.post("/sessions", json!({"session_id": "gone"})).expect(201);
    server.delete("/sessions/gone").expect(200);
    eventually("counted", || totals(&server).turns == 1 && totals(&server).deleted == 1);
    let before = totals(&server);
    let buckets = |server: &Server, query: &str| {
        let answer = server.get(&format!("/sessions/stats?{query}")).expect(200).value();
        answer["buckets"].as_array().unwrap().iter().map(|bucket| bucket["start"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((buckets(&server, "bucket=hour").len(), buckets(&server, "").len()), (1, 1));
    assert_eq!(buckets(&server, "until=2026-01-01T00:00:00Z").len(), 0);
    assert_eq!(buckets(&server, "bucket=hour&since=2100-01-01T00:00:00Z").len(), 0);

    let age = |server: &mut Server, days: i64| {
        server.kill();
        for file in server.databases("counter").iter().filter(|file| sqlite::rows(file, "meta") > 0) {
            // And the alarm is lost.
            sqlite::run(
                file,
                &format!(
                    "update tally set start = start - {days} * 86400000 where kind in ('hour', 'day'); update applied set forget_at = 1 where forget_at is not null; update meta set alarm_at = 1"
                ),
            );
        }
        server.launch();
        let turns = totals(server).turns;
        server.say(&id, "hello again");
        eventually("counted", || totals(server).turns > turns);
        // A counter that hears nothing has not tidied up.
        server.kill();
        for file in server.databases("counter").iter().filter(|file| sqlite::rows(file, "meta") > 0) {
            if sqlite::count(file, "meta where alarm_at > 1") == 1 {
                assert_eq!(sqlite::count(file, "applied where forget_at = 1"), 0);
                assert_eq!(sqlite::count(file, "tally where kind = 'hour' and start < @now - 7 * 86400000"), 0);
            }
        }
        server.launch();
    };
    age(&mut server, 8);
    assert_eq!(buckets(&server, "bucket=hour").len(), 1);
    assert_eq!(buckets(&server, "bucket=day").len(), 2);
    age(&mut server, 400);
    assert_eq!(buckets(&server, "bucket=day").len(), 1);
    let after = totals(&server);
    assert_eq!((after.created, after.deleted, after.turns), (before.created, before.deleted, before.turns + 2));
}

#[test]
fn what_one_pass_does_not_forget_is_forgotten_soon() {
    let mut server = Server::start();
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    eventually("counted", || totals(&server).created == 1);
    server.kill();
    let files = server.databases("counter");
    let file = files.iter().find(|file| sqlite::rows(file, "meta") > 0).unwrap();
    // And the alarm is lost.
    let ended = "with recursive ended(number) as (select 1 union all select number + 1 from ended where number < 25000)
      insert into applied select 'ended' || number, 1, 1, 1 from ended; update meta set alarm_at = 1";
    sqlite::run(file, ended);
    server.launch();
    server.delete("/sessions/s").expect(200);
    eventually("counted", || totals(&server).deleted == 1);
    server.kill();
    let left = || sqlite::count(file, "applied where forget_at = 1");
    let is_soon = || sqlite::count(file, "meta where alarm_at < @now + 60000") == 1;
    assert_eq!((left(), is_soon()), (15_000, true));
    for expected in [(5_000, true), (0, false)] {
        server.hasten_alarms("counter");
        let has_gone_off = (0..20).any(|_| {
            server.launch();
            thread::sleep(Duration::from_millis(250));
            server.kill();
            left() == expected.0
        });
        assert!(has_gone_off && is_soon() == expected.1, "{} are left, {}", left(), is_soon());
    }
}

#[test]
fn counters_that_cannot_be_reached_are_no_zero_and_hold_nobody_up() {
    let mut server = Server::with(&[("STATS_LAG_SECONDS", "1")]);
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    settles_at(&server, Expected { created: 1, ..Expected::default() });
    let set_version = |server: &mut Server, version: u32| {
        server.kill();
        let files = server.databases("counter");
        let [file] = files.iter().filter(|file| sqlite::rows(file, "meta") > 0).collect::<Vec<_>>().try_into().unwrap();
        sqlite::run(file, &format!("update meta set version = {version}"));
        server.launch();
    };
    // As if by a version that is newer than this one.
    set_version(&mut server, 2);
    server.get("/sessions/stats").expect_problem(503, "UNAVAILABLE");
    server.say("s", "a marker of what was said");
    server.delete("/sessions/s").expect(200);
    eventually_on_disk("its contents are gone", &mut server, |file| sqlite::rows(file, "message") + sqlite::rows(file, "session") == 0);
    assert!(server.databases("session").iter().any(|file| sqlite::rows(file, "report") > 0));
    // The next one of that id need not wait either.
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    server.say("s", "hello");
    server.delete("/sessions/s").expect(200);
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    server.get("/sessions/stats").expect_problem(503, "UNAVAILABLE");

    set_version(&mut server, 1);
    server.say("s", "hello");
    let started = Instant::now();
    let is_counted = || stats(&server)["turns"] == 3 && stats(&server)["failures"]["report"].as_u64() > Some(0);
    while !is_counted() && started.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(200));
    }
    let counted = totals(&server);
    assert_eq!((counted.created, counted.deleted, counted.turns, counted.messages), (3, 2, 3, 6), "{}", stats(&server));
    assert!(is_counted(), "{}", stats(&server));
}

#[test]
fn turns_within_the_lag_write_nothing_for_reports() {
    let mut server = Server::start();
    let id = server.new_session();
    settles_at(&server, Expected { created: 1, ..Expected::default() });
    for _ in 0..10 {
        server.say(&id, "hello");
    }
    server.kill();
    let file = server.databases("session").remove(0);
    assert_eq!((sqlite::count(&file, "report"), sqlite::count(&file, "reported where number = 1 and turn = 0")), (0, 1));
    // An alarm is set for what is not reported yet.
    assert_eq!(sqlite::count(&file, "session where alarm_at < last_activity + 301000"), 1);
}

/// Waits until the personas have so many turns and messages each.
#[track_caller]
fn settles_by_persona(server: &Server, expected: &[(&str, u64, u64)]) {
    let counted = || {
        let by_persona = stats(server)["by_persona"].clone();
        let count = |persona: &str, what: &str| by_persona[persona][what].as_u64().unwrap_or_default();
        expected.iter().map(|(persona, ..)| (*persona, count(persona, "turns"), count(persona, "messages"))).collect::<Vec<_>>()
    };
    let sums = |counted: &[(&str, u64, u64)]| counted.iter().fold((0, 0), |sums, (_, turns, messages)| (sums.0 + turns, sums.1 + messages));
    eventually("all is counted", || sums(&counted()) == sums(expected));
    assert_eq!(counted(), expected);
}

#[test]
fn what_was_said_counts_for_the_persona_that_has_answered() {
    // Long enough for all that a persona answers to be said before it is reported.
    let server = Server::with(&[("STATS_LAG_SECONDS", "4")]);
    let patched = server.post("/sessions", json!({"persona": "creative_writer"})).expect(201).text("session_id");
    (0..3).for_each(|_| drop(server.say(&patched, "hello")));
    server.patch(&format!("/sessions/{patched}"), json!({"persona": "technical_support"})).expect(200);
    server.say(&patched, "hello");
    // The same of the persona changes nothing.
    server.patch(&format!("/sessions/{patched}"), json!({"persona": "technical_support", "title": "Tea"})).expect(200);
    for (persona, times) in [("default", 2), ("mental_health_nurse", 3)] {
        for _ in 0..times {
            server.post("/query", json!({"query": "hello", "thread_id": "t", "agent_type": persona})).expect(200);
        }
    }
    for (persona, times) in [("supportive_coach", 2), ("technical_support", 1)] {
        for _ in 0..times {
            server.post("/api/chat", json!({"user_message": "hello", "session_id": "n", "persona_name": persona})).expect(200);
        }
    }
    let expected = [
        ("creative_writer", 3, 6),
        ("technical_support", 2, 4),
        ("default", 2, 4),
        ("mental_health_nurse", 3, 6),
        ("supportive_coach", 2, 4),
    ];
    settles_by_persona(&server, &expected);
    settles_at(&server, Expected { created: 3, turns: 12, messages: 24, ..totals(&server) });
}

#[test]
fn a_turn_counts_for_the_persona_that_it_has_begun_with() {
    let model = Model::start(|_, _| vec![Step::Text("Said".into()), Step::Gate, Step::Text(".".into()), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[("STATS_LAG_SECONDS", "1"), ("MODEL_TITLES", "off")]);
    let ids = ["goes-on", "ends"];
    for (asked, id) in ids.iter().enumerate() {
        server.post("/sessions", json!({"session_id": id, "persona": "creative_writer"})).expect(201);
        thread::scope(|scope| {
            let asking = scope.spawn(|| server.post("/chat", json!({"session_id": id, "message": "hello"})));
            eventually("the model is asked", || model.requests().len() == asked + 1);
            server.patch(&format!("/sessions/{id}"), json!({"persona": "technical_support"})).expect(200);
            if *id == "ends" {
                server.delete(&format!("/sessions/{id}")).expect(200);
            }
            model.open(1);
            drop(asking.join().unwrap());
        });
    }
    server.post(&format!("/sessions/{}/messages", ids[0]), json!({"messages": [{"role": "user", "content": "x"}]})).expect(201);
    settles_by_persona(&server, &[("creative_writer", 2, 3), ("technical_support", 0, 1)]);
}

#[test]
fn looking_at_counts_writes_nothing_and_wrong_questions_are_named() {
    let mut server = Server::start();
    let stats = stats(&server);
    assert_eq!((&stats["sessions"]["alive"], &stats["buckets"], &stats["by_model"]), (&json!(0), &json!([]), &json!({})));
    for (query, field) in [("bucket=week", "bucket"), ("since=now", "since"), ("until=2026", "until")] {
        let problem = server.get(&format!("/sessions/stats?{query}")).expect_problem(400, "VALIDATION_ERROR").value();
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    server.kill();
    assert!(server.databases("counter").iter().all(|file| sqlite::tables(file).is_empty()));
}
