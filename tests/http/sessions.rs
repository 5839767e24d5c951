//! Sessions: create, find, change, list, delete; two at once.

use std::{collections::HashSet, thread};

use serde_json::Value;

use crate::support::{Answer, Server, eventually, json};

/// A session that was read, as it is told after a write.
fn without_context(read: &Answer) -> Value {
    let mut session = read.value();
    session.as_object_mut().unwrap().remove("context").unwrap();
    session
}

#[test]
fn a_session_shows_what_was_chosen_and_when_it_ends() {
    let server = Server::start();
    let body = json!({"session_id": "John's / 1st 100%", "user_id": "John Doe", "persona": "creative_writer", "title": "Tea", "metadata": {"b": [1, null], "a": "ü"}, "ttl_seconds": 60});
    let created = server.post("/sessions", body).expect(201);
    let path = created.header("location").to_owned();
    let shown = server.get(&path).expect(200);
    assert_eq!(without_context(&shown), created.value());
    assert_eq!(shown.header("etag"), created.header("etag"));
    let session = shown.value();
    let at = |field: &str| session[field].as_str().unwrap().to_owned();
    assert_eq!(
        (at("session_id").as_str(), at("user_id").as_str(), at("persona").as_str(), at("title").as_str()),
        ("John's / 1st 100%", "John Doe", "creative_writer", "Tea")
    );
    assert_eq!(session["metadata"], json!({"a": "ü", "b": [1, null]}));
    assert_eq!((&session["ttl_seconds"], &session["message_count"]), (&json!(60), &json!(0)));
    assert_eq!(at("created_at"), at("last_activity"));
    assert!(at("expires_at") > at("created_at") && at("expires_at").ends_with('Z'), "{session}");
}

#[test]
fn a_chosen_id_creates_once_and_finds_afterwards() {
    let server = Server::start();
    let first = server.post("/sessions", json!({"session_id": "mine", "user_id": "ann", "title": "first"})).expect(201);
    let again = server.post("/sessions", json!({"session_id": "mine", "user_id": "ann", "title": "second"})).expect(200);
    assert_eq!(first.value(), again.value());
    server.post("/sessions", json!({"session_id": "mine", "user_id": "bob"})).expect_problem(409, "SESSION_ID_TAKEN");
}

#[test]
fn somebody_elses_session_looks_like_none() {
    let server = Server::start();
    server.post("/sessions", json!({"session_id": "anns", "user_id": "ann"})).expect(201);
    let foreign =
        server.post("/chat", json!({"session_id": "anns", "user_id": "bob", "message": "hi"})).expect_problem(404, "INVALID_SESSION");
    let unknown =
        server.post("/chat", json!({"session_id": "nobodys", "user_id": "bob", "message": "hi"})).expect_problem(404, "INVALID_SESSION");
    assert_eq!(foreign.text("detail"), unknown.text("detail"));
    assert_eq!(server.get("/sessions/anns").expect(200).number("message_count"), 0);
}

#[test]
fn a_patch_changes_what_it_names_and_merges_metadata() {
    let server = Server::start();
    server
        .post("/sessions", json!({"session_id": "s", "title": "old", "metadata": {"keep": 1, "drop": 2, "deep": {"a": 1, "b": 2}}}))
        .expect(201);
    let patched = server
        .patch(
            "/sessions/s",
            json!({"metadata": {"drop": null, "deep": {"b": null}, "new": "x"}, "persona": "technical_support", "ttl_seconds": 120}),
        )
        .expect(200)
        .value();
    assert_eq!(patched["metadata"], json!({"keep": 1, "deep": {"a": 1}, "new": "x"}));
    assert_eq!(
        (&patched["title"], &patched["persona"], &patched["ttl_seconds"]),
        (&json!("old"), &json!("technical_support"), &json!(120))
    );
    let untitled = server.patch("/sessions/s", json!({"title": null})).expect(200).value();
    assert_eq!(untitled["title"], json!(null));
    assert_eq!(without_context(&server.get("/sessions/s").expect(200)), untitled);
}

#[test]
fn metadata_cannot_grow_beyond_its_limit_by_patches() {
    let server = Server::start();
    server.post("/sessions", json!({"session_id": "s", "metadata": {"a": "x".repeat(10_000)}})).expect(201);
    server.patch("/sessions/s", json!({"metadata": {"b": "x".repeat(10_000)}})).expect_problem(413, "TOO_LARGE");
    assert_eq!(server.get("/sessions/s").expect(200).value()["metadata"].as_object().unwrap().len(), 1);
}

#[test]
fn a_write_that_names_an_old_version_is_refused() {
    let server = Server::start();
    let old = server.post("/sessions", json!({"session_id": "s"})).expect(201).header("etag").to_owned();
    let with = |method: &str, tag: &str| {
        server.ask(method, "/sessions/s", &[("if-match", tag), ("content-type", "application/json")], Some(b"{}"))
    };
    let new = with("PATCH", &old).expect(200).header("etag").to_owned();
    assert_ne!(old, new);
    for method in ["PATCH", "DELETE"] {
        let refused = with(method, &old).expect_problem(412, "PRECONDITION_FAILED");
        assert_eq!(refused.header("etag"), new, "{method}");
        with(method, "W/\"x\"").expect_problem(412, "PRECONDITION_FAILED");
        with(method, "unquoted").expect_problem(400, "VALIDATION_ERROR");
    }
    with("PATCH", "*").expect(200);
    let newest = server.get("/sessions/s").expect(200).header("etag").to_owned();
    with("DELETE", &format!("\"other\", {newest}")).expect(200);
    server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn an_id_used_again_begins_empty_with_another_version() {
    let server = Server::start();
    let first = server
        .post("/sessions", json!({"session_id": "s", "user_id": "ann", "metadata": {"old": true}}))
        .expect(201)
        .header("etag")
        .to_owned();
    server.say("s", "Hi, my name is John");
    server.delete("/sessions/s").expect(200);
    let second = server.post("/sessions", json!({"session_id": "s", "user_id": "bob"})).expect(201);
    assert_ne!(second.header("etag"), first);
    assert_eq!(second.value()["metadata"], json!({}));
    assert!(server.say("s", "What's my name?").starts_with("You have not told me"));
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"], json!([]));
}

#[test]
fn a_hundred_creates_of_one_id_at_once_make_one_session() {
    let server = Server::start();
    let answers: Vec<_> = thread::scope(|scope| {
        let create = |_| scope.spawn(|| server.post("/sessions", json!({"session_id": "one", "user_id": "ann"})));
        (0..100).map(create).collect::<Vec<_>>().into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 99);
    assert_eq!(answers.iter().map(|answer| answer.text("created_at")).collect::<HashSet<_>>().len(), 1);
    let list = server.get("/users/ann/sessions").expect(200).value();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1, "{list}");
}

#[test]
fn a_users_list_is_right_at_once_latest_activity_first() {
    let server = Server::start();
    let ids = |query: &str| {
        let list = server.get(&format!("/users/John%20Doe/sessions{query}")).expect(200).value();
        list["sessions"].as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), Vec::<String>::new());
    for id in ["a", "b", "c"] {
        server.post("/sessions", json!({"session_id": id, "user_id": "John Doe"})).expect(201);
        thread::sleep(std::time::Duration::from_millis(3));
    }
    assert_eq!(ids(""), ["c", "b", "a"]);
    server.patch("/sessions/a", json!({"title": "renamed"})).expect(200);
    assert_eq!(ids(""), ["a", "c", "b"]);
    assert_eq!(server.get("/users/John%20Doe/sessions").expect(200).value()["sessions"][0]["title"], "renamed");
    server.delete("/sessions/c").expect(200);
    assert_eq!(ids(""), ["a", "b"]);
    server.say("b", "hello");
    eventually("chat moves its session to the front", || ids("") == ["b", "a"]);
    assert_eq!(server.get("/users/Jane/sessions").expect(200).value(), json!({"sessions": [], "next_cursor": null}));
}

#[test]
fn a_users_list_is_read_page_by_page() {
    let server = Server::start();
    for number in 0..7 {
        server.post("/sessions", json!({"session_id": format!("s/{number}"), "user_id": "ann"})).expect(201);
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/users/ann/sessions?limit=3{cursor}")).expect(200).value();
        seen.extend(page["sessions"].as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", next.replace('%', "%25")),
            None => break,
        }
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|number| format!("s/{number}")).collect::<Vec<_>>());
}

#[test]
fn the_administrators_list_follows_the_sessions() {
    let server = Server::start();
    let titles = || {
        let list = server.get("/sessions").expect(200).value();
        list["sessions"].as_array().unwrap().iter().map(|session| session["title"].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    let long_id = "\u{1f980}".repeat(128);
    server.post("/sessions", json!({"session_id": "a", "title": "first"})).expect(201);
    server.post("/sessions", json!({"session_id": long_id, "title": "second"})).expect(201);
    eventually("both are indexed", || titles() == ["first", "second"]);
    server.patch("/sessions/a", json!({"title": "renamed"})).expect(200);
    eventually("the new title is indexed", || titles() == ["renamed", "second"]);
    let page = server.get("/sessions?limit=1").expect(200).value();
    let next = server.get(&format!("/sessions?limit=1&cursor={}", page["next_cursor"].as_str().unwrap())).expect(200).value();
    assert_eq!((&page["sessions"][0]["title"], &next["sessions"][0]["title"]), (&json!("renamed"), &json!("second")));
    server.delete("/sessions/a").expect(200);
    eventually("the deleted one is gone", || titles() == ["second"]);
}

#[test]
fn renewing_is_activity_and_reading_is_not() {
    let server = Server::start();
    let before = server.post("/sessions", json!({"session_id": "s"})).expect(201);
    thread::sleep(std::time::Duration::from_millis(5));
    let read = server.get("/sessions/s").expect(200);
    assert_eq!((read.text("expires_at"), read.header("etag")), (before.text("expires_at"), before.header("etag")));
    let renewed = server.ask("POST", "/sessions/s/renew", &[], None).expect(200);
    assert!(renewed.text("expires_at") > before.text("expires_at"));
    assert_ne!(renewed.header("etag"), before.header("etag"));
}

#[test]
fn a_title_is_made_of_the_first_words_unless_a_person_gives_one() {
    let server = Server::start();
    let title = |id: &str| server.get(&format!("/sessions/{id}")).expect(200).value()["title"].clone();
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    assert_eq!(title(&id), json!(null));
    server.say(&id, "Hi,  my name\nis John");
    assert_eq!(title(&id), "Hi, my name is John");
    server.say(&id, "And something else");
    assert_eq!(title(&id), "Hi, my name is John");
    eventually("the list has it", || {
        server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["title"] == "Hi, my name is John"
    });
    // Who removes it wants none.
    server.patch(&format!("/sessions/{id}"), json!({"title": null})).expect(200);
    server.say(&id, "More");
    assert_eq!(title(&id), json!(null));
    let given = server.post("/sessions", json!({"title": "Tea"})).expect(201).text("session_id");
    server.say(&given, "hello");
    assert_eq!(title(&given), "Tea");
    let begun = server.post("/chat", json!({"message": "Coffee?"})).expect(200).value();
    assert_eq!(begun["session"]["title"], "Coffee?");
}
