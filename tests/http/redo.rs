//! Doing a turn again: another answer, the rest of one, another question; and another session from the middle of one.

use serde_json::Value;

use crate::support::{
    Server, json,
    model::{Model, Step},
};

/// A model that numbers its answers.
fn counting() -> Model {
    Model::start(|number, _| Model::saying(&format!("Answer {}.", number + 1)))
}

/// Sequence, content and what was replaced, of every message.
fn history(server: &Server, id: &str) -> Vec<(u64, String, Option<u64>)> {
    let page = server.get(&format!("/sessions/{id}/messages")).expect(200).value();
    assert_eq!(page["total"], page["messages"].as_array().unwrap().len());
    page["messages"].as_array().unwrap().iter().map(shown).collect()
}

fn shown(message: &Value) -> (u64, String, Option<u64>) {
    (message["sequence"].as_u64().unwrap(), message["content"].as_str().unwrap().to_owned(), message["replaces"].as_u64())
}

fn message(sequence: u64, content: &str, replaces: Option<u64>) -> (u64, String, Option<u64>) {
    (sequence, content.to_owned(), replaces)
}

#[test]
fn an_answer_is_given_anew_and_the_old_ones_are_kept() {
    let model = counting();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let regenerate = format!("/sessions/{id}/regenerate");
    server.ask("POST", &regenerate, &[], None).expect_problem(409, "NOT_POSSIBLE");
    server.say(&id, "Is this a question?");
    let second = server.ask("POST", &regenerate, &[], None).expect(200).value();
    assert_eq!(
        (&second["response"], &second["turn"]["kind"], &second["user_message"]["sequence"]),
        (&json!("Answer 2."), &json!("regenerate"), &json!(1))
    );
    let events = server.events("POST", &regenerate, &[], Some(&json!({"stream": true, "temperature": 1}))).rest();
    assert_eq!(events.last().unwrap().data["message"]["replaces"], 3);
    assert_eq!(history(&server, &id), [message(1, "Is this a question?", None), message(4, "Answer 3.", Some(3))]);
    for request in model.requests() {
        assert_eq!(request.body["messages"], json!([{"role": "user", "content": "Is this a question?"}]));
    }
    let versions = server.get(&format!("/sessions/{id}/messages/4/versions")).expect(200).value()["versions"].clone();
    let versions: Vec<_> = versions.as_array().unwrap().iter().map(|version| shown(&version[0])).collect();
    assert_eq!(versions, [message(4, "Answer 3.", Some(3)), message(3, "Answer 2.", Some(2)), message(2, "Answer 1.", None)]);
    server.get(&format!("/sessions/{id}/messages/2/versions")).expect_problem(404, "MESSAGE_NOT_FOUND");
    // Pages go over the gaps.
    server.say(&id, "Tell me some more");
    let path = format!("/sessions/{id}/messages");
    let page = server.get(&format!("{path}?limit=2&offset=1")).expect(200).value();
    assert_eq!(page["messages"].as_array().unwrap().iter().map(|m| m["sequence"].as_u64().unwrap()).collect::<Vec<_>>(), [4, 5]);
    let newest = server.get(&format!("{path}?limit=2&offset=1&order=desc")).expect(200).value();
    assert_eq!(newest["messages"].as_array().unwrap().iter().map(|m| m["sequence"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 4]);
}

#[test]
fn earlier_versions_come_as_far_as_they_fit() {
    let server = Server::start();
    let at = "2026-11-20T09:38:53Z";
    let text = |number: u64| format!("{number} {}", "x".repeat(200 * 1024));
    // Version n was replaced by version n + 1; the last one stands.
    let version = |number: u64| json!({"sequence": number, "replaced_by": number + 1, "role": "assistant", "content": text(number), "created_at": at});
    let versions: Vec<_> = (2..20).map(version).collect();
    let file = format!(
        r#"{{"format":"edge-sessions.session","version":1,"session":{{}},"messages":[{{"sequence":1,"role":"user","content":"x","created_at":"{at}"}},
            {{"sequence":20,"role":"assistant","content":"y","created_at":"{at}","replaces":19}}],"versions":{}}}"#,
        json!(versions)
    );
    let id = server
        .ask("POST", "/sessions/import", &[("content-type", "application/json")], Some(file.as_bytes()))
        .expect(201)
        .text("session_id");
    let found = server.get(&format!("/sessions/{id}/messages/20/versions")).expect(200).value();
    let numbers: Vec<_> = found["versions"].as_array().unwrap().iter().map(|version| version[0]["sequence"].as_u64().unwrap()).collect();
    assert_eq!((numbers, &found["has_more"]), ((9..=20).rev().collect(), &json!(true)));
}

#[test]
fn a_failed_attempt_at_another_answer_leaves_the_old_one() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("Good."),
        1 => vec![Step::Status(400, vec![], String::new())],
        _ => Model::saying("Better."),
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    server.say(&id, "Is this a question?");
    let regenerate = format!("/sessions/{id}/regenerate");
    let keyed = [("idempotency-key", "k")];
    server.ask("POST", &regenerate, &keyed, None).expect_problem(502, "MODEL_REFUSED");
    assert_eq!(history(&server, &id), [message(1, "Is this a question?", None), message(2, "Good.", None)]);
    server.ask("POST", &regenerate, &keyed, None).expect(200);
    assert_eq!(server.ask("POST", &regenerate, &keyed, None).expect(200).text("response"), "Better.");
    assert_eq!(history(&server, &id), [message(1, "Is this a question?", None), message(3, "Better.", Some(2))]);
}

#[test]
fn an_answer_that_was_cut_off_goes_on_where_it_ended() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("Once upon".into()), Step::Finish("length"), Step::Done],
        1 => vec![Step::Text(" a ".into()), Step::Cut],
        2 => Model::saying("time."),
        _ => Model::saying("unexpected"),
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let go_on = format!("/sessions/{id}/continue");
    server.ask("POST", &go_on, &[], None).expect_problem(409, "NOT_POSSIBLE");
    let first = server.post("/chat", json!({"session_id": id, "message": "Tell me a story"})).expect(200).value();
    assert_eq!((&first["message"]["cut"], &first["turn"]["finish_reason"]), (&json!("length"), &json!("length")));
    // It fails on the way, and goes on from there under the same key.
    let keyed = [("idempotency-key", "k")];
    server.ask("POST", &go_on, &keyed, None).expect_problem(503, "MODEL_UNAVAILABLE");
    assert_eq!(history(&server, &id)[1], message(2, "Once upon a ", None));
    let whole = server.ask("POST", &go_on, &keyed, None).expect(200).value();
    assert_eq!(
        (&whole["response"], &whole["message"]["cut"], &whole["message"]["sequence"]),
        (&json!("Once upon a time."), &json!(null), &json!(2))
    );
    assert_eq!(whole["user_message"]["sequence"], 1);
    let sent = model.requests()[2].body["messages"].clone();
    assert_eq!((&sent[1]["role"], &sent[1]["content"], &sent[2]["role"]), (&json!("assistant"), &json!("Once upon a "), &json!("user")));
    assert_eq!(history(&server, &id), [message(1, "Tell me a story", None), message(2, "Once upon a time.", None)]);
    server.ask("POST", &go_on, &[], None).expect_problem(409, "NOT_POSSIBLE");
    // Only the rest is told.
    assert_eq!(server.get(&format!("/sessions/{id}/turns/3")).expect(200).value()["turn"]["kind"], "continue");
}

#[test]
fn an_answer_to_which_nothing_is_to_be_added_is_whole() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("That is all.".into()), Step::Finish("length"), Step::Done],
        1 => vec![Step::Finish("length"), Step::Done],
        _ => vec![Step::Finish("stop"), Step::Done],
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    server.post("/chat", json!({"session_id": id, "message": "Tell me a story"})).expect(200);
    let go_on = format!("/sessions/{id}/continue");
    server.ask("POST", &go_on, &[], None).expect_problem(503, "MODEL_UNAVAILABLE");
    let whole = server.ask("POST", &go_on, &[], None).expect(200).value();
    assert_eq!((&whole["response"], &whole["message"]["cut"]), (&json!("That is all."), &json!(null)));
    server.ask("POST", &go_on, &[], None).expect_problem(409, "NOT_POSSIBLE");
}

#[test]
fn instructions_that_came_after_an_answer_stay_and_hold_for_the_new_one() {
    let model = counting();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    server.say(&id, "Is this a question?");
    let messages = format!("/sessions/{id}/messages");
    server.post(&messages, json!({"messages": [{"role": "system", "content": "Be brief."}]})).expect(201);
    server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect(200);
    let expected = [message(1, "Is this a question?", None), message(3, "Be brief.", None), message(4, "Answer 2.", Some(2))];
    assert_eq!(history(&server, &id), expected);
    assert_eq!(model.requests()[1].body["messages"][0], json!({"role": "system", "content": "Be brief."}));
    server.post(&format!("/sessions/{id}/edit"), json!({"message": "Is this another question?"})).expect(200);
    let expected = [message(3, "Be brief.", None), message(5, "Is this another question?", Some(1)), message(6, "Answer 3.", None)];
    assert_eq!(history(&server, &id), expected);
    // Taking the edited message back takes what it replaced, wherever that stands.
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    assert_eq!(history(&server, &id), [message(3, "Be brief.", None)]);
    for sequence in [1, 2, 4] {
        server.delete(&format!("{messages}/{sequence}")).expect_problem(404, "MESSAGE_NOT_FOUND");
    }
}

#[test]
fn an_answer_that_has_no_room_for_more_or_no_beginning_does_not_go_on() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("x".repeat(300 * 1024)), Step::Finish("stop"), Step::Done],
        _ => vec![Step::Hang],
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    assert_eq!(server.post("/chat", json!({"session_id": id, "message": "1"})).expect(200).value()["message"]["cut"], "length");
    let go_on = format!("/sessions/{id}/continue");
    server.ask("POST", &go_on, &[], None).expect_problem(409, "NOT_POSSIBLE");
    let mut stream = server.events("POST", "/chat", &[], Some(&json!({"session_id": id, "message": "2", "stream": true})));
    stream.next().unwrap();
    server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200);
    server.ask("POST", &go_on, &[], None).expect_problem(409, "NOT_POSSIBLE");
}

#[test]
fn a_turn_that_failed_is_not_run_again_when_the_conversation_has_gone_on() {
    let model = Model::start(|number, _| if number == 0 { vec![Step::Status(400, vec![], String::new())] } else { Model::saying("Fine.") });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let failed = json!({"session_id": id, "message": "One", "client_message_id": "k"});
    server.post("/chat", failed.clone()).expect_problem(502, "MODEL_REFUSED");
    server.say(&id, "Two");
    server.post("/chat", failed).expect_problem(409, "NOT_POSSIBLE");
    assert_eq!(model.requests().len(), 2);
}

#[test]
fn an_answer_to_a_part_of_the_results_has_its_versions_too() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("part".into()), Step::Cut],
        _ => Model::saying("whole"),
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let path = format!("/sessions/{id}/messages");
    let calls: Vec<Value> =
        (0..2).map(|n| json!({"id": format!("c{n}"), "type": "function", "function": {"name": "f", "arguments": "{}"}})).collect();
    let asked = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "tool_calls": calls}]});
    server.post(&path, asked).expect(201);
    let results = json!({"session_id": id, "tool_results": [{"tool_call_id": "c0", "content": "y"}], "client_message_id": "k"});
    server.post("/chat", results.clone()).expect_problem(503, "MODEL_UNAVAILABLE");
    let sequence = server.post("/chat", results).expect(200).value()["message"]["sequence"].as_u64().unwrap();
    let versions = server.get(&format!("{path}/{sequence}/versions")).expect(200).value()["versions"].clone();
    assert_eq!((&versions[0][0]["content"], &versions[1][0]["content"]), (&json!("whole"), &json!("part")));
}

#[test]
fn what_the_user_said_last_is_said_otherwise() {
    let model = counting();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let edit = format!("/sessions/{id}/edit");
    server.post(&edit, json!({"message": "x"})).expect_problem(409, "NOT_POSSIBLE");
    server.say(&id, "This is number one");
    server.say(&id, "This is number two");
    server.post(&edit, json!({"message": " "})).expect_problem(400, "VALIDATION_ERROR");
    server.post(&edit, json!({})).expect_problem(400, "VALIDATION_ERROR");
    let edited = server.post(&edit, json!({"message": "This is number three", "metadata": {"a": 1}})).expect(200).value();
    assert_eq!((&edited["response"], &edited["user_message"]["replaces"]), (&json!("Answer 3."), &json!(3)));
    let expected = [
        message(1, "This is number one", None),
        message(2, "Answer 1.", None),
        message(5, "This is number three", Some(3)),
        message(6, "Answer 3.", None),
    ];
    assert_eq!(history(&server, &id), expected);
    let versions = server.get(&format!("/sessions/{id}/messages/5/versions")).expect(200).value()["versions"].clone();
    let before: Vec<_> = versions[1].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(before, [message(3, "This is number two", None), message(4, "Answer 2.", None)]);
    let sent = model.requests()[2].body["messages"].clone();
    assert_eq!(sent.as_array().unwrap().len(), 3);
    // The first question too, with everything after it.
    let other = server.new_session();
    server.say(&other, "One");
    server.post(&format!("/sessions/{other}/edit"), json!({"message": "Uno"})).expect(200);
    assert_eq!(history(&server, &other).iter().map(|(sequence, ..)| *sequence).collect::<Vec<_>>(), [3, 4]);
    let page = server.get(&format!("/sessions/{other}/messages?limit=2&order=desc")).expect(200).value();
    assert_eq!((&page["has_more"], &page["before"]), (&json!(false), &json!(null)));
}

#[test]
fn a_session_is_forked_at_a_message() {
    let server = Server::start();
    let source = server.post("/sessions", json!({"user_id": "ann", "title": "Tea", "metadata": {"a": 1}})).expect(201).text("session_id");
    server.say(&source, "My name is John");
    server.say(&source, "My name is Jon");
    let fork = format!("/sessions/{source}/fork");
    let forked = server.post(&fork, json!({"through": 2, "title": "Coffee"})).expect(201);
    let id = forked.text("session_id");
    assert_eq!(forked.header("location"), format!("/sessions/{}", id.replace('_', "%5F")));
    let session = forked.value();
    assert_eq!(
        (&session["title"], &session["metadata"], &session["user_id"], &session["message_count"]),
        (&json!("Coffee"), &json!({"a": 1}), &json!("ann"), &json!(2))
    );
    assert_eq!(server.say(&id, "What's my name?"), "Your name is John.");
    assert_eq!(server.say(&source, "What's my name?"), "Your name is Jon.");
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"].as_array().unwrap().len(), 2);
    // All of it, under an id and a key of the client's.
    let whole =
        || server.ask("POST", &fork, &[("idempotency-key", "k"), ("content-type", "application/json")], Some(br#"{"session_id":"whole"}"#));
    let first = whole().expect(201);
    assert_eq!(first.number("message_count"), 6);
    server.say(&source, "one more");
    assert_eq!(whole().expect(201).body, first.body);
    // Also when what it was made of has changed, or is gone.
    let keyed = [("idempotency-key", "fork it"), ("content-type", "application/json")];
    let part = || server.ask("POST", &fork, &keyed, Some(br#"{"through":8}"#));
    let copy = part().expect(201);
    server.ask("POST", &format!("/sessions/{source}/regenerate"), &[], None).expect(200);
    assert_eq!(part().expect(201).body, copy.body);
    server.ask("POST", &fork, &keyed, Some(br#"{"through":4}"#)).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    server.post(&fork, json!({"session_id": "whole"})).expect_problem(409, "SESSION_ID_TAKEN");
    server.post(&fork, json!({"through": 99})).expect_problem(404, "MESSAGE_NOT_FOUND");
    server.post("/sessions/none/fork", json!({})).expect_problem(404, "SESSION_NOT_FOUND");
    server.post(&fork, json!({"through": "x"})).expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn a_fork_of_more_than_can_be_carried_is_refused() {
    let server = Server::start();
    let source = server.new_session();
    let path = format!("/sessions/{source}/messages");
    for _ in 0..13 {
        // Six bytes of JSON for each.
        let large = json!({"messages": [{"role": "user", "content": "\u{1}".repeat(170 * 1024)}]});
        server.post(&path, large).expect(201);
    }
    server.post(&format!("/sessions/{source}/fork"), json!({})).expect_problem(409, "NOT_POSSIBLE");
    assert_eq!(server.post(&format!("/sessions/{source}/fork"), json!({"through": 12})).expect(201).number("message_count"), 12);
}

#[test]
fn a_fork_in_the_middle_of_a_tool_call_is_a_history_that_models_take() {
    let server = Server::start();
    let source = server.new_session();
    let call = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let messages = json!({"messages": [{"role": "user", "content": "x"}, call, {"role": "tool", "tool_call_id": "a", "content": "y"}]});
    server.post(&format!("/sessions/{source}/messages"), messages).expect(201);
    let id = server.post(&format!("/sessions/{source}/fork"), json!({"through": 2})).expect(201).text("session_id");
    server.say(&id, "hello");
    let roles = server.get(&format!("/sessions/{id}/messages")).expect(200).value()["messages"].clone();
    let roles: Vec<&str> = roles.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "user", "assistant"]);
}
