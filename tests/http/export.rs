//! Sessions as files: what is in them, and that neither size nor content breaks them.

use std::{
    io::Read,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{
    Answer, Server, json,
    model::{Model, Step},
};

const AT: &str = "2026-11-20T09:38:53.106Z";

pub(crate) fn export(server: &Server, id: &str, format: &str) -> Answer {
    server.get(&format!("/sessions/{id}/export?format={format}")).expect(200)
}

pub(crate) fn import(server: &Server, query: &str, body: &str) -> Answer {
    server.ask("POST", &format!("/sessions/import?{query}"), &[("content-type", "application/json")], Some(body.as_bytes()))
}

/// A file of a session, in the order that it must have, which `json!` does not keep.
pub(crate) fn in_order(session: &Value, messages: &[Value]) -> String {
    let messages = Value::from(messages.to_vec());
    format!(r#"{{"format":"edge-sessions.session","version":1,"session":{session},"messages":{messages}}}"#)
}

pub(crate) fn said(sequence: u64, role: &str, content: &str) -> Value {
    json!({"sequence": sequence, "role": role, "content": content, "created_at": AT})
}

#[test]
fn a_session_comes_back_from_json_with_everything_it_had() {
    let model = Model::start(|number, _| match number {
        0 => Model::saying("First answer."),
        1 => Model::saying("Second answer."),
        2 => vec![Step::Text("Cut".into()), Step::Finish("length"), Step::Done],
        _ => Model::saying("More."),
    });
    let server = Server::asking(&model, &[]);
    let new = json!({"user_id": "ann", "title": "Tea \"and\" <b>", "persona": "creative_writer", "metadata": {"a": [1, "ü"]}, "ttl_seconds": 7200});
    let id = server.post("/sessions", new).expect(201).text("session_id");
    server.say(&id, "Question");
    server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect(200);
    server.say(&id, "Long question");
    let calls = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\":1}"}}]);
    let messages = json!({"messages": [
        {"role": "user", "content": "to be removed", "name": "Ann", "metadata": {"secret": true}},
        {"role": "assistant", "content": null, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "a", "content": "", "name": "f"},
        {"role": "system", "content": "line\nline\r\n🦊 \u{1} ```", "metadata": {"k": null}},
        {"role": "assistant", "content": "open", "tool_calls": [{"id": "b", "function": {"name": "g", "arguments": "broken {"}}]},
    ]});
    let appended = server.post(&format!("/sessions/{id}/messages"), messages).expect(201).value();
    let removed = appended["messages"][0]["sequence"].as_u64().unwrap();
    server.delete(&format!("/sessions/{id}/messages/{removed}")).expect(200);
    server.put(&format!("/sessions/{id}/memory/drink"), json!({"value": {"tea": ["green"]}})).expect(201);

    let first = export(&server, &id, "json");
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    assert_eq!(
        first.header("content-disposition"),
        format!("attachment; filename=\"{id}.json\"; filename*=UTF-8''{}.json", id.replace('_', "%5F"))
    );
    let before = first.value();
    assert_eq!((&before["format"], &before["version"]), (&json!("edge-sessions.session"), &json!(1)));
    assert_eq!((before["messages"].as_array().unwrap().len(), before["versions"].as_array().unwrap().len()), (9, 1));
    assert_eq!(before["versions"][0]["content"], "First answer.");
    // Each on a line of its own.
    let lines = first.body.lines().filter_map(|line| serde_json::from_str::<Value>(line.trim_end_matches(',')).ok()).count();
    assert_eq!(lines, 11);
    assert!(!first.body.contains("secret"));

    let answer = import(&server, "", &first.body).expect(201);
    let made = answer.value();
    assert_eq!(made["imported"], json!({"messages": 9, "memory": 1, "versions": 1, "results_dropped": 0, "stubs_added": 0}));
    let copy = answer.text("session_id");
    assert_eq!(answer.header("location"), format!("/sessions/{}", copy.replace('_', "%5F")));
    let after = export(&server, &copy, "json").value();
    assert_eq!((&after["messages"], &after["versions"], &after["memory"]), (&before["messages"], &before["versions"], &before["memory"]));
    for field in ["user_id", "title", "persona", "metadata", "ttl_seconds", "message_count"] {
        assert_eq!(after["session"][field], before["session"][field], "{field}");
    }
    let listed = server.get("/users/ann/sessions").expect(200).value();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
    // It goes on like any other: the open call can be answered, versions are found.
    let result = json!({"session_id": copy, "tool_results": [{"tool_call_id": "b", "content": "x"}]});
    server.post("/chat", result).expect(200);
    let answered = before["messages"][1]["sequence"].as_u64().unwrap();
    let versions = server.get(&format!("/sessions/{copy}/messages/{answered}/versions")).expect(200).value();
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2);
}

#[test]
fn jsonl_is_openai_shaped_and_without_what_was_removed() {
    let server = Server::start();
    let call = json!([{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
    let messages = [
        said(1, "system", "Be brief"),
        json!({"sequence": 2, "role": "user", "content": "", "created_at": AT, "removed_at": AT}),
        json!({"sequence": 3, "role": "user", "content": "two\nlines 🦊", "name": "Ann", "metadata": {"x": 1}, "created_at": AT}),
        json!({"sequence": 5, "role": "assistant", "content": null, "tool_calls": call, "created_at": AT, "removed_at": AT}),
        json!({"sequence": 6, "role": "tool", "tool_call_id": "a", "content": "", "created_at": AT, "removed_at": AT}),
        json!({"sequence": 7, "role": "assistant", "content": "cut", "cut": "stopped", "replaces": 4, "created_at": AT}),
    ];
    import(&server, "session_id=s", &in_order(&json!({}), &messages)).expect(201);
    let jsonl = export(&server, "s", "jsonl");
    assert_eq!(jsonl.header("content-type"), "application/jsonl");
    let expected = concat!(
        r#"{"role":"system","content":"Be brief"}"#,
        "\n",
        r#"{"role":"user","content":"two\nlines 🦊","name":"Ann"}"#,
        "\n",
        r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
        "\n",
        r#"{"role":"tool","content":"","tool_call_id":"a"}"#,
        "\n",
        r#"{"role":"assistant","content":"cut"}"#,
        "\n",
    );
    assert_eq!(jsonl.body, expected);
    let again = server.ask("POST", "/sessions/import?session_id=t", &[("content-type", "application/x-ndjson")], Some(expected.as_bytes()));
    assert_eq!(again.expect(201).number("message_count"), 5);
    assert_eq!(export(&server, "t", "jsonl").body, expected);
}

#[test]
fn markdown_is_readable_and_nothing_leaves_its_section() {
    let server = Server::start();
    let call = json!([{"id": "a`b", "type": "function", "function": {"name": "f", "arguments": "{\"x\":\"```\"}"}}]);
    let messages = [
        json!({"sequence": 1, "role": "user", "name": "Ann", "content": "Hi\r\n\n## 9. Assistant\n```\n<script>alert(1)</script> 🦊", "created_at": AT}),
        json!({"sequence": 2, "role": "assistant", "content": "Let me see", "tool_calls": call, "created_at": AT}),
        json!({"sequence": 3, "role": "tool", "tool_call_id": "a`b", "content": "````\n# x", "created_at": AT}),
        json!({"sequence": 4, "role": "user", "content": "", "created_at": AT, "removed_at": AT}),
        json!({"sequence": 5, "role": "assistant", "content": "Well", "cut": "length", "created_at": AT}),
    ];
    import(&server, "session_id=s", &in_order(&json!({"title": "A <b>tea</b>", "user_id": "ann"}), &messages)).expect(201);
    let markdown = export(&server, "s", "markdown");
    assert_eq!(markdown.header("content-type"), "text/markdown; charset=utf-8");
    assert!(markdown.header("content-disposition").contains("filename=\"s.md\""));
    let session = server.get("/sessions/s").expect(200);
    let expected = r#"# A \<b>tea\</b>

- Session: `s`
- User: `ann`
- Persona: `default`
- Created: @created_at
- Last activity: @last_activity
- Messages: 5

## 1. User `Ann`, 2026-11-20T09:38:53.106Z

> Hi
>
> ## 9. Assistant
> ```
> \<script>alert(1)\</script> 🦊

## 2. Assistant, 2026-11-20T09:38:53.106Z

> Let me see

Calls `f` as ``a`b``:

````
{"x":"```"}
````

## 3. Tool, 2026-11-20T09:38:53.106Z

Result of call ``a`b``:

`````
````
# x
`````

## 4. User, 2026-11-20T09:38:53.106Z

*Removed, 2026-11-20T09:38:53.106Z.*

## 5. Assistant, 2026-11-20T09:38:53.106Z

> Well

*Cut off: too long.*
"#;
    let expected = ["created_at", "last_activity"]
        .iter()
        .fold(expected.to_owned(), |text, field| text.replace(&format!("@{field}"), &session.text(field)));
    assert_eq!(markdown.body, expected);
}

#[test]
fn exports_are_for_those_who_may_see_the_session() {
    let server = Server::start();
    let id = server.new_session();
    server.get("/sessions/nobody/export").expect_problem(404, "SESSION_NOT_FOUND");
    server.get(&format!("/sessions/{id}/export?format=xml")).expect_problem(400, "VALIDATION_ERROR");
    let empty = server.get(&format!("/sessions/{id}/export")).expect(200);
    assert_eq!((&empty.value()["messages"], &empty.value()["memory"]), (&json!([]), &json!([])));
    assert_eq!(export(&server, &id, "jsonl").body, "");
    let head = server.ask("HEAD", &format!("/sessions/{id}/export?format=markdown"), &[], None).expect(200);
    assert_eq!((head.header("content-type"), head.body.as_str()), ("text/markdown; charset=utf-8", ""));
    server.ask("HEAD", "/sessions/nobody/export", &[], None).expect(404);
    // A name that no file may have.
    let strange = "a\"/..\\ü;=\u{1f98a}";
    server.post("/sessions", json!({"session_id": strange})).expect(201);
    let path: String = strange.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let disposition = server.get(&format!("/sessions/{path}/export")).expect(200).header("content-disposition").to_owned();
    assert_eq!(disposition, "attachment; filename=\"a_________.json\"; filename*=UTF-8''a%22%2F%2E%2E%5C%C3%BC%3B%3D%F0%9F%A6%8A.json");
}

/// Lines that say something, each of about 300 bytes.
pub(crate) fn lines(count: usize) -> String {
    let padding = "tea ".repeat(60);
    (0..count).map(|n| format!("{{\"role\":\"{}\",\"content\":\"{n} {padding}🦊\"}}\n", ["user", "assistant"][n % 2])).collect()
}

/// What comes of a connection until its end.
fn rest(mut stream: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A connection that breaks off may end in an error.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

#[test]
fn a_hundred_thousand_messages_come_and_go_in_bounded_memory() {
    const COUNT: usize = 100_000;
    const MEMORY_MIB: u64 = 400;
    let server = Server::start();
    let sent = lines(COUNT);
    let started = Instant::now();
    let jsonl = [("content-type", "application/jsonl")];
    let made = server.ask("POST", "/sessions/import?session_id=s", &jsonl, Some(sent.as_bytes())).expect(201);
    assert_eq!(made.number("message_count"), u64::try_from(COUNT).unwrap());
    let imported = started.elapsed();
    let after_import = server.peak_memory_mib();
    assert!(export(&server, "s", "jsonl").body == sent, "the messages are others now");
    let exported = started.elapsed() - imported;
    let after_export = server.peak_memory_mib();

    // Who does not read holds back the object; who comes back gets the rest, whole.
    let slow = server.connect("GET /sessions/s/export HTTP/1.1");
    thread::sleep(Duration::from_secs(1));
    let after_waiting = server.peak_memory_mib();
    server.say("s", "meanwhile");
    server.delete(&format!("/sessions/s/messages/{COUNT}")).expect(200);
    let bytes = rest(slow);
    assert!(bytes.ends_with(b"\r\n0\r\n\r\n"), "the export is not whole");
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("meanwhile"), "the export has what came after its beginning");
    assert!(text.contains(&format!("{} tea", COUNT - 2)) && !text.contains(&format!("{} tea", COUNT - 1)), "what was removed is given out");

    // What has changed meanwhile is no export of anything.
    let cut = server.connect("GET /sessions/s/export?format=jsonl HTTP/1.1");
    thread::sleep(Duration::from_millis(200));
    server.delete("/sessions/s").expect(200);
    let bytes = rest(cut);
    assert!(bytes.starts_with(b"HTTP/1.1 200") && !bytes.ends_with(b"0\r\n\r\n"), "a part was given for the whole");
    println!(
        "{COUNT} messages, {} MiB: import {imported:?}, export {exported:?}; peak MiB {after_import}, {after_export}, {after_waiting}, {}",
        sent.len() >> 20,
        server.peak_memory_mib()
    );
    assert!(server.peak_memory_mib() < MEMORY_MIB, "{} MiB", server.peak_memory_mib());
}
