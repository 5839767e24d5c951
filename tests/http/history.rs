//! Reading the newest of a history, and taking things out of it.

use serde_json::Value;

use crate::support::{
    Server, json,
    model::{Model, Step},
};

fn sequences(page: &Value) -> Vec<u64> {
    page["messages"].as_array().unwrap().iter().map(|message| message["sequence"].as_u64().unwrap()).collect()
}

#[test]
fn the_newest_messages_are_given_in_their_order() {
    let server = Server::start();
    let id = server.new_session();
    let path = format!("/sessions/{id}/messages");
    let recent = |query: &str| server.get(&format!("{path}?strategy=recent{query}")).expect(200).value();
    assert_eq!(sequences(&recent("")), [] as [u64; 0]);
    let many: Vec<Value> = (1..=5).map(|n| json!({"role": "user", "content": format!("m{n}")})).collect();
    server.post(&path, json!({"messages": many})).expect(201);
    let page = recent("&limit=2");
    assert_eq!((sequences(&page), &page["total"], &page["has_more"]), (vec![4, 5], &json!(5), &json!(true)));
    let older = server.get(&format!("{path}?limit=2&before={}", page["before"].as_str().unwrap())).expect(200).value();
    assert_eq!(sequences(&older), [2, 3]);
    server.get(&format!("{path}?strategy=summarize")).expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn what_a_message_says_is_removed_everywhere_and_its_place_is_kept() {
    let mut server = Server::start();
    let id = server.new_session();
    let chat = |server: &Server, message: &str, key: &str| {
        server.post("/chat", json!({"session_id": id, "message": message, "client_message_id": key})).expect(200)
    };
    chat(&server, "my secret is sesame", "a");
    let regenerate = format!("/sessions/{id}/regenerate");
    server.ask("POST", &regenerate, &[("idempotency-key", "b")], None).expect(200);
    let appended = json!({"messages": [{"role": "user", "content": "sesame again", "metadata": {"of": "sesame"}}]}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "c")];
    let path = format!("/sessions/{id}/messages");
    server.ask("POST", &path, &headers, Some(appended.as_bytes())).expect(201);
    // 1 was said, 2 and 3 are answers that may repeat it, 4 was appended.
    for sequence in [1, 2, 3, 4] {
        let removed = server.delete(&format!("{path}/{sequence}")).expect(200).value();
        assert_eq!((&removed["sequence"], &removed["content"]), (&json!(sequence), &json!("")));
        assert!(removed["removed_at"].is_string(), "{removed}");
    }
    let page = server.get(&path).expect(200).value();
    assert_eq!((sequences(&page), &page["total"]), (vec![1, 3, 4], &json!(3)));
    let again = chat(&server, "my secret is sesame", "a").value();
    assert_eq!((&again["response"], &again["user_message"]["content"]), (&json!(""), &json!("")));
    server.ask("POST", &path, &headers, Some(appended.as_bytes())).expect(201);
    server.delete(&format!("{path}/9")).expect_problem(404, "MESSAGE_NOT_FOUND");
    server.delete(&format!("{path}/x")).expect_problem(400, "VALIDATION_ERROR");
    server.say(&id, "go on");
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).value()["title"], json!(null));
    for _ in 0..2 {
        for path in [path.clone(), format!("{path}/3/versions"), format!("/sessions/{id}/turns/1")] {
            assert!(!server.get(&path).expect(200).body.contains("sesame"), "{path}");
        }
        for turn in [1, 2] {
            let events = server.get(&format!("/sessions/{id}/events?turn={turn}"));
            assert!(!events.body.contains("sesame"), "{}", events.body);
        }
        server.kill();
        server.launch();
    }
    assert!(!server.log().contains("sesame"), "{}", server.log());
}

#[test]
fn who_comes_back_after_a_message_was_removed_is_told_the_end() {
    let server = Server::start();
    let id = server.new_session();
    let said = json!({"session_id": id, "message": "Tell me something long about it", "stream": true});
    let events = server.events("POST", "/chat", &[], Some(&said)).rest();
    server.delete(&format!("/sessions/{id}/messages/1")).expect(200);
    let rest = server.events("GET", &format!("/sessions/{id}/events?after={}", events[4].id.unwrap()), &[], None).rest();
    assert_eq!((rest.len(), rest[0].name.as_str()), (1, "done"));
    server.get(&format!("/sessions/{id}/events?after={}", rest[0].id.unwrap())).expect(204);
}

#[test]
fn removed_calls_keep_their_results_and_models_take_what_is_left() {
    let model = Model::start(|number, _| match number {
        0 => vec![
            Step::ToolCall { index: 0, id: "call_a", name: "f", arguments: "{\"secret\":1}".into() },
            Step::Finish("tool_calls"),
            Step::Done,
        ],
        _ => Model::saying("Fine."),
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    server.post("/chat", json!({"session_id": id, "message": "What is there to see?"})).expect(200);
    server.post("/chat", json!({"session_id": id, "tool_results": [{"tool_call_id": "call_a", "content": "secret"}]})).expect(200);
    for sequence in [2, 3] {
        server.delete(&format!("/sessions/{id}/messages/{sequence}")).expect(200);
    }
    server.say(&id, "And what is there now?");
    let sent = model.requests()[2].body["messages"].clone();
    assert_eq!((&sent[1]["tool_calls"][0]["function"]["arguments"], &sent[2]["content"]), (&json!("{}"), &json!("")));
    assert!(!sent.to_string().contains("secret"), "{sent}");
}

#[test]
fn the_last_turn_is_taken_back() {
    let server = Server::start();
    let id = server.new_session();
    let pop = |key: &str| server.ask("POST", &format!("/sessions/{id}/pop"), &[("idempotency-key", key)], None);
    pop("none").expect_problem(409, "NOT_POSSIBLE");
    server.say(&id, "My name is John");
    server.say(&id, "My name is Jim");
    let popped = pop("first").expect(200);
    assert_eq!((&popped.value()["sequences"], &popped.value()["total"]), (&json!([3, 4]), &json!(2)));
    let page = server.get(&format!("/sessions/{id}/messages")).expect(200).value();
    assert_eq!((sequences(&page), &page["has_more"]), (vec![1, 2], &json!(false)));
    assert_eq!(pop("first").expect(200).body, popped.body);
    assert_eq!(server.say(&id, "What's my name?"), "Your name is John.");
    let page = server.get(&format!("/sessions/{id}/messages?offset=1&limit=2")).expect(200).value();
    assert_eq!((sequences(&page), &page["total"]), (vec![2, 5], &json!(4)));
    pop("second").expect(200);
    pop("third").expect(200);
    pop("fourth").expect_problem(409, "NOT_POSSIBLE");
    server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect_problem(409, "NOT_POSSIBLE");
    assert_eq!(server.say(&id, "What's my name?"), "You have not told me your name yet. Would you like to?");
}

#[test]
fn what_was_taken_back_is_nowhere_and_nothing_brings_it_back() {
    let server = Server::start();
    let id = server.new_session();
    let said = json!({"session_id": id, "message": "my secret is sesame", "client_message_id": "k"});
    server.post("/chat", said.clone()).expect(200);
    server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect(200);
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    for path in ["messages", "turns/1", "turns/2", "events", "events?turn=1"] {
        let answer = server.get(&format!("/sessions/{id}/{path}"));
        assert!(answer.status < 500 && !answer.body.contains("sesame"), "{path}: {}", answer.body);
    }
    let again = server.post("/chat", said).expect(200).value();
    assert_eq!((&again["response"], &again["user_message"]["content"]), (&json!(""), &json!("")));
    let session = server.get(&format!("/sessions/{id}")).expect(200).value();
    assert_eq!((&session["message_count"], &session["title"]), (&json!(0), &json!(null)));
}

#[test]
fn a_failed_turn_whose_question_is_gone_is_not_run_again() {
    let model = Model::start(|number, _| match number {
        0 | 4 => vec![Step::Text("Once upon".into()), Step::Finish("length"), Step::Done],
        _ => vec![Step::Status(400, vec![], String::new())],
    });
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let keyed = |path: &str| server.ask("POST", &format!("/sessions/{id}/{path}"), &[("idempotency-key", path)], None);
    // An answer to go on with that is taken back.
    server.post("/chat", json!({"session_id": id, "message": "Tell"})).expect(200);
    keyed("continue").expect_problem(502, "MODEL_REFUSED");
    keyed("pop").expect(200);
    keyed("continue").expect_problem(409, "NOT_POSSIBLE");
    // A question that is taken back, and one whose text is removed.
    let said = |text: &str| json!({"session_id": id, "message": text, "client_message_id": text});
    server.post("/chat", said("one")).expect_problem(502, "MODEL_REFUSED");
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    server.post("/chat", said("one")).expect_problem(409, "NOT_POSSIBLE");
    server.post("/chat", said("two")).expect_problem(502, "MODEL_REFUSED");
    let sequence = server.get(&format!("/sessions/{id}/messages")).expect(200).value()["messages"][0]["sequence"].clone();
    server.delete(&format!("/sessions/{id}/messages/{sequence}")).expect(200);
    server.post("/chat", said("two")).expect_problem(409, "NOT_POSSIBLE");
    server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect_problem(409, "NOT_POSSIBLE");
    assert_eq!(model.requests().len(), 4);
    assert_eq!(server.post("/chat", said("three")).expect(200).text("response"), "Once upon");
}

#[test]
fn nothing_is_taken_out_amid_a_turn() {
    let model = Model::start(|_, _| vec![Step::Text("a".into()), Step::Hang]);
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let mut stream = server.events("POST", "/chat", &[], Some(&json!({"session_id": id, "message": "x", "stream": true})));
    stream.next().unwrap();
    server.delete(&format!("/sessions/{id}/messages/1")).expect_problem(409, "TURN_IN_PROGRESS");
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect_problem(409, "TURN_IN_PROGRESS");
    server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200);
}
