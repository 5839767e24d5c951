//! What dead sessions have left can be removed by whoever asks for it, as often and in as many parts as they like.

use std::{thread, time::Duration};

use serde_json::Value;

use crate::support::{Server, eventually, json, sqlite};

/// Has the whole index cleaned up in steps of `limit`; gives how many entries were checked and removed.
fn clean_up(server: &Server, limit: u32) -> (u64, u64) {
    let (mut checked, mut removed, mut cursor) = (0, 0, Value::Null);
    loop {
        let step = server.post("/sessions/cleanup", json!({"limit": limit, "cursor": cursor})).expect(200).value();
        assert!(step["checked"].as_u64().unwrap() <= limit.into() && step["failed"] == 0, "{step}");
        checked += step["checked"].as_u64().unwrap();
        removed += step["removed"].as_u64().unwrap();
        cursor = step["cursor"].clone();
        if cursor.is_null() {
            return (checked, removed);
        }
    }
}

/// A server with `dead` sessions that have expired and that no alarm tidies up any more, and as many that live.
fn server_without_alarms(dead: usize) -> Server {
    let mut server = Server::with(&[("STATS_LAG_SECONDS", "1"), ("MAX_SESSIONS_PER_USER", "0")]);
    for number in 0..dead {
        server.post("/sessions", json!({"session_id": format!("dead {number}"), "user_id": "ann", "ttl_seconds": 600})).expect(201);
        server.post("/sessions", json!({"session_id": format!("living {number}"), "user_id": "ann"})).expect(201);
    }
    eventually("all are in the index", || listed(&server, "") == 2 * dead);
    server.kill();
    for file in server.databases("session") {
        sqlite::run(
            &file,
            "update session set created_at = created_at - 6e5, last_activity = last_activity - 6e5 where id like 'dead%'; delete from _cf_METADATA",
        );
    }
    let files = server.files();
    let alarms = files.iter().find(|file| file.ends_with("objects/session/metadata.sqlite")).unwrap();
    sqlite::run(alarms, "delete from _cf_ALARM");
    server.launch();
    server
}

fn listed(server: &Server, prefix: &str) -> usize {
    server.get(&format!("/sessions?limit=200&prefix={prefix}")).expect(200).value()["sessions"].as_array().unwrap().len()
}

/// Waits until every database is empty, or of a living session that is whole.
#[track_caller]
fn gets_tidy(server: &mut Server, living: usize) {
    // What was broken off is taken up again after ten seconds, in which the server must be left to itself.
    let is_tidy = (0..8).any(|attempt| {
        thread::sleep(Duration::from_secs(if attempt == 0 { 0 } else { 3 }));
        is_tidy(server, living)
    });
    assert!(is_tidy, "something is left of dead sessions");
}

fn is_tidy(server: &mut Server, living: usize) -> bool {
    server.kill();
    let files = server.databases("session");
    let kept = files.iter().filter(|file| !sqlite::tables(file).is_empty()).collect::<Vec<_>>();
    let is_tidy = kept.len() == living && kept.iter().all(|file| sqlite::count(file, "session where id like 'living%'") == 1);
    server.launch();
    is_tidy
}

#[test]
fn sessions_that_could_not_tidy_up_are_removed_and_others_are_not() {
    const DEAD: usize = 5;
    let mut server = server_without_alarms(DEAD);
    assert_eq!((listed(&server, "dead"), listed(&server, "living"), listed(&server, "neither")), (DEAD, DEAD, 0));
    assert_eq!(clean_up(&server, 200), (10, 5));
    assert_eq!((listed(&server, "dead"), listed(&server, "living")), (0, DEAD));
    assert_eq!(clean_up(&server, 3), (5, 0));
    eventually("they are counted", || server.get("/sessions/stats").expect(200).value()["sessions"]["expired"] == DEAD);
    gets_tidy(&mut server, DEAD);
    let users = server.get("/users/ann/sessions?limit=200").expect(200).value();
    assert_eq!(users["sessions"].as_array().unwrap().len(), DEAD);
    for number in 0..DEAD {
        server.say(&format!("living {number}"), "still there?");
        server.post("/sessions", json!({"session_id": format!("dead {number}")})).expect(201);
    }
    eventually("used again", || listed(&server, "dead") == DEAD);
}

#[test]
fn entries_of_sessions_that_do_not_exist_are_removed() {
    let mut server = Server::start();
    for id in ["there", "lost"] {
        server.post("/sessions", json!({"session_id": id})).expect(201);
    }
    eventually("both are in the index", || listed(&server, "") == 2);
    server.kill();
    for file in server.databases("session") {
        if sqlite::count(&file, "session where id = 'lost'") == 1 {
            sqlite::drop_tables(&file);
        }
    }
    server.launch();
    server.get("/sessions/lost").expect(404);
    assert_eq!(listed(&server, ""), 2);
    assert_eq!(clean_up(&server, 1), (2, 1));
    assert_eq!((listed(&server, "lost"), listed(&server, "there")), (0, 1));
    server.get("/sessions/there").expect(200);
}

#[test]
fn many_may_clean_up_at_once_and_break_off() {
    const DEAD: usize = 20;
    let mut server = server_without_alarms(DEAD);
    thread::scope(|scope| {
        let cleaners: Vec<_> = (1..=4)
            .map(|limit| {
                scope.spawn({
                    let server = &server;
                    move || clean_up_until_killed(server, limit)
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(60));
        server.kill_from_beside();
        cleaners.into_iter().for_each(|cleaner| cleaner.join().unwrap());
    });
    server.kill();
    server.launch();
    thread::scope(|scope| {
        for limit in [5, 7, 200] {
            let server = &server;
            scope.spawn(move || clean_up(server, limit));
        }
    });
    assert_eq!(clean_up(&server, 200), (20, 0));
    assert_eq!((listed(&server, "dead"), listed(&server, "living")), (0, DEAD));
    let expired = |server: &Server| server.get("/sessions/stats").expect(200).value()["sessions"]["expired"].clone();
    eventually("each is counted once", || expired(&server) == DEAD);
    gets_tidy(&mut server, DEAD);
    assert_eq!(expired(&server), DEAD);
}

/// Cleans up from the beginning, again and again, until nobody answers.
fn clean_up_until_killed(server: &Server, limit: usize) {
    let mut cursor = Value::Null;
    let json = [("content-type", "application/json")];
    while let Ok(answer) =
        server.try_ask("POST", "/sessions/cleanup", &json, Some(json!({"limit": limit, "cursor": cursor}).to_string().as_bytes()))
    {
        cursor = answer.expect(200).value()["cursor"].clone();
    }
}

#[test]
fn a_session_that_dies_without_its_alarm_is_buried_by_the_next_call() {
    let mut server = server_without_alarms(1);
    server.get("/sessions/dead%200").expect(404);
    eventually("it is out of the index", || listed(&server, "dead") == 0);
    gets_tidy(&mut server, 1);
}

#[test]
fn wrong_questions_are_named() {
    let server = Server::start();
    assert_eq!(
        server.ask("POST", "/sessions/cleanup", &[], None).expect(200).value(),
        json!({"checked": 0, "removed": 0, "failed": 0, "cursor": null})
    );
    for (body, field) in [
        (json!({"limit": 0}), "limit"),
        (json!({"limit": 201}), "limit"),
        (json!({"limit": "x"}), "limit"),
        (json!({"cursor": "x"}), "cursor"),
    ] {
        let problem = server.post("/sessions/cleanup", body.clone()).expect_problem(400, "VALIDATION_ERROR");
        assert!(problem.body.contains(field), "{body}: {}", problem.body);
    }
    server.get(&format!("/sessions?prefix={}", "x".repeat(129))).expect_problem(400, "VALIDATION_ERROR");
    let list = server.get("/sessions").expect(200).value();
    assert_eq!(list, json!({"sessions": [], "next_cursor": null, "lag_seconds": 60}));
}
