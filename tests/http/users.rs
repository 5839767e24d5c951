//! A user's sessions: the list, and how many there may be.

use std::{path::PathBuf, thread};

use serde_json::Value;

use crate::{
    ending::files_with,
    learning::say,
    support::{
        Server, eventually, json,
        model::{Model, Step},
        sqlite,
    },
};

pub(crate) fn begin(server: &Server, user: &str, more: Value) -> String {
    let mut body = more;
    body["user_id"] = json!(user);
    server.post("/sessions", body).expect(201).text("session_id")
}

/// Ids on Ann's list, in its order.
pub(crate) fn listed(server: &Server, query: &str) -> Vec<String> {
    let list = server.get(&format!("/users/ann/sessions?{query}")).expect(200).value();
    list["sessions"].as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_list_is_right_in_the_next_call_and_shows_what_was_said_last() {
    let server = Server::start();
    server.get("/users/ann/sessions/latest").expect_problem(404, "SESSION_NOT_FOUND");
    let (one, two) = (begin(&server, "ann", json!({"title": "One"})), begin(&server, "ann", json!({"title": "Two"})));
    begin(&server, "bob", json!({}));
    assert_eq!(listed(&server, ""), [two.clone(), one.clone()]);
    say(&server, &one, &format!("Hello there, {}", "ü".repeat(300)));
    let list = server.get("/users/ann/sessions").expect(200).value();
    let (first, second) = (&list["sessions"][0], &list["sessions"][1]);
    assert_eq!((&first["session_id"], &second["session_id"]), (&json!(one), &json!(two)));
    assert_eq!(
        (&first["message_count"], &first["last_message"]["sequence"], &second["last_message"]),
        (&json!(2), &json!(2), &json!(null))
    );
    assert_eq!(first["last_message"]["role"], "assistant");
    server.post(&format!("/sessions/{one}/messages"), json!({"messages": [{"role": "user", "content": "ü".repeat(300)}]})).expect(201);
    let latest = server.get("/users/ann/sessions/latest").expect(200);
    assert_eq!(latest.header("etag"), server.get(&format!("/sessions/{one}")).expect(200).header("etag"));
    assert_eq!(latest.value()["last_message"], json!({"sequence": 3, "role": "user", "text": "ü".repeat(200)}));
    server.patch(&format!("/sessions/{two}"), json!({"title": "Renamed"})).expect(200);
    assert_eq!(server.get("/users/ann/sessions/latest").expect(200).text("title"), "Renamed");
    server.delete(&format!("/sessions/{two}")).expect(200);
    assert_eq!(listed(&server, ""), [one]);
}

#[test]
fn the_list_can_be_filtered_page_by_page() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "0")]);
    let at: Vec<String> = (0..7)
        .map(|number| {
            let session = json!({"user_id": "ann", "session_id": format!("s{number}"),
                "title": if number % 2 == 0 { format!("Über Tea {number}") } else { format!("Coffee {number}") },
                "persona": if number < 3 { "creative_writer" } else { "default" }});
            server.post("/sessions", session).expect(201).text("created_at")
        })
        .collect();
    let encoded = |at: &str| at.replace(':', "%3A");
    let cases = [
        ("title=%C3%9CBER".to_owned(), vec!["s6", "s4", "s2", "s0"]),
        ("title=tea&persona=creative_writer".into(), vec!["s2", "s0"]),
        (format!("created_since={}&created_before={}", encoded(&at[2]), encoded(&at[5])), vec!["s4", "s3", "s2"]),
        (format!("active_since={}", encoded(&at[5])), vec!["s6", "s5"]),
        (format!("active_before={}", encoded(&at[1])), vec!["s0"]),
        ("title=nothing".into(), vec![]),
        ("title=&persona=".into(), vec!["s6", "s5", "s4", "s3", "s2", "s1", "s0"]),
    ];
    for (query, expected) in cases {
        assert_eq!(listed(&server, &query), expected, "{query}");
        // The same, one at a time.
        let (mut cursor, mut found) = (String::new(), Vec::new());
        loop {
            let page = server.get(&format!("/users/ann/sessions?limit=1&{query}{cursor}")).expect(200).value();
            found.extend(page["sessions"].as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap().to_owned()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected, "{query}");
    }
    server.get("/users/ann/sessions?created_since=yesterday").expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn one_session_too_many_ends_the_one_that_was_idle_longest() {
    let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "3")]);
    let ids: Vec<String> = (0..3).map(|_| begin(&server, "ann", json!({}))).collect();
    say(&server, &ids[0], "The marker is Sesame");
    server.post(&format!("/sessions/{}/renew", ids[1]), json!({})).expect(200);
    // Who finds what is there already needs no place.
    server.post("/sessions", json!({"user_id": "ann", "session_id": ids[2]})).expect(200);
    assert_eq!(listed(&server, ""), [ids[1].clone(), ids[0].clone(), ids[2].clone()]);
    let new = server.post("/chat", json!({"user_id": "ann", "message": "Something new to talk about"})).expect(200).text("session_id");
    assert_eq!(listed(&server, ""), [new.clone(), ids[1].clone(), ids[0].clone()]);
    server.get(&format!("/sessions/{}", ids[2])).expect_problem(404, "SESSION_NOT_FOUND");
    server.post(&format!("/sessions/{new}/fork"), json!({})).expect(201);
    server.get(&format!("/sessions/{}", ids[0])).expect_problem(404, "SESSION_NOT_FOUND");
    assert_eq!(server.get("/users/ann/search?q=sesame").expect(200).value()["total"], 0);
    // Sessions of others, and nobody's, are no matter.
    begin(&server, "bob", json!({}));
    (0..5).for_each(|_| drop(server.new_session()));
    assert_eq!(listed(&server, "").len(), 3);
    server.kill();
    assert_eq!(files_with(&server, "Sesame"), [""; 0].map(PathBuf::from));
}

#[test]
fn a_session_too_many_is_refused_where_that_is_wanted() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "2"), ("SESSION_LIMIT_POLICY", "reject")]);
    let ids: Vec<String> = (0..2).map(|_| begin(&server, "ann", json!({}))).collect();
    let problem = server.post("/sessions", json!({"user_id": "ann"})).expect_problem(409, "SESSION_LIMIT");
    assert!(problem.value()["detail"].as_str().unwrap().contains("at most 2 sessions"), "{}", problem.body);
    server.post("/chat", json!({"user_id": "ann", "message": "hello"})).expect_problem(409, "SESSION_LIMIT");
    server.post(&format!("/sessions/{}/fork", ids[0]), json!({})).expect_problem(409, "SESSION_LIMIT");
    let file = server.get(&format!("/sessions/{}/export?format=json", ids[0])).expect(200).body;
    let imported = server.ask("POST", "/sessions/import?user_id=ann", &[("content-type", "application/json")], Some(file.as_bytes()));
    imported.expect_problem(409, "SESSION_LIMIT");
    assert_eq!(listed(&server, "").len(), 2);
    server.delete(&format!("/sessions/{}", ids[0])).expect(200);
    begin(&server, "ann", json!({}));
}

#[test]
fn however_many_begin_at_once_there_are_never_too_many() {
    for policy in ["evict", "reject"] {
        let server = Server::with(&[("SESSION_LIMIT_POLICY", policy)]);
        let statuses: Vec<u16> = thread::scope(|scope| {
            let begun: Vec<_> = (0..50).map(|_| scope.spawn(|| server.post("/sessions", json!({"user_id": "ann"})).status)).collect();
            let watch = scope.spawn(|| (0..20).for_each(|_| assert!(listed(&server, "limit=200").len() <= 10)));
            watch.join().unwrap();
            begun.into_iter().map(|begun| begun.join().unwrap()).collect()
        });
        let made = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!((made, listed(&server, "limit=200").len()), (if policy == "evict" { 50 } else { 10 }, 10), "{policy} {statuses:?}");
        // What is not on the list is not there.
        let alive = |file: &&PathBuf| sqlite::try_tables(file).is_ok_and(|tables| !tables.is_empty());
        eventually("the rest is gone", || server.databases("session").iter().filter(alive).count() == 10);
    }
}

#[test]
fn a_session_whose_turn_runs_is_not_idle() {
    let model = Model::start(|_, _| vec![Step::Headers, Step::Gate, Step::Text("Done.".into()), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[("MAX_SESSIONS_PER_USER", "2")]);
    let busy = begin(&server, "ann", json!({}));
    let asked = json!({"session_id": busy, "message": "Take your time with this one", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 1);
    let idle = begin(&server, "ann", json!({}));
    server.post(&format!("/sessions/{idle}/renew"), json!({})).expect(200);
    let new = begin(&server, "ann", json!({}));
    server.get(&format!("/sessions/{idle}")).expect_problem(404, "SESSION_NOT_FOUND");
    let mut both = [busy.clone(), new];
    both.sort();
    let mut now = listed(&server, "");
    now.sort();
    assert_eq!(now, both);
    model.open(1);
    assert_eq!(stream.rest().last().unwrap().name, "done");
    server.get(&format!("/sessions/{busy}")).expect(200);
}

#[test]
fn a_session_tells_what_was_asked_and_answered_last() {
    let model = Model::start(|number, _| match number {
        1 => vec![Step::Status(400, vec![], "{}".into())],
        _ => Model::saying(&"long ".repeat(200)),
    });
    let server = Server::asking(&model, &[]);
    let overview = |id: &str| server.get(&format!("/sessions/{id}")).expect(200).value();
    let chosen = begin(&server, "ann", json!({"metadata": {"query_count": "mine"}, "persona": "creative_writer"}));
    let fresh = overview(&chosen);
    assert_eq!(
        (&fresh["created_from"], &fresh["query_count"], &fresh["metadata"]),
        (&json!("api"), &json!(0), &json!({"query_count": "mine"}))
    );
    let nothing = json!({"last_query": null, "last_response": null, "last_execution_time": null, "last_agent_used": null,
        "error_count": 0, "last_error": null});
    assert_eq!(fresh["context"], nothing);
    say(&server, &chosen, "What is there to be said?");
    server.patch(&format!("/sessions/{chosen}"), json!({"persona": "default"})).expect(200);
    let context = overview(&chosen)["context"].clone();
    assert_eq!((&context["last_query"], &context["last_agent_used"]), (&json!("What is there to be said?"), &json!("creative_writer")));
    let response = context["last_response"].as_str().unwrap();
    assert!(response.len() <= 500 && response.starts_with("long long"), "{response}");
    assert!(context["last_execution_time"].as_f64().unwrap() >= 0.0);
    server.post("/chat", json!({"session_id": chosen, "message": "And this one fails, does it?"})).expect(502);
    let session = overview(&chosen);
    assert_eq!((&session["query_count"], &session["context"]["error_count"]), (&json!(2), &json!(1)));
    assert_eq!((&session["context"]["last_error"], &session["context"]["last_response"]), (&json!("MODEL_REFUSED"), &json!(null)));
    server.ask("POST", &format!("/sessions/{chosen}/regenerate"), &[], None).expect(200);
    assert_eq!(overview(&chosen)["query_count"], 2);
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["query_count"], 2);
    let begun = server.post("/chat", json!({"message": "Hello to you over there"})).expect(200).text("session_id");
    assert_eq!(overview(&begun)["created_from"], "chat");
    let fork = server.post(&format!("/sessions/{begun}/fork"), json!({})).expect(201).value();
    assert_eq!(fork["created_from"], "fork");
    let file = server.get(&format!("/sessions/{begun}/export?format=json")).expect(200).body;
    server.delete(&format!("/sessions/{begun}")).expect(200);
    let imported = server.ask("POST", "/sessions/import", &[("content-type", "application/json")], Some(file.as_bytes()));
    assert_eq!(imported.expect(201).value()["created_from"], "import");
}

#[test]
fn a_place_is_for_one_session_alone() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "2"), ("SESSION_LIMIT_POLICY", "reject")]);
    let new = |id: &str| server.post("/sessions", json!({"user_id": "ann", "session_id": id}));
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| new("s")))));
    server.delete("/sessions/s").expect(200);
    let others = ["a", "b"].map(|id| new(id).expect(201).text("session_id"));
    new("s").expect_problem(409, "SESSION_LIMIT");
    others.iter().for_each(|id| drop(server.get(&format!("/sessions/{id}")).expect(200)));
}

#[test]
fn a_session_that_was_spared_hides_no_other_from_the_pages() {
    let model = Model::start(|_, _| vec![Step::Headers, Step::Gate, Step::Text("Done.".into()), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[("MAX_SESSIONS_PER_USER", "3")]);
    let busy = begin(&server, "ann", json!({}));
    let asked = json!({"session_id": busy, "message": "Take your time with this one", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 1);
    for _ in 0..4 {
        begin(&server, "ann", json!({}));
    }
    let all = listed(&server, "");
    assert_eq!(all.len(), 3);
    let first = server.get("/users/ann/sessions?limit=2").expect(200).value();
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&server, &format!("cursor={cursor}")), all[2..]);
    model.open(1);
    stream.rest();
}

#[test]
fn a_turn_that_is_refused_ends_no_session() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "1")]);
    let id = begin(&server, "ann", json!({}));
    let cases = [
        (json!({"tool_results": [{"tool_call_id": "call_1", "content": "x"}]}), 422, "UNPAIRED_TOOL_RESULT"),
        (json!({"message": "hello", "model": "nothing"}), 400, "VALIDATION_ERROR"),
        (json!({"message": "hello", "context": {"budget": 1}}), 400, "VALIDATION_ERROR"),
    ];
    for (mut body, status, code) in cases {
        body["user_id"] = json!("ann");
        server.post("/chat", body).expect_problem(status, code);
    }
    server.get(&format!("/sessions/{id}")).expect(200);
}
