//! Messages: append, read pages, tool calls, limits.

use std::thread;

use serde_json::Value;

use crate::support::{Server, json};

/// Contents of a page.
fn contents(page: &Value) -> Vec<String> {
    page["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap_or("null").to_owned()).collect()
}

fn numbered(count: usize) -> Value {
    let messages: Vec<Value> = (1..=count).map(|number| json!({"role": "user", "content": format!("m{number}")})).collect();
    json!({"messages": messages})
}

#[test]
fn every_kind_of_message_comes_back_as_it_went() {
    let server = Server::start();
    let id = server.new_session();
    let sent = json!([
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Check my appointment \u{1f980}\n\"quoted\"", "name": "ann", "metadata": {"k": [1, {"deep": null}]}},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "call_123", "type": "function", "function": {"name": "check", "arguments": "{\"user_id\": \"123\"}"}}]},
        {"role": "tool", "tool_call_id": "call_123", "content": "{\"time\": \"2pm\"}", "name": "check"},
        {"role": "assistant", "content": "At 2pm."},
    ]);
    let stored = server.post(&format!("/sessions/{id}/messages"), json!({"messages": sent})).expect(201);
    assert_eq!(stored.number("total"), 5);
    let page = server.get(&format!("/sessions/{id}/messages")).expect(200).value();
    assert_eq!(page["messages"], stored.value()["messages"]);
    for (index, (sent, shown)) in sent.as_array().unwrap().iter().zip(page["messages"].as_array().unwrap()).enumerate() {
        for (field, value) in sent.as_object().unwrap() {
            assert_eq!(&shown[field], value, "{field} of message {index}");
        }
        assert_eq!(shown["sequence"], index + 1);
        assert!(shown["created_at"].as_str().unwrap().ends_with('Z'));
    }
    assert!(page["messages"][0].get("tool_calls").is_none() && page["messages"][0].get("metadata").is_none(), "{page}");
}

#[test]
fn pages_by_limit_and_offset_from_either_end() {
    let server = Server::start();
    let id = server.new_session();
    server.post(&format!("/sessions/{id}/messages"), numbered(5)).expect(201);
    let cases: [(&str, &[&str], bool); 8] = [
        ("", &["m1", "m2", "m3", "m4", "m5"], false),
        ("?limit=2", &["m1", "m2"], true),
        ("?limit=2&offset=3", &["m4", "m5"], false),
        ("?limit=2&offset=2", &["m3", "m4"], true),
        ("?offset=9", &[], false),
        ("?limit=2&order=desc", &["m5", "m4"], true),
        ("?limit=2&order=desc&offset=3", &["m2", "m1"], false),
        ("?limit=200&order=desc", &["m5", "m4", "m3", "m2", "m1"], false),
    ];
    for (query, expected, has_more) in cases {
        let page = server.get(&format!("/sessions/{id}/messages{query}")).expect(200).value();
        assert_eq!(contents(&page), expected, "{query:?}");
        assert_eq!((&page["total"], &page["has_more"]), (&json!(5), &json!(has_more)), "{query:?}");
    }
}

#[test]
fn cursors_lead_to_both_ends_and_to_what_comes_later() {
    let server = Server::start();
    let path = format!("/sessions/{}/messages", server.new_session());
    server.post(&path, numbered(5)).expect(201);
    let page = |query: String| server.get(&format!("{path}?{query}")).expect(200).value();

    let newest = page("order=desc&limit=2".into());
    let older = page(format!("before={}&limit=2", newest["before"].as_str().unwrap()));
    assert_eq!(contents(&older), ["m2", "m3"]);
    let oldest = page(format!("before={}&limit=2&order=desc", older["before"].as_str().unwrap()));
    assert_eq!((contents(&oldest), &oldest["before"], &oldest["has_more"]), (vec!["m1".to_owned()], &json!(null), &json!(false)));

    let newer = page(format!("after={}&limit=3", oldest["after"].as_str().unwrap()));
    assert_eq!(contents(&newer), ["m2", "m3", "m4"]);
    let end = page(format!("after={}&order=desc", newer["after"].as_str().unwrap()));
    assert_eq!((contents(&end), &end["has_more"]), (vec!["m5".to_owned()], &json!(false)));

    let nothing = page(format!("after={}", end["after"].as_str().unwrap()));
    assert_eq!((contents(&nothing), &nothing["after"], &nothing["has_more"]), (vec![], &end["after"], &json!(false)));
    server.post(&path, json!({"messages": [{"role": "user", "content": "later"}]})).expect(201);
    assert_eq!(contents(&page(format!("after={}", end["after"].as_str().unwrap()))), ["later"]);
}

#[test]
fn an_append_is_all_or_nothing() {
    let server = Server::start();
    let id = server.new_session();
    let path = format!("/sessions/{id}/messages");
    let etag = server.get(&format!("/sessions/{id}")).expect(200).header("etag").to_owned();
    let good = json!({"role": "user", "content": "x"});
    let cases = [
        (json!({"role": "wizard", "content": "x"}), 400, "messages[1].role"),
        (json!({"role": "user", "content": null}), 400, "messages[1].content"),
        (json!({"role": "user", "content": ""}), 400, "messages[1].content"),
        (json!({"role": "user", "content": "x".repeat(256 * 1024 + 1)}), 413, "messages[1].content"),
        (json!({"role": "user", "content": "a\u{0}b"}), 400, "messages[1].content"),
        (json!({"role": "user", "content": "x", "metadata": {"k": "x".repeat(16 * 1024)}}), 413, "messages[1].metadata"),
        (json!({"role": "tool", "content": "x"}), 400, "messages[1].tool_call_id"),
        (json!({"role": "tool", "content": "x", "tool_call_id": "unknown"}), 422, "messages[1].tool_call_id"),
        (json!({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]}), 400, "messages[1].tool_calls[0].function"),
        (
            json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "magic", "function": {"name": "f", "arguments": ""}}]}),
            400,
            "messages[1].tool_calls[0].type",
        ),
        (json!(["user", "x"]), 400, "messages[1]"),
    ];
    for (bad, status, field) in cases {
        let answer = server.post(&path, json!({"messages": [good, bad]})).expect(status);
        let named = answer.value()["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        assert_eq!(named, field, "{}", answer.body);
    }
    server.post(&path, json!({"messages": []})).expect_problem(400, "VALIDATION_ERROR");
    server.post(&path, numbered(1001)).expect_problem(400, "VALIDATION_ERROR");
    let after = server.get(&format!("/sessions/{id}")).expect(200);
    assert_eq!((after.number("message_count"), after.header("etag")), (0, etag.as_str()));
}

#[test]
fn a_tool_call_that_is_never_answered_is_closed_with_a_stub() {
    let server = Server::start();
    let id = server.new_session();
    let path = format!("/sessions/{id}/messages");
    let call = |id: &str| json!({"id": id, "function": {"name": "f", "arguments": "{}"}});
    server
        .post(&path, json!({"messages": [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": [call("a"), call("b")]}]}))
        .expect(201);
    server.post(&path, json!({"messages": [{"role": "tool", "tool_call_id": "b", "content": "done"}]})).expect(201);
    server.say(&id, "never mind");
    let page = server.get(&path).expect(200).value();
    let roles: Vec<&str> = page["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "tool", "tool", "user", "assistant"]);
    assert_eq!((&page["messages"][3]["tool_call_id"], &page["total"]), (&json!("a"), &json!(6)));
    server
        .post(&path, json!({"messages": [{"role": "tool", "tool_call_id": "a", "content": "late"}]}))
        .expect_problem(422, "UNPAIRED_TOOL_RESULT");
}

#[test]
fn the_largest_messages_are_kept_and_read_in_pages_that_fit() {
    let server = Server::start();
    let id = server.new_session();
    let path = format!("/sessions/{id}/messages");
    // Three bytes a character, so that bytes and characters are not mistaken for each other.
    let large = "\u{20ac}".repeat(256 * 1024 / 3);
    for _ in 0..20 {
        server.post(&path, json!({"messages": [{"role": "user", "content": large}]})).expect(201);
    }
    let first = server.get(&format!("{path}?limit=200")).expect(200).value();
    let count = first["messages"].as_array().unwrap().len();
    assert!((5..10).contains(&count), "{count} messages on a page");
    assert_eq!((&first["has_more"], &first["total"]), (&json!(true), &json!(20)));
    let (mut read, mut page) = (count, first);
    while page["has_more"] == json!(true) {
        page = server.get(&format!("{path}?after={}", page["after"].as_str().unwrap())).expect(200).value();
        read += page["messages"].as_array().unwrap().len();
    }
    assert_eq!(read, 20);
    server.say(&id, "summarise");
}

#[test]
fn appends_from_many_at_once_are_all_kept_and_numbered_without_gaps() {
    let server = Server::start();
    let path = format!("/sessions/{}/messages", server.new_session());
    thread::scope(|scope| {
        for writer in 0..20 {
            let (server, path) = (&server, &path);
            scope.spawn(move || {
                for part in 0..5 {
                    let pair = ["first", "second"].map(|half| json!({"role": "user", "content": format!("{writer}.{part} {half}")}));
                    server.post(path, json!({"messages": pair})).expect(201);
                }
            });
        }
    });
    let page = server.get(&format!("{path}?limit=200")).expect(200).value();
    let sequences: Vec<u64> = page["messages"].as_array().unwrap().iter().map(|message| message["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=200).collect::<Vec<_>>());
    for pair in contents(&page).chunks(2) {
        assert_eq!(pair[0].replace("first", "second"), pair[1], "an append was torn apart");
    }
}
