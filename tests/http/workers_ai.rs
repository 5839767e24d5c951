//! Workers AI, as far as its stand-in (`support/ai.js`) is like it: answers, and turns that are stopped.

use crate::{
    streams::{names, text},
    support::{Server, events::Event, eventually, json},
};

fn serve() -> Server {
    let allowed = ("MODELS_ALLOWED", "@cf/none,@cf/endless,@cf/late,@cf/silent,@cf/witness");
    Server::with(&[("MODEL_PROVIDER", "workers-ai"), ("MODEL_NAME", "@cf/stand-in"), allowed])
}

/// Waits until the stand-in has seen this.
fn await_seen(server: &Server, seen: &str) {
    let witness = json!({"message": "x", "model": "@cf/witness"});
    eventually(seen, || server.post("/chat", witness.clone()).expect(200).text("response") == seen);
}

#[test]
fn the_binding_answers() {
    let server = serve();
    let id = server.new_session();
    let answer = server.post("/chat", json!({"session_id": id, "message": "hello"})).expect(200).value();
    assert_eq!((&answer["response"], &answer["turn"]["usage"]["total_tokens"]), (&json!("You said: hello."), &json!(5)));
    server.post("/chat", json!({"session_id": id, "message": "x", "model": "@cf/none"})).expect_problem(503, "MODEL_UNAVAILABLE");
}

#[test]
fn a_turn_that_is_stopped_keeps_what_was_said_and_cancels_the_stream_of_the_binding() {
    let server = serve();
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "x", "model": "@cf/endless", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    let heard: Vec<Event> = stream.by_ref().take(3).collect();
    assert_eq!(text(&heard), "Once upon ");
    await_seen(&server, "silent 0, endless 1, cancelled 0");
    let stopped = server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200).value();
    assert_eq!((&stopped["stopped"], &stopped["turn"]["status"]), (&json!(true), &json!("stopped")));
    assert_eq!((&stopped["message"]["content"], &stopped["message"]["cut"]), (&json!("Once upon "), &json!("stopped")));
    assert_eq!(names(&stream.rest()), ["usage", "done"]);
    await_seen(&server, "silent 0, endless 1, cancelled 1");
    assert_eq!(server.say(&id, "hello"), "You said: hello.");
}

#[test]
fn a_turn_that_is_stopped_before_the_binding_answers_ends_all_the_same() {
    let server = serve();
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "x", "model": "@cf/silent", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    await_seen(&server, "silent 1, endless 0, cancelled 0");
    // The binding would answer later than the client of this test gives up.
    let stopped = server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200).value();
    assert_eq!(
        (&stopped["stopped"], &stopped["turn"]["status"], &stopped["message"]["content"]),
        (&json!(true), &json!("stopped"), &json!(""))
    );
    assert_eq!(names(&stream.rest()), ["usage", "done"]);
    // What has no answer is said together with what comes next.
    assert_eq!(server.say(&id, "hello"), "You said: x\n\nhello.");
}

#[test]
fn an_answer_that_comes_after_its_turn_was_stopped_is_cancelled() {
    let server = serve();
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "x", "model": "@cf/late", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    await_seen(&server, "silent 1, endless 0, cancelled 0");
    assert_eq!(server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200).value()["turn"]["status"], "stopped");
    await_seen(&server, "silent 1, endless 0, cancelled 1");
}
