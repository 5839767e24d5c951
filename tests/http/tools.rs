//! Tools: offered to the model, called by it, answered by the client.

use serde_json::Value;

use crate::{
    models::{contents, serve, text},
    support::{
        json,
        model::{Model, Step},
    },
};

#[test]
fn results_that_are_larger_than_a_prompt_are_shortened_and_never_left_out() {
    let model = Model::start(|_, _| Model::saying("ok"));
    let server = serve(&model, &[]);
    let id = server.new_session();
    let call = |n: usize| json!({"id": format!("c{n}"), "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let calls: Vec<Value> = (0..6).map(call).collect();
    let asked = json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": null, "tool_calls": calls}]});
    server.post(&format!("/sessions/{id}/messages"), asked).expect(201);
    let result = |n: usize| json!({"tool_call_id": format!("c{n}"), "content": "y".repeat(250 * 1024), "role": "tool"});
    for n in 0..5 {
        server.post(&format!("/sessions/{id}/messages"), json!({"messages": [result(n)]})).expect(201);
    }
    server.post("/chat", json!({"session_id": id, "tool_results": [result(5)]})).expect(200);
    let sent = model.requests()[0].body["messages"].clone();
    let roles: Vec<&str> = contents(&sent).iter().map(|(role, _)| *role).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "tool", "tool", "tool", "tool"]);
    assert!(sent[7]["content"].as_str().unwrap().contains("shortened") && sent.to_string().len() < 1100 * 1024);
}

#[test]
fn tools_go_to_the_model_and_their_calls_come_back() {
    let tools = json!([{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]);
    let model = Model::start(|number, _| match number {
        0 => vec![
            Step::ToolCall { index: 0, id: "call_a", name: "weather", arguments: "{\"city\":".into() },
            Step::ToolCall { index: 0, id: "", name: "", arguments: "\"Köln\"}".into() },
            Step::ToolCall { index: 1, id: "call_b", name: "weather", arguments: "{}".into() },
            Step::Finish("tool_calls"),
            Step::Done,
        ],
        _ => Model::saying("It rains."),
    });
    let server = serve(&model, &[]);
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "How is the weather?", "tools": tools, "tool_choice": "auto", "stream": true});
    let events = server.events("POST", "/chat", &[], Some(&asked)).rest();
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["turn", "tool_call", "tool_call", "usage", "done"]);
    let call = json!({"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Köln\"}"}});
    assert_eq!((&events[1].data, &events[4].data["finish_reason"]), (&call, &json!("tool_calls")));
    assert_eq!(events[4].data["message"]["tool_calls"][0], call);
    assert_eq!((&model.requests()[0].body["tools"], &model.requests()[0].body["tool_choice"]), (&tools, &json!("auto")));

    // An unknown result is refused whole, with its index.
    let wrong = json!({"session_id": id, "tool_results": [{"tool_call_id": "call_a", "content": "rain"}, {"tool_call_id": "call_x", "content": "x"}]});
    let refused = server.post("/chat", wrong).expect_problem(422, "UNPAIRED_TOOL_RESULT");
    assert_eq!(refused.value()["errors"][0]["field"], "tool_results[1].tool_call_id");
    server.post("/chat", json!({"session_id": id, "tool_results": []})).expect_problem(400, "VALIDATION_ERROR");
    // What is missing is closed with a stub.
    let results = json!({"session_id": id, "tool_results": [{"tool_call_id": "call_b", "content": "rain"}]});
    assert_eq!(server.post("/chat", results).expect(200).text("response"), "It rains.");
    assert_eq!(server.say(&id, "Thanks"), "It rains.");
    let sent = model.requests()[2].body["messages"].clone();
    let roles: Vec<&str> = sent.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "assistant", "user"]);
    assert_eq!((&sent[2]["tool_call_id"], &sent[3]["tool_call_id"]), (&json!("call_b"), &json!("call_a")));
}

#[test]
fn a_tool_call_that_was_cut_off_is_never_stored() {
    let piece = || Step::ToolCall { index: 0, id: "call_a", name: "f", arguments: "{\"a\": [1, ".into() };
    for ending in [vec![Step::Cut], vec![Step::Finish("length"), Step::Done]] {
        let model = Model::start(move |number, _| match number {
            0 => [vec![text("Let me see. "), piece()], ending.clone()].concat(),
            _ => Model::saying("Better."),
        });
        let server = serve(&model, &[]);
        let id = server.new_session();
        server.post("/chat", json!({"session_id": id, "message": "x"}));
        let messages = server.get(&format!("/sessions/{id}/messages")).expect(200).value()["messages"].clone();
        assert_eq!((messages[1]["content"].as_str(), &messages[1]["tool_calls"]), (Some("Let me see. "), &json!(null)), "{messages}");
        assert_eq!(server.say(&id, "Again"), "Better.");
    }
}
