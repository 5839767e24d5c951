//! What a model is told: strategies, budgets, summaries and titles that are made afterwards.

use serde_json::Value;

use crate::support::{
    Server, eventually, json,
    model::{Model, Received, Step},
};

/// Messages that each take some room.
fn fill(server: &Server, id: &str, count: usize) {
    let said = |n: usize| json!({"role": if n.is_multiple_of(2) { "user" } else { "assistant" }, "content": format!("Fact number {n}. {}", "More of it. ".repeat(20))});
    let messages: Vec<Value> = (0..count).map(said).collect();
    server.post(&format!("/sessions/{id}/messages"), json!({"messages": messages})).expect(201);
}

fn spans(context: &Value, list: &str, kind: &str) -> Vec<(u64, u64)> {
    let items = context[list].as_array().unwrap().iter().filter(|item| item["kind"] == kind);
    items.filter_map(|item| Some((item["first_sequence"].as_u64()?, item["last_sequence"].as_u64()?))).collect()
}

#[test]
fn a_context_shows_what_would_be_sent_and_what_was_left_out() {
    let model = Model::start(|_, _| Model::saying("Fine."));
    let server = Server::asking(&model, &[("CONTEXT_TOKENS", r#"{"default":2000,"large":4000}"#), ("MODELS_ALLOWED", "large")]);
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    server.put("/users/ann/memory/name", json!({"value": "John"})).expect(201);
    server.put(&format!("/sessions/{id}/memory/plan"), json!({"value": {"a": [1]}})).expect(201);
    fill(&server, &id, 60);
    let show = |query: &str| server.get(&format!("/sessions/{id}/context?message=What+is+fact+number+3%3F{query}")).expect(200).value();
    for strategy in ["truncate", "summarize", "hierarchical"] {
        for budget in [500, 1000, 2000] {
            let context = show(&format!("&strategy={strategy}&budget={budget}"));
            let tokens = context["tokens"].as_u64().unwrap();
            assert!(
                tokens <= budget && (&context["strategy"], &context["budget_tokens"]) == (&json!(strategy), &json!(budget)),
                "{context}"
            );
            let (latest, left_out) = (spans(&context, "parts", "messages"), spans(&context, "left_out", "messages"));
            assert_eq!((latest[0].1, left_out[0]), (61, (1, latest[0].0 - 1)), "{context}");
            let system = context["messages"][0]["content"].as_str().unwrap();
            assert!(system.contains("- name: John") && system.contains("- plan: {\"a\":[1]}"), "{system}");
            assert_eq!(
                system.contains("From earlier in this conversation:\n- assistant: Fact number 3."),
                strategy == "hierarchical",
                "{strategy} {budget} {context}"
            );
            let why = if strategy == "truncate" { "budget" } else { "summarized" };
            assert_eq!(context["left_out"][0]["why"], why);
        }
    }
    assert_eq!(show("&model=large")["budget_tokens"], 4000);
    assert!(!show("&memory=false").to_string().contains("John"));
    // Exactly that is sent, and looking changes nothing.
    let shown = show("&strategy=hierarchical")["messages"].clone();
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 60);
    let asked = json!({"session_id": id, "message": "What is fact number 3?", "context": {"strategy": "hierarchical"}});
    server.post("/chat", asked).expect(200);
    assert_eq!(model.requests()[0].body["messages"], shown);
    for wrong in ["&strategy=best", "&budget=499", "&budget=2001", "&model=none", "&memory=1"] {
        server.get(&format!("/sessions/{id}/context?message=x{wrong}")).expect_problem(400, "VALIDATION_ERROR");
    }
    for wrong in [json!({"strategy": "best"}), json!({"budget": 1}), json!({"memory": "no"}), json!(1)] {
        server.post("/chat", json!({"session_id": id, "message": "x", "context": wrong})).expect_problem(400, "VALIDATION_ERROR");
    }
    server.get("/sessions/none/context").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn what_is_shown_is_what_is_sent_whatever_the_message_does() {
    let model = Model::start(|_, _| vec![Step::Text("word ".repeat(300)), Step::Finish("stop"), Step::Done]);
    let server = Server::asking(&model, &[("CONTEXT_TOKENS", "500"), ("CONTEXT_STRATEGY", "summarize")]);
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    server.post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": "system", "content": "Be kind."}]})).expect(201);
    let mut asked = 0;
    for message in ["My name is John", "Why though?", "Explain it in detail", "And now for something else"] {
        let query = message.replace(' ', "+");
        let shown = server.get(&format!("/sessions/{id}/context?message={query}")).expect(200).value();
        server.say(&id, message);
        assert_eq!(model.requests()[asked].body["messages"], shown["messages"], "{message}");
        // Nothing is too old, whatever gaps there are.
        assert!(!shown["left_out"].to_string().contains("too_old"), "{shown}");
        // Two summaries follow, of what was said and of what was answered; until then first sentences stand for it.
        eventually("the turn is looked back on", || {
            let now = server.get(&format!("/sessions/{id}/context?message=x")).expect(200).value();
            model.requests().len() == asked + 3 && !now["messages"][0]["content"].as_str().unwrap().contains("\n- assistant: ")
        });
        asked = model.requests().len();
    }
}

#[test]
fn what_is_too_long_ago_is_said_to_be() {
    let server = Server::with(&[("CONTEXT_STRATEGY", "summarize")]);
    let id = server.new_session();
    for _ in 0..2 {
        let many: Vec<Value> = (0..600).map(|n| json!({"role": "user", "content": format!("This is number {n}")})).collect();
        server.post(&format!("/sessions/{id}/messages"), json!({"messages": many})).expect(201);
    }
    let left = || {
        let context = server.get(&format!("/sessions/{id}/context?message=x&budget=500")).expect(200).value();
        let count = |why: &str| {
            let items = context["left_out"].as_array().unwrap().iter().filter(|left| left["why"] == why);
            items.map(|left| left["count"].as_u64().unwrap()).sum::<u64>()
        };
        let shown = context["parts"].as_array().unwrap().last().unwrap()["count"].as_u64().unwrap();
        (count("too_old"), count("too_old") + count("summarized") + shown)
    };
    assert_eq!(left(), (200, 1201));
    server.post("/chat", json!({"session_id": id, "message": "And what about now?", "context": {"budget": 500}})).expect(200);
    // The same when there is a summary of what is looked back on.
    eventually("the summary is there", || {
        let context = server.get(&format!("/sessions/{id}/context?budget=500")).expect(200).value();
        context["left_out"].as_array().unwrap().iter().filter(|left| left["why"] == "summarized").count() == 2
    });
    assert_eq!(left().1, 1203);
}

#[test]
fn no_length_of_a_message_switches_instructions_off() {
    let model = Model::start(|_, _| Model::saying("Fine."));
    let server = Server::asking(&model, &[]);
    for length in [3_000, 3_800, 3_860, 3_990, 50_000] {
        let id = server.new_session();
        server.post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": "system", "content": "Never say no."}]})).expect(201);
        server.post("/chat", json!({"session_id": id, "message": "x ".repeat(length / 2), "context": {"budget": 1000}})).expect(200);
        let sent = model.requests().last().unwrap().body["messages"].clone();
        assert!(sent[0]["content"].as_str().unwrap().contains("Never say no.") && sent.to_string().len() < 4_200, "{length}: {sent:.200}");
    }
}

#[test]
fn a_prompt_says_what_of_the_memory_it_leaves_out() {
    let server = Server::start();
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    for n in 0..210 {
        server
            .put(&format!("/users/ann/memory/k{n}"), json!({"value": if n > 207 { "x".repeat(60_000) } else { "y".to_owned() }}))
            .expect(201);
    }
    let context = server.get(&format!("/sessions/{id}/context?message=x")).expect(200).value();
    let (told, left) = (context["parts"][2]["count"].as_u64().unwrap(), context["left_out"][0]["count"].as_u64().unwrap());
    assert_eq!((told, left, &context["left_out"][0]["kind"]), (200, 10, &json!("user_memory")), "{}", context["parts"]);
}

#[test]
fn a_message_that_is_larger_than_the_budget_loses_its_middle() {
    let model = Model::start(|_, _| Model::saying("Fine."));
    let server = Server::asking(&model, &[]);
    let message = format!("This is the begin {} end", "x".repeat(100_000));
    let asked = json!({"message": message, "context": {"budget": 1000}});
    let answer = server.post("/chat", asked).expect(200).value();
    assert_eq!(answer["user_message"]["content"], json!(message));
    let sent = model.requests()[0].body["messages"][0]["content"].as_str().unwrap().to_owned();
    assert!(
        sent.starts_with("This is the begin ") && sent.ends_with(" end") && sent.contains("shortened") && sent.len() < 4000,
        "{sent:.100}"
    );
}

#[test]
fn a_summary_is_made_after_the_turn_and_stands_for_what_is_long_ago() {
    let model = Model::start(|_, body| {
        let asked = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
        let answer = if asked.starts_with("Write a summary") { "They talk about facts." } else { "Fine." };
        // Without counts of tokens: the budget stays what it is in bytes.
        vec![Step::Text(answer.into()), Step::Finish("stop"), Step::Done]
    });
    let server = Server::asking(&model, &[("CONTEXT_TOKENS", "1000"), ("CONTEXT_STRATEGY", "summarize")]);
    let id = server.new_session();
    fill(&server, &id, 20);
    server.say(&id, "Is this all that there is?");
    let context = || server.get(&format!("/sessions/{id}/context?message=And+what+now%3F")).expect(200).value();
    let system = || context()["messages"][0]["content"].as_str().unwrap().to_owned();
    eventually("the model has made a summary", || system().contains("They talk about facts."));
    let whole = context();
    let (summary, latest) = (spans(&whole, "parts", "summary")[0], spans(&whole, "parts", "messages")[0]);
    assert_eq!((summary.0, summary.1 + 1), (1, latest.0), "neither twice nor not at all: {whole}");
    // It goes on from there, and what is taken back is in no summary.
    let before = model.requests().len();
    fill(&server, &id, 20);
    server.say(&id, "Is this really all that there is?");
    eventually("the model has gone on with its summary", || {
        let told = |request: &Received| {
            request.body["messages"][0]["content"].as_str().unwrap().contains("An earlier summary says:\nThey talk about facts.")
        };
        model.requests()[before..].iter().any(told)
    });
    server.delete(&format!("/sessions/{id}/messages/1")).expect(200);
    assert!(!system().contains("They talk about facts."), "{}", system());
}

#[test]
fn offline_a_summary_is_made_of_first_sentences() {
    let server = Server::with(&[("CONTEXT_TOKENS", "1000"), ("CONTEXT_STRATEGY", "summarize")]);
    let id = server.new_session();
    fill(&server, &id, 40);
    server.say(&id, "Is this all that there is?");
    let system =
        || server.get(&format!("/sessions/{id}/context")).expect(200).value()["messages"][0]["content"].as_str().unwrap().to_owned();
    eventually("the summary is there", || system().contains("- user: Fact number 0."));
    assert!(!system().contains("More of it"), "{}", system());
}

#[test]
fn a_model_makes_the_title_unless_a_person_gave_one() {
    let model = Model::start(|number, body| {
        let asked = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
        match asked.as_str() {
            "Tell me of the broken ones" => vec![Step::Text("Fine.".into()), Step::Finish("stop"), Step::Done],
            title if title.contains("a title") && body.to_string().contains("broken ones") => {
                vec![Step::Status(400, vec![], String::new())]
            }
            title if title.contains("a title") && body.to_string().contains("slow trams") => {
                [vec![Step::Headers, Step::Gate], Model::saying(&format!("Late {number}"))].concat()
            }
            title if title.contains("a title") => Model::saying("\"The Trams of Lisbon\"\n"),
            _ => Model::saying("Fine."),
        }
    });
    let server = Server::asking(&model, &[("MODEL_TITLES", "on")]);
    let title = |id: &str| server.get(&format!("/sessions/{id}")).expect(200).value()["title"].clone();
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    server.say(&id, "Tell me of the trams");
    eventually("the model has made a title", || title(&id) == "The Trams of Lisbon");
    eventually("the list has it", || {
        server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["title"] == "The Trams of Lisbon"
    });
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    assert_eq!(title(&id), json!(null));
    // A title that was made of what is taken back meanwhile comes too late; the next exchange is the first one then.
    let late = server.new_session();
    let is_late = |request: &Received| request.body.to_string().contains("slow trams") && request.body.to_string().contains("a title");
    let asked =
        |count: usize| eventually("a title is being made", || model.requests().iter().filter(|request| is_late(request)).count() == count);
    server.say(&late, "Tell me of the slow trams");
    asked(1);
    server.ask("POST", &format!("/sessions/{late}/pop"), &[], None).expect(200);
    server.say(&late, "Tell me of the slow trams");
    asked(2);
    let last = model.requests().iter().rposition(is_late).unwrap();
    model.open(2);
    eventually("the second title is there", || title(&late) == format!("Late {last}"));
    // What fails leaves the first words; what a person gave stays.
    let broken = server.new_session();
    server.say(&broken, "Tell me of the broken ones");
    let named = server.post("/sessions", json!({"title": "Mine"})).expect(201).text("session_id");
    server.say(&named, "Tell me of the trams");
    let is_asked = |request: &Received| request.body.to_string().contains("broken ones") && request.body.to_string().contains("a title");
    eventually("the title that fails has been asked for", || model.requests().iter().any(is_asked));
    assert_eq!((title(&broken), title(&named)), (json!("Tell me of the broken ones"), json!("Mine")));
}
