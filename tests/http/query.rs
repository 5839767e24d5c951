//! Clients of the `/query` system: what transcripts cannot say.

use serde_json::Value;

use crate::support::{
    Answer, Server, json,
    model::{Model, Step},
    token::{SECRET, token_of},
};

#[test]
fn a_thread_that_is_somebody_elses_is_replaced_and_tells_nothing() {
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_SECRET", SECRET)]);
    let ask = |user: &str, query: &str, thread: &str| {
        let authorization = format!("Bearer {}", token_of(user));
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        let body = json!({"query": query, "thread_id": thread}).to_string();
        server.ask("POST", "/query", &headers, Some(body.as_bytes())).expect(200)
    };
    let own = ask("ann", "Hi, my name is Ann", "tea").value()["metadata"].clone();
    assert_eq!((&own["thread_id"], &own["thread_replaced"], &own["user_id"]), (&json!("tea"), &json!(false), &json!("ann")));
    let other = ask("bob", "What is my name?", "tea");
    let metadata = &other.value()["metadata"];
    assert_eq!((&metadata["thread_replaced"], &metadata["query_count"]), (&json!(true), &json!(1)));
    assert!(metadata["thread_id"].as_str().unwrap().starts_with("session_") && !other.text("response").contains("Ann"), "{}", other.body);
    assert_eq!(ask("ann", "What is my name?", "tea").text("response"), "Your name is Ann.");
}

#[test]
fn metadata_are_the_clients_alone_but_in_sessions_of_these_clients() {
    let server = Server::start();
    let begin = |metadata| server.post("/sessions", json!({"user_id": "ann", "metadata": metadata})).expect(201).text("session_id");
    let metadata = |id: &str| server.get(&format!("/sessions/{id}")).expect(200).value()["metadata"].clone();
    let query = |id: &str| server.post("/query", json!({"query": "Hello", "thread_id": id, "user_id": "ann"})).expect(200);
    // Another's session stays as it is, whoever talks in it later.
    let theirs = begin(json!({"a": 1}));
    server.say(&theirs, "Hello");
    query(&theirs);
    assert_eq!(metadata(&theirs), json!({"a": 1}));
    // The client's own keys stand before ours, and nothing of ours is stored.
    let ours = begin(json!({"query_count": "mine"}));
    assert_eq!(metadata(&ours), json!({"query_count": "mine"}));
    query(&ours);
    let shown = metadata(&ours);
    assert_eq!(
        (&shown["query_count"], &shown["last_agent_type"], &shown["created_from"]),
        (&json!("mine"), &json!("default"), &json!("query"))
    );
    let exported = server.get(&format!("/sessions/{ours}/export")).expect(200).value();
    assert_eq!(exported["session"]["metadata"], json!({"query_count": "mine"}));
    let listed = server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["metadata"].clone();
    assert_eq!(listed, json!({"query_count": "mine", "created_from": "query"}));
}

#[test]
fn a_persona_answers_from_now_on_and_another_word_is_only_kept() {
    let model = Model::start(|_, _| Model::saying("Yes."));
    let poet = ("PERSONAS", r#"{"poet":{"name":"Poet","description":"Rhymes.","instructions":"Rhyme."}}"#);
    let server = Server::asking(&model, &[poet, ("MODEL_TITLES", "off")]);
    let ask = |agent_type: serde_json::Value| {
        let body = json!({"query": "Hello", "thread_id": "t", "agent_type": agent_type, "parameters": {"depth": 3}});
        let told = server.post("/query", body).expect(200).value()["metadata"]["last_agent_type"].clone();
        let session = server.get("/sessions/t").expect(200).value();
        assert_eq!(session["metadata"]["last_agent_type"], told);
        (told, session["persona"].clone())
    };
    assert_eq!(ask(json!(null)), (json!("default"), json!("default")));
    assert_eq!(ask(json!("poet")), (json!("poet"), json!("poet")));
    assert_eq!(ask(json!("advanced")), (json!("advanced"), json!("poet")));
    let told = model.requests();
    assert!(told[2].body["messages"][0]["content"].as_str().unwrap().contains("Rhyme."), "{}", told[2].body);
    assert!(!told.iter().any(|request| request.body.to_string().contains("advanced")), "a word is no instruction");
}

#[test]
fn paths_are_no_threads_and_rules_name_their_fields() {
    let server = Server::start();
    for word in ["stats", "cleanup", "continue", "active"] {
        let refused = server.post("/query", json!({"query": "Hello", "thread_id": word})).expect_problem(400, "VALIDATION_ERROR");
        assert_eq!(refused.value()["errors"][0]["field"], "thread_id", "{word}");
        server.post("/sessions", json!({"session_id": word})).expect_problem(400, "VALIDATION_ERROR");
    }
    assert!(server.get("/sessions/stats").expect(200).value()["active_sessions_memory"].is_number());
    assert!(server.post("/sessions/cleanup", json!({})).expect(200).value()["checked"].is_number());
    let long = "x".repeat(300_000);
    let cases = [
        (json!({"query": " "}), 400, "query"),
        (json!({"query": long}), 413, "query"),
        (json!({"query": "x", "agent_type": "x".repeat(65)}), 400, "agent_type"),
        (json!({"query": "x", "parameters": {"a": "x".repeat(20_000)}}), 413, "parameters"),
        (json!({"query": "x", "parameters": []}), 400, "parameters"),
        (json!({"query": 1}), 400, "query"),
    ];
    for (body, status, field) in cases {
        assert_eq!(server.post("/query", body).expect(status).value()["errors"][0]["field"], field);
    }
}

#[test]
fn a_failure_is_told_counted_and_names_the_thread() {
    let model = Model::start(|_, _| vec![Step::Status(500, vec![], "{}".into())]);
    let server = Server::asking(&model, &[]);
    let failed = server.post("/query", json!({"query": "Hello"})).expect_problem(503, "MODEL_UNAVAILABLE");
    let context = server.get(&format!("/sessions/{}", failed.text("session_id"))).expect(200).value()["context"].clone();
    assert_eq!((&context["error_count"], &context["last_error"]), (&json!(1), &json!("MODEL_UNAVAILABLE")));
}

fn keyed(server: &Server, headers: &[(&str, &str)], body: &Value) -> Answer {
    let headers = [&[("idempotency-key", "0123456789abcdef"), ("content-type", "application/json")], headers].concat();
    server.ask("POST", "/query", &headers, Some(body.to_string().as_bytes()))
}

#[test]
fn a_query_with_a_key_is_asked_once_and_sets_no_persona_back() {
    let server = Server::start();
    for thread in [json!("t"), json!(null)] {
        let body = json!({"query": "Hello", "thread_id": thread, "user_id": "ann", "agent_type": "technical_support"});
        let one = keyed(&server, &[], &body).expect(200).value()["metadata"].clone();
        let path = format!("/sessions/{}", one["thread_id"].as_str().unwrap());
        let persona = || server.get(&path).expect(200).text("persona");
        assert_eq!(persona(), "technical_support");
        server.post("/query", json!({"query": "A poem", "thread_id": one["thread_id"], "agent_type": "creative_writer"})).expect(200);
        let two = keyed(&server, &[], &body).expect(200).value()["metadata"].clone();
        assert_eq!((&one["thread_id"], &one["query_count"]), (&two["thread_id"], &json!(1)), "{two}");
        assert_eq!((two["query_count"].clone(), persona().as_str()), (json!(1), "creative_writer"));
        assert_eq!(server.get(&path).expect(200).number("query_count"), 2);
    }
}

#[test]
fn a_query_that_is_refused_changes_nothing() {
    let server = Server::start();
    server.post("/sessions", json!({"session_id": "t", "user_id": "ann"})).expect(201);
    let of = |query: &str| json!({"query": query, "thread_id": "t", "user_id": "ann", "agent_type": "technical_support"});
    let session = || server.get("/sessions/t").expect(200).value();
    let before = session();
    server.post("/query", of("")).expect(400);
    server.post("/query", of(&"x".repeat(300_000))).expect(413);
    assert_eq!(session(), before);
    keyed(&server, &[], &json!({"query": "Hello", "thread_id": "t"})).expect(200);
    keyed(&server, &[], &of("Hello")).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    let after = session();
    assert_eq!((&after["persona"], &after["created_from"]), (&json!("default"), &json!("query")));
}

#[test]
fn a_thread_that_was_replaced_is_not_asked_again_when_the_other_has_ended() {
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_SECRET", SECRET)]);
    let [ann, bob] = ["ann", "bob"].map(|user| format!("Bearer {}", token_of(user)));
    let ask = |who: &str| keyed(&server, &[("authorization", who)], &json!({"query": "Hello", "thread_id": "tea"})).expect(200).value();
    let (theirs, first) = (ask(&bob), ask(&ann));
    assert_eq!((&theirs["metadata"]["thread_replaced"], &first["metadata"]["thread_replaced"]), (&json!(false), &json!(true)));
    server.ask("DELETE", "/sessions/tea", &[("authorization", &bob)], None).expect(200);
    assert_eq!(ask(&ann), first);
    server.ask("GET", "/sessions/tea", &[("authorization", &ann)], None).expect(404);
}
