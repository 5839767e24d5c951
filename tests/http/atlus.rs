//! Clients of ATLUS: what transcripts cannot say.

use std::thread;

use serde_json::Value;

use crate::support::{
    Answer, Server, eventually, json,
    model::{Model, Step},
    token::{SECRET, token_of},
};

fn chat(server: &Server, session_id: &str, message: &str) -> Answer {
    server.post("/api/v1/chat", json!({"session_id": session_id, "message": message}))
}

fn data(answer: &Answer) -> Value {
    answer.value()["data"].clone()
}

#[track_caller]
fn expect_error(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.expect(status);
    let body = answer.value();
    assert_eq!((&body["success"], &body["error"]["code"], &body["error"]["status"]), (&json!(false), &json!(code), &json!(status)));
    assert_eq!((&body["request_id"], answer.header("x-frame-options")), (&json!(answer.header("x-request-id")), "DENY"));
    answer
}

#[test]
fn a_request_id_opens_no_session() {
    let server = Server::start();
    let first = server.post("/api/v1/chat", json!({"message": "Hi, my name is John"})).expect(200);
    let id = data(&first)["session_id"].as_str().unwrap().to_owned();
    let headers = [("x-request-id", id.as_str()), ("content-type", "application/json")];
    let other = server.ask("POST", "/api/v1/chat", &headers, Some(br#"{"message":"What is my name?"}"#)).expect(200);
    assert_eq!(data(&other)["request_id"], id);
    assert_ne!(data(&other)["session_id"], id);
    assert!(!other.body.contains("John"), "{}", other.body);
}

#[test]
fn the_first_chat_after_a_restart_is_answered() {
    let mut server = Server::start();
    let id = data(&server.post("/api/v1/sessions", json!({"user_id": "ann"})).expect(201))["session_id"].as_str().unwrap().to_owned();
    chat(&server, &id, "Hi, my name is John").expect(200);
    server.launch();
    assert_eq!(data(&chat(&server, &id, "What is my name?").expect(200))["response"], "Your name is John.");
    let info = server.get(&format!("/api/v1/sessions/{id}")).expect(200);
    assert_eq!(data(&info)["memory"]["conversation_turns"], 2);
}

#[test]
fn a_model_that_fails_is_an_error_and_nothing_is_put_into_its_mouth() {
    let unwilling = |status, headers| vec![Step::Status(status, headers, "{}".into())];
    let cases = [
        (unwilling(500, vec![]), 503, "MODEL_UNAVAILABLE"),
        (unwilling(401, vec![]), 502, "MODEL_REFUSED"),
        (unwilling(504, vec![]), 504, "MODEL_TIMEOUT"),
        (unwilling(429, vec![("retry-after", "60".to_owned())]), 429, "RATE_LIMIT_EXCEEDED"),
    ];
    for (steps, status, code) in cases {
        let model = Model::start(move |_, _| steps.clone());
        let server = Server::asking(&model, &[]);
        let failed = expect_error(server.post("/api/v1/chat", json!({"message": "open sesame"})), status, code);
        assert_eq!(
            failed.header("retry-after"),
            if status == 429 {
                "60"
            } else if status == 503 {
                "1"
            } else {
                ""
            },
            "{code}"
        );
        let id = failed.value()["error"]["session_id"].as_str().unwrap().to_owned();
        let messages = server.get(&format!("/sessions/{id}/messages")).expect(200).value()["messages"].clone();
        assert_eq!((messages[0]["content"].as_str(), messages.as_array().unwrap().len()), (Some("open sesame"), 1), "{code}");
    }
}

#[test]
fn a_message_waits_for_the_answer_before_it() {
    let model = Model::start(|_, _| [&[Step::Gate][..], &Model::saying("Yes.")].concat());
    let server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let id = server.new_session();
    thread::scope(|scope| {
        let first = scope.spawn(|| chat(&server, &id, "One").expect(200));
        eventually("the model is asked", || model.requests().len() == 1);
        let second = scope.spawn(|| chat(&server, &id, "Two").expect(200));
        model.open(2);
        first.join().unwrap();
        second.join().unwrap();
    });
    assert_eq!(data(&server.get(&format!("/api/v1/sessions/{id}")).expect(200))["memory"]["conversation_turns"], 2);
}

#[test]
fn limits_are_told_in_the_envelope() {
    let server = Server::start();
    let message = |characters: usize| json!({"message": format!(" {}", "ü".repeat(characters - 1))});
    server.post("/api/v1/chat", message(5000)).expect(200);
    let over = expect_error(server.post("/api/v1/chat", message(5001)), 400, "VALIDATION_ERROR");
    assert_eq!(over.value()["error"]["details"][0]["type"], "string_too_long");
    let long = expect_error(server.post("/api/v1/sessions", json!({"user_id": "x".repeat(129)})), 400, "VALIDATION_ERROR");
    assert_eq!(long.value()["error"]["details"][0]["field"], "user_id");
    expect_error(server.post("/api/v1/sessions", json!({"metadata": {"a": "x".repeat(20_000)}})), 413, "TOO_LARGE");
    expect_error(server.post("/api/v1/chat", json!({"message": "x", "more": "x".repeat(2 << 20)})), 413, "TOO_LARGE");
}

#[test]
fn a_session_that_was_idle_too_long_is_gone() {
    let server = Server::with(&[("IDLE_TIMEOUT_SECONDS", "1")]);
    let id = data(&server.post("/api/v1/sessions", json!({})).expect(201))["session_id"].as_str().unwrap().to_owned();
    eventually("it expires", || server.get(&format!("/api/v1/sessions/{id}")).status == 404);
    expect_error(chat(&server, &id, "Hello?"), 404, "INVALID_SESSION");
}

#[test]
fn a_request_with_a_key_is_done_once() {
    let server = Server::start();
    let headers = [("idempotency-key", "0123456789abcdef"), ("content-type", "application/json")];
    let ask = |path: &str, body: &str| server.ask("POST", path, &headers, Some(body.as_bytes()));
    let [one, two] = [0, 1].map(|_| data(&ask("/api/v1/chat", r#"{"message":"Hi, my name is John","user_id":"ann"}"#).expect(200)));
    assert_eq!((&one["session_id"], &one["response"]), (&two["session_id"], &two["response"]));
    let id = one["session_id"].as_str().unwrap();
    assert_eq!(data(&server.get(&format!("/api/v1/sessions/{id}")).expect(200))["memory"]["conversation_turns"], 1);
}

#[test]
fn who_is_known_needs_no_name() {
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_SECRET", SECRET)]);
    let authorization = format!("Bearer {}", token_of("ann"));
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let ask = |method, path: &str, body: Option<&str>| server.ask(method, path, &headers, body.map(str::as_bytes));
    let created = data(&ask("POST", "/api/v1/sessions", Some(r#"{"user_id":"default_user"}"#)).expect(201));
    assert_eq!(created["user_id"], "ann");
    let latest = data(&ask("GET", "/api/v1/sessions/continue", None).expect(200));
    assert_eq!(latest["session_id"], created["session_id"]);
    expect_error(ask("GET", "/api/v1/sessions/continue?user_id=bob", None), 404, "NO_SESSION_FOUND");
    expect_error(ask("POST", "/api/v1/chat", Some(r#"{"message":"x","user_id":"bob"}"#)), 404, "USER_NOT_FOUND");
    assert_eq!(ask("GET", "/api/v1", None).expect(404).value()["error"]["code"], "NOT_FOUND");
    expect_error(server.get("/api/v1/sessions/continue"), 401, "CREDENTIALS_REQUIRED");
}
