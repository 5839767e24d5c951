//! What a stranger does first, and the usage flow of the documents this replaces.

use crate::support::{Server, json};

#[test]
fn create_chat_remember_info_delete_gone() {
    let server = Server::start();
    let created = server.post("/sessions", json!({"user_id": "user_123", "metadata": {"source": "web"}})).expect(201);
    let id = created.text("session_id");
    assert_eq!(id.len(), "session_".len() + 16, "{id}");

    assert_eq!(server.say(&id, "Hi, my name is John"), "Nice to meet you, John!");
    assert_eq!(server.say(&id, "What's my name?"), "Your name is John.");

    let info = server.get(&format!("/sessions/{id}")).expect(200);
    assert_eq!(info.number("message_count"), 4);
    assert_eq!(info.value()["metadata"], json!({"source": "web"}));
    assert_eq!(info.text("user_id"), "user_123");

    let deleted = server.delete(&format!("/sessions/{id}")).expect(200).value();
    let at = deleted["deleted_at"].clone();
    assert_eq!(deleted, json!({"session_id": id, "deleted": true, "message_count": 4, "deleted_at": at}));
    server.post("/chat", json!({"session_id": id, "message": "Hello?"})).expect_problem(404, "INVALID_SESSION");
    server.get(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
    server.delete(&format!("/sessions/{id}")).expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn a_chat_without_a_session_begins_one_and_says_so() {
    let server = Server::start();
    let first = server.post("/chat", json!({"message": "I am a Python programmer", "user_id": "john_doe"})).expect(200);
    assert_eq!(first.value()["session_created"], true);
    let id = first.text("session_id");

    let second = server
        .post("/chat", json!({"message": "What tools do you recommend for work?", "session_id": id, "user_id": "john_doe"}))
        .expect(200);
    assert_eq!(second.value()["session_created"], false);
    assert!(second.text("response").contains("Python programmer"), "{}", second.body);
    assert_eq!(second.value()["message"]["sequence"], 4);

    let mine = server.get("/users/john_doe/sessions").expect(200).value();
    assert_eq!(mine["sessions"][0]["session_id"], id.as_str(), "{mine}");
}

#[test]
fn an_unknown_session_is_not_made_by_a_chat() {
    let server = Server::start();
    server.post("/chat", json!({"message": "hello", "session_id": "made-up"})).expect_problem(404, "INVALID_SESSION");
    server.get("/sessions/made-up").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn what_was_said_survives_a_restart() {
    let mut server = Server::start();
    let id = server.new_session();
    server.say(&id, "My favourite colour is green");
    server.kill();
    server.launch();
    assert_eq!(server.say(&id, "What is my favourite colour?"), "Your favourite colour is green.");
}

#[test]
fn health_tells_who_answers_and_looks_deeper_when_asked() {
    let server = Server::start();
    let shallow = server.get("/health").expect(200).value();
    assert_eq!((&shallow["status"], &shallow["model"]["provider"]), (&json!("healthy"), &json!("offline")), "{shallow}");
    assert_eq!(shallow["model"]["is_language_model"], false);
    assert!(shallow.get("checks").is_none(), "{shallow}");
    let deep = server.get("/health?deep=1").expect(200).value();
    assert_eq!(deep["checks"], json!({"kv": "ok", "session_object": "ok"}));
}

#[test]
fn without_a_mode_nothing_but_health_is_served() {
    let server = Server::with_only(&[]);
    server.get("/health").expect(200);
    let refused = server.post("/sessions", json!({})).expect_problem(503, "MISCONFIGURED");
    assert!(refused.text("detail").contains("AUTH_MODE"), "{}", refused.body);
    server.get("/__test/worker/panic").expect_problem(404, "NOT_FOUND");
}
