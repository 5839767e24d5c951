//! Memory: values under keys, of users and of sessions, which never mix.

use serde_json::Value;

use crate::support::{Answer, Server, eventually, json, sqlite};

fn put(server: &Server, path: &str, value: Value) -> Answer {
    server.put(path, json!({"value": value}))
}

fn keys(page: &Value) -> Vec<&str> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap()).collect()
}

/// The paths of a user's memory and of a session's.
fn scopes(server: &Server) -> [String; 2] {
    ["/users/ann/memory".to_owned(), format!("/sessions/{}/memory", server.new_session())]
}

#[test]
fn any_json_value_is_remembered_as_it_was_written() {
    let server = Server::start();
    for memory in scopes(&server) {
        let values = ["[1, 2.50, 1e3]", r#"{"b":1,"a":[{}]}"#, "\"\u{fc}\"", "null", "false", "123456789012345678901234567890", "\"\""];
        for (number, value) in values.into_iter().enumerate() {
            let path = format!("{memory}/k%2F{number}");
            let body = format!(r#"{{"value":{value}}}"#);
            let new = server.ask("PUT", &path, &[("content-type", "application/json")], Some(body.as_bytes())).expect(201);
            let read = server.get(&path).expect(200);
            assert_eq!(read.body, new.body);
            assert!(read.body.contains(&format!(r#""value":{value},"#)), "{}", read.body);
            let entry = read.value();
            assert_eq!(
                (&entry["key"], &entry["source"], &entry["message"]),
                (&json!(format!("k/{number}")), &json!("client"), &json!(null))
            );
        }
        assert_eq!(put(&server, &format!("{memory}/k%2F0"), json!("other")).expect(200).value()["value"], "other");
        assert_eq!(server.get(&memory).expect(200).value()["total"], 7);
        assert_eq!(server.delete(&format!("{memory}/k%2F1")).expect(200).value(), json!({"deleted": 1}));
        server.delete(&format!("{memory}/k%2F1")).expect_problem(404, "MEMORY_NOT_FOUND");
        server.get(&format!("{memory}/k%2F1")).expect_problem(404, "MEMORY_NOT_FOUND");
        assert_eq!(server.delete(&memory).expect(200).value(), json!({"deleted": 6}));
        assert_eq!(server.get(&memory).expect(200).value(), json!({"entries": [], "total": 0, "next_cursor": null}));
    }
}

#[test]
fn entries_are_listed_by_prefix_and_in_pages() {
    let server = Server::start();
    for memory in scopes(&server) {
        for key in ["b/2", "a", "b/1", "b/3", "B/1", "b%25"] {
            put(&server, &format!("{memory}/{}", key.replace('/', "%2F")), json!(1)).expect(201);
        }
        let list = |query: &str| server.get(&format!("{memory}?{query}")).expect(200).value();
        assert_eq!(keys(&list("")), ["B/1", "a", "b%", "b/1", "b/2", "b/3"]);
        assert_eq!((keys(&list("prefix=b/")), &list("prefix=b/")["total"]), (vec!["b/1", "b/2", "b/3"], &json!(3)));
        // Wildcards of SQL mean nothing.
        assert_eq!((keys(&list("prefix=b%25")), keys(&list("prefix=%25")), keys(&list("prefix=_"))), (vec!["b%"], vec![], vec![]));
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        for _ in 0..3 {
            let page = list(&format!("limit=2{cursor}"));
            seen.extend(keys(&page).iter().map(|key| (*key).to_owned()));
            cursor = page["next_cursor"].as_str().map_or(String::new(), |next| format!("&cursor={}", next.replace('%', "%25")));
        }
        assert_eq!((seen.len(), cursor.as_str()), (6, ""));
        server.get(&format!("{memory}?limit=0")).expect_problem(400, "VALIDATION_ERROR");
    }
}

#[test]
fn scopes_never_mix_and_a_users_memory_survives_sessions() {
    let server = Server::start();
    let session = server.post("/sessions", json!({"user_id": "ann", "ttl_seconds": 1})).expect(201).text("session_id");
    let of_session = format!("/sessions/{session}/memory");
    put(&server, &format!("{of_session}/k"), json!("session")).expect(201);
    put(&server, "/users/ann/memory/k", json!("ann")).expect(201);
    put(&server, "/users/bob/memory/k", json!("bob")).expect(201);
    for (path, value) in [(of_session.as_str(), "session"), ("/users/ann/memory", "ann"), ("/users/bob/memory", "bob")] {
        assert_eq!(server.get(&format!("{path}/k")).expect(200).text("value"), value);
    }
    eventually("the session is gone", || server.get(&of_session).status == 404);
    server.get(&format!("{of_session}/k")).expect_problem(404, "SESSION_NOT_FOUND");
    assert_eq!(server.get("/users/ann/memory/k").expect(200).text("value"), "ann");
    // Nobody's sessions are left on the list, and still the memory is there.
    server.post("/sessions", json!({"session_id": "s", "user_id": "ann"})).expect(201);
    server.delete("/sessions/s").expect(200);
    assert_eq!(server.get("/users/ann/memory/k").expect(200).text("value"), "ann");
    // A session that takes the place of another begins with nothing.
    let again = server.post("/sessions", json!({"session_id": session})).expect(201).text("session_id");
    assert_eq!(server.get(&format!("/sessions/{again}/memory")).expect(200).value()["total"], 0);
    assert_eq!(server.delete("/users/ann/memory").expect(200).value()["deleted"], 1);
}

#[test]
fn writes_hold_on_to_a_version() {
    let server = Server::start();
    for memory in scopes(&server) {
        let path = format!("{memory}/k");
        let write = |etag: &str, value: &str| {
            let headers = [("content-type", "application/json"), ("if-match", etag)];
            server.ask("PUT", &path, &headers, Some(json!({"value": value}).to_string().as_bytes()))
        };
        write("\"1-1\"", "x").expect_problem(412, "PRECONDITION_FAILED");
        let first = put(&server, &path, json!("one")).expect(201).header("etag").to_owned();
        let second = write(&first, "two").expect(200).header("etag").to_owned();
        assert_eq!(write(&first, "three").expect_problem(412, "PRECONDITION_FAILED").header("etag"), second);
        assert_eq!(server.get(&path).expect(200).header("etag"), second);
        server.ask("DELETE", &path, &[("if-match", &first)], None).expect_problem(412, "PRECONDITION_FAILED");
        server.ask("DELETE", &path, &[("if-match", &second)], None).expect(200);
        // Only if there is something, only if there is nothing.
        let only = |name: &str, value: &str| {
            let headers = [("content-type", "application/json"), (name, "*")];
            server.ask("PUT", &path, &headers, Some(json!({"value": value}).to_string().as_bytes()))
        };
        assert_eq!(only("if-match", "x").expect_problem(412, "PRECONDITION_FAILED").header("etag"), "");
        let third = only("if-none-match", "new").expect(201).header("etag").to_owned();
        assert_eq!(only("if-none-match", "newer").expect_problem(412, "PRECONDITION_FAILED").header("etag"), third);
        only("if-match", "changed").expect(200);
    }
}

#[test]
fn the_last_change_is_taken_back_once() {
    let server = Server::start();
    for memory in scopes(&server) {
        let path = format!("{memory}/k");
        let undo = || server.ask("POST", &format!("{path}/undo"), &[], None);
        undo().expect_problem(404, "MEMORY_NOT_FOUND");
        put(&server, &path, json!(1)).expect(201);
        assert_eq!(undo().expect(200).value(), json!({"entry": null}));
        server.get(&path).expect(404);
        put(&server, &path, json!(1)).expect(201);
        put(&server, &path, json!(2)).expect(200);
        assert_eq!(undo().expect(200).value()["entry"]["value"], 1);
        undo().expect_problem(409, "NOT_POSSIBLE");
        // A write that is repeated is one change.
        put(&server, &path, json!(3)).expect(200);
        put(&server, &path, json!(3)).expect(200);
        assert_eq!(undo().expect(200).value()["entry"]["value"], 1);
        server.delete(&path).expect(200);
        assert_eq!(undo().expect(200).value()["entry"]["value"], 1);
        assert_eq!(server.get(&path).expect(200).value()["value"], 1);
        // Under a key it may be sent again whenever.
        put(&server, &path, json!(4)).expect(200);
        let keyed = || server.ask("POST", &format!("{path}/undo"), &[("idempotency-key", "k")], None).expect(200).body;
        let undone = keyed();
        put(&server, &path, json!(5)).expect(200);
        assert_eq!(keyed(), undone);
        assert_eq!(server.get(&path).expect(200).value()["value"], 5);
        // Forgetting everything is for good.
        server.delete(&memory).expect(200);
        undo().expect_problem(404, "MEMORY_NOT_FOUND");
    }
}

#[test]
fn what_was_deleted_is_wiped_when_it_can_be_taken_back_no_more() {
    let mut server = Server::start();
    put(&server, "/users/ann/memory/k", json!("sesame")).expect(201);
    put(&server, "/users/ann/memory/stays", json!("old sesame")).expect(201);
    put(&server, "/users/ann/memory/stays", json!(1)).expect(200);
    server.delete("/users/ann/memory/k").expect(200);
    server.kill();
    sqlite::run(&server.databases("user")[0], "update memory set undo_until = undo_until - 600000");
    server.launch();
    server.ask("POST", "/users/ann/memory/stays/undo", &[], None).expect_problem(409, "NOT_POSSIBLE");
    assert_eq!(server.get("/users/ann/memory").expect(200).value()["total"], 1);
    server.delete("/users/ann/memory").expect(200);
    // With nothing in it the object has no table.
    server.kill();
    assert_eq!(sqlite::tables(&server.databases("user")[0]), "");
}

#[test]
fn a_memory_has_limits_and_says_so() {
    let server = Server::start();
    for memory in scopes(&server) {
        let limit = "x".repeat(64 * 1024 - 2);
        put(&server, &format!("{memory}/large"), json!(limit)).expect(201);
        put(&server, &format!("{memory}/larger"), json!(format!("{limit}x"))).expect_problem(413, "TOO_LARGE");
        put(&server, &format!("{memory}/{}", "k".repeat(129)), json!(1)).expect_problem(400, "VALIDATION_ERROR");
        server.put(&format!("{memory}/k"), json!({})).expect_problem(400, "VALIDATION_ERROR");
        server.put(&format!("{memory}/k"), json!([1])).expect_problem(400, "VALIDATION_ERROR");
        put(&server, &format!("{memory}/nul"), json!("a\u{0}b")).expect(201);
        for number in 2..1000 {
            put(&server, &format!("{memory}/k{number}"), json!(number)).expect(201);
        }
        let full = put(&server, &format!("{memory}/one-more"), json!(1)).expect_problem(400, "VALIDATION_ERROR");
        assert!(full.text("detail").contains("1000 entries"), "{}", full.body);
        put(&server, &format!("{memory}/k2"), json!("changed")).expect(200);
        server.delete(&format!("{memory}/k3")).expect(200);
        put(&server, &format!("{memory}/one-more"), json!(1)).expect(201);
        server.ask("POST", &format!("{memory}/k3/undo"), &[], None).expect_problem(409, "NOT_POSSIBLE");
    }
}

#[test]
fn a_page_of_large_values_ends_before_it_is_too_large() {
    let server = Server::start();
    let [memory, _] = scopes(&server);
    // Quotes double in a call, and one character that is not Latin doubles all of them.
    let value = json!(format!("\u{20ac}{}", "\"".repeat(30 * 1024)));
    for number in 0..50 {
        put(&server, &format!("{memory}/k{number:02}"), value.clone()).expect(201);
    }
    let (mut count, mut cursor) = (0, String::new());
    for _ in 0..50 {
        let page = server.get(&format!("{memory}?limit=200{cursor}")).expect(200).value();
        count += keys(&page).len();
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(count, 50);
}

#[test]
fn remembering_in_a_session_is_activity_and_reading_is_not() {
    let server = Server::start();
    let id = server.new_session();
    let revision = || server.get(&format!("/sessions/{id}")).expect(200).header("etag").to_owned();
    let before = revision();
    server.get(&format!("/sessions/{id}/memory")).expect(200);
    assert_eq!(revision(), before);
    put(&server, &format!("/sessions/{id}/memory/k"), json!(1)).expect(201);
    assert_ne!(revision(), before);
}
