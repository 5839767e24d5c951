//! Search: within a session, and across all sessions of a user.

use serde_json::Value;

use crate::support::{
    Server, eventually, json,
    model::{Model, Step},
    sqlite,
};

fn of_ann(server: &Server) -> String {
    server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id")
}

fn append(server: &Server, id: &str, role: &str, content: &str) {
    server.post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": role, "content": content}]})).expect(201);
}

/// Numbers of the messages that are found, best first.
fn found(server: &Server, path: &str) -> Vec<u64> {
    let found = server.get(path).expect(200).value();
    let hits: Vec<u64> = found["hits"].as_array().unwrap().iter().map(|hit| hit["sequence"].as_u64().unwrap()).collect();
    assert!(found["total"].as_u64().unwrap() >= hits.len() as u64, "{found}");
    hits
}

#[test]
fn what_was_written_is_found_at_once_by_its_words() {
    let server = Server::start();
    let id = of_ann(&server);
    let everywhere = [format!("/sessions/{id}/search"), "/users/ann/search".to_owned()];
    for path in &everywhere {
        assert_eq!(found(&server, &format!("{path}?q=anything")), [0; 0]);
    }
    append(&server, &id, "user", "Trams in K\u{f6}ln are running late");
    append(&server, &id, "assistant", "They run every ten minutes.");
    server.say(&id, "And the ferries?");
    for path in &everywhere {
        let cases: [(&str, &[u64]); 12] = [
            ("koln", &[1]),
            ("K%C3%96LN+trams", &[1]),
            ("running", &[1]),
            ("run", &[1, 2]),
            ("Ko%CC%88ln", &[1]),
            ("fer", &[3]),
            ("ferrie", &[3]),
            ("trams+ferries", &[]),
            ("%22trams%22+AND+(late", &[]),
            ("trams+late", &[1]),
            ("content:trams", &[]),
            ("NEAR(trams*)", &[]),
        ];
        for (query, expected) in cases {
            let mut hits = found(&server, &format!("{path}?q={query}"));
            hits.sort_unstable();
            assert_eq!(hits, expected, "{path} {query}");
        }
        assert_eq!(found(&server, &format!("{path}?q=run&role=assistant")), [2]);
        assert_eq!(found(&server, &format!("{path}?q=run&since=2999-01-01T00:00:00Z")), [0; 0]);
        assert_eq!(found(&server, &format!("{path}?q=run&before=2999-01-01T00:00:00%2B02:00")).len(), 2);
        assert_eq!(found(&server, &format!("{path}?q=run&limit=1&offset=1")).len(), 1);
        let hit = server.get(&format!("{path}?q=ferries")).expect(200).value()["hits"][0].clone();
        assert_eq!(hit["snippet"], json!([{"text": "And the "}, {"text": "ferries", "matches": true}, {"text": "?"}]));
        assert_eq!((&hit["session_id"], &hit["role"]), (&json!(id), &json!("user")));
        for wrong in ["", "q=", "q=%3F", "q=a&role=x", "q=a&since=now", "q=a&limit=0", "q=a&offset=1001"] {
            server.get(&format!("{path}?{wrong}")).expect_problem(400, "VALIDATION_ERROR");
        }
        server.get(&format!("{path}?q={}", "x".repeat(1025))).expect_problem(400, "VALIDATION_ERROR");
    }
    server.get("/sessions/none/search?q=a").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn what_is_gone_is_not_found_and_what_is_new_is() {
    let model = Model::start(|number, _| match number {
        0 => vec![Step::Text("The quick".into()), Step::Finish("length"), Step::Done],
        1 => Model::saying(" brown fox."),
        2 => Model::saying("A lazy dog."),
        _ => Model::saying("Nothing."),
    });
    let mut server = Server::asking(&model, &[]);
    let id = of_ann(&server);
    let both = |server: &Server, query: &str| {
        let all = [format!("/sessions/{id}/search?q={query}"), format!("/users/ann/search?q={query}")].map(|path| found(server, &path));
        assert_eq!(all[0], all[1], "{query}");
        all[0].clone()
    };
    let ask = |server: &Server, path: &str| server.ask("POST", &format!("/sessions/{id}/{path}"), &[], None).expect(200);
    server.say(&id, "Tell me about the animals");
    assert_eq!(both(&server, "quick"), [2]);
    ask(&server, "continue");
    assert_eq!((both(&server, "quick+fox"), both(&server, "quick")), (vec![2], vec![2]));
    ask(&server, "regenerate");
    assert_eq!((both(&server, "fox"), both(&server, "dog")), (vec![], vec![3]));
    server.kill();
    server.launch();
    server.post(&format!("/sessions/{id}/edit"), json!({"message": "Tell me about the plants"})).expect(200);
    assert_eq!((both(&server, "animals"), both(&server, "dog"), both(&server, "plants")), (vec![], vec![], vec![4]));
    server.delete(&format!("/sessions/{id}/messages/4")).expect(200);
    assert_eq!((both(&server, "plants"), both(&server, "nothing")), (vec![], vec![5]));
    server.say(&id, "And what about the stones?");
    ask(&server, "pop");
    assert_eq!((both(&server, "stones"), both(&server, "nothing")), (vec![], vec![5]));
    server.delete(&format!("/sessions/{id}")).expect(200);
    assert_eq!(found(&server, "/users/ann/search?q=nothing"), [0; 0]);
}

#[test]
fn an_index_stays_whole_however_it_is_filled_and_emptied() {
    let mut server = Server::start();
    let id = of_ann(&server);
    for (said, strategy) in
        [("sesame is the word", "hierarchical"), ("what was the word", "hierarchical"), ("and the other one", "truncate")]
    {
        server.post("/chat", json!({"session_id": id, "message": said, "context": {"strategy": strategy}})).expect(200);
    }
    let hits = found(&server, &format!("/sessions/{id}/search?q=sesame"));
    assert!(hits.contains(&1), "{hits:?}");
    for sequence in hits {
        server.delete(&format!("/sessions/{id}/messages/{sequence}")).expect(200);
    }
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    assert_eq!(found(&server, &format!("/sessions/{id}/search?q=sesame")), [0; 0]);
    let gone = of_ann(&server);
    append(&server, &gone, "user", "papyrus is gone");
    server.delete(&format!("/sessions/{gone}")).expect(200);
    eventually("the other session is buried", || found(&server, "/users/ann/search?q=papyrus").is_empty());
    server.kill();
    for file in [server.databases("session"), server.databases("user")].concat() {
        if sqlite::tables(&file).contains("search") {
            sqlite::run(&file, "insert into search (search, rank) values ('integrity-check', 1)");
        }
    }
}

#[test]
fn what_an_edit_replaces_is_not_found_while_its_answer_is_awaited() {
    let model = Model::start(|number, _| if number == 0 { Model::saying("Fine.") } else { vec![Step::Text("Well".into()), Step::Hang] });
    let server = Server::asking(&model, &[]);
    let id = of_ann(&server);
    server.say(&id, "This is the oldword");
    let edit = json!({"message": "This is the newword", "stream": true});
    let mut stream = server.events("POST", &format!("/sessions/{id}/edit"), &[], Some(&edit));
    stream.next().unwrap();
    assert_eq!(found(&server, "/users/ann/search?q=oldword"), [0; 0]);
    assert_eq!(found(&server, "/users/ann/search?q=newword"), [3]);
}

#[test]
fn a_users_search_spans_their_living_sessions_alone() {
    let server = Server::start();
    let (one, two) = (of_ann(&server), of_ann(&server));
    let brief = server.post("/sessions", json!({"user_id": "ann", "ttl_seconds": 1})).expect(201).text("session_id");
    let bobs = server.post("/sessions", json!({"user_id": "bob"})).expect(201).text("session_id");
    for id in [&one, &two, &brief, &bobs] {
        append(&server, id, "user", "The harbour opens at nine");
    }
    let sessions = |path: &str| -> Vec<String> {
        let found: Value = server.get(path).expect(200).value();
        let mut ids: Vec<String> =
            found["hits"].as_array().unwrap().iter().map(|hit| hit["session_id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    let mut expected = vec![one.clone(), two];
    expected.sort_unstable();
    eventually("the brief one has ended", || sessions("/users/ann/search?q=harbour") == expected);
    assert_eq!(sessions(&format!("/users/ann/search?q=harbour&session_id={one}")), [one]);
    assert_eq!(sessions("/users/bob/search?q=harbour"), [bobs]);
    assert_eq!(sessions("/users/nobody/search?q=harbour"), [""; 0]);
    server.get(&format!("/sessions/{brief}/search?q=harbour")).expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn a_long_history_is_shared_in_parts_and_found_whole() {
    let server = Server::start();
    let id = of_ann(&server);
    for part in 0..3 {
        let messages: Vec<Value> =
            (0..1000).map(|n| json!({"role": "user", "content": format!("number{part}x{n} {}", "word ".repeat(100))})).collect();
        server.post(&format!("/sessions/{id}/messages"), json!({"messages": messages})).expect(201);
    }
    for (query, expected) in [("number0x0", 1), ("number1x500", 1501), ("number2x999", 3000)] {
        for path in [format!("/sessions/{id}/search"), "/users/ann/search".to_owned()] {
            assert_eq!(found(&server, &format!("{path}?q={query}+")), [expected], "{query} in {path}");
        }
    }
    assert_eq!(server.get("/users/ann/search?q=word&limit=1").expect(200).value()["total"], 3000);
}
