//! What is learned in turns: by rules, by the model with tools of ours; and who can switch it off.

use serde_json::Value;

use crate::support::{
    Server, json,
    model::{Model, Step},
};

/// A session of Ann's.
pub(crate) fn of_ann(server: &Server) -> String {
    server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id")
}

pub(crate) fn say(server: &Server, id: &str, message: &str) -> Value {
    server.post("/chat", json!({"session_id": id, "message": message})).expect(200).value()
}

/// Keys and values of a memory.
pub(crate) fn known(server: &Server, memory: &str) -> Value {
    let page = server.get(memory).expect(200).value();
    page["entries"].as_array().unwrap().iter().map(|entry| (entry["key"].as_str().unwrap().to_owned(), entry["value"].clone())).collect()
}

pub(crate) fn call(name: &'static str, arguments: &Value) -> Vec<Step> {
    vec![
        Step::ToolCall { index: 0, id: "call_1", name, arguments: arguments.to_string() },
        Step::Finish("tool_calls"),
        Step::Usage(10, 5),
        Step::Done,
    ]
}

#[test]
fn what_a_user_says_of_themselves_is_known_in_their_other_sessions() {
    let server = Server::start();
    let (one, two) = (of_ann(&server), of_ann(&server));
    let answer = say(&server, &one, "Hi, my name is John and I live in Sofia. I like tea.");
    let saved = |key: &str, value: Value| json!({"action": "saved", "scope": "user", "key": key, "value": value, "source": "rule"});
    assert_eq!(answer["memory"], json!([saved("name", json!("John")), saved("location", json!("Sofia")), saved("likes", json!(["tea"]))]));
    let entry = server.get("/users/ann/memory/name").expect(200).value();
    assert_eq!((&entry["source"], &entry["message"]), (&json!("rule"), &json!({"session_id": one, "sequence": 1})));
    assert_eq!(say(&server, &two, "What's my name?")["response"], "Your name is John.");
    assert_eq!(say(&server, &two, "I like jazz and I like tea")["memory"][0]["value"], json!(["tea", "jazz"]));
    // Nobody's session remembers for itself alone, and dies with what it knows.
    let other = server.new_session();
    assert_eq!(say(&server, &other, "My name is Jim")["memory"][0]["scope"], "session");
    assert_eq!(known(&server, &format!("/sessions/{other}/memory")), json!({"name": "Jim"}));
    assert_eq!(known(&server, "/users/ann/memory")["name"], "John");
    // What a client has written, no rule writes over.
    server.put("/users/ann/memory/name", json!({"value": "Johanna"})).expect(200);
    assert_eq!(say(&server, &one, "Call me Jo, my name is Jo")["memory"], json!([]));
    assert_eq!(known(&server, "/users/ann/memory")["name"], "Johanna");
}

#[test]
fn what_is_learned_is_an_event_and_can_be_taken_back() {
    let server = Server::start();
    let id = of_ann(&server);
    let asked = json!({"session_id": id, "message": "I'm allergic to nuts", "stream": true, "client_message_id": "k"});
    let events = server.events("POST", "/chat", &[], Some(&asked)).rest();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names[..2], ["turn", "memory"]);
    assert_eq!((&events[1].data["key"], &events[1].data["value"]), (&json!("allergies"), &json!(["nuts"])));
    assert_eq!(server.events("GET", &format!("/sessions/{id}/events"), &[], None).rest(), events);
    server.ask("POST", "/users/ann/memory/allergies/undo", &[], None).expect(200);
    assert_eq!(known(&server, "/users/ann/memory"), json!({}));
    // Sent again it is told again, and not learned again.
    assert_eq!(server.events("POST", "/chat", &[], Some(&asked)).rest(), events);
    assert_eq!(known(&server, "/users/ann/memory"), json!({}));
}

#[test]
fn what_was_learned_from_a_message_goes_with_it() {
    let server = Server::start();
    for (id, memory) in [(of_ann(&server), "/users/ann/memory".to_owned()), {
        let id = server.new_session();
        (id.clone(), format!("/sessions/{id}/memory"))
    }] {
        let asked = json!({"session_id": id, "message": "My name is Sesame", "client_message_id": "k"});
        server.post("/chat", asked.clone()).expect(200);
        say(&server, &id, "I live in Sofia");
        server.delete(&format!("/sessions/{id}/messages/1")).expect(200);
        assert_eq!(known(&server, &memory), json!({"location": "Sofia"}));
        assert!(!server.post("/chat", asked).expect(200).body.contains("\"Sesame\""));
        server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
        assert_eq!(known(&server, &memory), json!({}));
    }
}

#[test]
fn memory_is_off_for_who_wants_it_off() {
    let server = Server::start();
    let id = of_ann(&server);
    server.put("/users/ann/memory/name", json!({"value": "John"})).expect(201);
    let asks = |body: Value| server.post("/chat", body).expect(200).value();
    let ask = |id: &str| asks(json!({"session_id": id, "message": "What's my name? I live in Rome."}));
    let knows = |answer: &Value| answer["response"].as_str().unwrap().contains("John");
    // For one request, for one session, for the user.
    let answer = asks(json!({"session_id": id, "message": "What's my name? I live in Rome.", "context": {"memory": false}}));
    assert!(!knows(&answer) && answer["memory"] == json!([]), "{answer}");
    assert_eq!(server.patch(&format!("/sessions/{id}"), json!({"memory": false})).expect(200).value()["memory"], false);
    let answer = ask(&id);
    assert!(!knows(&answer) && answer["memory"] == json!([]), "{answer}");
    assert_eq!(server.patch("/users/ann", json!({"memory": false})).expect(200).value(), json!({"user_id": "ann", "memory": false}));
    let other = of_ann(&server);
    let answer = ask(&other);
    assert!(!knows(&answer) && answer["memory"] == json!([]), "{answer}");
    assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John"}));
    server.patch("/users/ann", json!({"memory": true})).expect(200);
    assert!(knows(&ask(&of_ann(&server))));
    assert_eq!(server.get("/users/ann").expect(200).value()["memory"], true);
    server.patch("/users/ann", json!({"memory": 1})).expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn a_model_remembers_forgets_and_recalls_within_its_turn() {
    let model = Model::start(|number, _| match number {
        0 => [vec![Step::Text("Let me note that.".into())], call("save_memory", &json!({"key": "dog", "value": {"name": "Rex"}}))].concat(),
        1 => [Step::Text("Noted.".into()), Step::Finish("stop"), Step::Usage(20, 7), Step::Done].to_vec(),
        2 => call("recall", &json!({"query": "rex the dog"})),
        3 => call("delete_memory", &json!({"key": "dog"})),
        4 => call("delete_memory", &json!({"key": "dog"})),
        5 => call("save_memory", &json!({"key": ""})),
        _ => Model::saying("Gone."),
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = of_ann(&server);
    let asked = json!({"session_id": id, "message": "We have a new puppy called Rex", "stream": true});
    let events = server.events("POST", "/chat", &[], Some(&asked)).rest();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["turn", "delta", "memory", "delta", "delta", "usage", "done"]);
    assert_eq!(events[2].data, json!({"action": "saved", "scope": "user", "key": "dog", "value": {"name": "Rex"}, "source": "model"}));
    let done = &events[6].data;
    assert_eq!((&done["message"]["content"], &done["usage"]["total_tokens"]), (&json!("Let me note that.\n\nNoted."), &json!(42)));
    assert_eq!(server.get("/users/ann/memory/dog").expect(200).value()["source"], "model");
    // The history has the answer, and nothing of the calls.
    assert_eq!(server.get(&format!("/sessions/{id}/messages")).expect(200).value()["total"], 2);
    let sent = |number: usize| model.requests()[number].body.clone();
    let names: Vec<String> =
        sent(0)["tools"].as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["save_memory", "delete_memory", "recall"]);
    let results = sent(1)["messages"].clone();
    assert_eq!((&results[1]["content"], &results[2]["content"]), (&json!("Let me note that."), &json!("{\"saved\":true}")));

    let answer = say(&server, &id, "Please forget all about that dog");
    assert_eq!((&answer["response"], &answer["memory"][0]["action"]), (&json!("Gone."), &json!("deleted")));
    assert!(sent(2)["messages"][0]["content"].as_str().unwrap().contains("- dog: {\"name\":\"Rex\"}"), "{}", sent(2));
    let recalled: Value =
        serde_json::from_str(sent(3)["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap()).unwrap();
    assert_eq!((&recalled["memories"][0]["key"], &recalled["messages"][0]["role"]), (&json!("dog"), &json!("user")));
    // Mistakes are answered, and after some rounds it has to do without.
    let last = |number: usize| sent(number)["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    assert!(last(5).contains("nothing is remembered") && last(6).contains("error"), "{} {}", last(5), last(6));
    assert_eq!((&sent(5)["tool_choice"], &sent(6)["tool_choice"]), (&json!(null), &json!("none")));
    assert_eq!(known(&server, "/users/ann/memory"), json!({}));
}

#[test]
fn a_model_that_calls_for_ever_has_to_do_without() {
    let model = Model::start(|number, _| {
        [vec![Step::Text(format!("{number}"))], call("save_memory", &json!({"key": "k", "value": number}))].concat()
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let answer = say(&server, &of_ann(&server), "Count as far as you can");
    assert_eq!((&answer["response"], &answer["message"]["tool_calls"]), (&json!("0\n\n1\n\n2\n\n3\n\n4"), &json!(null)));
    assert_eq!((answer["memory"].as_array().unwrap().len(), model.requests().len()), (4, 5));
}

#[test]
fn everything_can_be_recalled_however_much_there_is() {
    let model = Model::start(|number, _| if number == 0 { call("recall", &json!({"query": "zebra"})) } else { Model::saying("Fine.") });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = of_ann(&server);
    for n in 0..250 {
        server.put(&format!("/users/ann/memory/k{n:03}"), json!({"value": if n == 240 { "zebra" } else { "horse" }})).expect(201);
    }
    say(&server, &id, "Do you recall the zebra?");
    let sent = model.requests()[1].body["messages"].clone();
    let told: Value = serde_json::from_str(sent.as_array().unwrap().last().unwrap()["content"].as_str().unwrap()).unwrap();
    // The question itself is no answer to it.
    assert_eq!((&told["memories"][0]["key"], &told["messages"]), (&json!("k240"), &json!([])));
}

#[test]
fn what_was_known_before_a_message_is_known_again_without_it() {
    let server = Server::start();
    let id = of_ann(&server);
    say(&server, &id, "My name is John");
    let undo = || server.ask("POST", "/users/ann/memory/other/undo", &[("idempotency-key", "k")], None);
    server.put("/users/ann/memory/other", json!({"value": 1})).expect(201);
    undo().expect(200);
    say(&server, &id, "My name is Jim");
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John"}));
    // A key is still good for one change alone.
    server.put("/users/ann/memory/other", json!({"value": 2})).expect(201);
    undo().expect(200);
    assert_eq!(known(&server, "/users/ann/memory")["other"], 2);
}

#[test]
fn what_tools_say_stays_within_the_budget() {
    let model = Model::start(|number, _| if number < 3 { call("recall", &json!({"query": "x"})) } else { Model::saying("Fine.") });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on"), ("CONTEXT_TOKENS", "8000")]);
    let id = of_ann(&server);
    for n in 0..10 {
        server.put(&format!("/users/ann/memory/x{n}"), json!({"value": "y".repeat(60_000)})).expect(201);
    }
    say(&server, &id, "Is there anything that you recall?");
    let sizes: Vec<usize> = model.requests().iter().map(|request| request.body["messages"].to_string().len()).collect();
    assert!(sizes.iter().all(|size| *size < 32_000) && sizes[0] < sizes[3], "{sizes:?}");
}

#[test]
fn who_switches_memory_off_is_heard_at_once_and_everywhere() {
    let model = Model::start(|number, _| match number {
        0 => [vec![Step::Headers, Step::Gate], call("save_memory", &json!({"key": "k", "value": 1}))].concat(),
        2 => call("recall", &json!({"query": "password"})),
        _ => Model::saying("Fine."),
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = of_ann(&server);
    let asked = json!({"session_id": id, "message": "Remember all the things", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    crate::support::eventually("the model is asked", || model.requests().len() == 1);
    server.patch("/users/ann", json!({"memory": false})).expect(200);
    model.open(1);
    assert!(stream.rest().iter().all(|event| event.name != "memory"));
    assert_eq!(known(&server, "/users/ann/memory"), json!({}));
    server.patch("/users/ann", json!({"memory": true})).expect(200);
    // What is said where memory is off, no model recalls.
    server.patch(&format!("/sessions/{id}"), json!({"memory": false})).expect(200);
    server
        .post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": "user", "content": "the password is hunter2"}]}))
        .expect(201);
    let fork = server.post(&format!("/sessions/{id}/fork"), json!({})).expect(201).value();
    assert_eq!(fork["memory"], false);
    say(&server, &of_ann(&server), "What was that about the password?");
    let told = model.requests()[3].body["messages"].to_string();
    assert!(told.contains("memories") && !told.contains("hunter2"), "{told}");
}

#[test]
fn what_is_forgotten_for_good_is_in_no_answer() {
    let server = Server::start();
    let id = of_ann(&server);
    let said = json!({"session_id": server.new_session(), "message": "My name is Sesame", "client_message_id": "k"});
    for memory in [format!("/sessions/{id}/memory"), "/users/ann/memory".to_owned()] {
        let undo = || server.ask("POST", &format!("{memory}/k/undo"), &[("idempotency-key", "undo")], None);
        server.put(&format!("{memory}/k"), json!({"value": "sesame"})).expect(201);
        server.put(&format!("{memory}/k"), json!({"value": 2})).expect(200);
        assert!(undo().expect(200).body.contains("sesame"));
        server.delete(&memory).expect(200);
        assert!(!undo().body.contains("sesame"), "{}", undo().body);
    }
    let other = server.post("/chat", said.clone()).expect(200).value()["session_id"].as_str().unwrap().to_owned();
    server.delete(&format!("/sessions/{other}/memory")).expect(200);
    assert_eq!(server.post("/chat", said).expect(200).value()["memory"][0]["value"], json!(null));
}

#[test]
fn an_id_that_is_used_again_forgets_nothing_of_the_session_before() {
    let server = Server::start();
    let begin = || server.post("/sessions", json!({"session_id": "mine", "user_id": "ann"})).expect(201);
    begin();
    say(&server, "mine", "My name is John");
    server.delete("/sessions/mine").expect(200);
    begin();
    say(&server, "mine", "Good morning to you all");
    server.ask("POST", "/sessions/mine/pop", &[], None).expect(200);
    assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John"}));
}

#[test]
fn the_clients_own_tools_pass_by_ours() {
    let model = Model::start(|number, _| match number {
        0 => vec![
            Step::ToolCall { index: 0, id: "call_a", name: "save_memory", arguments: r#"{"key":"k","value":1}"#.into() },
            Step::ToolCall { index: 1, id: "call_b", name: "weather", arguments: "{}".into() },
            Step::Finish("tool_calls"),
            Step::Done,
        ],
        _ => Model::saying("Fine."),
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = server.new_session();
    let tools = json!([{"type": "function", "function": {"name": "weather"}}]);
    let answer = server.post("/chat", json!({"session_id": id, "message": "How is the weather?", "tools": tools})).expect(200).value();
    assert_eq!(answer["message"]["tool_calls"].as_array().unwrap().len(), 1);
    assert_eq!((&answer["message"]["tool_calls"][0]["id"], &answer["memory"][0]["key"]), (&json!("call_b"), &json!("k")));
    assert_eq!(model.requests()[0].body["tools"].as_array().unwrap().len(), 4);
    server.post("/chat", json!({"session_id": id, "tool_results": [{"tool_call_id": "call_b", "content": "rain"}]})).expect(200);
    // Who has a tool of that name means their own; who demands a call means one of theirs.
    let own = json!([{"type": "function", "function": {"name": "recall"}}]);
    for extra in [json!({"tools": own}), json!({"tools": tools, "tool_choice": "required"}), json!({"context": {"memory": false}})] {
        let mut body = json!({"session_id": id, "message": "How is the weather now?"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        server.post("/chat", body).expect(200);
        let sent = model.requests().last().unwrap().body["tools"].clone();
        assert!(sent.as_array().is_none_or(|sent| sent.len() == 1), "{extra}: {sent}");
    }
}

#[test]
fn a_model_that_takes_no_tools_is_asked_without() {
    let model = Model::start(|_, body| match body["tools"].is_array() {
        true => vec![Step::Status(400, vec![], r#"{"error":{"message":"does not support tools"}}"#.into())],
        false => Model::saying("Fine."),
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = server.new_session();
    assert_eq!(server.say(&id, "Is there anything new?"), "Fine.");
    assert_eq!(model.requests().len(), 2);
    // Tools that the client wants are another matter.
    let tools = json!([{"type": "function", "function": {"name": "weather"}}]);
    server.post("/chat", json!({"session_id": id, "message": "x", "tools": tools})).expect_problem(502, "MODEL_REFUSED");
}

#[test]
fn a_turn_that_is_stopped_amid_its_tools_keeps_what_was_said() {
    let model = Model::start(|number, _| match number {
        0 => [vec![Step::Text("Let me see.".into())], call("recall", &json!({"query": "x"}))].concat(),
        _ => vec![Step::Hang],
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = of_ann(&server);
    let mut stream = server.events("POST", "/chat", &[], Some(&json!({"session_id": id, "message": "What do I like?", "stream": true})));
    assert_eq!(stream.by_ref().take(2).count(), 2);
    crate::support::eventually("the model is asked again", || model.requests().len() == 2);
    let stopped = server.post(&format!("/sessions/{id}/stop"), json!({})).expect(200).value();
    assert_eq!((&stopped["turn"]["status"], &stopped["message"]["content"]), (&json!("stopped"), &json!("Let me see.")));
}

#[test]
fn a_profile_follows_the_user_and_can_be_set() {
    let model = Model::start(|_, _| Model::saying("Fine."));
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let profile = |id: &str| server.get(&format!("/sessions/{id}")).expect(200).value()["profile"].clone();
    assert_eq!(profile(&id), json!({"verbosity": "medium", "tone": "neutral", "depth": "normal"}));
    server.say(&id, "Explain the architecture in detail");
    assert_eq!(profile(&id), json!({"verbosity": "high", "tone": "technical", "depth": "advanced"}));
    let told = model.requests()[0].body["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(told.starts_with("For this user, answer at length and go into technical depth. The tone is technical and precise."), "{told}");
    let set = json!({"profile": {"verbosity": "low", "depth": "normal"}});
    let patched = server.patch(&format!("/sessions/{id}"), set).expect(200).value()["profile"].clone();
    assert_eq!(patched, json!({"verbosity": "low", "tone": "technical", "depth": "normal"}));
    for wrong in [json!({"verbosity": "loud"}), json!({"tone": 1}), json!([])] {
        server.patch(&format!("/sessions/{id}"), json!({"profile": wrong})).expect_problem(400, "VALIDATION_ERROR");
    }
}
