//! What is removed is gone from wherever it went: titles, memories, kept answers, what could be taken back.

use std::thread;

use serde_json::Value;

use crate::{
    export::{export, import},
    learning::{call, known, of_ann, say},
    support::{
        Server, eventually, json,
        model::{Model, Step},
        sqlite,
    },
    users::begin,
};

#[test]
fn a_title_goes_with_the_exchange_that_it_was_made_of_and_no_other() {
    let server = Server::start();
    let id = server.new_session();
    let title = || server.get(&format!("/sessions/{id}")).expect(200).value()["title"].clone();
    let keyed = json!({"session_id": id, "message": "Open Sesame and let us in", "client_message_id": "k"});
    server.post("/chat", keyed.clone()).expect(200);
    say(&server, &id, "And now for something quite different");
    say(&server, &id, "And a third thing to talk about");
    assert_eq!(title(), "Open Sesame and let us in");
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    server.delete(&format!("/sessions/{id}/messages/3")).expect(200);
    assert_eq!(title(), "Open Sesame and let us in");
    // An answer that is kept has the title of its time.
    server.patch(&format!("/sessions/{id}"), json!({"title": "Mine"})).expect(200);
    server.delete(&format!("/sessions/{id}/messages/1")).expect(200);
    let again = server.post("/chat", keyed).expect(200);
    assert!(!again.body.contains("Sesame"), "{}", again.body);
    assert_eq!(title(), "Mine");

    let id = server.new_session();
    say(&server, &id, "Open Sesame and let us in");
    server.delete(&format!("/sessions/{id}/messages/2")).expect(200);
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).value()["title"], json!(null));
}

#[test]
fn what_was_learned_before_an_import_goes_with_its_message() {
    let server = Server::start();
    let id = server.new_session();
    say(&server, &id, "My name is John");
    say(&server, &id, "Sorry, my name is Jim");
    let file = export(&server, &id, "json").body;
    server.delete(&format!("/sessions/{id}")).expect(200);
    let id = import(&server, "", &file).expect(201).text("session_id");
    let memory = format!("/sessions/{id}/memory");
    assert_eq!(known(&server, &memory), json!({"name": "Jim"}));
    server.delete(&format!("/sessions/{id}/messages/3")).expect(200);
    assert_eq!(known(&server, &memory), json!({}));
}

#[test]
fn what_a_rule_and_the_model_learn_from_one_message_is_one_change() {
    let model = Model::start(|number, _| match number {
        1 | 4 => call("save_memory", &json!({"key": "name", "value": "Jimmy"})),
        _ => Model::saying("Fine."),
    });
    let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
    let id = of_ann(&server);
    let learn = || {
        say(&server, &id, "Well, my name is Jim");
        assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "Jimmy"}));
    };
    say(&server, &id, "Hello, my name is John");
    learn();
    server.ask("POST", "/users/ann/memory/name/undo", &[], None).expect(200);
    assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John"}));
    say(&server, &id, "What was it again that I said?");
    learn();
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John"}));
}

#[test]
fn what_a_users_memory_forgets_for_good_is_in_no_kept_answer() {
    let server = Server::start();
    let id = of_ann(&server);
    let keyed = json!({"session_id": id, "message": "My name is Sesame", "client_message_id": "k"});
    let first = server.post("/chat", keyed.clone()).expect(200).value();
    assert_eq!(first["memory"][0]["value"], "Sesame");
    // The session's own memory is another.
    server.delete(&format!("/sessions/{id}/memory")).expect(200);
    assert_eq!(server.post("/chat", keyed.clone()).expect(200).value(), first);
    server.delete("/users/ann/memory").expect(200);
    let again = server.post("/chat", keyed).expect(200).value();
    assert_eq!((&again["message"], &again["memory"][0]["key"]), (&first["message"], &json!("name")));
    assert_eq!(again["memory"][0]["value"], Value::Null);
}

#[test]
fn an_answer_too_large_for_a_row_tells_what_was_learned_until_that_is_forgotten() {
    let model = Model::start(|_, _| Model::saying(&format!("{} ", "\u{1}".repeat(4095)).repeat(64)));
    let mut server = Server::asking(&model, &[]);
    for is_anns in [true, false] {
        let new = |server: &Server| if is_anns { of_ann(server) } else { server.new_session() };
        let (id, other) = (new(&server), new(&server));
        let said = format!("My name is Sesame.\n{}", "\u{1}".repeat(120_000));
        let keyed = json!({"session_id": id, "message": said, "client_message_id": "k"});
        let ask = |server: &Server| server.post("/chat", keyed.clone()).expect(200).value();
        let first = ask(&server);
        assert_eq!(first["memory"][0]["value"], "Sesame");
        server.kill();
        server.launch();
        assert!(ask(&server) == first, "{}", ask(&server)["memory"]);
        let memory = if is_anns { "/users/ann/memory".to_owned() } else { format!("/sessions/{id}/memory") };
        server.delete(&memory).expect(200);
        let again = ask(&server);
        assert_eq!((&again["memory"][0]["key"], &again["memory"][0]["value"]), (&json!("name"), &Value::Null));

        let keyed = json!({"session_id": other, "message": said, "client_message_id": "k"});
        server.post("/chat", keyed.clone()).expect(200);
        server.delete(&format!("/sessions/{other}/messages/1")).expect(200);
        assert_eq!(server.post("/chat", keyed).expect(200).value()["memory"], json!([]));
        server.kill();
        for file in server.databases("session") {
            assert_eq!(sqlite::rows(&file, "answer"), 1);
            assert_eq!(sqlite::count(&file, "answer where answer like '%Sesame%'"), 0);
        }
        server.launch();
    }
}

#[test]
fn what_was_deleted_and_whose_message_is_removed_cannot_be_brought_back() {
    let server = Server::start();
    for (id, memory) in [(of_ann(&server), "/users/ann/memory".to_owned()), {
        let id = server.new_session();
        (id.clone(), format!("/sessions/{id}/memory"))
    }] {
        say(&server, &id, "My name is Sesame");
        server.delete(&format!("{memory}/name")).expect(200);
        server.delete(&format!("/sessions/{id}/messages/1")).expect(200);
        server.ask("POST", &format!("{memory}/name/undo"), &[], None).expect_problem(404, "MEMORY_NOT_FOUND");
    }
}

#[test]
fn no_tool_of_ours_works_once_the_session_wants_no_memory() {
    for (name, arguments) in
        [("save_memory", json!({"key": "k", "value": 1})), ("delete_memory", json!({"key": "name"})), ("recall", json!({"query": "John"}))]
    {
        for switch in ["session", "user"] {
            let arguments = arguments.clone();
            let model = Model::start(move |number, _| match number {
                0 => [vec![Step::Headers, Step::Gate], call(name, &arguments)].concat(),
                _ => Model::saying("Fine."),
            });
            let server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
            let id = of_ann(&server);
            server.put("/users/ann/memory/name", json!({"value": "John"})).expect(201);
            let asked = json!({"session_id": id, "message": "Remember all the things", "stream": true});
            let mut stream = server.events("POST", "/chat", &[], Some(&asked));
            stream.next().unwrap();
            eventually("the model is asked", || model.requests().len() == 1);
            let path = if switch == "user" { "/users/ann".to_owned() } else { format!("/sessions/{id}") };
            server.patch(&path, json!({"memory": false})).expect(200);
            model.open(1);
            assert!(stream.rest().iter().all(|event| event.name != "memory"), "{name} {switch}");
            let told = model.requests()[1].body["messages"].as_array().unwrap().last().unwrap()["content"].clone();
            assert!(told.as_str().unwrap().contains("wants nothing remembered"), "{name} {switch}: {told}");
            assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John"}));
        }
    }
}

#[test]
fn what_a_turn_teaches_a_memory_that_is_emptied_meanwhile_is_not_kept() {
    let model = Model::start(|_, _| [vec![Step::Headers, Step::Gate], Model::saying("Fine.")].concat());
    let server = Server::asking(&model, &[]);
    let keyed = json!({"session_id": of_ann(&server), "message": "My name is Sesame", "client_message_id": "k"});
    let ask = || server.post("/chat", keyed.clone()).expect(200).value()["memory"][0]["value"].clone();
    thread::scope(|scope| {
        let first = scope.spawn(ask);
        eventually("the model is asked", || model.requests().len() == 1);
        server.delete("/users/ann/memory").expect(200);
        model.open(1);
        assert_eq!(first.join().unwrap(), "Sesame");
    });
    assert_eq!(ask(), Value::Null);
}

#[test]
fn what_is_forgotten_while_a_turn_runs_is_in_no_event_of_it_later() {
    for (user, count, crashes) in
        [("ann", 1, false), ("ann", 500, false), ("ann", 500, true), ("", 1, false), ("", 500, false), ("", 500, true)]
    {
        // What is long is stored at once, what is short with the end.
        let value = "Sesame ".repeat(count);
        let model = Model::start(move |number, _| match number {
            0 => call("save_memory", &json!({"key": "k", "value": value})),
            _ => [vec![Step::Headers, Step::Gate], Model::saying("Fine.")].concat(),
        });
        let mut server = Server::asking(&model, &[("MODEL_TOOLS", "on")]);
        let id = if user.is_empty() { server.new_session() } else { of_ann(&server) };
        let asked = json!({"session_id": id, "message": "Remember the magic word", "stream": true});
        let mut stream = server.events("POST", "/chat", &[], Some(&asked));
        assert!(stream.any(|event| event.name == "memory" && event.data.to_string().contains("Sesame")));
        eventually("the model is asked again", || model.requests().len() == 2);
        let memory = if user.is_empty() { format!("/sessions/{id}/memory") } else { format!("/users/{user}/memory") };
        server.delete(&memory).expect(200);
        if crashes {
            server.kill();
            server.launch();
        } else {
            model.open(1);
            stream.rest();
        }
        let events = server.events("GET", &format!("/sessions/{id}/events?turn=1"), &[], None).rest();
        let told: Vec<&Value> = events.iter().filter(|event| event.name == "memory").map(|event| &event.data["value"]).collect();
        assert_eq!(told, [&Value::Null], "{user} {count} {crashes}");
        server.kill();
        let stored = sqlite::rows(&server.databases("session")[0], "event where events like '%Sesame%'");
        assert_eq!(stored, 0, "{user} {count} {crashes}");
    }
}

#[test]
fn what_a_users_memory_forgets_is_in_no_session_whether_it_is_listed_or_not() {
    let mut server = Server::start();
    // After more than a page of others.
    let id = begin(&server, "ann", json!({"session_id": "z"}));
    let keyed = json!({"session_id": id, "message": "My name is Sesame", "client_message_id": "k"});
    server.post("/chat", keyed.clone()).expect(200);
    server.delete(&format!("/sessions/{id}?undo=600")).expect(200);
    server.kill();
    let others = "insert into session with recursive n (n) as (select 10 union all select n + 1 from n where n < 260)
      select 'a' || n, @now, @now + 60000, '', 'hidden', n from n";
    sqlite::run(&server.databases("user")[0], others);
    server.launch();
    server.delete("/users/ann/memory").expect(200);
    server.ask("POST", &format!("/sessions/{id}/restore"), &[], None).expect(200);
    let again = server.post("/chat", keyed).expect(200).value();
    assert_eq!((&again["memory"][0]["key"], &again["memory"][0]["value"]), (&json!("name"), &Value::Null));
    let events = server.events("GET", &format!("/sessions/{id}/events?turn=1"), &[], None).rest();
    assert!(events.iter().all(|event| event.name != "memory"), "{events:?}");
}

#[test]
fn what_can_be_taken_back_no_more_is_not_known_again_when_a_message_goes() {
    let mut server = Server::start();
    for (class, id, memory) in [("user", of_ann(&server), "/users/ann/memory".to_owned()), {
        let id = server.new_session();
        ("session", id.clone(), format!("/sessions/{id}/memory"))
    }] {
        say(&server, &id, "My name is Sesame");
        say(&server, &id, "Sorry, my name is Jim");
        server.kill();
        for file in server.databases(class).iter().filter(|file| sqlite::rows(file, "memory") > 0) {
            sqlite::run(file, "update memory set undo_until = 1");
        }
        server.launch();
        server.delete(&format!("/sessions/{id}/messages/3")).expect(200);
        assert_eq!(known(&server, &memory), json!({}), "{class}");
    }
}

#[test]
fn a_message_takes_nothing_with_it_that_an_earlier_session_of_its_id_has_taught() {
    let server = Server::start();
    let begin_again = || {
        begin(&server, "ann", json!({"session_id": "s"}));
    };
    begin_again();
    say(&server, "s", "My name is John and I live in Rome");
    server.delete("/users/ann/memory/name").expect(200);
    server.put("/users/ann/memory/location", json!({"value": "Sofia"})).expect(200);
    server.delete("/sessions/s").expect(200);
    begin_again();
    say(&server, "s", "And what is it that I said?");
    server.delete("/sessions/s/messages/1").expect(200);
    for key in ["name", "location"] {
        server.ask("POST", &format!("/users/ann/memory/{key}/undo"), &[], None).expect(200);
    }
    assert_eq!(known(&server, "/users/ann/memory"), json!({"name": "John", "location": "Rome"}));
}
