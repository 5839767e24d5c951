//! What a user's sessions say in turns is told to the user's object late. Nobody can see that, but for what it costs.

use std::{slice::from_ref, thread};

use serde_json::Value;

use crate::{
    ending::files_with,
    learning::{known, say},
    support::{
        Server, eventually, json,
        model::{Model, Step},
        sqlite,
    },
    users::{begin, listed},
};

/// The session on top of Ann's list: its id, how many messages it has, and the number of the last.
fn latest(server: &Server) -> (String, u64, u64) {
    let latest = server.get("/users/ann/sessions/latest").expect(200).value();
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    (latest["session_id"].as_str().unwrap().to_owned(), number(&latest["message_count"]), number(&latest["last_message"]["sequence"]))
}

fn found(server: &Server, words: &str) -> Value {
    server.get(&format!("/users/ann/search?role=user&q={words}")).expect(200).value()["total"].clone()
}

/// How many of Ann's sessions are marked; of a server that was killed.
fn behind(server: &Server) -> usize {
    sqlite::count(&server.databases("user")[0], "behind")
}

fn requests(server: &Server) -> [u64; 2] {
    let costs = server.costs();
    ["object:SESSION", "object:USER"].map(|what| costs.get(what).copied().unwrap_or(0))
}

#[test]
fn what_was_said_is_listed_and_found_right_after_the_process_was_killed() {
    let mut server = Server::start();
    let ids = [(); 2].map(|()| begin(&server, "ann", json!({})));
    for part in 1..=3_u64 {
        for id in &ids {
            say(&server, id, &format!("The marker is sesame{part}"));
        }
        server.kill();
        assert_eq!(behind(&server), 2, "{part}");
        server.launch();
        // Each of the ways to ask, first of all.
        match part {
            1 => assert_eq!(found(&server, "sesame1"), 2),
            2 => assert_eq!(listed(&server, ""), [ids[1].clone(), ids[0].clone()]),
            _ => assert_eq!(latest(&server), (ids[1].clone(), 6, 6)),
        }
        assert_eq!((found(&server, &format!("sesame{part}")), latest(&server)), (json!(2), (ids[1].clone(), 2 * part, 2 * part)));
        server.kill();
        assert_eq!(behind(&server), 0, "{part}");
        server.launch();
    }
    assert_eq!(found(&server, "sesame"), 6);
}

#[test]
fn a_later_turn_asks_two_objects_and_a_reader_pays_once() {
    let server = Server::start();
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    assert_eq!(listed(&server, ""), from_ref(&id));
    let spent = |work: &dyn Fn()| {
        let before = requests(&server);
        work();
        let after = requests(&server);
        [after[0] - before[0], after[1] - before[1]]
    };
    for number in 0..3 {
        let turn = || drop(say(&server, &id, &format!("And now number {number}")));
        assert_eq!(spent(&turn), [1, 1], "a turn");
    }
    // The list asks the session, which tells the user's object, and then asks again.
    assert_eq!(spent(&|| assert_eq!(latest(&server), (id.clone(), 8, 8))), [1, 3]);
    assert_eq!(spent(&|| assert_eq!(latest(&server), (id.clone(), 8, 8))), [0, 1]);
    assert_eq!(spent(&|| assert_eq!(found(&server, "number"), 3)), [0, 1]);
    // Who is not to be remembered is told of after each turn.
    let begun = || drop(server.post("/chat", json!({"user_id": "ann", "message": "Something to begin with"})).expect(200));
    assert_eq!(spent(&begun), [1, 1], "a session and its first turn");
    assert_eq!(spent(&|| drop(begin(&server, "ann", json!({})))), [1, 1], "a session");
    assert_eq!(spent(&|| assert_eq!(listed(&server, "").len(), 3)), [2, 4]);
    let forgetful = json!({"session_id": id, "message": "And without a memory", "context": {"memory": false}});
    assert_eq!(spent(&|| drop(server.post("/chat", forgetful.clone()).expect(200))), [1, 1]);
    assert_eq!(spent(&|| assert_eq!(latest(&server), (id.clone(), 10, 10))), [0, 1]);
}

#[test]
fn who_ends_for_another_was_idle_longest_whatever_the_list_knew() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "3")]);
    let ids: Vec<String> = (0..3).map(|_| begin(&server, "ann", json!({}))).collect();
    // The list has them in the order of their beginning.
    say(&server, &ids[1], "One thing and another");
    say(&server, &ids[0], "Another thing and one");
    let new = begin(&server, "ann", json!({}));
    assert_eq!(listed(&server, ""), [new.clone(), ids[0].clone(), ids[1].clone()]);
    server.get(&format!("/sessions/{}", ids[2])).expect_problem(404, "SESSION_NOT_FOUND");
    say(&server, &ids[1], "Something else entirely");
    let newest = server.post("/chat", json!({"user_id": "ann", "message": "A new beginning"})).expect(200).text("session_id");
    assert_eq!(listed(&server, ""), [newest, ids[1].clone(), new]);
    // One that comes back is there all the same: then, too, the right one goes.
    say(&server, &ids[1], "And one thing more");
    let deleted = listed(&server, "").remove(1);
    server.delete(&format!("/sessions/{deleted}?undo=60")).expect(200);
    let last = begin(&server, "ann", json!({}));
    let idle = listed(&server, "").remove(2);
    say(&server, &idle, "Not idle any more");
    server.ask("POST", &format!("/sessions/{deleted}/restore"), &[], None).expect(200);
    eventually("one has gone", || listed(&server, "").len() == 3);
    let left = listed(&server, "");
    assert!(left.contains(&idle) && left.contains(&last) && left.contains(&deleted), "{left:?}");
}

#[test]
fn a_session_that_ends_is_not_waited_for_and_one_that_lives_on_keeps_its_place() {
    let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "2"), ("SESSION_LIMIT_POLICY", "reject")]);
    let [brief, lives] = [json!({"ttl_seconds": 1}), json!({})].map(|more| begin(&server, "ann", more));
    say(&server, &brief, "This is not for long");
    say(&server, &lives, "This is for longer");
    eventually("the brief one has ended", || listed(&server, "") == [lives.clone()]);
    assert_eq!((found(&server, "not+for+long"), found(&server, "for+longer")), (json!(0), json!(1)));
    say(&server, &lives, "And it goes on");
    server.kill();
    assert_eq!(behind(&server), 1);
    // As if it had gone on for longer than the list could know.
    sqlite::run(&server.databases("user")[0], "update session set expires_at = 1, last_activity = 1");
    server.launch();
    begin(&server, "ann", json!({}));
    server.post("/sessions", json!({"user_id": "ann"})).expect_problem(409, "SESSION_LIMIT");
    assert_eq!(listed(&server, "")[1..], [lives]);
    // Where every place is taken it is asked whether one is.
    let other = listed(&server, "").remove(0);
    server.patch(&format!("/sessions/{other}"), json!({"ttl_seconds": 2})).expect(200);
    say(&server, &other, "The last words of it");
    eventually("there is a place", || server.post("/sessions", json!({"user_id": "ann"})).status == 201);
}

#[test]
fn many_sessions_with_turns_at_once_are_all_known() {
    let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "0")]);
    let ids: Vec<String> = (0..12).map(|_| begin(&server, "ann", json!({}))).collect();
    thread::scope(|scope| {
        for id in &ids {
            scope.spawn(|| (0..3).for_each(|turn| drop(say(&server, id, &format!("Among many others turn{turn}")))));
        }
        scope.spawn(|| (0..5).for_each(|_| assert_eq!(listed(&server, "").len(), 12)));
    });
    ids.iter().for_each(|id| drop(say(&server, id, "And once more in order")));
    server.kill();
    assert_eq!(behind(&server), 6);
    server.launch();
    let list = server.get("/users/ann/sessions").expect(200).value()["sessions"].clone();
    let shown: Vec<(&str, u64)> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|session| (session["session_id"].as_str().unwrap(), session["message_count"].as_u64().unwrap()))
        .collect();
    assert_eq!(shown, ids.iter().rev().map(|id| (id.as_str(), 8)).collect::<Vec<_>>());
    assert_eq!((found(&server, "among"), found(&server, "order")), (json!(36), json!(12)));
}

#[test]
fn what_changes_a_session_is_told_at_once_with_all_that_was_said() {
    let mut server = Server::start();
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "The marker is sesame");
    say(&server, &id, "The marker is papyrus");
    server.patch(&format!("/sessions/{id}"), json!({"title": "Renamed"})).expect(200);
    server.kill();
    assert_eq!((behind(&server), sqlite::count(&server.databases("user")[0], "session where record like '%Renamed%'")), (0, 1));
    server.launch();
    assert_eq!((latest(&server), found(&server, "sesame"), found(&server, "papyrus")), ((id.clone(), 4, 4), json!(1), json!(1)));
    say(&server, &id, "The marker is oolong");
    server.delete(&format!("/sessions/{id}/messages/5")).expect(200);
    assert_eq!((found(&server, "oolong"), found(&server, "papyrus")), (json!(0), json!(1)));
    say(&server, &id, "The marker is jasmine");
    server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
    assert_eq!((latest(&server), found(&server, "jasmine")), ((id.clone(), 6, 6), json!(0)));
    say(&server, &id, "The marker is darjeeling");
    server.delete(&format!("/sessions/{id}?undo=60")).expect(200);
    assert_eq!((listed(&server, "").len(), found(&server, "darjeeling")), (0, json!(0)));
    server.ask("POST", &format!("/sessions/{id}/restore"), &[], None).expect(200);
    assert_eq!((latest(&server), found(&server, "darjeeling")), ((id, 8, 10), json!(1)));
}

#[test]
fn a_user_is_erased_with_what_was_not_told_yet() {
    let mut server = Server::start();
    for id in [(); 2].map(|()| begin(&server, "ann", json!({}))) {
        say(&server, &id, "The marker is Sesame");
        say(&server, &id, "The marker is still Sesame");
    }
    let receipt = server.delete("/users/ann").expect(200).value();
    assert_eq!((&receipt["sessions"], &receipt["messages"]), (&json!(2), &json!(8)), "{receipt}");
    assert_eq!((listed(&server, "").len(), found(&server, "sesame")), (0, json!(0)));
    server.kill();
    assert_eq!(files_with(&server, "Sesame").len(), 0);
}

#[test]
fn who_reads_amid_a_turn_sees_its_end_afterwards() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("Good day."),
        _ => vec![Step::Headers, Step::Gate, Step::Text("Done.".into()), Step::Finish("stop"), Step::Done],
    });
    let server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    let asked = json!({"session_id": id, "message": "Take your time with sesame", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 2);
    assert_eq!((latest(&server), found(&server, "sesame")), ((id.clone(), 3, 3), json!(1)));
    server.patch(&format!("/sessions/{id}"), json!({"title": "Renamed"})).expect(200);
    assert_eq!(latest(&server), (id.clone(), 3, 3));
    model.open(1);
    assert_eq!(stream.rest().last().unwrap().name, "done");
    assert_eq!((latest(&server), found(&server, "sesame")), ((id.clone(), 4, 4), json!(1)));
    assert_eq!(server.get("/users/ann/search?q=done").expect(200).value()["total"], 1);
}

#[test]
fn a_turn_that_a_killed_process_ran_is_known_to_who_reads_next() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("Good day."),
        _ => vec![Step::Text("Well, ".into()), Step::Hang],
    });
    let mut server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    let asked = json!({"session_id": id, "message": "Tell me of sesame", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    assert_eq!(stream.nth(1).unwrap().name, "delta");
    server.kill();
    server.launch();
    assert_eq!(found(&server, "sesame"), 1);
    assert_eq!(latest(&server).0, id);
}

#[test]
fn what_a_removed_message_taught_is_forgotten_with_the_next_turn_though_the_removal_was_cut_off() {
    let server = Server::start();
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hi, my name is John");
    say(&server, &id, "And now something quite different");
    server.ask("POST", &format!("/__test/sessions/{id}/panic?when=listing"), &[], None).expect(200);
    server.delete(&format!("/sessions/{id}/messages/1")).expect_problem(503, "UNAVAILABLE");
    // Who asks what is remembered asks no session.
    say(&server, &id, "And something different again");
    assert_eq!(known(&server, "/users/ann/memory"), json!({}));
}

#[test]
fn who_looks_at_a_prompt_amid_a_turn_leaves_it_late() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("Good day."),
        _ => vec![Step::Headers, Step::Gate, Step::Text("Done.".into()), Step::Finish("stop"), Step::Done],
    });
    let mut server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    let asked = json!({"session_id": id, "message": "Take your time with sesame", "stream": true});
    let stream = server.events("POST", "/chat", &[], Some(&asked));
    eventually("the model is asked", || model.requests().len() == 2);
    server.get(&format!("/sessions/{id}/context")).expect(200);
    model.open(1);
    assert_eq!(stream.rest().last().unwrap().name, "done");
    server.kill();
    assert_eq!(behind(&server), 1);
}

#[test]
fn a_session_whose_object_is_lost_when_it_is_to_share_is_asked_again() {
    let mut server = Server::start();
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    say(&server, &id, "The marker is sesame");
    server.kill();
    let call = "async call(json) {\n    for (; ; ) {";
    server.launch_changed(call, &format!("{call} if (json.includes('share_now') && (this.asked = !this.asked)) throw new Error('lost');"));
    assert_eq!((latest(&server), found(&server, "sesame")), ((id, 4, 4), json!(1)));
}

#[test]
fn a_session_that_has_just_begun_is_listed_and_found_after_the_process_was_killed() {
    let mut server = Server::start();
    let empty = begin(&server, "ann", json!({"title": "Tea"}));
    let said = server.post("/chat", json!({"user_id": "ann", "message": "The marker is sesame"})).expect(200).text("session_id");
    server.kill();
    assert_eq!((behind(&server), sqlite::count(&server.databases("user")[0], "session where state = 'listed'")), (2, 0));
    server.launch();
    assert_eq!((found(&server, "sesame"), listed(&server, "title=tea")), (json!(1), vec![empty.clone()]));
    assert_eq!(listed(&server, ""), [said, empty.clone()]);
    server.kill();
    assert_eq!(behind(&server), 0);
    server.launch();
    let gone = begin(&server, "ann", json!({}));
    server.delete(&format!("/sessions/{gone}?undo=60")).expect(200);
    assert_eq!(listed(&server, "").len(), 2);
    server.ask("POST", &format!("/sessions/{gone}/restore"), &[], None).expect(200);
    assert_eq!(listed(&server, "").len(), 3);
    begin(&server, "ann", json!({}));
    assert_eq!(server.delete("/users/ann").expect(200).value()["sessions"], 4);
    server.get(&format!("/sessions/{empty}")).expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn a_place_whose_session_never_began_is_kept_for_a_while_and_then_given_up() {
    for (expires_at, status, marks) in [("@now + 60000", 409, 1), ("@now - 1", 201, 1)] {
        let mut server = Server::with(&[("MAX_SESSIONS_PER_USER", "2"), ("SESSION_LIMIT_POLICY", "reject")]);
        let id = begin(&server, "ann", json!({}));
        server.kill();
        let never =
            format!("insert into session values ('never', @now, {expires_at}, '', 'reserved', 9); insert into behind values ('never')");
        sqlite::run(&server.databases("user")[0], &never);
        server.launch();
        assert_eq!(server.post("/sessions", json!({"user_id": "ann"})).status, status, "{expires_at}");
        assert!(listed(&server, "").contains(&id));
        server.kill();
        let is_never = "behind where session_id = 'never'";
        assert_eq!(sqlite::count(&server.databases("user")[0], is_never), usize::from(status == 409) * marks, "{expires_at}");
    }
}

#[test]
fn a_session_that_was_to_end_before_it_began_tells_at_once() {
    let mut server = Server::start();
    begin(&server, "ann", json!({}));
    server.kill();
    // Its user's object gives up the place and has it end, before it hears that it has one.
    let call = "const reply = await guard(() => core(this, UserCore).call(json));";
    let ends = "if (json.includes('\"admit\"')) await this.env.SESSION.getByName('early').call(JSON.stringify({caller: {user: 'ann'}, call: {end: {ending: 'evicted', decided_at: Date.now()}}}));";
    server.launch_changed(call, &format!("{call} {ends}"));
    begin(&server, "ann", json!({"session_id": "early"}));
    server.kill();
    assert_eq!(sqlite::count(&server.databases("user")[0], "session where id = 'early' and state = 'listed'"), 1);
}

#[test]
fn a_session_whose_place_was_given_away_before_it_began_ends_when_it_hears_of_that_later() {
    // Decided after the place was asked for, and before the session begins; or for an earlier session of its id.
    for (decided_at, status) in [("Date.now()", 404), ("Date.now() - 60000", 200)] {
        let mut server = Server::start();
        begin(&server, "ann", json!({}));
        server.kill();
        let call = "const reply = await guard(() => core(this, UserCore).call(json));";
        let ends = format!(
            "if (json.includes('\"admit\"')) {{
               const end = JSON.stringify({{caller: {{user: 'ann'}}, call: {{end: {{ending: 'evicted', decided_at: {decided_at}}}}}}});
               await new Promise((resolve) => setTimeout(resolve, 50));
               setTimeout(() => this.env.SESSION.getByName('early').call(end).then(() => console.log('it was told')), 300);
             }}"
        );
        server.launch_changed(call, &format!("{call} {ends}"));
        begin(&server, "ann", json!({"session_id": "early"}));
        eventually("it is told", || server.log().contains("it was told"));
        assert_eq!(server.get("/sessions/early").status, status, "{decided_at}");
    }
}

#[test]
fn a_session_whose_turn_outlasts_its_timeout_is_listed_and_found() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("Good day."),
        _ => vec![Step::Headers, Step::Gate, Step::Text("Done.".into()), Step::Finish("stop"), Step::Done],
    });
    let server = Server::asking(&model, &[("MODEL_TITLES", "off")]);
    let busy = begin(&server, "ann", json!({"ttl_seconds": 1}));
    say(&server, &busy, "Hello to you over there");
    let asked = json!({"session_id": busy, "message": "Take your time with sesame", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 2);
    let brief = begin(&server, "ann", json!({"ttl_seconds": 1}));
    eventually("the deadline is past", || server.get(&format!("/sessions/{brief}")).status == 404);
    assert_eq!((listed(&server, ""), found(&server, "sesame")), (vec![busy.clone()], json!(1)));
    model.open(1);
    assert_eq!(stream.rest().last().unwrap().name, "done");
    assert_eq!(latest(&server), (busy, 4, 4));
}

#[test]
fn a_session_that_is_not_there_is_waited_for_once() {
    let mut server = Server::start();
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    assert_eq!(listed(&server, ""), from_ref(&id));
    say(&server, &id, "The marker is sesame");
    server.kill();
    assert_eq!(behind(&server), 1);
    server.databases("session").iter().for_each(|file| sqlite::drop_tables(file));
    server.launch();
    begin(&server, "ann", json!({"session_id": "another"}));
    assert_eq!((listed(&server, ""), found(&server, "hello")), (vec!["another".to_owned()], json!(0)));
    server.kill();
    assert_eq!(behind(&server), 0);
    server.launch();
    // Its id is free.
    begin(&server, "ann", json!({"session_id": id}));
    assert_eq!(listed(&server, ""), [id, "another".into()]);
}

#[test]
fn what_a_session_says_that_is_to_end_is_known_when_it_is_spared() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("Good day."),
        _ => vec![Step::Headers, Step::Gate, Step::Text("Done.".into()), Step::Finish("stop"), Step::Done],
    });
    let mut server = Server::asking(&model, &[("MAX_SESSIONS_PER_USER", "2"), ("MODEL_TITLES", "off")]);
    let id = begin(&server, "ann", json!({}));
    say(&server, &id, "Hello to you over there");
    server.kill();
    // As if it could not be reached when it was to end.
    sqlite::run(&server.databases("user")[0], &format!("insert into ending values ('{id}', 'ann', 'evicted', @now)"));
    server.launch();
    server
        .post(&format!("/sessions/{id}/messages"), json!({"messages": [{"role": "user", "content": "The marker is sesame"}]}))
        .expect(201);
    assert_eq!((listed(&server, "").len(), found(&server, "sesame")), (0, json!(0)));
    let asked = json!({"session_id": id, "message": "Take your time", "stream": true});
    let mut stream = server.events("POST", "/chat", &[], Some(&asked));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 2);
    // For the third the first is to end, and what is to end already is tried again.
    let [.., last] = [(); 3].map(|()| begin(&server, "ann", json!({})));
    assert_eq!((listed(&server, ""), found(&server, "sesame")), (vec![last, id.clone()], json!(1)));
    model.open(1);
    assert_eq!(stream.rest().last().unwrap().name, "done");
    assert_eq!(latest(&server), (id, 5, 5));
}

#[test]
fn an_object_that_fails_is_not_taken_for_one_of_an_earlier_version() {
    let mut server = Server::start();
    begin(&server, "ann", json!({}));
    server.kill();
    let call = "const reply = await guard(() => core(this, UserCore).call(json));";
    let refusal = r#"{"err":{"internal":{"cause":"SQL: disk I/O error"}}}"#;
    server.launch_changed(call, &format!("if (json.startsWith('{{\"informed\"')) return '{refusal}';\n{call}"));
    server.get("/users/ann/sessions").expect_problem(500, "INTERNAL_ERROR");
}

#[test]
fn an_object_of_an_earlier_version_is_asked_as_it_was() {
    let mut server = Server::start();
    let id = begin(&server, "ann", json!({}));
    server.kill();
    // It knows neither the question nor that a beginning or a turn may be late.
    let call = "const reply = await guard(() => core(this, UserCore).call(json));";
    let refusal = r#"{"err":{"internal":{"cause":"call: unknown variant"}}}"#;
    let earlier = format!(
        "if (json.startsWith('{{\"informed\"')) return '{refusal}';\njson = json.replace(/,\"late\":(true|\"[^\"]*\")|,\"reminds\":true/g, '');\n{call}"
    );
    server.launch_changed(call, &earlier);
    for part in 1..=2_u64 {
        say(&server, &id, "The marker is sesame");
        assert_eq!((latest(&server), found(&server, "sesame")), ((id.clone(), 2 * part, 2 * part), json!(part)));
    }
    assert_eq!(listed(&server, ""), [id]);
    begin(&server, "ann", json!({}));
}
