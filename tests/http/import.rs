//! Files that become sessions: whole or not at all.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::Duration,
};

use crate::{
    export::{export, import, in_order, lines, said},
    support::{Server, eventually, json, sqlite},
};

const JSONL: [(&str, &str); 1] = [("content-type", "application/jsonl")];

fn import_lines(server: &Server, query: &str, lines: &str) -> crate::support::Answer {
    server.ask("POST", &format!("/sessions/import?{query}"), &JSONL, Some(lines.as_bytes()))
}

/// An import of session `s` of which the first half has been sent and stored.
fn half(server: &Server, text: &str) -> TcpStream {
    let head = format!("POST /sessions/import?session_id=s HTTP/1.1\r\ncontent-type: application/jsonl\r\ncontent-length: {}", text.len());
    let mut stream = server.connect(&head);
    stream.write_all(&text.as_bytes()[..text.len() / 2]).unwrap();
    let stored = || server.files().iter().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum::<u64>();
    eventually("something is stored", || stored() > 500_000);
    stream
}

/// Sends the second half; the status of the answer.
fn second_half(mut stream: TcpStream, text: &str) -> String {
    let _ = stream.write_all(&text.as_bytes()[text.len() / 2..]);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

fn total(server: &Server, id: &str) -> u64 {
    server.get(&format!("/sessions/{id}/messages")).expect(200).number("total")
}

#[test]
fn what_is_broken_is_refused_with_its_place() {
    let server = Server::start();
    let calling = r#"{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
    let (user, result) = (r#"{"role":"user","content":"x"}"#, r#"{"role":"tool","tool_call_id":"a","content":"x"}"#);
    let cases = [
        (format!("{user}\n{result}\n"), 422, "UNPAIRED_TOOL_RESULT", "line 2.tool_call_id"),
        (format!("{user}\n\n{calling}\n{user}\n"), 422, "OPEN_TOOL_CALL", "line 4"),
        (format!("{user}\n{user}\n{{\"role\":\"user\",\"content\":\"\"}}"), 400, "VALIDATION_ERROR", "line 3.content"),
        (format!("{user}\n{{\"role\":\"user\",\"content\":\"a\\u0000b\"}}"), 400, "VALIDATION_ERROR", "line 2.content"),
        (format!("{user}\n{{\"messages\":[{user}]}}"), 400, "VALIDATION_ERROR", "line 2.messages"),
        (format!("{user}\nnonsense"), 400, "INVALID_JSON", "line 2"),
        (format!("{user}\n{{\"role\":\"user\",\"content\":\"{}\"}}", "x".repeat(256 * 1024 + 1)), 413, "TOO_LARGE", "line 2.content"),
    ];
    for (text, status, code, field) in cases {
        let problem = import_lines(&server, "session_id=s", &text).expect_problem(status, code).value();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(!problem["detail"].as_str().unwrap().contains("column"), "{problem}");
        server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
    }
    let good = in_order(&json!({}), &[said(1, "user", "x")]);
    let mut cases = vec![
        (in_order(&json!({}), &[said(1, "user", "x"), said(1, "user", "x")]), "messages[1].sequence"),
        (in_order(&json!({}), &[said(1, "user", "x"), json!({"sequence": 2, "role": "user"})]), "messages[1]"),
        (in_order(&json!({}), &[json!({"sequence": 2, "role": "user", "content": "x", "created_at": "now"})]), "messages[0].created_at"),
        (in_order(&json!({"ttl_seconds": 0}), &[]), "ttl_seconds"),
        (in_order(&json!({"title": 5}), &[]), "session.title"),
        (good.replace("edge-sessions.session", "other"), "format"),
        (good.replace("\"version\":1", "\"version\":2"), "version"),
        (r#"{"messages":[]}"#.to_owned(), "format"),
        (good[..good.len() - 1].to_owned(), "body"),
        ("[]".to_owned(), "body"),
        (String::new(), "body"),
    ];
    let version =
        |extra: &str| format!(r#","versions":[{{"sequence":1,"role":"user","content":"x","created_at":"2026-11-20T09:38:53Z"{extra}}}]}}"#);
    let with = |end: String| good.strip_suffix('}').unwrap().to_owned() + &end;
    cases.push((with(version("")), "versions[0].replaced_by"));
    cases.push((with(version(r#","replaced_by":1"#)), "versions[0].replaced_by"));
    cases.push((with(version(r#","replaced_by":2"#)), "versions[0].replaced_by"));
    cases.push((
        in_order(&json!({}), &[said(1, "user", "x"), said(2, "user", "x")]).strip_suffix('}').unwrap().to_owned()
            + &version(r#","replaced_by":2"#),
        "versions",
    ));
    for (text, field) in cases {
        let problem = import(&server, "session_id=s", &text).expect(400).value();
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
    }
    for query in ["format=xml", "repair=maybe", "session_id=import", "ttl_seconds=x", "title="] {
        import(&server, query, &good).expect_problem(400, "VALIDATION_ERROR");
    }
    server.ask("POST", "/sessions/import", &[("content-type", "text/plain")], Some(b"x")).expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    import(&server, "session_id=s&title=Mine&user_id=ann&persona=supportive_coach&ttl_seconds=60", &good).expect(201);
    let session = server.get("/sessions/s").expect(200).value();
    let chosen = [&session["title"], &session["user_id"], &session["persona"], &session["ttl_seconds"]];
    assert_eq!(chosen, [&json!("Mine"), &json!("ann"), &json!("supportive_coach"), &json!(60)]);
    import(&server, "session_id=s", &good).expect_problem(409, "SESSION_ID_TAKEN");
}

#[test]
fn the_largest_numbers_are_listed_and_found_as_others() {
    let server = Server::start();
    let largest = 1 << 27;
    let ending_with = |last: u64| in_order(&json!({}), &[said(last - 1, "user", "one zebra"), said(last, "assistant", "two")]);
    let problem = import(&server, "user_id=ann", &ending_with(largest + 1)).expect(400).value();
    assert_eq!(problem["errors"][0]["field"], "messages[1].sequence", "{problem}");
    let id = import(&server, "user_id=ann", &ending_with(largest)).expect(201).text("session_id");
    server.say(&id, "another zebra");
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"][0]["session_id"], json!(id));
    assert_eq!(server.get("/users/ann/search?q=zebra&role=user").expect(200).number("total"), 2);
}

#[test]
fn broken_pairs_are_repaired_on_demand() {
    let server = Server::start();
    let calls =
        json!([{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b", "function": {"name": "f", "arguments": "{}"}}]);
    let messages = [
        said(3, "user", "x"),
        json!({"sequence": 4, "role": "tool", "tool_call_id": "z", "content": "nobody asked", "created_at": "2026-11-20T09:38:53Z"}),
        json!({"sequence": 5, "role": "assistant", "content": null, "tool_calls": calls, "created_at": "2026-11-20T09:38:53Z"}),
        json!({"sequence": 6, "role": "tool", "tool_call_id": "b", "content": "y", "created_at": "2026-11-20T09:38:53Z"}),
        json!({"sequence": 9, "role": "user", "content": "on", "replaces": 8, "created_at": "2026-11-20T09:38:53Z"}),
    ];
    let version = r#","versions":[{"sequence":8,"replaced_by":9,"role":"user","content":"before","created_at":"2026-11-20T09:38:53Z"}]}"#;
    let text = in_order(&json!({}), &messages).strip_suffix('}').unwrap().to_owned() + version;
    import(&server, "session_id=s", &text).expect_problem(422, "UNPAIRED_TOOL_RESULT");
    let made = import(&server, "session_id=s&repair=true", &text).expect(201).value();
    assert_eq!(made["imported"], json!({"messages": 5, "memory": 0, "versions": 1, "results_dropped": 1, "stubs_added": 1}));
    let history = server.get("/sessions/s/messages").expect(200).value();
    let shown: Vec<_> =
        history["messages"].as_array().unwrap().iter().map(|m| format!("{} {}", m["sequence"], m["role"].as_str().unwrap())).collect();
    assert_eq!(shown, ["3 user", "5 assistant", "6 tool", "9 tool", "10 user"]);
    let versions = server.get("/sessions/s/messages/10/versions").expect(200).value();
    assert_eq!(versions["versions"][1][0]["content"], "before");
    assert_eq!(export(&server, "s", "json").value()["versions"][0]["replaced_by"], 10);
    server.say("s", "and on");
}

#[test]
fn an_import_with_a_key_is_done_once() {
    let server = Server::start();
    let keyed = |query: &str, text: &str| {
        let headers = [("content-type", "application/jsonl"), ("idempotency-key", "0123456789abcdef")];
        server.ask("POST", &format!("/sessions/import?{query}"), &headers, Some(text.as_bytes()))
    };
    let text = lines(5000);
    let first = keyed("", &text).expect(201);
    let second = keyed("", &text).expect(201);
    assert_eq!(first.value(), second.value());
    assert_eq!(total(&server, &first.text("session_id")), 5000);
    keyed("", &lines(3)).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    keyed("title=other", &text).expect_problem(409, "IDEMPOTENCY_CONFLICT");
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    keyed("session_id=s", &text).expect_problem(409, "SESSION_ID_TAKEN");
    let short = server.ask("POST", "/sessions/import", &[JSONL[0], ("idempotency-key", "short")], Some(text.as_bytes()));
    short.expect_problem(400, "VALIDATION_ERROR");
}

#[test]
fn an_import_that_is_cut_leaves_nothing_and_its_id_is_free() {
    let mut server = Server::start();
    let text = lines(10_000);
    half(&server, &text).shutdown(Shutdown::Both).unwrap();
    server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    assert_eq!(total(&server, "s"), 0);
    server.delete("/sessions/s").expect(200);

    half(&server, &text).shutdown(Shutdown::Both).unwrap();
    assert_eq!(import_lines(&server, "session_id=s", &lines(3)).expect(201).number("message_count"), 3);
    assert_eq!(total(&server, "s"), 3);
    server.delete("/sessions/s").expect(200);

    // One that is refused at its end is removed by the alarm, without anybody asking.
    import_lines(&server, "session_id=s", &(text.clone() + "nonsense")).expect_problem(400, "INVALID_JSON");
    let is_empty = |server: &Server| server.databases("session").iter().all(|file| sqlite::tables(file).is_empty());
    for _ in 0..20 {
        server.kill();
        if is_empty(&server) {
            break;
        }
        server.launch();
        thread::sleep(Duration::from_millis(500));
    }
    server.kill();
    assert!(is_empty(&server), "its tables are still there");

    // Nor does a lost process leave anything that is seen.
    server.launch();
    let stream = half(&server, &text);
    server.kill();
    server.launch();
    drop(stream);
    server.get("/sessions/s").expect_problem(404, "SESSION_NOT_FOUND");
    assert_eq!(import_lines(&server, "session_id=s", &lines(2)).expect(201).number("message_count"), 2);
    server.say("s", "go on");
}

#[test]
fn two_imports_of_one_id_do_not_mix() {
    let server = Server::start();
    let text = lines(10_000);
    let first = half(&server, &text);
    assert_eq!(import_lines(&server, "session_id=s", &lines(3)).expect(201).number("message_count"), 3);
    assert_eq!(second_half(first, &text), "409");
    assert_eq!(total(&server, "s"), 3);
    server.delete("/sessions/s").expect(200);

    let first = half(&server, &text);
    server.post("/chat", json!({"session_id": "s", "message": "x"})).expect_problem(404, "INVALID_SESSION");
    server.post("/sessions", json!({"session_id": "s"})).expect(201);
    assert_eq!(second_half(first, &text), "409");
    assert_eq!(total(&server, "s"), 0);

    server.delete("/sessions/s").expect(200);
    let first = half(&server, &text);
    assert_eq!(second_half(first, &text), "201");
    assert_eq!(total(&server, "s"), 10_000);
    assert!(export(&server, "s", "jsonl").body == text, "the messages are others now");
}
