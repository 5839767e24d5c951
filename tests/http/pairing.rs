//! Whatever is done to a session, in whatever order, a model is sent a history that every provider takes.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::{
    Answer, Server, json,
    model::{Model, Step},
};

const SESSIONS: u64 = 6;
const CALLS: usize = 60;

/// A sequence that is the same each time (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What providers refuse in `messages`, if anything.
fn broken_rule(messages: &[Value]) -> Option<&'static str> {
    let mut open: Vec<&str> = Vec::new();
    let mut last = "";
    for message in messages {
        let role = message["role"].as_str().unwrap();
        let calls = message["tool_calls"].as_array().map_or(&[][..], Vec::as_slice);
        match message["tool_call_id"].as_str() {
            Some(id) if !open.contains(&id) => return Some("a result without a call"),
            Some(id) => open.retain(|other| *other != id),
            None if !open.is_empty() => return Some("a call without a result"),
            None => open = calls.iter().map(|call| call["id"].as_str().unwrap()).collect(),
        }
        if calls.iter().any(|call| serde_json::from_str::<Value>(call["function"]["arguments"].as_str().unwrap()).is_err()) {
            return Some("arguments that are no JSON");
        }
        if role != "tool" && calls.is_empty() && message["content"].as_str().is_none_or(str::is_empty) {
            return Some("an empty message");
        }
        if role == last && role == "user" {
            return Some("two messages of the user's in a row");
        }
        last = role;
    }
    if messages.is_empty() || !open.is_empty() { Some("nothing, or a call without a result at the end") } else { None }
}

/// What makes the model fall silent amid its answer.
const SILENCING: f64 = 0.5;

/// A model that does all that models do.
fn moody(complaints: Arc<Mutex<Vec<String>>>) -> Model {
    Model::start(move |number, body| {
        let messages = body["messages"].as_array().unwrap();
        if let Some(rule) = broken_rule(messages) {
            complaints.lock().unwrap().push(format!("{rule}: {}", body["messages"]));
        }
        let call = |index, id, arguments: &str| Step::ToolCall { index, id, name: "f", arguments: arguments.into() };
        let text = || Step::Text("Some words. ".into());
        let mut steps = match Dice(number as u64 * 7919 + 17).roll(9) {
            0 => vec![call(0, "a", "{}"), Step::Finish("tool_calls"), Step::Done],
            1 => vec![text(), call(0, "a", "{\"x\":1}"), call(1, "b", "[not json"), Step::Finish("tool_calls"), Step::Done],
            2 => vec![call(0, "a", "{}"), call(1, "b", "{\"x\":"), Step::Cut],
            3 => vec![call(0, "a", "{}"), call(1, "b", "{\"x\":"), Step::Finish("length"), Step::Done],
            4 => vec![text(), Step::Finish("length"), Step::Done],
            5 => vec![text(), Step::Cut],
            6 => vec![Step::Status(400, vec![], String::new())],
            _ => vec![text(), Step::Finish("stop"), Step::Done],
        };
        if body["temperature"] == SILENCING {
            steps.retain(|step| matches!(step, Step::Text(_) | Step::ToolCall { .. }));
            steps.insert(0, text());
            steps.push(Step::Hang);
        }
        steps
    })
}

/// A request that begins a turn, if the session is in a state for it: path and body.
fn ask(id: &str, dice: &mut Dice) -> (String, Value) {
    match dice.roll(4) {
        0 => ("/chat".to_owned(), json!({"session_id": id, "message": "Well?"})),
        1 => (format!("/sessions/{id}/regenerate"), json!({})),
        2 => (format!("/sessions/{id}/continue"), json!({})),
        _ => (format!("/sessions/{id}/edit"), json!({"message": "Rather that"})),
    }
}

fn keyed(server: &Server, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    server.ask("POST", path, &headers, Some(body.to_string().as_bytes()))
}

/// Begins a turn, if that is possible, and breaks it off amid its answer: its server is killed, or it is stopped.
fn interrupt(server: &mut Server, id: &str, dice: &mut Dice) {
    let ((path, mut body), key) = (ask(id, dice), format!("key {}", dice.roll(1 << 32)));
    body["temperature"] = SILENCING.into();
    body["stream"] = true.into();
    let Ok(mut stream) = server.try_events("POST", &path, &[("idempotency-key", &key)], Some(&body)) else { return };
    assert_eq!(stream.by_ref().take(2).count(), 2);
    if dice.roll(4) == 0 {
        server.kill();
        server.launch();
        return;
    }
    let stopped = server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200).value();
    assert_eq!((&stopped["stopped"], &stopped["message"]["cut"]), (&json!(true), &json!("stopped")));
    let events = stream.rest();
    assert_eq!(server.events("POST", &path, &[("idempotency-key", &key)], Some(&body)).rest().last(), events.last());
}

/// Does something that does not ask the model, or not twice; or breaks a turn off.
fn disturb(server: &mut Server, id: &str, dice: &mut Dice) {
    match dice.roll(4) {
        0 => drop(server.ask("POST", &format!("/sessions/{id}/pop"), &[], None)),
        1 => {
            let page = server.get(&format!("/sessions/{id}/messages?limit=200")).expect(200).value();
            let messages = page["messages"].as_array().unwrap();
            if !messages.is_empty() {
                let sequence = &messages[dice.roll(messages.len() as u64) as usize]["sequence"];
                server.delete(&format!("/sessions/{id}/messages/{sequence}")).expect(200);
            }
        }
        2 => {
            let ((path, body), key) = (ask(id, dice), format!("key {}", dice.roll(1 << 32)));
            let (first, again) = (keyed(server, &path, &key, &body), keyed(server, &path, &key, &body));
            assert!(first.status != 200 || again.body == first.body, "{first:?} and then {again:?}");
        }
        _ => interrupt(server, id, dice),
    }
}

/// Does something with a session; gives the one to go on with.
fn act(server: &mut Server, id: &str, dice: &mut Dice) -> String {
    let path = |what: &str| format!("/sessions/{id}/{what}");
    let result = |dice: &mut Dice| json!({"tool_call_id": (["a", "b", "c"][dice.roll(3) as usize]), "content": "done"});
    let calls = json!([{"id": "b", "type": "function", "function": {"name": "g", "arguments": "broken {"}}]);
    match dice.roll(16) {
        0 | 1 => drop(server.post("/chat", json!({"session_id": id, "message": "Hello"}))),
        2 | 3 => drop(server.post("/chat", json!({"session_id": id, "tool_results": [result(dice)]}))),
        4 => drop(server.post("/chat", json!({"session_id": id, "message": "And?", "tool_results": [result(dice)]}))),
        5 => drop(server.ask("POST", &path("regenerate"), &[], None)),
        6 => drop(server.ask("POST", &path("continue"), &[], None)),
        7 => drop(server.post(&path("edit"), json!({"message": "Rather this"}))),
        8 => drop(server.post(&path("messages"), json!({"messages": [{"role": "assistant", "content": null, "tool_calls": calls}]}))),
        9 => drop(server.post(
            &path("messages"),
            json!({"messages": [{"role": "tool", "tool_call_id": "b", "content": "x"}, {"role": "assistant", "content": ""}]}),
        )),
        10 => {
            drop(server.post(
                &path("messages"),
                json!({"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "x"}]}),
            ))
        }
        11 => {
            let newest = server.get(&path("messages?order=desc&limit=1&offset=1")).expect(200).value();
            let through = newest["messages"][0]["sequence"].clone();
            return server.post(&path("fork"), json!({"through": through})).expect(201).text("session_id");
        }
        _ => disturb(server, id, dice),
    }
    id.to_owned()
}

#[test]
fn no_sequence_of_calls_leads_to_a_history_that_a_provider_refuses() {
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let model = moody(Arc::clone(&complaints));
    let mut server = Server::asking(&model, &[]);
    for seed in 1..=SESSIONS {
        let (mut id, mut dice) = (server.new_session(), Dice(seed * 104_729));
        for _ in 0..CALLS {
            id = act(&mut server, &id, &mut dice);
            let page = server.get(&format!("/sessions/{id}/messages?limit=200")).expect(200).value();
            assert_eq!(page["total"], page["messages"].as_array().unwrap().len(), "{page}");
        }
    }
    let complaints = complaints.lock().unwrap();
    assert!(complaints.is_empty(), "{} of {}: {}", complaints.len(), model.requests().len(), complaints[0]);
    assert!(model.requests().len() > 100, "only {} requests reached the model", model.requests().len());
}
