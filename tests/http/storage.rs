//! What is on disk: nothing for what was only looked at, and formats that stay readable.

use std::fs;

use serde_json::Value;

use crate::support::{
    Server, eventually, json,
    model::{Model, Step},
    root, sqlite,
};

#[test]
fn looking_at_what_does_not_exist_writes_nothing() {
    let mut server = Server::start();
    server.get("/sessions/nobodys").expect(404);
    server.get("/sessions/nobodys/messages").expect(404);
    server.post("/chat", json!({"session_id": "nobodys", "message": "x"})).expect(404);
    server.patch("/sessions/nobodys", json!({})).expect(404);
    server.delete("/sessions/nobodys").expect(404);
    server.get("/users/nobody/sessions").expect(200);
    server.get("/users/nobody/memory").expect(200);
    server.get("/users/nobody/memory/k").expect(404);
    server.delete("/users/nobody/memory").expect(200);
    server.get("/health?deep=1").expect(200);
    server.kill();
    for class in ["session", "user"] {
        for file in server.databases(class) {
            assert_eq!(sqlite::tables(&file), "", "{class}");
        }
    }
}

#[test]
fn a_session_written_in_format_1_is_still_served_and_brought_up_to_date() {
    let mut server = serve_pinned(1);

    let session = server.get("/sessions/pinned").expect(200).value();
    for (field, value) in [
        ("user_id", json!("John Doe")),
        ("persona", json!("creative_writer")),
        ("title", json!("Tea")),
        ("metadata", json!({"a": 1})),
        ("ttl_seconds", json!(3600)),
        ("message_count", json!(4)),
    ] {
        assert_eq!(session[field], value, "{field} in {session}");
    }
    let messages = server.get("/sessions/pinned/messages").expect(200).value();
    let shown: Vec<_> = messages["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (message["role"].as_str().unwrap(), message["content"].clone()))
        .collect();
    assert_eq!(
        shown,
        [("user", json!("My name is John")), ("assistant", json!(null)), ("tool", json!("saved")), ("assistant", json!("Noted."))]
    );
    assert_eq!(
        messages["messages"][1]["tool_calls"],
        json!([{"id": "call_1", "type": "function", "function": {"name": "save", "arguments": "{\"k\":1}"}}])
    );
    assert_eq!(messages["messages"][0]["metadata"], json!({"from": "web"}));
    assert_eq!(server.say("pinned", "What's my name?"), "Your name is John.");
    server.kill();
    let mut fresh = Server::start();
    fresh.new_session();
    fresh.kill();
    // What every session has; tables that a new one has not yet are as they were in format 7.
    let (migrated, fresh) = (server.databases("session").remove(0), fresh.databases("session").remove(0));
    let shape = sqlite::shape(&migrated);
    assert!(sqlite::shape(&fresh).lines().all(|table| shape.contains(table)), "{shape}");
    assert_eq!(sqlite::tables(&fresh), fixture("session-format-8.schema.sql"));
}

#[test]
fn an_answer_kept_in_format_2_is_still_given() {
    let server = serve_pinned(2);
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k")];
    let said = json!({"session_id": "pinned", "message": "hello"}).to_string();
    let answer = server.ask("POST", "/chat", &keyed, Some(said.as_bytes())).expect(200);
    assert_eq!(answer.text("response"), "Kept.");
    assert_eq!(server.get("/sessions/pinned").expect(200).number("message_count"), 4);
}

#[test]
fn a_turn_that_was_running_in_format_3_is_found_interrupted() {
    let server = serve_pinned(3);
    let session = server.get("/sessions/pinned").expect(200).value();
    assert_eq!((&session["running_turn"], &session["turn_count"]), (&json!(null), &json!(2)));
    assert_eq!(session["usage"], json!({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, "estimated": true}));
    assert_eq!((&session["error_count"], &session["last_error"]["code"]), (&json!(1), &json!("MODEL_TIMEOUT")));
    let messages = server.get("/sessions/pinned/messages").expect(200).value()["messages"].clone();
    let shown: Vec<_> =
        messages.as_array().unwrap().iter().map(|message| (&message["sequence"], &message["content"], &message["cut"])).collect();
    assert_eq!(
        shown,
        [
            (&json!(1), &json!("hello"), &json!(null)),
            (&json!(3), &json!("Hi!"), &json!("length")),
            (&json!(4), &json!("tell me more"), &json!(null)),
            (&json!(5), &json!("Once upon a"), &json!("interrupted")),
        ]
    );
    let versions = server.get("/sessions/pinned/messages/3/versions").expect(200).value()["versions"].clone();
    assert_eq!((&versions[0][0]["content"], &versions[1][0]["content"]), (&json!("Hi!"), &json!("Hello.")));
    let turn = server.get("/sessions/pinned/turns/1").expect(200).value()["turn"].clone();
    assert_eq!((&turn["status"], &turn["kind"], &turn["finish_reason"]), (&json!("done"), &json!("regenerate"), &json!("length")));
    let events: Vec<(u64, String)> = server
        .events("GET", "/sessions/pinned/events?turn=2&after=1000001", &[], None)
        .map(|event| (event.id.unwrap(), event.name))
        .collect();
    assert_eq!(events, [(1_000_002, "delta".into()), (1_001_002, "error".into())]);
    // The request that had begun it runs it again.
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k")];
    let said = json!({"session_id": "pinned", "message": "tell me more"}).to_string();
    let answer = server.ask("POST", "/chat", &keyed, Some(said.as_bytes())).expect(200).value();
    assert_eq!(
        (&answer["user_message"]["sequence"], &answer["message"]["replaces"], &answer["turn"]["turn"]),
        (&json!(4), &json!(5), &json!(3))
    );
}

#[test]
fn what_was_remembered_in_format_4_is_still_known() {
    let server = serve_pinned(4);
    let entry = server.get("/sessions/pinned/memory/city").expect(200).value();
    let message = json!({"session_id": "pinned", "sequence": 1});
    assert_eq!((&entry["value"], &entry["source"], &entry["message"]), (&json!("Sofia"), &json!("rule"), &message));
    assert_eq!(server.get("/sessions/pinned/memory").expect(200).value()["total"], 1);
    let undone =
        |key: &str| server.ask("POST", &format!("/sessions/pinned/memory/{key}/undo"), &[], None).expect(200).value()["entry"].clone();
    assert_eq!((&undone("city")["value"], &undone("gone")["message"]), (&json!("Berlin"), &message));
}

#[test]
fn what_was_remembered_of_a_user_in_format_2_is_still_known() {
    let mut server = Server::start();
    server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
    server.kill();
    rewrite(&server, "user", "user-format-2");
    server.launch();
    assert_eq!(server.get("/users/ann/memory/city").expect(200).text("value"), "Sofia");
}

#[test]
fn what_was_made_of_a_session_in_format_5_is_still_there() {
    let server = serve_pinned(5);
    let session = server.get("/sessions/pinned").expect(200).value();
    let profile = json!({"verbosity": "low", "tone": "casual", "depth": "advanced"});
    assert_eq!((&session["profile"], &session["memory"]), (&profile, &json!(false)));
    let found = server.get("/sessions/pinned/search?q=yellow").expect(200).value();
    assert_eq!((&found["total"], &found["hits"][0]["sequence"]), (&json!(1), &json!(1)));
    let context = server.get("/sessions/pinned/context?strategy=summarize").expect(200).value();
    assert!(context["messages"][0]["content"].as_str().unwrap().contains("The user likes trams."), "{context}");
    assert_eq!(
        context["parts"][2],
        json!({"kind": "summary", "count": 1, "tokens": context["parts"][2]["tokens"], "first_sequence": 1, "last_sequence": 2})
    );
    server.ask("POST", "/sessions/pinned/pop", &[], None).expect(200);
    assert_eq!(server.get("/sessions/pinned/search?q=red").expect(200).value()["total"], 0);
    // The title was made of what goes now.
    server.delete("/sessions/pinned/messages/1").expect(200);
    assert_eq!(server.get("/sessions/pinned").expect(200).value()["title"], json!(null));
}

#[test]
fn a_session_of_an_older_format_begins_for_the_counters_when_it_is_written_to() {
    let server = serve_pinned(5);
    server.get("/sessions/pinned").expect(200);
    let sessions = |server: &Server| server.get("/sessions/stats").expect(200).value();
    eventually("the one that was replaced is counted", || sessions(&server)["sessions"]["created"] == 1);
    server.ask("POST", "/sessions/pinned/renew", &[], None).expect(200);
    eventually("both are", || sessions(&server)["sessions"]["created"] == 2);
    assert_eq!(sessions(&server)["messages"], 3);
}

#[test]
fn a_deletion_of_format_6_can_be_taken_back_and_its_report_is_sent() {
    let server = serve_pinned(6);
    server.get("/sessions/pinned").expect_problem(404, "SESSION_NOT_FOUND");
    server.ask("POST", "/sessions/pinned/restore", &[], None).expect(200);
    let session = server.get("/sessions/pinned").expect(200).value();
    assert_eq!((&session["created_from"], &session["query_count"]), (&json!("import"), &json!(7)));
    let context = session["context"].clone();
    assert_eq!((&context["last_agent_used"], &context["last_execution_time"]), (&json!("creative_writer"), &json!(2.0)));
    let counted = || server.get("/sessions/stats").expect(200).value()["by_model"]["some-model"]["turns"].clone();
    eventually("the report is sent", || counted() == 6);
}

#[test]
fn a_turn_that_was_running_in_format_7_is_found_interrupted_and_the_one_before_it_is_still_told() {
    let server = serve_pinned(7);
    let told = |query: &str| -> Vec<(u64, String)> {
        let events = server.events("GET", &format!("/sessions/pinned/events?{query}"), &[], None);
        events.map(|event| (event.id.unwrap(), event.name)).collect()
    };
    assert_eq!(told("turn=2&after=1000001"), [(1_001_001, "error".into())]);
    let names = [(0, "turn"), (1, "delta"), (2, "delta"), (3, "usage"), (1003, "done")];
    assert_eq!(told("turn=1"), names.map(|(id, name)| (id, name.to_owned())));
    let session = server.get("/sessions/pinned").expect(200).value();
    assert_eq!((&session["running_turn"], &session["message_count"]), (&json!(null), &json!(4)));
    let turn = server.get("/sessions/pinned/turns/2").expect(200).value();
    assert_eq!((&turn["turn"]["status"], &turn["message"]["content"]), (&json!("interrupted"), &json!("Once upon")));
    // The request that had begun it runs it again.
    let keyed = [("content-type", "application/json"), ("idempotency-key", "k")];
    let said = json!({"session_id": "pinned", "message": "tell me more"}).to_string();
    let answer = server.ask("POST", "/chat", &keyed, Some(said.as_bytes())).expect(200).value();
    assert_eq!(
        (&answer["user_message"]["sequence"], &answer["message"]["replaces"], &answer["turn"]["turn"]),
        (&json!(3), &json!(4), &json!(3))
    );
}

#[test]
fn tables_that_a_session_of_format_8_lacks_are_made_when_they_are_needed() {
    let mut server = serve_pinned(8);
    for path in ["", "/messages", "/memory", "/messages/2/versions", "/turns/1", "/context", "/export?format=json"] {
        server.get(&format!("/sessions/pinned{path}")).expect(200);
    }
    server.get("/sessions/pinned/memory/k").expect_problem(404, "MEMORY_NOT_FOUND");
    server.delete("/sessions/pinned/memory/k").expect_problem(404, "MEMORY_NOT_FOUND");
    server.kill();
    assert_eq!(sqlite::tables(&server.databases("session")[0]), fixture("session-format-8.schema.sql"));
    server.launch();
    assert_eq!(server.get("/sessions/pinned/search?q=trams").expect(200).value()["total"], 1);
    server.put("/sessions/pinned/memory/k", json!({"value": 1})).expect(201);
    assert_eq!(server.get("/sessions/pinned/memory/k").expect(200).value()["value"], 1);
    let said = json!({"session_id": "pinned", "message": "And of the ferries?", "client_message_id": "key"});
    let answers = [(); 2].map(|()| server.post("/chat", said.clone()).expect(200).text("response"));
    assert_eq!(answers[0], answers[1]);
    server.ask("POST", "/sessions/pinned/regenerate", &[], None).expect(200);
    assert_eq!(server.get("/sessions/pinned/messages/5/versions").expect(200).value()["versions"].as_array().unwrap().len(), 2);
    server.delete("/sessions/pinned/messages/1").expect(200);
    assert_eq!(server.get("/sessions/pinned/search?q=trams").expect(200).value()["total"], 0);
    server.kill();
    let all = fixture("session-format-7.schema.sql");
    let is_unused = |line: &str| ["event", "summary", "unshared"].iter().any(|name| line.starts_with(&format!("CREATE TABLE {name} ")));
    let made: Vec<&str> = all.lines().filter(|line| !is_unused(line)).collect();
    assert_eq!(sqlite::tables(&server.databases("session")[0]), made.join("\n"));
    server.launch();
    server.delete("/sessions/pinned").expect(200);
}

#[test]
fn tables_that_a_user_of_format_6_lacks_are_made_when_they_are_needed() {
    let mut server = Server::start();
    server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
    server.kill();
    rewrite(&server, "user", "user-format-6");
    server.launch();
    let total = |path: &str| server.get(&format!("/users/ann/{path}")).expect(200).value()["total"].clone();
    assert_eq!((total("memory"), total("search?q=tea")), (json!(0), json!(0)));
    assert_eq!(server.get("/users/ann").expect(200).value()["memory"], true);
    let list = server.get("/users/ann/sessions").expect(200).value();
    assert_eq!((&list["sessions"][0]["title"], &list["sessions"][0]["last_message"]), (&json!("Tea"), &json!(null)));
    server.patch("/users/ann", json!({"memory": true})).expect(200);
    server.delete("/users/ann/memory").expect(200);
    server.kill();
    assert_eq!(sqlite::tables(&server.databases("user")[0]), fixture("user-format-6.schema.sql"));
    server.launch();
    server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
    server.put("/users/ann/memory/k", json!({"value": 2})).expect(200);
    server.ask("POST", "/users/ann/memory/k/undo", &[("idempotency-key", "k")], None).expect(200);
    server.patch("/users/ann", json!({"memory": false})).expect(200);
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    server
        .post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": "user", "content": "The marker is sesame"}]}))
        .expect(201);
    let total = |path: &str| server.get(&format!("/users/ann/{path}")).expect(200).value()["total"].clone();
    assert_eq!((total("memory"), total("search?q=sesame")), (json!(1), json!(1)));
    server.kill();
    let all = fixture("user-format-5.schema.sql");
    let made: Vec<&str> = all.lines().filter(|line| !line.starts_with("CREATE TABLE erasure ")).collect();
    assert_eq!(sqlite::tables(&server.databases("user")[0]), made.join("\n"));
    server.launch();
    let receipt = server.delete("/users/ann").expect(200).value();
    assert_eq!((&receipt["sessions"], &receipt["messages"], &receipt["memories"]), (&json!(2), &json!(1), &json!(1)), "{receipt}");
}

#[test]
fn answers_that_format_5_kept_lose_what_was_remembered_in_them() {
    let mut server = serve_pinned(5);
    server.kill();
    let file = server.databases("session").remove(0);
    rewrite(&server, "session", "session-format-5");
    let kept = r#"{"ok":{"model":"m","memory":[{"is_of_user":true,"key":"name","value":"\"Sesame\"","source":"rule"}]}}"#;
    sqlite::run(&file, &format!("insert into answer values ('k', 'p', '{kept}'), ('turn', 'p', '{{\"turn\":3}}')"));
    server.launch();
    server.get("/sessions/pinned").expect(200);
    server.kill();
    let count = |condition: &str| sqlite::count(&file, &format!("answer where {condition}"));
    assert_eq!((count("answer like '%Sesame%'"), count(r#"answer = '{"ok":{"model":"m"}}'"#)), (0, 1));
    assert_eq!(count(r#"answer = '{"turn":3}'"#), 1);
}

#[test]
fn what_a_user_wants_and_has_said_in_format_3_is_still_known() {
    let mut server = Server::start();
    server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
    server.kill();
    rewrite(&server, "user", "user-format-3");
    server.launch();
    assert_eq!(server.get("/users/ann").expect(200).value(), json!({"user_id": "ann", "memory": false}));
    let found = server.get("/users/ann/search?q=oolong").expect(200).value();
    assert_eq!((&found["hits"][0]["session_id"], &found["total"]), (&json!("listed"), &json!(1)));
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["memory"], json!(false));
}

#[test]
fn what_a_user_object_was_about_to_end_in_any_shape_of_format_4_is_ended() {
    // The last as version 0.6 made it format 5, which took it for the first.
    let taken = "create table behind (session_id text primary key) strict, without rowid; update format set version = 5";
    let stored = ["user-format-4", "user-format-4-documents", "user-format-4-unnumbered", "user-format-4-documents"];
    let mut number = 0;
    let shapes = stored.map(|stored| {
        number += 1;
        let mut server = Server::start();
        server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
        server.kill();
        rewrite(&server, "user", stored);
        sqlite::run(&server.databases("user")[0], if number == 4 { taken } else { "" });
        server.launch();
        let list = server.get("/users/ann/sessions").expect(200).value();
        let ids: Vec<&str> = list["sessions"].as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap()).collect();
        assert_eq!((ids, &list["sessions"][0]["last_message"]["sequence"]), (vec!["listed"], &json!(1)), "{stored}");
        assert_eq!(server.get("/users/ann/search?q=oolong").expect(200).value()["total"], 1, "{stored}");
        server.kill();
        let shape = sqlite::shape(&server.databases("user")[0]);
        server.launch();
        // The erasure goes on where it was.
        server.put("/users/ann/memory/k", json!({"value": 1})).expect_problem(503, "UNAVAILABLE");
        let receipt = server.delete("/users/ann").expect(200).value();
        // One is a place for a session that never began.
        assert_eq!((&receipt["sessions"], &receipt["messages"], &receipt["memories"]), (&json!(4), &json!(2), &json!(3)), "{receipt}");
        shape
    });
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:#?}");
}

#[test]
fn sessions_that_were_behind_in_format_5_keep_their_places_and_are_waited_for() {
    let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "2"), ("SESSION_LIMIT_POLICY", "reject")]);
    for id in ["goes on", "listed"] {
        server.post("/sessions", json!({"user_id": "ann", "session_id": id, "title": "Told late"})).expect(201);
    }
    server.kill();
    rewrite(&server, "user", "user-format-5");
    server.launch();
    let list = server.get("/users/ann/sessions").expect(200).value()["sessions"].clone();
    let shown: Vec<(&Value, &Value)> = list.as_array().unwrap().iter().map(|session| (&session["session_id"], &session["title"])).collect();
    assert_eq!(shown, ["listed", "goes on"].map(|id| (json!(id), json!("Told late"))).each_ref().map(|(id, title)| (id, title)));
    server.post("/sessions", json!({"user_id": "ann"})).expect_problem(409, "SESSION_LIMIT");
}

/// A server whose only session, `pinned`, was written in `format`.
fn serve_pinned(format: u32) -> Server {
    let mut server = Server::start();
    server.post("/sessions", json!({"session_id": "pinned"})).expect(201);
    server.kill();
    rewrite(&server, "session", &format!("session-format-{format}"));
    server.launch();
    server
}

#[test]
fn a_users_list_written_in_format_1_is_still_served() {
    let mut server = Server::start();
    server.post("/sessions", json!({"session_id": "replaced", "user_id": "ann"})).expect(201);
    server.kill();
    assert_eq!(sqlite::tables(&server.databases("user")[0]), fixture("user-format-6.schema.sql"));
    rewrite(&server, "user", "user-format-1");
    server.launch();

    // The first call may fail, the next finds the tables all the same.
    server.get("/users/ann/memory/k").expect(404);
    server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
    let list = server.get("/users/ann/sessions").expect(200).value();
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1, "{list}");
    let session = &list["sessions"][0];
    assert_eq!((&session["session_id"], &session["title"], &session["metadata"]), (&json!("listed"), &json!("Tea"), &json!({"a": 1})));
}

#[test]
fn a_users_list_is_brought_up_to_date_also_after_a_change_that_is_refused() {
    let mut server = Server::start();
    server.put("/users/ann/memory/k", json!({"value": 1})).expect(201);
    server.kill();
    rewrite(&server, "user", "user-format-3");
    server.launch();
    server.delete("/users/ann/memory/nothing").expect_problem(404, "MEMORY_NOT_FOUND");
    server.get("/users/ann/sessions").expect(200);
}

#[test]
fn copies_that_a_crash_has_left_behind_are_made_good_by_the_next_call() {
    let mut server = Server::start();
    server.post("/sessions", json!({"session_id": "s", "user_id": "ann"})).expect(201);
    server.post("/sessions", json!({"session_id": "keeps the table", "user_id": "ann"})).expect(201);
    let ids = |server: &Server, path: &str| server.get(path).expect(200).value()["sessions"].as_array().unwrap().len();
    eventually("both are indexed", || ids(&server, "/sessions") == 2);
    assert_eq!(ids(&server, "/users/ann/sessions"), 2);
    server.kill();
    // As if the process had died before the copies were written.
    for file in server.databases("session") {
        sqlite::run(&file, "update session set listed_revision = 0, indexed_at = 0 where id = 's'");
    }
    sqlite::run(&server.databases("user")[0], "delete from session where id = 's'");
    server.launch();
    assert_eq!(ids(&server, "/users/ann/sessions"), 1);

    server.get("/sessions/s").expect(200);
    eventually("the list is made good", || ids(&server, "/users/ann/sessions") == 2);
    // A client that creates it again must see it at once.
    server.kill();
    for file in server.databases("session") {
        sqlite::run(&file, "update session set listed_revision = 0 where id = 's'");
    }
    sqlite::run(&server.databases("user")[0], "delete from session where id = 's'");
    server.launch();
    server.post("/sessions", json!({"session_id": "s", "user_id": "ann"})).expect(200);
    assert_eq!(ids(&server, "/users/ann/sessions"), 2);
}

#[test]
fn a_long_answer_takes_few_rows() {
    const TOKENS: usize = 2000;
    const TOKEN: &str = "token ";
    // 2 KiB of text to a row, the last events, and one that was due because of its age.
    let rows = (TOKENS * TOKEN.len()).div_ceil(2048) + 2;
    let token = json!({"choices": [{"delta": {"content": TOKEN}}]});
    let tokens = format!("data: {token}\n\n").repeat(TOKENS).into_bytes();
    let model = Model::start(move |_, _| vec![Step::Raw(tokens.clone()), Step::Finish("stop"), Step::Done]);
    let mut server = Server::asking(&model, &[]);
    let id = server.new_session();
    let written = |server: &Server| usize::try_from(server.rows_written()).unwrap();
    let before = written(&server);
    let asked = json!({"session_id": id, "message": "Say a lot", "client_message_id": "k", "stream": true});
    // Everybody is told token by token all the same.
    assert_eq!(server.events("POST", "/chat", &[], Some(&asked)).rest().len(), TOKENS + 3);
    let written = written(&server) - before;
    assert!(written <= rows + 12, "{written} rows were written");
    server.kill();
    let file = server.databases("session").remove(0);
    let kept = sqlite::count(&file, "event");
    assert!(kept <= rows, "{kept} rows of events are kept");
    assert_eq!(["session", "turn", "message", "answer", "sibling"].map(|table| sqlite::rows(&file, table)), [1, 1, 2, 1, 0]);
}

#[test]
fn a_later_turn_writes_five_rows() {
    let server = Server::start();
    let ann = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    for id in [server.new_session(), ann] {
        (0..3).for_each(|_| drop(server.say(&id, "Something about trams")));
        let before = server.costs();
        server.say(&id, "And something about ferries");
        let after = server.costs();
        let written: Vec<(&str, u64)> = after
            .iter()
            .map(|(what, count)| (what.as_str(), count - before.get(what).unwrap_or(&0)))
            .filter(|(what, count)| what.starts_with("rows:") && *count > 0)
            .collect();
        assert_eq!(written, [("rows:message", 2), ("rows:session", 2), ("rows:turn", 1)]);
    }
}

#[test]
fn the_events_of_turns_outlive_the_process_wherever_they_are_kept() {
    // The end of a turn tells the whole answer: two of them fit into the session's row.
    let model = Model::start(|number, _| Model::saying(&format!("Sesame{number} {}", "word ".repeat(5000))));
    let mut server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let id = server.new_session();
    let asked = json!({"session_id": id, "message": "Say a lot", "stream": true});
    let told: Vec<Vec<(Option<u64>, String)>> = (0..4)
        .map(|_| server.events("POST", "/chat", &[], Some(&asked)).map(|event| (event.id, event.name + &event.data.to_string())).collect())
        .collect();
    server.kill();
    let file = server.databases("session").remove(0);
    let kept = |place: &str| sqlite::count(&file, place);
    assert_eq!(kept("session where recent_events like '%Sesame1%' and recent_events not like '%Sesame2%'"), 1);
    assert_eq!(kept("event where events like '%\"done\"%'"), 2);
    server.launch();
    for (number, told) in (1..).zip(&told) {
        let again = server.events("GET", &format!("/sessions/{id}/events?turn={number}"), &[], None);
        // The first says how the turn stood then.
        let again: Vec<(Option<u64>, String)> = again.map(|event| (event.id, event.name + &event.data.to_string())).collect();
        assert!(&again == told, "turn {number}");
    }
    // What goes from the history goes from there, too.
    server.delete(&format!("/sessions/{id}/messages/2")).expect(200);
    server.kill();
    assert_eq!((kept("session where recent_events <> '[]'"), kept("event")), (0, 0));
}

/// Puts the tables of `format` and its rows in place of those of the only object of `class`.
fn rewrite(server: &Server, class: &str, format: &str) {
    let [file] = server.databases(class).try_into().expect("one object");
    sqlite::drop_tables(&file);
    sqlite::run(&file, &fixture(&format!("{format}.schema.sql")));
    sqlite::run(&file, &fixture(&format!("{format}.sql")));
}

fn fixture(name: &str) -> String {
    fs::read_to_string(root().join("tests/http/fixtures").join(name)).unwrap().trim().to_owned()
}
