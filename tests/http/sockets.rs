//! WebSockets of the Nono chat bot's clients: what is streamed is what is stored, whatever happens meanwhile.

use serde_json::Value;

use crate::{
    nono::{bearer, server, visitor},
    support::{
        Server, eventually, json,
        model::{Model, Step},
        socket::{Frame, WebSocket},
        token::{SECRET, seconds, signed, token_of},
    },
};

fn connect(server: &Server, path: &str) -> WebSocket {
    WebSocket::open(server, path, &[]).unwrap()
}

fn messages(server: &Server, user: &str) -> Vec<String> {
    let history = server.get(&format!("/session/{user}/history")).expect(200).value();
    history["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

fn complete(text: &str) -> Value {
    json!({"type": "complete", "response": text})
}

#[test]
fn what_is_streamed_is_what_is_stored() {
    let model = Model::start(|number, _| Model::saying(&format!("Answer number {number}.")));
    let server = Server::asking(&model, &[]);
    let mut socket = connect(&server, "/ws/chat/Ann");
    // Two at once are answered one after another, each once.
    socket.say("first");
    socket.say("second");
    for number in 0..2 {
        let answer = format!("Answer number {number}.");
        assert_eq!(socket.answer(), (answer.clone(), complete(&answer)));
    }
    assert_eq!(model.requests().len(), 2);
    assert_eq!(messages(&server, "Ann"), ["first", "Answer number 0.", "second", "Answer number 1."]);
    // It began a session as `/session/start` does, and goes on in it.
    let session = server.get("/users/Ann/sessions/latest").expect(200).value();
    assert_eq!(session["persona"], "mental_health_nurse");
    let mut other = connect(&server, "/ws/chat/Ann?session_id=");
    other.say("third");
    other.answer();
    assert_eq!(messages(&server, "Ann").len(), 6);
}

#[test]
fn few_messages_wait_for_their_answer() {
    let model = Model::start(|number, _| {
        let gate = if number == 0 { &[Step::Gate][..] } else { &[] };
        [gate, &Model::saying("Yes.")].concat()
    });
    let server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let mut socket = connect(&server, "/ws/chat/Ann");
    // One is being answered, eight wait.
    for number in 0..12 {
        socket.say(&format!("message {number}"));
    }
    for _ in 0..3 {
        assert_eq!(socket.json()["type"], "error");
    }
    model.open(1);
    for _ in 0..9 {
        assert_eq!(socket.answer().1, complete("Yes."));
    }
    socket.say("and now");
    assert_eq!((socket.answer().1, model.requests().len()), (complete("Yes."), 10));
}

#[test]
fn the_session_that_is_named_is_the_one() {
    let server = Server::start();
    let create = || server.post("/api/session/create", json!({"user_id": "Ann"})).expect(200).text("session_id");
    let (first, _latest) = (create(), create());
    let mut socket = connect(&server, &format!("/ws/chat/Ann?session_id={first}"));
    socket.say("My name is Ann");
    socket.answer();
    assert_eq!(server.get(&format!("/sessions/{first}")).expect(200).number("message_count"), 2);
    assert_eq!(WebSocket::open(&server, "/ws/chat/Ann?session_id=never", &[]).err(), Some(404));
    // It is told when its session has ended, and stays open.
    server.delete(&format!("/sessions/{first}")).expect(200);
    for _ in 0..2 {
        socket.say("hello");
        assert_eq!(socket.json(), json!({"type": "error", "message": "Session not found"}));
    }
}

#[test]
fn what_cannot_be_answered_is_an_error_and_what_cannot_be_read_the_end() {
    let model = Model::start(|_, _| vec![Step::Status(500, Vec::new(), "{}".into())]);
    let server = Server::asking(&model, &[]);
    let mut socket = connect(&server, "/ws/chat/Ann");
    for said in [r#"{"text":"hello"}"#, r#"{"text":" "}"#, "{}"] {
        socket.send(said);
        let error = socket.json();
        assert!(error["type"] == "error" && error["message"].is_string(), "{said}: {error}");
    }
    for unreadable in ["{", "[]", r#"{"text":7}"#] {
        let mut socket = connect(&server, "/ws/chat/Ann");
        socket.send(unreadable);
        assert_eq!(socket.next(), Frame::Close(1011), "{unreadable}");
    }
    server.get("/ws/chat/Ann").expect(426);
}

#[test]
fn a_turn_is_stopped_from_elsewhere_and_its_text_kept() {
    let model =
        Model::start(|_, _| vec![Step::Text("Once ".into()), Step::Gate, Step::Text("upon".into()), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[]);
    let mut socket = connect(&server, "/ws/chat/Ann");
    socket.say("a story");
    assert_eq!(socket.json(), json!({"type": "chunk", "content": "Once "}));
    let session = server.get("/users/Ann/sessions/latest").expect(200).text("session_id");
    server.post(&format!("/sessions/{session}/stop"), json!({})).expect(200);
    assert_eq!(socket.answer().1, complete("Once "));
    assert_eq!(messages(&server, "Ann"), ["a story", "Once "]);
}

#[test]
fn a_client_that_leaves_ends_no_turn() {
    let model =
        Model::start(|_, _| vec![Step::Text("Once ".into()), Step::Gate, Step::Text("upon".into()), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[]);
    let mut socket = connect(&server, "/ws/chat/Ann");
    socket.say("a story");
    socket.json();
    drop(socket);
    model.open(1);
    eventually("the answer is there", || messages(&server, "Ann") == ["a story", "Once upon"]);
}

#[test]
fn sockets_survive_a_lost_instance_and_sessions_a_restart() {
    let mut server = Server::start();
    let mut socket = connect(&server, "/ws/chat/Ann");
    socket.say("My name is Ann");
    socket.answer();
    let session = server.get("/users/Ann/sessions/latest").expect(200).text("session_id");
    for fault in ["panic", "trap"] {
        server.post(&format!("/__test/sessions/{session}/{fault}"), json!({})).expect(503);
        socket.say("What is my name?");
        assert_eq!(socket.answer().1, complete("Your name is Ann."), "after {fault}");
    }
    server.launch();
    let mut socket = connect(&server, "/ws/chat/Ann");
    socket.say("What is my name?");
    assert_eq!(socket.answer().1, complete("Your name is Ann."));
}

/// As long as the token itself would be taken, which is a minute longer than it says.
#[test]
fn who_is_known_no_more_is_not_heard() {
    let server = Server::with_only(&[("AUTH_MODE", "jwt"), ("JWT_SECRET", SECRET)]);
    let claims = json!({"sub": "ann", "exp": seconds() - 55});
    let token = format!("Bearer {}", signed(SECRET, &json!({"alg": "HS256"}), &claims));
    let mut socket = WebSocket::open(&server, "/ws/chat/Ann", &[("authorization", &token)]).unwrap();
    let latest = || bearer(&server, &token_of("ann")).get("/users/me/sessions/latest").expect(200).number("message_count");
    eventually("the token expires", || server.ask("GET", "/api/sessions", &[("authorization", &token)], None).status == 401);
    socket.say("hello");
    assert_eq!((socket.next(), latest()), (Frame::Close(1008), 0));
}

#[test]
fn a_socket_is_its_visitors() {
    let server = server();
    let (ann, bob) = (visitor(&server), visitor(&server));
    let cookie = ann.header.1.as_str();
    let session = ann.create(&json!({"user_id": "John Doe"}));
    let open = |path: &str, headers: &[(&str, &str)]| WebSocket::open(&server, path, headers);
    // Browsers send cookies along whoever asks.
    for origin in ["https://evil.example", "null"] {
        assert_eq!(open("/ws/chat/John%20Doe", &[("cookie", cookie), ("origin", origin)]).err(), Some(403), "{origin}");
    }
    let mut socket = open("/ws/chat/John%20Doe", &[("cookie", cookie), ("origin", "http://localhost")]).unwrap();
    socket.say("I like tea");
    socket.answer();
    assert_eq!(ann.get(&format!("/sessions/{session}")).expect(200).number("message_count"), 2);

    // Nobody else sits in it.
    let named = format!("/ws/chat/John%20Doe?session_id={session}");
    for header in [&bob.header, &bearer(&server, &token_of("ann")).header, &bearer(&server, "chat").header] {
        assert_eq!(open(&named, &[(header.0, &header.1)]).err(), Some(404), "{header:?}");
    }
    // Reading is not enough, and what is wrong never makes somebody a visitor.
    for (key, status) in [("read", 403), ("x", 401)] {
        assert_eq!(open(&named, &[("authorization", &format!("Bearer {key}"))]).err(), Some(status), "{key}");
    }
}
