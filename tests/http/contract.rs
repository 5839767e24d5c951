//! What the storage of an earlier system promised, case by case as its own tests had it; and its example, step by step.
//!
//! Its wire is another file's business; here its semantics are held against our routes.

use serde_json::Value;

use crate::support::{Answer, Server, json};

/// A session for `user`, with a chosen id if there is one.
fn begin(server: &Server, user: &str, id: Option<&str>) -> Value {
    let answer = server.post("/sessions", json!({"user_id": user, "session_id": id}));
    assert!([200, 201].contains(&answer.status), "{}", answer.body);
    answer.value()
}

fn id_of(session: &Value) -> &str {
    session["session_id"].as_str().unwrap()
}

fn add(server: &Server, id: &str, messages: &Value) {
    server.post(&format!("/sessions/{id}/messages"), json!({"messages": messages})).expect(201);
}

fn read(server: &Server, id: &str, query: &str) -> (Vec<Value>, u64) {
    let page = server.get(&format!("/sessions/{id}/messages{query}")).expect(200).value();
    (page["messages"].as_array().unwrap().clone(), page["total"].as_u64().unwrap())
}

fn five(server: &Server, id: &str) {
    let messages: Vec<Value> = (0..5).map(|n| json!({"role": "user", "content": format!("Message {n}")})).collect();
    add(server, id, &json!(messages));
}

fn contents(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["content"].as_str().unwrap()).collect()
}

fn save(server: &Server, path: &str, value: Value) -> Answer {
    server.put(path, json!({"value": value}))
}

fn value(server: &Server, path: &str) -> Value {
    server.get(path).expect(200).value()["value"].clone()
}

fn keys(server: &Server, memory: &str) -> Vec<String> {
    let page = server.get(memory).expect(200).value();
    page["entries"].as_array().unwrap().iter().map(|entry| entry["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn sessions_are_created_found_and_listed() {
    let server = Server::start();
    // create_new_session
    let new = begin(&server, "user1", None);
    assert_eq!((&new["user_id"], read(&server, id_of(&new), "")), (&json!("user1"), (vec![], 0)));
    assert!(!id_of(&new).is_empty());
    // create_with_explicit_id, new_session_when_id_not_found
    assert_eq!(id_of(&begin(&server, "user1", Some("custom"))), "custom");
    // retrieve_existing_session
    let again = begin(&server, "user1", Some(id_of(&new)));
    assert_eq!((&again["session_id"], &again["created_at"]), (&new["session_id"], &new["created_at"]));
    // list_empty, list_returns_user_sessions
    begin(&server, "user2", None);
    let listed = |user: &str| server.get(&format!("/users/{user}/sessions")).expect(200).value()["sessions"].as_array().unwrap().len();
    assert_eq!((listed("user0"), listed("user1"), listed("user2")), (0, 2, 1));
}

#[test]
fn messages_are_kept_in_order_and_paged() {
    let server = Server::start();
    // add_and_get_messages
    let session = begin(&server, "user1", None);
    add(&server, id_of(&session), &json!([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi there!"}]));
    let (messages, total) = read(&server, id_of(&session), "");
    assert_eq!((contents(&messages), total), (vec!["Hello", "Hi there!"], 2));
    assert_eq!((&messages[0]["role"], &messages[1]["role"]), (&json!("user"), &json!("assistant")));
    // get_messages_with_limit, get_messages_with_offset
    let long = begin(&server, "user1", None);
    five(&server, id_of(&long));
    let (limited, total) = read(&server, id_of(&long), "?limit=2");
    assert_eq!((limited.len(), total), (2, 5));
    let (later, total) = read(&server, id_of(&long), "?limit=2&offset=3");
    assert_eq!((contents(&later), total), (vec!["Message 3", "Message 4"], 5));
    // delete_existing, delete_nonexistent, delete_cascades_messages
    assert_eq!(server.delete(&format!("/sessions/{}", id_of(&long))).expect(200).value()["message_count"], 5);
    server.get(&format!("/sessions/{}", id_of(&long))).expect(404);
    server.delete("/sessions/nonexistent").expect(404);
    assert_eq!(read(&server, id_of(&begin(&server, "user1", Some(id_of(&long)))), "").1, 0);
}

#[test]
fn every_kind_of_message_survives() {
    let server = Server::start();
    let session = begin(&server, "user1", None);
    // simple user message, assistant tool call with null content, tool result id, auto timestamp, tool_call_messages
    let call = json!({"id": "call_123", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\"}"}});
    let sent = json!([
        {"role": "user", "content": "What is the weather?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "content": "Sunny", "tool_call_id": "call_123"},
    ]);
    add(&server, id_of(&session), &sent);
    let (messages, _) = read(&server, id_of(&session), "");
    assert_eq!(messages.len(), 3);
    for (message, sent) in messages.iter().zip(sent.as_array().unwrap()) {
        for (field, value) in sent.as_object().unwrap() {
            assert_eq!(&message[field], value, "{field} of {message}");
        }
        assert!(message["created_at"].as_str().unwrap().ends_with('Z'), "{message}");
    }
    assert_eq!((&messages[0]["tool_calls"], &messages[0]["tool_call_id"]), (&json!(null), &json!(null)));
}

#[test]
fn memory_is_saved_found_overwritten_and_forgotten() {
    let server = Server::start();
    let memory = "/users/user1/memory";
    // save_and_get_memory, get_specific_key, update_existing_key
    save(&server, &format!("{memory}/interests"), json!(["python", "rust"])).expect(201);
    save(&server, &format!("{memory}/city"), json!("Paris")).expect(201);
    assert_eq!(value(&server, &format!("{memory}/interests")), json!(["python", "rust"]));
    save(&server, &format!("{memory}/city"), json!("London")).expect(200);
    assert_eq!(
        (value(&server, &format!("{memory}/city")), keys(&server, memory)),
        (json!("London"), vec!["city".to_owned(), "interests".to_owned()])
    );
    // delete_memory, delete_nonexistent_memory
    server.delete(&format!("{memory}/city")).expect(200);
    server.get(&format!("{memory}/city")).expect(404);
    server.delete(&format!("{memory}/city")).expect(404);
    // session_scoped_memory
    let session = begin(&server, "user1", None);
    let scoped = format!("/sessions/{}/memory", id_of(&session));
    save(&server, &format!("{scoped}/topic"), json!("travel")).expect(201);
    assert_eq!((keys(&server, &scoped), keys(&server, memory)), (vec!["topic".to_owned()], vec!["interests".to_owned()]));
    // clear_user_memory
    save(&server, &format!("{memory}/name"), json!("Ann")).expect(201);
    assert_eq!(server.delete(memory).expect(200).value()["deleted"], 2);
    assert_eq!((keys(&server, memory).len(), keys(&server, &scoped).len()), (0, 1));
}

#[test]
fn the_example_runs_from_its_beginning_to_its_end() {
    let server = Server::start();
    let (memory, user) = ("/users/alice/memory", "alice");
    // Sessions: created, resumed, with an id of one's own.
    let session = begin(&server, user, None);
    assert_eq!(begin(&server, user, Some(id_of(&session)))["created_at"], session["created_at"]);
    assert_eq!(id_of(&begin(&server, user, Some("my-session"))), "my-session");
    // Messages: two, four more with a call and its result, all of them, two, the two after these.
    add(&server, id_of(&session), &json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]));
    let call = json!({"id": "call_1", "type": "function", "function": {"name": "calculator", "arguments": "{\"x\": 2}"}});
    add(
        &server,
        id_of(&session),
        &json!([
            {"role": "user", "content": "What is 2 + 2?"},
            {"role": "assistant", "content": null, "tool_calls": [call]},
            {"role": "tool", "content": "4", "tool_call_id": "call_1"},
            {"role": "assistant", "content": "It is 4."},
        ]),
    );
    assert_eq!(read(&server, id_of(&session), "").1, 6);
    let (first, _) = read(&server, id_of(&session), "?limit=2");
    let (next, total) = read(&server, id_of(&session), "?limit=2&offset=2");
    assert_eq!((contents(&first), next[1]["tool_calls"][0]["id"].as_str(), total), (vec!["Hi", "Hello!"], Some("call_1"), 6));
    // Memory: a list, a list of objects, a text; all of it, one of it, written over; of the session; forgotten.
    let projects = json!([{"name": "one", "stars": 3}, {"name": "two", "stars": null}]);
    for (key, value) in [("interests", json!(["ai", "hiking"])), ("projects", projects.clone()), ("city", json!("Berlin"))] {
        save(&server, &format!("{memory}/{key}"), value).expect(201);
    }
    assert_eq!((keys(&server, memory).len(), value(&server, &format!("{memory}/projects"))), (3, projects));
    save(&server, &format!("{memory}/city"), json!("Munich")).expect(200);
    let scoped = format!("/sessions/{}/memory", id_of(&session));
    save(&server, &format!("{scoped}/draft"), json!({"step": 1})).expect(201);
    assert_eq!(value(&server, &format!("{scoped}/draft")), json!({"step": 1}));
    server.delete(&format!("{scoped}/draft")).expect(200);
    // Workflow: a session with instructions, another one that knows the user, and what stays when the first goes.
    let work = begin(&server, user, None);
    add(&server, id_of(&work), &json!([{"role": "system", "content": "Be helpful."}, {"role": "user", "content": "Hi"}]));
    let said: Vec<Value> =
        (0..5).map(|n| json!({"role": if n % 2 == 1 { "user" } else { "assistant" }, "content": format!("{n}")})).collect();
    add(&server, id_of(&work), &json!(said));
    begin(&server, user, None);
    assert_eq!((value(&server, &format!("{memory}/city")), read(&server, id_of(&work), "").1), (json!("Munich"), 7));
    server.delete(&format!("/sessions/{}", id_of(&work))).expect(200);
    assert_eq!(keys(&server, memory).len(), 3);
    assert_eq!(server.delete(memory).expect(200).value()["deleted"], 3);
    assert_eq!(keys(&server, memory).len(), 0);
}

#[test]
fn a_fact_of_the_first_turn_is_known_in_the_second() {
    let server = Server::start();
    let session = begin(&server, "user1", None);
    server.say(id_of(&session), "I am from Ghana");
    assert_eq!(server.say(id_of(&session), "Where am I from?"), "You are from Ghana.");
}
