//! A session that is cleared: nothing of what was said is left, and it is there all the time.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::Value;

use crate::{
    ending::files_with,
    learning::known,
    support::{
        Server, eventually, json,
        model::{Model, Step},
    },
};

fn begin(server: &Server) -> String {
    let wanted = json!({"user_id": "Ann", "persona": "supportive_coach", "metadata": {"plan": "gold"}});
    server.post("/api/session/create", wanted).expect(200).text("session_id")
}

fn clear(server: &Server, id: &str) {
    server.delete(&format!("/api/session/Ann/clear?session_id={id}")).expect(200);
}

fn say(server: &Server, key: &str, id: &str, message: &str) -> Value {
    let headers = [("idempotency-key", key), ("content-type", "application/json")];
    let body = json!({"session_id": id, "message": message}).to_string();
    server.ask("POST", "/chat", &headers, Some(body.as_bytes())).expect(200).value()
}

#[test]
fn nothing_that_was_said_is_left_and_the_rest_is() {
    let mut server = Server::start();
    let id = begin(&server);
    let path = format!("/sessions/{id}");
    let before = server.get(&path).expect(200).value();
    let first = say(&server, "k", &id, "Open Sesame, please, for me");
    server.ask("POST", &format!("{path}/regenerate"), &[], None).expect(200);
    server.put(&format!("{path}/memory/word"), json!({"value": "Sesame"})).expect(201);
    let found = |of: &str| server.get(&format!("{of}/search?q=Sesame")).expect(200).number("total");
    assert!(found(&path) > 0 && found("/users/Ann") > 0);
    clear(&server, &id);

    assert_eq!((found(&path), found("/users/Ann")), (0, 0));
    let after = server.get(&path).expect(200).value();
    for same in ["persona", "metadata", "user_id", "created_at", "profile", "ttl_seconds"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!((&after["title"], &after["message_count"]), (&Value::Null, &json!(0)));
    assert_eq!(after["context"]["last_response"], Value::Null);
    assert_eq!(server.get(&format!("{path}/messages")).expect(200).value()["messages"], json!([]));
    assert_eq!(known(&server, &format!("{path}/memory")), json!({}));
    server.get(&format!("{path}/events")).expect(204);
    server.get(&format!("{path}/turns/1")).expect(404);
    let listed = server.get("/users/Ann/sessions").expect(200).value()["sessions"][0].clone();
    assert_eq!((&listed["session_id"], &listed["title"], &listed["last_message"]), (&json!(id), &Value::Null, &Value::Null));
    server.kill();
    assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));

    // It goes on, under numbers that were never used; and what was kept under keys is gone with what it told.
    server.launch();
    let again = say(&server, "k", &id, "My name is Ann");
    assert!(again["user_message"]["sequence"].as_u64() > first["user_message"]["sequence"].as_u64(), "{again}");
    assert_eq!(server.get(&path).expect(200).number("message_count"), 2);
}

#[test]
fn a_turn_that_runs_is_broken_off_and_what_has_happened_is_counted() {
    let model = Model::start(|number, _| {
        let gate = if number == 1 { &[Step::Text("Open ".into()), Step::Gate][..] } else { &[] };
        [gate, &Model::saying("Yes.")].concat()
    });
    let server = Server::asking(&model, &[("MODEL_TITLES", "off"), ("STATS_LAG_SECONDS", "1")]);
    let id = begin(&server);
    say(&server, "1", &id, "hello");
    thread::scope(|scope| {
        let body = json!({"session_id": id, "message": "Sesame"});
        let broken = scope.spawn(|| server.post("/chat", body));
        eventually("the model is asked", || model.requests().len() == 2);
        clear(&server, &id);
        broken.join().unwrap().expect_problem(404, "INVALID_SESSION");
    });
    assert_eq!(say(&server, "3", &id, "hello")["response"], "Yes.");
    let session = server.get(&format!("/sessions/{id}")).expect(200).value();
    assert_eq!((&session["message_count"], &session["turn_count"], &session["running_turn"]), (&json!(2), &json!(3), &Value::Null));
    let told = model.requests()[2].body.to_string();
    assert!(!told.contains("Sesame"), "{told}");
    let stats = || server.get("/sessions/stats").expect(200).value();
    eventually("all is counted", || stats()["turns"] == 3 && stats()["messages"] == 5);
    assert_eq!((&stats()["sessions"]["created"], &stats()["sessions"]["deleted"]), (&json!(1), &json!(0)));
}

#[test]
fn a_session_that_is_cleared_is_never_absent() {
    let mut server = Server::start();
    let id = begin(&server);
    let (path, is_over) = (format!("/sessions/{id}"), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert_eq!(server.get(&path).expect(200).value()["metadata"], json!({"plan": "gold"}));
                }
            });
        }
        for number in 0..20 {
            say(&server, &number.to_string(), &id, "hello");
            clear(&server, &id);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    // Nor when the process is killed meanwhile.
    for delay in [0, 5, 10, 20] {
        say(&server, &format!("k{delay}"), &id, "hello");
        thread::scope(|scope| {
            scope.spawn(|| server.try_ask("DELETE", &format!("/api/session/Ann/clear?session_id={id}"), &[], None).map(drop));
            thread::sleep(std::time::Duration::from_millis(delay));
            server.kill_from_beside();
        });
        server.launch();
        let session = server.get(&path).expect(200).value();
        assert!(session["persona"] == "supportive_coach" && session["message_count"].as_u64() <= Some(2), "{session}");
        clear(&server, &id);
    }
}
