//! Turns beside everything else: stopped, waited for, deleted, outlasting their session; one at a time.

use std::{thread, time::Duration};

use crate::{
    streams::{TEXT, gated, gates, names, said, text},
    support::{
        Server,
        events::Event,
        eventually, json,
        model::{Model, Step},
    },
};

#[test]
fn a_killed_turn_that_lasts_longer_than_its_session_may_idle_loses_nothing() {
    let model = Model::start(|_, _| (0..40).flat_map(|_| [Step::Text("word ".into()), Step::Pause(Duration::from_millis(100))]).collect());
    let mut server = Server::asking(&model, &[]);
    let id = server.post("/sessions", json!({"ttl_seconds": 2, "user_id": "ann"})).expect(201).text("session_id");
    let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    stream.by_ref().take(33).for_each(drop);
    server.kill();
    server.launch();
    let messages = server.get(&format!("/sessions/{id}/messages")).expect(200).value();
    assert_eq!((&messages["total"], &messages["messages"][1]["cut"]), (&json!(2), &json!("interrupted")));
}

#[test]
fn a_list_does_not_say_that_a_turn_runs_which_a_lost_process_ran() {
    let model = Model::start(|_, _| vec![Step::Text("a".into()), Step::Hang]);
    let mut server = Server::asking(&model, &[]);
    let id = server.post("/sessions", json!({"user_id": "ann"})).expect(201).text("session_id");
    let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    stream.next().unwrap();
    let listed = |server: &Server| server.get("/users/ann/sessions").expect(200).value()["sessions"][0].clone();
    server.get(&format!("/sessions/{id}")).expect(200);
    eventually("the list knows the turn", || listed(&server)["turn_count"] == json!(1));
    server.kill();
    server.launch();
    assert_eq!(listed(&server)["running_turn"], json!(null));
}

#[test]
fn stop_keeps_what_was_said_and_reaches_the_model() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let stop = format!("/sessions/{id}/stop");
    assert_eq!(server.ask("POST", &stop, &[], None).expect(200).value()["stopped"], json!(false));
    let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    stream.next().unwrap();
    model.open(2);
    let heard: Vec<Event> = stream.by_ref().take(2).collect();

    assert_eq!(server.post(&stop, json!({"turn": 9})).expect(200).value()["stopped"], json!(false));
    let stopped = server.ask("POST", &stop, &[], None).expect(200).value();
    assert_eq!((&stopped["stopped"], &stopped["turn"]["status"]), (&json!(true), &json!("stopped")));
    assert_eq!((&stopped["message"]["content"], &stopped["message"]["cut"]), (&json!(text(&heard)), &json!("stopped")));
    let rest = stream.rest();
    assert_eq!(names(&rest), ["usage", "done"]);
    assert_eq!((&rest[0].data["estimated"], &rest[1].data["status"]), (&json!(true), &json!("stopped")));
    eventually("the model's connection is closed", || model.hang_ups() == 1);
    // Again is no harm, and the conversation goes on.
    let again = server.ask("POST", &stop, &[], None).expect(200).value();
    assert_eq!((&again["stopped"], &again["turn"]["status"]), (&json!(false), &json!("stopped")));
    model.open(gates());
    assert_eq!(server.say(&id, "And now?"), TEXT);
}

#[test]
fn a_wish_to_stop_that_is_repeated_under_its_key_is_answered_the_same() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let stop = || server.ask("POST", &format!("/sessions/{id}/stop"), &[("idempotency-key", "k")], None).expect(200);
    let stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    let first = stop();
    assert_eq!(first.value()["stopped"], json!(true));
    stream.rest();
    let next = server.events("POST", "/chat", &[], Some(&said(&id)));
    assert_eq!(stop().body, first.body);
    model.open(gates());
    assert_eq!(next.rest().last().unwrap().data["status"], "done");
}

#[test]
fn a_turn_that_is_stopped_before_its_first_word_is_answered_with_nothing() {
    let model = Model::start(|_, _| vec![Step::Hang]);
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    thread::scope(|scope| {
        let asked = scope.spawn(|| server.post("/chat", json!({"session_id": id, "message": "hello"})).expect(200).value());
        eventually("it runs", || model.requests().len() == 1);
        assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).value()["running_turn"], json!(1));
        server.ask("POST", &format!("/sessions/{id}/stop"), &[], None).expect(200);
        let answer = asked.join().unwrap();
        assert_eq!((&answer["response"], &answer["message"]["cut"]), (&json!(""), &json!("stopped")));
    });
}

#[test]
fn one_turn_at_a_time() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let begun = server.events("POST", "/chat", &[], Some(&said(&id)));
    let second = json!({"session_id": id, "message": "Me too"});
    let busy = server.post("/chat", second.clone()).expect_problem(409, "TURN_IN_PROGRESS");
    assert_eq!((busy.header("retry-after"), busy.header("retry-after-ms"), busy.header("x-should-retry")), ("1", "500", ""));
    server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect_problem(409, "TURN_IN_PROGRESS");
    let waits = json!({"session_id": id, "message": "Me too", "on_busy": "wait"});
    let path = format!("/sessions/{id}/messages");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post("/chat", waits.clone()).expect(200).value());
        let appended =
            scope.spawn(|| server.post(&path, json!({"messages": [{"role": "system", "content": "a note"}]})).expect(201).value());
        thread::sleep(Duration::from_millis(200));
        // Changing the session does not wait.
        server.patch(&format!("/sessions/{id}"), json!({"title": "Busy"})).expect(200);
        assert_eq!(server.get(&path).expect(200).number("total"), 1);
        model.open(3 * gates());
        assert_eq!(begun.rest().last().unwrap().name, "done");
        assert_eq!(waiting.join().unwrap()["response"], TEXT);
        appended.join().unwrap();
        let messages = server.get(&path).expect(200).value()["messages"].clone();
        let roles: Vec<&str> = messages.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
        let pairs = roles.iter().filter(|role| **role != "system").collect::<Vec<_>>();
        assert_eq!(pairs, [&"user", &"assistant", &"user", &"assistant"]);
        assert!(["system", "user"].contains(&roles[2]) && roles.len() == 5, "{roles:?}");
        assert!(roles.windows(2).all(|pair| pair[0] != "user" || pair[1] == "assistant"), "{roles:?}");
    });
}

#[test]
fn if_match_holds_for_turns() {
    let server = Server::start();
    let id = server.new_session();
    let etag = server.get(&format!("/sessions/{id}")).expect(200).header("etag").to_owned();
    let body = json!({"session_id": id, "message": "hello"}).to_string();
    let ask = |etag: &str| server.ask("POST", "/chat", &[("content-type", "application/json"), ("if-match", etag)], Some(body.as_bytes()));
    let now = ask(&etag).expect(200).header("etag").to_owned();
    let stale = ask(&etag).expect_problem(412, "PRECONDITION_FAILED");
    assert_eq!((stale.header("etag"), stale.header("x-should-retry")), (now.as_str(), "false"));
    ask(&now).expect(200);
    let begins = json!({"message": "hello"}).to_string();
    let headers = [("content-type", "application/json"), ("if-match", now.as_str())];
    server.ask("POST", "/chat", &headers, Some(begins.as_bytes())).expect_problem(400, "VALIDATION_ERROR");
    assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 4);
}

#[test]
fn a_session_that_is_deleted_amid_a_turn_is_gone_and_so_is_the_turn() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.post("/sessions", json!({"session_id": "s"})).expect(201).text("session_id");
    let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    stream.next().unwrap();
    eventually("the model is asked", || model.requests().len() == 1);
    server.delete("/sessions/s").expect(200);
    eventually("the model's connection is closed", || model.hang_ups() == 1);
    assert_eq!(stream.rest(), []);
    server.get("/sessions/s/events").expect(404);
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    model.open(gates());
    assert_eq!(server.get("/sessions/s/messages").expect(200).number("total"), 0);
}

#[test]
fn a_turn_keeps_its_session_alive() {
    let model = gated();
    let server = Server::asking(&model, &[]);
    let id = server.post("/sessions", json!({"ttl_seconds": 1})).expect(201).text("session_id");
    let stream = server.events("POST", "/chat", &[], Some(&said(&id)));
    thread::sleep(Duration::from_millis(1500));
    server.get(&format!("/sessions/{id}")).expect(200);
    model.open(gates());
    assert_eq!(stream.rest().last().unwrap().name, "done");
    server.get(&format!("/sessions/{id}")).expect(200);
    eventually("it expires afterwards", || server.get(&format!("/sessions/{id}")).status == 404);
}
