//! The end of sessions and users: what goes, what can be taken back, and that nothing stays anywhere.

use std::{fs, path::PathBuf, slice::from_ref, thread};

use crate::{
    learning::say,
    support::{
        Server, eventually, json,
        model::{Model, Step},
        sqlite,
    },
    users::{begin, listed},
};

/// Files on the disk of a server that was killed that have that text in them. What SQLite's logs and free pages still have
/// is not counted: nobody can ask for it, and it is written over in time.
pub(crate) fn files_with(server: &Server, text: &str) -> Vec<PathBuf> {
    let databases: Vec<PathBuf> = server.files().into_iter().filter(|file| file.extension().is_some_and(|kind| kind == "sqlite")).collect();
    databases.iter().for_each(|file| sqlite::run(file, "vacuum; pragma wal_checkpoint(truncate)"));
    let has = |file: &PathBuf| fs::read(file).is_ok_and(|content| content.windows(text.len()).any(|window| window == text.as_bytes()));
    server.files().into_iter().filter(has).collect()
}

#[test]
fn of_a_user_who_is_erased_nothing_is_found_anywhere() {
    let mut server = Server::start();
    for number in 0..4 {
        let id = begin(&server, "Sesame", json!({"title": "Sesame", "metadata": {"about": "Sesame"}}));
        say(&server, &id, &format!("I like Sesame {number}"));
        server.put(&format!("/sessions/{id}/memory/k"), json!({"value": "Sesame"})).expect(201);
    }
    let hidden = begin(&server, "Sesame", json!({"title": "Sesame"}));
    server.delete(&format!("/sessions/{hidden}?undo=600")).expect(200);
    server.put("/users/Sesame/memory/food", json!({"value": "Sesame"})).expect(201);
    server.patch("/users/Sesame", json!({"memory": false})).expect(200);
    let other = begin(&server, "bob", json!({}));
    say(&server, &other, "I like poppy seeds");
    eventually("all are indexed", || server.get("/sessions").expect(200).value()["sessions"].as_array().unwrap().len() == 5);

    let receipt = server.delete("/users/Sesame").expect(200).value();
    // What was learned is one entry, a list, and one was written.
    assert_eq!(
        (&receipt["erased"], &receipt["sessions"], &receipt["messages"], &receipt["memories"]),
        (&json!(true), &json!(5), &json!(8), &json!(2)),
        "{receipt}"
    );
    assert!(receipt["ended_at"].as_str() >= receipt["started_at"].as_str() && !receipt.to_string().contains("Sesame"), "{receipt}");
    server.ask("POST", &format!("/sessions/{hidden}/restore"), &[], None).expect_problem(404, "SESSION_NOT_FOUND");
    assert_eq!(server.get("/users/Sesame").expect(200).value()["memory"], true);
    let again = server.delete("/users/Sesame").expect(200).value();
    assert_eq!((&again["erased"], &again["sessions"]), (&json!(true), &json!(0)));
    assert_eq!(server.get("/users/bob/search?q=poppy&role=user").expect(200).value()["total"], 1);
    server.kill();
    assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));
    assert_ne!(files_with(&server, "poppy").len(), 0);
}

#[test]
fn of_a_session_that_is_deleted_nothing_is_found_anywhere() {
    for undo in ["", "?undo=1"] {
        let mut server = Server::start();
        let keeps = begin(&server, "ann", json!({}));
        let id = begin(&server, "ann", json!({"title": "Sesame", "metadata": {"about": "Sesame"}}));
        say(&server, &id, "Open Sesame, please, for me");
        eventually("both are indexed", || server.get("/sessions").expect(200).value()["sessions"].as_array().unwrap().len() == 2);
        server.delete(&format!("/sessions/{id}{undo}")).expect(200);
        if !undo.is_empty() {
            let dead = |file: &PathBuf| sqlite::try_tables(file).is_ok_and(|tables| tables.is_empty());
            eventually("it can be restored no more", || server.databases("session").iter().any(dead));
        }
        server.get(&format!("/sessions/{keeps}")).expect(200);
        server.kill();
        assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));
    }
}

#[test]
fn an_erasure_that_is_cut_off_goes_on() {
    let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "0")]);
    for number in 0..40 {
        begin(&server, "Sesame", json!({"session_id": format!("s{number}"), "title": "Sesame"}));
    }
    thread::scope(|scope| {
        scope.spawn(|| server.try_ask("DELETE", "/users/Sesame", &[], None));
        eventually("some have gone", || server.get("/sessions/s0").status == 404);
        server.kill_from_beside();
    });
    server.kill();
    server.launch();
    assert_eq!(server.delete("/users/Sesame").expect(200).value()["erased"], true);
    assert!((0..40).all(|number| server.get(&format!("/sessions/s{number}")).status == 404));
    server.kill();
    assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));
}

#[test]
fn a_receipt_counts_sessions_and_not_the_places_of_some_that_never_began() {
    let mut server = Server::start();
    for number in 0..3 {
        begin(&server, "ann", json!({"session_id": format!("s{number}")}));
    }
    server.kill();
    // One has begun and the list has not heard of it; another never has.
    let places = "update session set state = 'reserved', record = '' where id = 's0';
      insert into session values ('never', @now, @now + 60000, '', 'reserved', 9)";
    sqlite::run(&server.databases("user")[0], places);
    server.launch();
    assert_eq!(server.delete("/users/ann").expect(200).value()["sessions"], 3);
    server.get("/sessions/s0").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn of_two_erasures_at_once_neither_loses_or_doubles_what_goes() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "0"), ("STATS_LAG_SECONDS", "1")]);
    for _ in 0..30 {
        begin(&server, "ann", json!({}));
    }
    let erase = || server.delete("/users/ann").expect(200).value();
    let receipts = thread::scope(|scope| [scope.spawn(erase), scope.spawn(erase)].map(|erasure| erasure.join().unwrap()));
    assert!(receipts.iter().all(|receipt| receipt["erased"] == true), "{receipts:?}");
    // Who asks when all has gone is told of nothing.
    assert_eq!(receipts.iter().filter_map(|receipt| receipt["sessions"].as_u64()).max(), Some(30), "{receipts:?}");
    let counted = || server.get("/sessions/stats").expect(200).value()["sessions"].clone();
    let expected = json!({"alive": 0, "created": 30, "deleted": 0, "expired": 0, "evicted": 0, "erased": 30});
    eventually("all are counted once", || counted() == expected);
}

#[test]
fn a_turn_that_runs_does_not_outlive_its_user() {
    let model =
        Model::start(|_, _| vec![Step::Text("One ".into()), Step::Gate, Step::Text("two.".into()), Step::Finish("stop"), Step::Done]);
    let mut server = Server::asking(&model, &[]);
    let id = begin(&server, "ann", json!({}));
    let asked = json!({"session_id": id, "message": "My name is Sesame, count for me", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 1);
    let receipt = server.delete("/users/ann").expect(200).value();
    assert_eq!((&receipt["sessions"], &receipt["messages"], &receipt["memories"]), (&json!(1), &json!(1), &json!(1)), "{receipt}");
    model.open(1);
    assert!(stream.rest().iter().all(|event| event.name != "done"));
    server.get(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
    assert_eq!(server.get("/users/ann/memory").expect(200).value()["total"], 0);
    server.kill();
    assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));
}

#[test]
fn a_deletion_can_be_taken_back_for_a_while() {
    let server = Server::start();
    for user in [Some("ann"), None] {
        let id = server.post("/sessions", json!({"user_id": user, "title": "Tea"})).expect(201).text("session_id");
        say(&server, &id, "I have a yellow bicycle");
        let before = server.get(&format!("/sessions/{id}/messages")).expect(200).value();
        let restore = || server.ask("POST", &format!("/sessions/{id}/restore"), &[], None);
        // What is there can be restored as often as one likes.
        restore().expect(200);
        let deleted = server.delete(&format!("/sessions/{id}?undo=600")).expect(200).value();
        assert!(deleted["restorable_until"].as_str() > deleted["deleted_at"].as_str(), "{deleted}");
        server.get(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
        server.post("/chat", json!({"session_id": id, "message": "hello"})).expect_problem(404, "INVALID_SESSION");
        server.delete(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
        assert_eq!(listed(&server, ""), [""; 0]);
        assert_eq!(server.get("/users/ann/search?q=bicycle").expect(200).value()["total"], 0);
        assert_eq!(server.get("/sessions").expect(200).value()["sessions"], json!([]));
        assert_eq!(restore().expect(200).text("title"), "Tea");
        restore().expect(200);
        assert_eq!(server.get(&format!("/sessions/{id}/messages")).expect(200).value(), before);
        if user.is_some() {
            assert_eq!(listed(&server, ""), from_ref(&id));
            assert_eq!(server.get("/users/ann/search?q=bicycle").expect(200).value()["total"], 1);
        }
        eventually("it is indexed again", || server.get("/sessions").expect(200).value()["sessions"][0]["session_id"] == id);
        // Who takes the id for something new wants the old one no more.
        server.delete(&format!("/sessions/{id}?undo=600")).expect(200);
        server.post("/sessions", json!({"user_id": user, "session_id": id})).expect(201);
        assert_eq!(restore().expect(200).value()["message_count"], 0);
        server.delete(&format!("/sessions/{id}")).expect(200);
        restore().expect_problem(404, "SESSION_NOT_FOUND");
        server.delete(&format!("/sessions/{id}?undo=3601")).expect_problem(400, "VALIDATION_ERROR");
    }
}

#[test]
fn a_late_copy_of_a_restoration_restores_nothing() {
    let mut server = Server::start();
    let id = begin(&server, "ann", json!({"title": "Tea"}));
    let restore = |server: &Server, key| server.ask("POST", &format!("/sessions/{id}/restore"), &[("idempotency-key", key)], None);
    let delete = |server: &Server| drop(server.delete(&format!("/sessions/{id}?undo=600")).expect(200));
    delete(&server);
    let restored = restore(&server, "one").expect(200);
    assert_eq!(restored.text("title"), "Tea");
    delete(&server);
    for _ in 0..2 {
        let late = restore(&server, "one").expect(200);
        assert_eq!((&late.body, late.header("etag")), (&restored.body, restored.header("etag")));
        server.get(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
        assert_eq!(listed(&server, ""), [""; 0]);
        server.kill();
        server.launch();
    }
    // Another wish is another key; a key of another wish is refused.
    restore(&server, "two").expect(200);
    server.ask("POST", &format!("/sessions/{id}/renew"), &[("idempotency-key", "two")], None).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    assert_eq!(listed(&server, ""), from_ref(&id));
    // What is gone for good is not there for its old keys either.
    server.delete(&format!("/sessions/{id}")).expect(200);
    restore(&server, "two").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn what_is_hidden_is_out_of_the_index_also_when_its_entry_was_due() {
    let mut server = Server::start();
    let indexed = |server: &Server| server.get("/sessions").expect(200).value()["sessions"].as_array().unwrap().len();
    for user in [Some("ann"), None] {
        let id = server.post("/sessions", json!({"user_id": user})).expect(201).text("session_id");
        eventually("it is indexed", || indexed(&server) == 1);
        // As a change leaves it whose process is lost before the entry is written.
        server.kill();
        let files = server.databases("session");
        let is_its = |file: &&PathBuf| sqlite::rows(file, &format!("session where id = '{id}'")) == 1;
        sqlite::run(files.iter().find(is_its).unwrap(), "update session set indexed_at = null");
        server.launch();
        server.delete(&format!("/sessions/{id}?undo=600")).expect(200);
        eventually("it is out of the index", || indexed(&server) == 0);
    }
}

#[test]
fn a_turn_that_a_deletion_breaks_off_is_interrupted_when_it_is_restored() {
    let model =
        Model::start(|_, _| vec![Step::Text("One ".into()), Step::Gate, Step::Text("two.".into()), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[]);
    let id = begin(&server, "ann", json!({}));
    let asked = json!({"session_id": id, "message": "Count to two for me please", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 1);
    server.delete(&format!("/sessions/{id}?undo=60")).expect(200);
    drop(stream);
    let restored = server.ask("POST", &format!("/sessions/{id}/restore"), &[], None).expect(200).value();
    assert_eq!((&restored["running_turn"], &restored["turn_count"]), (&json!(null), &json!(1)));
    model.open(1);
    assert_eq!(server.get(&format!("/sessions/{id}/turns/1")).expect(200).value()["turn"]["status"], "interrupted");
    assert_eq!(server.events("GET", &format!("/sessions/{id}/events?turn=1"), &[], None).rest().last().unwrap().name, "error");
    model.open(1);
    say(&server, &id, "Go on then, count to two");
}

#[test]
fn however_a_session_ends_it_is_counted_and_seen_to_be_gone_everywhere() {
    let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "3"), ("STATS_LAG_SECONDS", "1")]);
    let one = begin(&server, "ann", json!({}));
    (0..3).for_each(|_| drop(begin(&server, "ann", json!({}))));
    server.get(&format!("/sessions/{one}")).expect_problem(404, "SESSION_NOT_FOUND");
    (0..2).for_each(|_| drop(begin(&server, "bob", json!({}))));
    server.delete("/users/bob").expect(200);
    let (kept, gone) = (server.new_session(), server.new_session());
    server.delete(&format!("/sessions/{kept}?undo=600")).expect(200);
    server.ask("POST", &format!("/sessions/{kept}/restore"), &[], None).expect(200);
    server.delete(&format!("/sessions/{gone}?undo=1")).expect(200);
    let brief = begin(&server, "cid", json!({"ttl_seconds": 1, "title": "Sesame"}));
    let counted = || server.get("/sessions/stats").expect(200).value()["sessions"].clone();
    let expected = json!({"alive": 4, "created": 9, "deleted": 1, "expired": 1, "evicted": 1, "erased": 2});
    eventually("all is counted", || counted() == expected);
    // The one that has expired is gone from list, index and disk too.
    server.get(&format!("/sessions/{brief}")).expect_problem(404, "SESSION_NOT_FOUND");
    assert_eq!(server.get("/users/cid/sessions").expect(200).value()["sessions"], json!([]));
    let indexed = || server.get(&format!("/sessions?prefix={brief}")).expect(200).value()["sessions"].clone();
    eventually("it is out of the index", || indexed() == json!([]));
    server.kill();
    assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));
}

#[test]
fn what_can_be_restored_is_hidden_also_by_a_process_that_has_just_begun() {
    let mut server = Server::start();
    let source = begin(&server, "bob", json!({}));
    say(&server, &source, "I have a yellow bicycle");
    let file = server.get(&format!("/sessions/{source}/export")).expect(200).body;
    let imported = server.ask("POST", "/sessions/import?user_id=ann", &[("content-type", "application/json")], Some(file.as_bytes()));
    let id = imported.expect(201).text("session_id");
    // What the list has confirmed was only in the memory of the process.
    server.kill();
    server.launch();
    let found = || server.get("/users/ann/search?q=bicycle&role=user").expect(200).value()["total"].clone();
    assert_eq!((listed(&server, ""), found()), (vec![id.clone()], json!(1)));
    server.delete(&format!("/sessions/{id}?undo=600")).expect(200);
    assert_eq!((listed(&server, ""), found()), (vec![], json!(0)));
    server.ask("POST", &format!("/sessions/{id}/restore"), &[], None).expect(200);
    assert_eq!((listed(&server, ""), found()), (vec![id], json!(1)));
}

#[test]
fn what_can_be_restored_no_more_goes_also_when_its_alarm_was_early() {
    let server = Server::start();
    let id = begin(&server, "ann", json!({"ttl_seconds": 1}));
    server.delete(&format!("/sessions/{id}?undo=3")).expect(200);
    let is_empty = |file: &PathBuf| sqlite::try_tables(file).is_ok_and(|tables| tables.is_empty());
    eventually("it is gone", || server.databases("session").iter().all(is_empty));
}

#[test]
fn nobody_else_ends_what_can_be_restored() {
    let server = Server::start();
    let id = begin(&server, "ann", json!({"session_id": "tea"}));
    server.delete(&format!("/sessions/{id}?undo=600")).expect(200);
    server.post("/sessions", json!({"user_id": "bob", "session_id": id})).expect_problem(409, "SESSION_ID_TAKEN");
    server.ask("POST", &format!("/sessions/{id}/restore"), &[], None).expect(200);
}
