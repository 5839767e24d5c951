//! Turns as events: what comes in which order, and that no reader loses or doubles anything, whenever it comes or goes.

use std::{thread, time::Duration};

use serde_json::Value;

use crate::support::{
    Server, ask,
    events::Event,
    json,
    model::{Model, Step},
    sqlite,
};

pub(super) const TEXT: &str = "Grüße aus Köln: the quick 🦊 jumps over it.";

pub(super) fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

pub(super) fn ids(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.id.unwrap()).collect()
}

pub(super) fn text(events: &[Event]) -> String {
    events.iter().filter(|event| event.name == "delta").map(|event| event.data["text"].as_str().unwrap()).collect()
}

pub(super) fn said(session_id: &str) -> Value {
    json!({"session_id": session_id, "message": "Say something", "stream": true})
}

/// A model that says `TEXT`, each word when the test opens a gate.
pub(super) fn gated() -> Model {
    Model::start(|_, _| ask::gated(TEXT))
}

/// Gates of [`gated`].
pub(super) fn gates() -> usize {
    TEXT.split(' ').count() + 1
}

#[test]
fn a_turn_is_told_event_by_event() {
    let model = Model::start(|_, _| Model::saying(TEXT));
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    let events: Vec<Event> = stream.by_ref().collect();

    let words = TEXT.split(' ').count();
    let expected: Vec<&str> = ["turn"].into_iter().chain(vec!["delta"; words]).chain(["usage", "done"]).collect();
    assert_eq!(names(&events), expected);
    assert_eq!(ids(&events), (0..u64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(text(&events), TEXT);
    let (first, last) = (&events[0].data, &events[events.len() - 1].data);
    assert_eq!(
        (&first["session_id"], &first["turn"], &first["status"], &first["input_sequence"]),
        (&json!(id), &json!(1), &json!("running"), &json!(1))
    );
    assert_eq!((&last["status"], &last["finish_reason"], &last["message"]["content"]), (&json!("done"), &json!("stop"), &json!(TEXT)));
    assert!(last["usage"]["estimated"] == json!(false) && last["etag"].is_string(), "{last}");
    assert_eq!(events[events.len() - 2].data["total_tokens"], last["usage"]["total_tokens"]);
    // One event a chunk, and nobody on the way may hold it back.
    assert_eq!(stream.chunks(), events.len());
    let header = |name: &str| stream.headers().iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
    assert_eq!((header("cache-control"), header("content-encoding")), ("no-store, no-transform", ""));
    assert!(!header("x-request-id").is_empty());
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).header("etag"), last["etag"]);
}

#[test]
fn events_are_given_to_who_accepts_them_and_the_same_turn_is_json_for_others() {
    let server = Server::start();
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "My name is John"});
    let events: Vec<Event> = server.events("POST", "/chat", &[("accept", "text/event-stream")], Some(&asked)).collect();
    let done = &events[events.len() - 1].data;
    assert_eq!(done["message"]["content"], "Nice to meet you, John!");
    let asked = json!({"session_id": id, "message": "What's my name?", "stream": false});
    let headers = [("accept", "text/event-stream"), ("content-type", "application/json")];
    let answer = server.ask("POST", "/chat", &headers, Some(asked.to_string().as_bytes())).expect(200).value();
    assert_eq!((&answer["response"], &answer["turn"]["status"]), (&json!("Your name is John."), &json!("done")));
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&answer["message"]), keys(&done["message"]));
}

#[test]
fn a_stream_can_begin_a_session() {
    let server = Server::start();
    let events: Vec<Event> =
        server.events("POST", "/chat", &[], Some(&json!({"message": "hello", "user_id": "ann", "stream": true}))).collect();
    let id = events[0].data["session_id"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 2);
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["session_id"], json!(id));
}

#[test]
fn what_is_wrong_before_the_turn_is_a_problem_and_no_stream() {
    let server = Server::start();
    let headers = [("accept", "text/event-stream"), ("content-type", "application/json")];
    let ask = |body: Value| server.ask("POST", "/chat", &headers, Some(body.to_string().as_bytes()));
    ask(json!({"message": "x", "session_id": "none"})).expect_problem(404, "INVALID_SESSION");
    ask(json!({"message": ""})).expect_problem(400, "VALIDATION_ERROR");
    ask(json!({"message": "x", "model": "unknown"})).expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn the_stream_may_break_after_any_event_and_nothing_is_lost_or_doubled() {
    let model = Model::start(|_, _| Model::saying(TEXT));
    let server = Server::asking(&model, &[]);
    let whole = {
        let id = server.new_session();
        server.events("POST", "/chat", &[], Some(&said(&id))).rest()
    };
    for cut_after in 0..=whole.len() {
        let id = server.new_session();
        let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
        let mut got: Vec<Event> = stream.by_ref().take(cut_after).collect();
        stream.cut();
        let path = format!("/sessions/{id}/events?turn=1");
        let last = got.last().map(|event| event.id.unwrap().to_string()).unwrap_or_default();
        if cut_after == whole.len() {
            server.ask("GET", &path, &[("last-event-id", &last)], None).expect(204);
        } else {
            got.extend(server.events("GET", &path, &[("last-event-id", &last)], None));
        }
        assert_eq!((ids(&got), names(&got), text(&got)), (ids(&whole), names(&whole), text(&whole)), "cut after {cut_after}");
        let total = server.get(&format!("/sessions/{id}/messages")).expect(200).number("total");
        assert_eq!(total, 2, "cut after {cut_after}");
    }
    assert_eq!(model.requests().len(), whole.len() + 2);
}

#[test]
fn any_number_of_readers_follow_a_turn_from_wherever_they_are() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let path = format!("/sessions/{id}/events");
    let mut first = server.events("POST", "/chat", &[], Some(&said(&id)));
    first.next().unwrap();
    // Before the first word, and with nobody else there any more.
    first.cut();
    let (all, whole) = thread::scope(|scope| {
        let early: Vec<_> = (0..5).map(|_| scope.spawn(|| server.events("GET", &path, &[], None).rest())).collect();
        model.open(3);
        assert_eq!(server.events("GET", &path, &[], None).take(4).count(), 4);
        let mut late = server.events("GET", &format!("{path}?after=2"), &[], None);
        assert_eq!(late.next().unwrap().id, Some(3));
        model.open(gates());
        let late = late.rest();
        let all: Vec<Vec<Event>> = early.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(late, all[0][4..]);
        let after = server.events("GET", &path, &[], None).rest();
        (all, after)
    });
    assert_eq!((text(&whole).as_str(), whole[whole.len() - 1].name.as_str()), (TEXT, "done"));
    assert!(all.iter().all(|events| *events == whole));
}

#[test]
fn there_is_nothing_to_follow_where_nothing_happens() {
    let mut server = Server::start();
    let id = server.new_session();
    let path = format!("/sessions/{id}/events");
    server.get(&path).expect(204);
    server.say(&id, "hello");
    // After a restart everything is still there.
    server.kill();
    server.launch();
    let events = server.events("GET", &path, &[], None).rest();
    let last = events[events.len() - 1].id.unwrap();
    assert_eq!((names(&events)[0], events[events.len() - 1].name.as_str()), ("turn", "done"));
    server.get(&format!("{path}?after={last}")).expect(204);
    server.get(&format!("{path}?turn=7")).expect(204);
    server.get(&format!("{path}?after=-1")).expect_problem(400, "VALIDATION_ERROR");
    server.get(&format!("{path}?turn=x")).expect_problem(400, "VALIDATION_ERROR");
    server.get("/sessions/none/events").expect_problem(404, "SESSION_NOT_FOUND");
    let turn = server.get(&format!("/sessions/{id}/turns/1")).expect(200).value();
    assert_eq!((&turn["turn"]["status"], &turn["message"]["sequence"]), (&json!("done"), &json!(2)));
    server.get(&format!("/sessions/{id}/turns/2")).expect_problem(404, "TURN_NOT_FOUND");
}

#[test]
fn who_comes_back_from_an_earlier_turn_is_told_its_rest_and_then_all_of_the_new_one() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let path = format!("/sessions/{id}/events");
    model.open(gates());
    let one = server.events("POST", "/chat", &[], Some(&said(&id))).rest();
    let mut two = server.events("POST", "/chat", &[], Some(&said(&id)));
    let begun = two.next().unwrap();
    // As an EventSource does: it knows its last event and no turn.
    let follow = |last: u64| server.events("GET", &path, &[("last-event-id", &last.to_string())], None);
    let end = one.last().unwrap().id.unwrap();
    let followers = [follow(end), follow(7_000_000), server.events("GET", &format!("{path}?turn=2&after=3"), &[], None)];
    for (seen, event) in one.iter().enumerate().take(one.len() - 1) {
        assert_eq!(follow(event.id.unwrap()).rest(), one[seen + 1..], "after {seen}");
    }
    model.open(gates());
    let whole: Vec<Event> = [begun].into_iter().chain(two).collect();
    assert_eq!(ids(&whole), ids(&one).into_iter().map(|id| 1_000_000 + id).collect::<Vec<_>>());
    for follower in followers {
        assert_eq!(follower.rest(), whole);
    }
    server.get(&format!("{path}?turn=1&after={end}")).expect(204);
    server.get(&format!("{path}?after={}", whole.last().unwrap().id.unwrap())).expect(204);
}

#[test]
fn an_interrupted_turn_that_cannot_be_ended_is_told_to_be_interrupted_and_can_be_run_again() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("Once upon".into()), Step::Hang],
        _ => Model::saying("Whole."),
    });
    let mut server = Server::asking(&model, &[]);
    let id = server.new_session();
    let keyed = [("idempotency-key", "k")];
    let mut stream = server.events("POST", "/chat", &keyed, Some(&said(&id)));
    assert_eq!(stream.by_ref().take(2).count(), 2);
    server.kill();
    let file = server.databases("session").remove(0);
    sqlite::run(&file, "create trigger full before update of ended_at on turn begin select raise(abort, 'full'); end");
    sqlite::run(&file, "create trigger full_2 before insert on turn when new.ended_at is not null begin select raise(abort, 'full'); end");
    server.launch();
    // Nothing can be written of its end: that is an error, and no wrong answer.
    assert_eq!(server.get(&format!("/sessions/{id}")).status, 500);
    server.kill();
    sqlite::run(&file, "drop trigger full");
    server.launch();
    assert_eq!(server.get(&format!("/sessions/{id}/turns/1")).expect(200).value()["turn"]["status"], "interrupted");
    let events = server.events("GET", &format!("/sessions/{id}/events"), &[], None).rest();
    assert_eq!((names(&events)[0], names(&events)[events.len() - 1]), ("turn", "error"));
    server.kill();
    sqlite::run(&file, "drop trigger full_2");
    server.launch();
    let again = server.events("POST", "/chat", &keyed, Some(&said(&id))).rest();
    assert_eq!(again.last().unwrap().data["message"]["content"], "Whole.");
}

#[test]
fn a_turn_that_cannot_be_stored_is_told_to_be_interrupted() {
    let model = Model::start(|number, _| Model::saying(if number == 0 { TEXT } else { "Whole." }));
    let mut server = Server::asking(&model, &[]);
    let id = server.new_session();
    server.kill();
    let file = server.databases("session").remove(0);
    sqlite::run(
        &file,
        "create trigger full before insert on session when new.recent_events like '%\"done\"%' begin select raise(abort, 'full'); end",
    );
    server.launch();
    let keyed = [("idempotency-key", "k")];
    let events = server.events("POST", "/chat", &keyed, Some(&said(&id))).rest();
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), &last.data["code"], &last.data["message"]["content"]),
        ("error", &json!("TURN_INTERRUPTED"), &json!(TEXT))
    );
    assert_eq!(server.events("GET", &format!("/sessions/{id}/events"), &[], None).rest().last(), Some(last));
    server.kill();
    sqlite::run(&file, "drop trigger full");
    server.launch();
    assert_eq!(server.events("POST", "/chat", &keyed, Some(&said(&id))).rest().last().unwrap().data["message"]["content"], "Whole.");
}

#[test]
fn an_answer_that_is_too_large_to_be_kept_as_it_left_is_given_again_all_the_same() {
    // Twelve bytes of JSON within JSON for each of these.
    let model =
        Model::start(|_, _| (0..4).map(|_| Step::Text("\u{1}".repeat(64 * 1024))).chain([Step::Finish("stop"), Step::Done]).collect());
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let body = json!({"session_id": id, "message": "\u{1}".repeat(150 * 1024), "client_message_id": "k"});
    let answer = server.post("/chat", body.clone()).expect(200);
    assert_eq!(server.post("/chat", body.clone()).expect(200).body, answer.body);
    let accept = [("accept", "text/event-stream")];
    assert_eq!(server.events("POST", "/chat", &accept, Some(&body)).rest().last().unwrap().name, "done");
    assert_eq!(model.requests().len(), 1);
}

#[test]
fn events_are_kept_for_ten_minutes_and_a_key_for_ever() {
    let mut server = Server::start();
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "My name is John", "stream": true, "client_message_id": "k"});
    let whole = server.events("POST", "/chat", &[], Some(&asked)).rest();
    server.kill();
    let file = &server.databases("session")[0];
    sqlite::run(file, "update turn set started_at = started_at - 600000, ended_at = ended_at - 600000");
    sqlite::run(
        file,
        "update session set recent_events = json_set(recent_events, '$[0].ended_at', recent_events ->> '$[0].ended_at' - 600000)",
    );
    server.launch();
    server.get(&format!("/sessions/{id}/events")).expect(204);
    assert_eq!(ids(&server.events("POST", "/chat", &[], Some(&asked)).rest()), ids(&whole));
    // The next turn makes room; then the events are told in short.
    server.say(&id, "hello");
    let short = server.events("POST", "/chat", &[], Some(&asked)).rest();
    assert_eq!((names(&short), text(&short)), (vec!["turn", "delta", "done"], text(&whole)));
    assert_eq!(short[2].data["message"], whole.last().unwrap().data["message"]);
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 4);
}

#[test]
fn who_waits_hears_that_the_server_is_there() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    stream.next().unwrap();
    thread::sleep(Duration::from_millis(15_500));
    model.open(gates());
    let rest: Vec<Event> = stream.by_ref().collect();
    assert_eq!((stream.comments(), text(&rest).as_str()), (1, TEXT));
}
