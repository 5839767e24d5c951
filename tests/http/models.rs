//! Models that are elsewhere: what they are sent, and what becomes of a turn when they misbehave.

use std::{thread, time::Duration};

use serde_json::Value;

use crate::support::{
    Server, eventually, json,
    model::{Model, Step},
};

/// A server that asks `model` and is not patient.
pub(super) fn serve(model: &Model, variables: &[(&str, &str)]) -> Server {
    let impatient = [("MODEL_FIRST_BYTE_SECONDS", "1"), ("MODEL_NEXT_BYTE_SECONDS", "1"), ("MODEL_TOTAL_SECONDS", "3")];
    Server::asking(model, &[&impatient[..], variables].concat())
}

pub(super) fn contents(messages: &Value) -> Vec<(&str, &str)> {
    let messages = messages.as_array().unwrap().iter();
    messages.map(|message| (message["role"].as_str().unwrap(), message["content"].as_str().unwrap_or_default())).collect()
}

pub(super) fn text(words: &str) -> Step {
    Step::Text(words.into())
}

fn status(status: u16, headers: &[(&'static str, &str)]) -> Vec<Step> {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    // What a provider says may repeat what the user said: it must reach neither client nor log.
    vec![Step::Status(status, headers, r#"{"error":{"message":"you said: sesame","type":"some_error"}}"#.into())]
}

#[test]
fn a_model_gets_the_conversation_and_what_the_deployment_says() {
    let model = Model::start(|number, _| Model::saying(["First.", "Second."][number]));
    let personas = ("PERSONA_MODELS", r#"{"poet":{"model":"large","temperature":1.5}}"#);
    // The persona is told the model as well; here it has nothing to say.
    let poet = ("PERSONAS", r#"{"poet":{"name":"Poet","description":"Rhymes.","instructions":" "}}"#);
    let variables =
        [("MODELS_ALLOWED", "large,huge"), ("MODEL_MAX_TOKENS", "100"), ("MODEL_HEADERS", r#"{"x-title":"ours"}"#), personas, poet];
    let server = serve(&model, &variables);
    let id = server.post("/sessions", json!({"persona": "poet"})).expect(201).text("session_id");
    let first = server.post("/chat", json!({"session_id": id, "message": "This is number one", "metadata": {"secret": 1}})).expect(200);
    assert_eq!((first.text("response"), first.text("model")), ("First.".into(), "large".into()));
    let wishes = json!({"session_id": id, "message": "This is number two", "model": "huge", "temperature": 0, "max_tokens": 7});
    assert_eq!(server.post("/chat", wishes).expect(200).value()["turn"]["model"], "huge");

    let requests = model.requests();
    let header = |name: &str| requests[0].headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!((header("authorization"), header("x-title")), (Some("Bearer fixture-key"), Some("ours")));
    assert_eq!(
        requests[0].body,
        json!({"model": "large", "messages": [{"role": "user", "content": "This is number one"}], "stream": true, "stream_options": {"include_usage": true},
          "temperature": 1.5, "max_tokens": 100})
    );
    assert_eq!(
        contents(&requests[1].body["messages"]),
        [("user", "This is number one"), ("assistant", "First."), ("user", "This is number two")]
    );
    assert_eq!((&requests[1].body["temperature"], &requests[1].body["max_tokens"]), (&json!(0.0), &json!(7)));

    for (field, wish) in [
        ("model", json!("other")),
        ("temperature", json!(3)),
        ("max_tokens", json!(101)),
        ("tools", json!([{"type": "function", "function": {}}])),
    ] {
        let refused = server.post("/chat", json!({"session_id": id, "message": "x", field: wish})).expect_problem(400, "VALIDATION_ERROR");
        assert!(refused.value()["errors"][0]["field"].as_str().unwrap().starts_with(field), "{}", refused.body);
    }
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 4, "a refused request has left something");
    let health = server.get("/health").expect(200).value();
    assert_eq!(health["model"], json!({"provider": "openai", "is_language_model": true}));
}

#[test]
fn a_models_failure_is_an_answer_of_its_own_and_the_turn_can_be_run_again() {
    // what the model does first -> status, code, how often it is asked
    let cases: Vec<(&str, Vec<Step>, u16, &str, usize)> = vec![
        ("slow first byte", vec![Step::Hang], 504, "MODEL_TIMEOUT", 1),
        ("hangs", vec![text("I "), Step::Hang], 504, "MODEL_TIMEOUT", 1),
        ("never ends", (0..60).flat_map(|_| [text("a "), Step::Pause(Duration::from_millis(100))]).collect(), 504, "MODEL_TIMEOUT", 1),
        ("cut", vec![text("I "), Step::Cut], 503, "MODEL_UNAVAILABLE", 1),
        ("ends too early", vec![text("I ")], 503, "MODEL_UNAVAILABLE", 1),
        ("garbage", vec![Step::Raw(b"data: <html>\n\n".to_vec())], 503, "MODEL_UNAVAILABLE", 1),
        ("nothing", vec![Step::Headers, Step::Finish("stop"), Step::Done], 503, "MODEL_UNAVAILABLE", 1),
        ("filtered", vec![Step::Headers, Step::Finish("content_filter"), Step::Done], 502, "MODEL_REFUSED", 1),
        (
            "error inside",
            vec![text("I "), Step::Raw(b"data: {\"error\":{\"code\":429,\"message\":\"sesame\"}}\n\n".to_vec())],
            429,
            "MODEL_RATE_LIMITED",
            1,
        ),
        ("500", status(500, &[]), 503, "MODEL_UNAVAILABLE", 3),
        ("429", status(429, &[]), 429, "MODEL_RATE_LIMITED", 3),
        ("429 for long", status(429, &[("retry-after", "60")]), 429, "MODEL_RATE_LIMITED", 1),
        ("401", status(401, &[]), 502, "MODEL_REFUSED", 1),
        ("204", status(204, &[]), 503, "MODEL_UNAVAILABLE", 3),
        ("409", status(409, &[]), 502, "MODEL_REFUSED", 1),
        ("504", status(504, &[]), 504, "MODEL_TIMEOUT", 3),
    ];
    for (name, steps, status, code, attempts) in cases {
        let model = Model::start(move |number, _| if number < attempts { steps.clone() } else { Model::saying("Fine now.") });
        let server = serve(&model, &[]);
        let id = server.new_session();
        let said = json!({"session_id": id, "message": "open sesame", "client_message_id": "k"});
        let failed = server.post("/chat", said.clone()).expect_problem(status, code);
        assert_eq!(model.requests().len(), attempts, "{name}");
        if name == "429 for long" {
            assert_eq!(failed.header("retry-after"), "60");
        }
        let session = server.get(&format!("/sessions/{id}")).expect(200).value();
        assert_eq!((&session["error_count"], &session["last_error"]["code"]), (&json!(1), &json!(code)), "{name}");
        let messages = server.get(&format!("/sessions/{id}/messages")).expect(200).value()["messages"].clone();
        assert_eq!(messages[0]["content"], "open sesame", "{name}");
        assert_eq!(failed.value()["session_id"], json!(id), "{name}");
        match messages.as_array().unwrap().as_slice() {
            [_] => {}
            [_, partial] => assert_eq!(partial["cut"], "interrupted", "{name}"),
            more => panic!("{name}: {more:?}"),
        }
        let turn = server.get(&format!("/sessions/{id}/turns/1")).expect(200).value()["turn"].clone();
        assert_eq!((&turn["status"], &turn["error"]), (&json!("failed"), &json!(code)), "{name}");

        let answer = server.post("/chat", said.clone()).expect(200);
        assert_eq!(answer.text("response"), "Fine now.", "{name}");
        assert_eq!(server.post("/chat", said).expect(200).body, answer.body, "{name}");
        assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 2, "{name}");
        assert!(!failed.body.contains("sesame") && !server.log().contains("sesame"), "{name}: {}", server.log());
    }
}

#[test]
fn a_failure_amid_a_stream_is_its_last_event() {
    let model = Model::start(|_, _| vec![text("I was "), Step::Cut]);
    let server = serve(&model, &[]);
    let id = server.new_session();
    let events = server.events("POST", "/chat", &[], Some(&json!({"session_id": id, "message": "x", "stream": true}))).rest();
    let last = events.last().unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"], &last.data["status"]), ("error", &json!("MODEL_UNAVAILABLE"), &json!("failed")));
    assert_eq!((&last.data["message"]["content"], &last.data["message"]["cut"]), (&json!("I was "), &json!("interrupted")));
    let again = server.events("GET", &format!("/sessions/{id}/events"), &[], None).rest();
    assert_eq!(again, events);
}

#[test]
fn a_model_that_is_busy_is_asked_again_before_its_first_byte() {
    let model = Model::start(|number, _| match number {
        0 => status(429, &[("retry-after", "1")]),
        1 => status(503, &[]),
        _ => Model::saying("At last."),
    });
    let server = serve(&model, &[]);
    assert_eq!(server.say(&server.new_session(), "hello"), "At last.");
    assert_eq!(model.requests().len(), 3);
}

#[test]
fn a_redirect_is_not_followed_with_the_key() {
    let other = Model::start(|_, _| Model::saying("Caught."));
    let location = format!("{}/chat/completions", other.base_url());
    let model = Model::start(move |_, _| status(307, &[("location", &location)]));
    let server = serve(&model, &[]);
    server.post("/chat", json!({"message": "x"})).expect_problem(502, "MODEL_REFUSED");
    assert_eq!((model.requests().len(), other.requests().len()), (1, 0));
}

#[test]
fn what_was_said_to_its_end_is_an_answer_however_the_connection_ends() {
    let call = Step::ToolCall { index: 0, id: "call_a", name: "f", arguments: "{}".into() };
    let endings = [
        vec![text("Whole."), Step::Finish("stop"), Step::Cut],
        vec![text("Whole."), Step::Finish("stop"), Step::Usage(1, 2), Step::Hang],
        vec![text("Whole."), call, Step::Finish("tool_calls"), Step::Cut],
    ];
    for steps in endings {
        let model = Model::start(move |_, _| steps.clone());
        let server = serve(&model, &[]);
        let answer = server.post("/chat", json!({"message": "x"})).expect(200).value();
        assert_eq!((&answer["response"], &answer["message"]["cut"]), (&json!("Whole."), &json!(null)));
    }
}

#[test]
fn a_count_of_tokens_that_cannot_be_true_is_not_believed() {
    let model = Model::start(|_, _| vec![text("hi"), Step::Finish("stop"), Step::Usage((1 << 53) + 1, 1), Step::Done]);
    let server = serve(&model, &[]);
    let id = server.new_session();
    for _ in 0..2 {
        let answer = server.post("/chat", json!({"session_id": id, "message": "x"})).expect(200).value();
        assert_eq!(answer["turn"]["usage"]["estimated"], json!(true));
    }
    server.delete(&format!("/sessions/{id}")).expect(200);
}

#[test]
fn a_long_history_is_cut_where_models_take_it_and_keeps_its_instructions() {
    let model = Model::start(|_, _| Model::saying("ok"));
    let server = serve(&model, &[("CONTEXT_TOKENS", "500")]);
    let id = server.new_session();
    let exchange =
        (0..200).map(|n| json!({"role": if n % 2 == 0 { "user" } else { "assistant" }, "content": format!("m{n} {}", "x".repeat(20))}));
    let many: Vec<Value> = [json!({"role": "system", "content": "Be brief"})].into_iter().chain(exchange).collect();
    server.post(&format!("/sessions/{id}/messages"), json!({"messages": many})).expect(201);
    server.say(&id, "This is the next one");
    let sent = model.requests()[0].body["messages"].clone();
    let shown = contents(&sent);
    assert_eq!((shown[0], shown[1].0), (("system", "Be brief"), "user"));
    assert_eq!(*shown.last().unwrap(), ("user", "This is the next one"));
    assert!((30..80).contains(&shown.len()) && sent.to_string().len() > 2000, "{sent}");
}

#[test]
fn a_model_that_nobody_runs_is_unavailable() {
    let server = Server::with(&[("MODEL_PROVIDER", "openai"), ("MODEL_BASE_URL", "http://127.0.0.1:1/v1"), ("MODEL_NAME", "none")]);
    let id = server.new_session();
    server.post("/chat", json!({"session_id": id, "message": "x"})).expect_problem(503, "MODEL_UNAVAILABLE");
}

#[test]
fn a_server_that_does_not_stream_is_understood() {
    let whole =
        r#"{"choices":[{"message":{"content":"All at once."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    let model = Model::start(move |_, _| vec![Step::Status(200, vec![("content-type", "application/json".into())], whole.into())]);
    let server = serve(&model, &[]);
    let answer = server.post("/chat", json!({"message": "x"})).expect(200).value();
    assert_eq!((&answer["response"], &answer["turn"]["usage"]["total_tokens"]), (&json!("All at once."), &json!(7)));
}

#[test]
fn an_answer_that_never_ends_is_cut_where_no_more_fits() {
    let model = Model::start(|_, _| (0..70).map(|_| Step::Text("ü".repeat(4096))).chain([Step::Finish("stop"), Step::Done]).collect());
    let server = serve(&model, &[("MODEL_TOTAL_SECONDS", "20")]);
    let answer = server.post("/chat", json!({"message": "x"})).expect(200).value();
    assert_eq!(answer["response"].as_str().unwrap().len(), 256 * 1024);
    assert_eq!((&answer["message"]["cut"], &answer["turn"]["finish_reason"]), (&json!("length"), &json!("length")));
}

#[test]
fn the_time_for_an_answer_is_for_all_its_rounds_together() {
    let model = Model::start(|_, _| {
        let arguments = json!({"key": "k", "value": 1}).to_string();
        vec![
            Step::Pause(Duration::from_millis(700)),
            Step::ToolCall { index: 0, id: "call_1", name: "save_memory", arguments },
            Step::Finish("tool_calls"),
            Step::Done,
        ]
    });
    let server = serve(&model, &[("MODEL_TOOLS", "on"), ("MODEL_TOTAL_SECONDS", "2")]);
    server.post("/chat", json!({"message": "Count as far as you can"})).expect_problem(504, "MODEL_TIMEOUT");
    assert!(model.requests().len() > 1);
}

#[test]
fn tokens_are_counted_by_the_provider_and_estimated_until_then() {
    let model = Model::start(|number, _| match number {
        // 20 bytes of text are 10 tokens here.
        0 => vec![text("0123456789"), Step::Finish("stop"), Step::Usage(5, 5), Step::Done],
        _ => vec![text("0123456789"), Step::Finish("stop"), Step::Done],
    });
    let server = serve(&model, &[]);
    let id = server.new_session();
    let say = || server.post("/chat", json!({"session_id": id, "message": "4 5 7 901."})).expect(200).value()["turn"]["usage"].clone();
    assert_eq!(say(), json!({"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10, "estimated": false}));
    assert_eq!(say(), json!({"prompt_tokens": 15, "completion_tokens": 5, "total_tokens": 20, "estimated": true}));
    let total = server.get(&format!("/sessions/{id}")).expect(200).value()["usage"].clone();
    assert_eq!(total, json!({"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30, "estimated": true}));
}

#[test]
fn two_hundred_clients_half_of_them_repeating_get_one_turn_per_key() {
    let model = Model::start(|_, body| {
        let messages = body["messages"].as_array().unwrap();
        Model::saying(&format!("To {}", messages[messages.len() - 1]["content"].as_str().unwrap()))
    });
    let server = serve(&model, &[("MODEL_TOTAL_SECONDS", "30")]);
    let id = server.new_session();
    let answers: Vec<(usize, String)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|client| {
                let (server, key) = (&server, client / 2);
                let said = json!({"session_id": id, "message": format!("message {key}"), "client_message_id": format!("key {key}"), "on_busy": "wait"});
                scope.spawn(move || (key, server.post("/chat", said).expect(200).text("response")))
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|(key, answer)| *answer == format!("To message {key}")), "{answers:?}");
    assert_eq!(model.requests().len(), 100);
    let pages = [0, 100].map(|offset| server.get(&format!("/sessions/{id}/messages?limit=100&offset={offset}")).expect(200).value());
    let messages: Vec<Value> = pages.iter().flat_map(|page| page["messages"].as_array().unwrap().clone()).collect();
    assert_eq!(messages.len(), 200);
    for turn in messages.chunks(2) {
        assert_eq!(turn[1]["content"].as_str().unwrap(), format!("To {}", turn[0]["content"].as_str().unwrap()), "turns are interleaved");
    }
}

#[test]
fn a_killed_process_keeps_what_was_said_and_the_same_key_says_it_again() {
    let words = 40;
    let model = Model::start(move |number, _| match number {
        0 => (0..words).map(|word| Step::Text(format!("{word:0>99} "))).chain([Step::Hang]).collect(),
        _ => Model::saying("Whole."),
    });
    let mut server = serve(&model, &[("MODEL_NEXT_BYTE_SECONDS", "20"), ("MODEL_TOTAL_SECONDS", "20")]);
    let id = server.new_session();
    let said = json!({"session_id": id, "message": "tell me", "client_message_id": "k", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&said));
    let heard: Vec<u64> = stream.by_ref().take(words + 1).map(|event| event.id.unwrap()).collect();
    server.kill();
    drop(stream);
    server.launch();

    let session = server.get(&format!("/sessions/{id}")).expect(200).value();
    assert_eq!(session["running_turn"], json!(null));
    let messages = server.get(&format!("/sessions/{id}/messages")).expect(200).value()["messages"].clone();
    assert_eq!((&messages[0]["content"], &messages[1]["cut"]), (&json!("tell me"), &json!("interrupted")));
    let kept = messages[1]["content"].as_str().unwrap().len() / 100;
    assert!(words - kept <= 21 && kept > 0, "{kept} of {words} words are kept");
    // The reader that comes back learns of it, however much it had heard.
    let last = heard.last().unwrap().to_string();
    let rest = server.events("GET", &format!("/sessions/{id}/events?turn=1"), &[("last-event-id", &last)], None).rest();
    assert_eq!((rest.len(), rest[0].name.as_str(), &rest[0].data["code"]), (1, "error", &json!("TURN_INTERRUPTED")));
    assert_eq!(server.get(&format!("/sessions/{id}/turns/1")).expect(200).value()["turn"]["status"], "interrupted");

    let again = server.events("POST", "/chat", &[], Some(&said)).rest();
    assert_eq!(again.last().unwrap().data["message"]["content"], "Whole.");
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 2);
}

#[test]
fn a_lost_instance_interrupts_the_turn_and_the_next_call_finds_it() {
    let model = Model::start(|number, _| if number == 0 { vec![text("I was "), Step::Hang] } else { Model::saying("Whole.") });
    let server = serve(&model, &[("MODEL_NEXT_BYTE_SECONDS", "20"), ("MODEL_TOTAL_SECONDS", "20")]);
    let id = server.new_session();
    let said = json!({"session_id": id, "message": "tell me", "client_message_id": "k"});
    thread::scope(|scope| {
        let asked = scope.spawn(|| server.post("/chat", said.clone()).expect_problem(503, "UNAVAILABLE"));
        eventually("it runs", || model.requests().len() == 1);
        server.ask("POST", &format!("/__test/sessions/{id}/panic"), &[], None).expect(503);
        asked.join().unwrap();
    });
    assert_eq!(server.post("/chat", said).expect(200).text("response"), "Whole.");
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 2);
}
