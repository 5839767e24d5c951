//! How often one may ask, with a stand-in for the platform's limiter that lets two requests of a caller through. Whose
//! requests are counted together is a table of src/http/rate.rs.

use crate::{
    auth::service_key,
    support::{Answer, Server, json, socket::WebSocket, token},
};

const LIMITER: (&str, &str) = ("LIMITER", "stand-in:limiter");

fn create(server: &Server, headers: &[(&str, &str)]) -> Answer {
    server.ask("POST", "/sessions", &[headers, &[("content-type", "application/json")]].concat(), Some(b"{}"))
}

#[test]
fn each_dialect_says_too_often_in_its_own_words() {
    let server = Server::with(&[LIMITER]);
    for _ in 0..2 {
        create(&server, &[]).expect(201);
    }
    let answer = create(&server, &[]).expect_problem(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), "10");
    assert_eq!(server.post("/query", json!({"query": "x"})).expect_problem(429, "RATE_LIMITED").header("retry-after"), "10");
    let atlus = server.post("/api/v1/chat", json!({"message": "x"})).expect(429);
    assert_eq!((&atlus.value()["error"]["code"], atlus.header("retry-after")), (&json!("RATE_LIMIT_EXCEEDED"), "10"));
    let nono = server.post("/api/chat", json!({"user_message": "x"})).expect(429).value();
    assert!(nono["detail"].is_string(), "{nono}");
    let connect = server.post("/sessions.SessionService/GetOrCreateSession", json!({})).expect(429).value();
    assert_eq!(connect["code"], "resource_exhausted");
}

#[test]
fn reading_is_not_counted_and_addresses_are_told_apart() {
    let server = Server::with(&[LIMITER]);
    for address in ["192.0.2.1", "192.0.2.2", "2001:db8::1"] {
        for _ in 0..5 {
            server.ask("GET", "/personas", &[("cf-connecting-ip", address)], None).expect(200);
        }
        for status in [201, 201, 429] {
            create(&server, &[("cf-connecting-ip", address)]).expect(status);
        }
    }
}

#[test]
fn users_are_counted_wherever_they_are_and_services_not_at_all() {
    let key = "a-key-of-a-service";
    let keys = json!([service_key("backend", key, &["chat"])]).to_string();
    let secret = ("JWT_SECRET", token::SECRET);
    let server = Server::with_only(&[("AUTH_MODE", "keys,jwt"), ("SERVICE_KEYS", &keys), secret, LIMITER]);
    let tokens = ["ann", "bob"].map(|user| format!("Bearer {}", token::token_of(user)));
    for token in &tokens {
        for (number, status) in [201, 201, 429].into_iter().enumerate() {
            create(&server, &[("authorization", token), ("cf-connecting-ip", &format!("192.0.2.{number}"))]).expect(status);
        }
    }
    for _ in 0..5 {
        create(&server, &[("x-api-key", key)]).expect(201);
    }
}

#[test]
fn what_is_said_over_a_socket_is_counted_with_the_rest() {
    let server = Server::with(&[LIMITER]);
    let open = || WebSocket::open(&server, "/ws/chat/Ann", &[]);
    let mut socket = open().unwrap();
    let mut types = Vec::new();
    for _ in 0..2 {
        socket.say("Hi");
        types.push(socket.answer().1["type"].clone());
    }
    assert_eq!(types, ["complete", "error"]);
    assert_eq!(open().err(), Some(429));
    assert_eq!(server.get("/session/Ann/history").expect(200).number("message_count"), 2);
}

#[test]
fn a_limiter_that_fails_holds_nobody_back() {
    let server = Server::with(&[("LIMITER", "stand-in:broken")]);
    create(&server, &[]).expect(201);
    assert!(server.log().contains("a request is not counted"));
}
