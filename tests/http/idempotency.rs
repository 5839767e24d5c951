//! A request with a key is done once, however often it is sent.

use std::{collections::HashSet, thread};

use serde_json::Value;

use crate::support::{Answer, Server, json};

fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    server.ask("POST", path, &headers, Some(body.to_string().as_bytes()))
}

const UUID: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

#[test]
fn a_repeated_request_gets_the_same_answer_and_is_not_done_again() {
    let mut server = Server::start();
    let id = server.new_session();
    let requests = [
        ("/chat".to_owned(), json!({"session_id": id, "message": "Hi, my name is John"})),
        (format!("/sessions/{id}/messages"), json!({"messages": [{"role": "user", "content": "x"}]})),
        (format!("/sessions/{id}/renew"), json!({})),
        ("/sessions".to_owned(), json!({"session_id": "chosen", "title": "Tea"})),
        ("/sessions".to_owned(), json!({"title": "Tea"})),
        ("/chat".to_owned(), json!({"message": "hello"})),
    ];
    let ask = |server: &Server| -> Vec<(u16, String)> {
        let answers = requests.iter().enumerate().map(|(number, (path, body))| keyed(server, path, &format!("{UUID}-{number}"), body));
        answers.map(|answer| (answer.status, answer.body)).collect()
    };
    let first = ask(&server);
    let statuses: Vec<u16> = first.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [200, 201, 200, 201, 201, 200], "{first:?}");
    assert_eq!(ask(&server), first);
    server.kill();
    server.launch();
    assert_eq!(ask(&server), first);
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 3);
}

#[test]
fn a_key_that_was_used_for_something_else_is_refused() {
    let server = Server::start();
    let id = server.new_session();
    let messages = format!("/sessions/{id}/messages");
    let message = |text: &str| json!({"messages": [{"role": "user", "content": text}]});
    keyed(&server, &messages, "k", &message("one")).expect(201);
    keyed(&server, &messages, "k", &message("two")).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    keyed(&server, "/chat", "k", &json!({"session_id": id, "message": "one"})).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    let begun = keyed(&server, "/chat", UUID, &json!({"message": "hello"})).expect(200).text("session_id");
    keyed(&server, "/chat", UUID, &json!({"message": "good-bye"})).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 1);
    assert_eq!(server.get(&format!("/sessions/{begun}")).expect(200).number("message_count"), 2);
}

#[test]
fn a_request_that_was_refused_may_be_corrected_under_its_key() {
    let server = Server::start();
    let path = format!("/sessions/{}/messages", server.new_session());
    keyed(&server, &path, "k", &json!({"messages": [{"role": "tool", "tool_call_id": "none", "content": "x"}]})).expect(422);
    keyed(&server, &path, "k", &json!({"messages": [{"role": "user", "content": "x"}]})).expect(201);
}

#[test]
fn keys_are_the_callers_own_and_end_with_their_session() {
    let server = Server::start();
    let of = |user: &str| json!({"user_id": user, "message": "hello"});
    let anns = keyed(&server, "/chat", "same", &of("ann")).expect(200).text("session_id");
    let bobs = keyed(&server, "/chat", "same", &of("bob")).expect(200).text("session_id");
    assert_ne!(anns, bobs);
    let foreign = json!({"user_id": "bob", "session_id": anns, "message": "hello"});
    keyed(&server, "/chat", "same", &foreign).expect_problem(404, "INVALID_SESSION");

    server.delete(&format!("/sessions/{anns}")).expect(200);
    let again = keyed(&server, "/chat", "same", &of("ann")).expect(200);
    assert_eq!((again.text("session_id"), again.value()["message"]["sequence"].clone()), (anns, json!(2)));
}

#[test]
fn keys_follow_rules() {
    let server = Server::start();
    let id = server.new_session();
    let said = json!({"session_id": id, "message": "hello"});
    for bad in ["", "x".repeat(129).as_str()] {
        keyed(&server, "/chat", bad, &said).expect_problem(400, "VALIDATION_ERROR");
    }
    // Whoever guesses the key would get the session.
    let short = keyed(&server, "/chat", "short", &json!({"message": "hello"})).expect_problem(400, "VALIDATION_ERROR");
    assert!(short.text("detail").contains("16 characters"), "{}", short.body);
    let by_body = json!({"session_id": id, "message": "hello", "client_message_id": "m1"});
    let first = server.post("/chat", by_body.clone()).expect(200);
    assert_eq!(server.post("/chat", by_body).expect(200).body, first.body);
    let mistake = json!({"session_id": id, "message": "hello", "client_message_id": ""});
    assert_eq!(server.post("/chat", mistake).expect_problem(400, "VALIDATION_ERROR").value()["errors"][0]["field"], "client_message_id");
}

#[test]
fn two_hundred_clients_half_of_them_repeating_lose_and_double_nothing() {
    let server = Server::start();
    let id = server.new_session();
    let said = |number: usize| json!({"session_id": id, "message": format!("message number {number}")});
    let answers: Vec<(usize, String)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|client| {
                let (server, said) = (&server, &said);
                // Two clients share a key: the second is the first, repeating.
                scope
                    .spawn(move || (client / 2, keyed(server, "/chat", &format!("key {}", client / 2), &said(client / 2)).expect(200).body))
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().collect::<HashSet<_>>().len(), 100, "a repetition was answered differently");
    let mut messages = Vec::new();
    for offset in [0, 100] {
        let page = server.get(&format!("/sessions/{id}/messages?limit=100&offset={offset}")).expect(200).value();
        messages.extend(page["messages"].as_array().unwrap().clone());
    }
    let said: Vec<&str> =
        messages.iter().filter(|message| message["role"] == "user").map(|message| message["content"].as_str().unwrap()).collect();
    assert_eq!((messages.len(), said.iter().collect::<HashSet<_>>().len()), (200, 100));
    assert!(messages.chunks(2).all(|turn| turn[0]["role"] == "user" && turn[1]["role"] == "assistant"), "turns are interleaved");
}

#[test]
fn what_is_kept_under_many_keys_is_looked_through_in_little_memory() {
    let server = Server::start();
    let path = format!("/sessions/{}/messages", server.new_session());
    let message = json!({"role": "user", "content": "x".repeat(250_000)});
    let large = json!({"messages": vec![message; 4]});
    for number in 0..64 {
        keyed(&server, &path, &format!("key {number}"), &large).expect(201);
    }
    let before = server.peak_memory_mib();
    server.delete(&format!("{path}/1")).expect(200);
    let after = server.peak_memory_mib();
    // All of them are 64 MB, and an object has 128.
    assert!(after < before + 50, "{before} MiB, then {after}");
    let first = keyed(&server, &path, "key 0", &large).expect(201).value();
    assert_eq!((&first["messages"][0]["content"], first["messages"][1]["content"].as_str().unwrap().len()), (&json!(""), 250_000));
}
