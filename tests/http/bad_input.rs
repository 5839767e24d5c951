//! Whatever is sent: a 4xx problem that names the field and the rule, and nothing is stored.

use crate::support::{Server, json};

/// Asks with a body as it is.
fn send(server: &Server, method: &str, path: &str, content_type: &str, body: &[u8]) -> crate::support::Answer {
    server.ask(method, path, &[("content-type", content_type)], Some(body))
}

#[test]
fn bodies_that_are_not_what_they_should_be() {
    let server = Server::start();
    let deep = format!("{{\"metadata\":{{\"a\":{}{}}}}}", "[".repeat(500), "]".repeat(500));
    let long_message = json!({"message": "x".repeat(256 * 1024 + 1)}).to_string();
    let long_title = json!({"title": "x".repeat(201)}).to_string();
    let long_id = json!({"session_id": "x".repeat(10_000)}).to_string();
    let big_metadata = json!({"metadata": {"k": "x".repeat(16 * 1024)}}).to_string();
    let oversized = format!("{{\"message\":\"{}\"}}", "x".repeat(1024 * 1024));
    // path, body -> status, code, field
    let cases: Vec<(&str, &str, u16, &str, &str)> = vec![
        ("/sessions", "", 400, "INVALID_JSON", "body"),
        ("/sessions", "{", 400, "INVALID_JSON", "body"),
        ("/sessions", "nonsense", 400, "INVALID_JSON", "body"),
        ("/sessions", "{} {}", 400, "INVALID_JSON", "body"),
        ("/sessions", "null", 400, "VALIDATION_ERROR", "body"),
        ("/sessions", "[]", 400, "VALIDATION_ERROR", "body"),
        ("/sessions", "\"text\"", 400, "VALIDATION_ERROR", "body"),
        ("/sessions", r#"{"user_id":5}"#, 400, "VALIDATION_ERROR", "user_id"),
        ("/sessions", r#"{"user_id":""}"#, 400, "VALIDATION_ERROR", "user_id"),
        ("/sessions", r#"{"user_id":"a\u0000b"}"#, 400, "VALIDATION_ERROR", "user_id"),
        ("/sessions", r#"{"session_id":""}"#, 400, "VALIDATION_ERROR", "session_id"),
        ("/sessions", r#"{"session_id":".."}"#, 400, "VALIDATION_ERROR", "session_id"),
        ("/sessions", r#"{"session_id":"stats"}"#, 400, "VALIDATION_ERROR", "session_id"),
        ("/sessions", r#"{"session_id":"a\nb"}"#, 400, "VALIDATION_ERROR", "session_id"),
        ("/sessions", &long_id, 400, "VALIDATION_ERROR", "session_id"),
        ("/sessions", r#"{"metadata":[]}"#, 400, "VALIDATION_ERROR", "metadata"),
        ("/sessions", &big_metadata, 413, "TOO_LARGE", "metadata"),
        ("/sessions", &deep, 400, "INVALID_JSON", "metadata.a[0]"),
        ("/sessions", r#"{"ttl_seconds":0}"#, 400, "VALIDATION_ERROR", "ttl_seconds"),
        ("/sessions", r#"{"ttl_seconds":2592001}"#, 400, "VALIDATION_ERROR", "ttl_seconds"),
        ("/sessions", r#"{"ttl_seconds":-1}"#, 400, "VALIDATION_ERROR", "ttl_seconds"),
        ("/sessions", r#"{"ttl_seconds":1.5}"#, 400, "VALIDATION_ERROR", "ttl_seconds"),
        ("/sessions", r#"{"ttl_seconds":1e400}"#, 400, "INVALID_JSON", "ttl_seconds"),
        ("/sessions", &long_title, 400, "VALIDATION_ERROR", "title"),
        ("/sessions", r#"{"title":""}"#, 400, "VALIDATION_ERROR", "title"),
        ("/sessions", r#"{"persona":""}"#, 400, "VALIDATION_ERROR", "persona"),
        ("/sessions", r#"{"title":"a","title":"b"}"#, 400, "VALIDATION_ERROR", "body"),
        ("/chat", r#"{}"#, 400, "VALIDATION_ERROR", "message"),
        ("/chat", r#"{"message":""}"#, 400, "VALIDATION_ERROR", "message"),
        ("/chat", r#"{"message":" \n\t "}"#, 400, "VALIDATION_ERROR", "message"),
        ("/chat", r#"{"message":null}"#, 400, "VALIDATION_ERROR", "message"),
        ("/chat", r#"{"message":"a\u0000b"}"#, 400, "VALIDATION_ERROR", "message"),
        ("/chat", r#"{"message":"\ud800"}"#, 400, "INVALID_JSON", "message"),
        ("/chat", r#"{"message":"x","session_id":7}"#, 400, "VALIDATION_ERROR", "session_id"),
        ("/chat", &long_message, 413, "TOO_LARGE", "message"),
        ("/chat", &oversized, 413, "TOO_LARGE", "body"),
    ];
    for (path, body, status, code, field) in cases {
        let answer = send(&server, "POST", path, "application/json", body.as_bytes());
        println!("{path} {body:.60}");
        let answer = answer.expect_problem(status, code);
        let named = answer.value()["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        assert!(named == field || named.starts_with("metadata.a["), "{path} {body:.60}: {}", answer.body);
        assert!(answer.text("detail").starts_with(field), "{path} {body:.60}: {}", answer.body);
    }
    send(&server, "POST", "/chat", "application/json", b"{\"message\":\"\xff\"}").expect_problem(400, "INVALID_JSON");
    assert!(server.databases("session").is_empty(), "a refused request has made an object: {:?}", server.databases("session"));
}

#[test]
fn bodies_are_json_by_their_content_type() {
    let server = Server::start();
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp"] {
        let answer = send(&server, "POST", "/chat", content_type, b"{\"message\":\"x\"}").expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(answer.value()["errors"][0]["field"], "Content-Type");
    }
    server.ask("POST", "/sessions", &[], None).expect_problem(415, "UNSUPPORTED_MEDIA_TYPE");
    send(&server, "POST", "/chat", "Application/JSON;charset=utf-8", b"{\"message\":\"x\"}").expect(200);
}

#[test]
fn bodies_without_a_length_are_read_up_to_the_limit() {
    let server = Server::start();
    let head = "POST /chat HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |bytes: &str| format!("{:x}\r\n{bytes}\r\n", bytes.len());
    let small = [head, &chunk("{\"message\":"), &chunk("\"hello\"}"), "0\r\n\r\n"].concat();
    assert_eq!(server.send_raw(small.as_bytes()), 200);
    let endless = [head, &chunk("{\"message\":\""), &chunk(&"x".repeat(64 * 1024)).repeat(20), "0\r\n\r\n"].concat();
    assert_eq!(server.send_raw(endless.as_bytes()), 413);
}

#[test]
fn ids_in_paths_follow_the_same_rules() {
    let server = Server::start();
    let long = "x".repeat(10_000);
    for id in ["a%00b", "a%0Ab", "%7F", long.as_str()] {
        let answer = server.get(&format!("/sessions/{id}")).expect_problem(400, "VALIDATION_ERROR");
        assert_eq!(answer.value()["errors"][0]["field"], "session_id");
        server.get(&format!("/users/{id}/sessions")).expect_problem(400, "VALIDATION_ERROR");
    }
    server.get("/sessions/%FF").expect_problem(400, "VALIDATION_ERROR");
    server.get("/sessions/100%25%20of%2Fit").expect_problem(404, "SESSION_NOT_FOUND");
}

#[test]
fn queries_follow_rules_too() {
    let server = Server::start();
    let id = server.new_session();
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=-1",
        "offset=-1",
        "offset=1.5",
        "order=up",
        "before=x",
        "after=m",
        "before=m1&after=m1",
        "offset=1&before=m1",
    ] {
        server.get(&format!("/sessions/{id}/messages?{query}")).expect_problem(400, "VALIDATION_ERROR");
    }
    for path in ["/users/ann/sessions?cursor=x", "/users/ann/sessions?limit=0", "/sessions?limit=1001", "/sessions?cursor=x"] {
        server.get(path).expect_problem(400, "VALIDATION_ERROR");
    }
}

#[test]
fn paths_and_methods_that_do_not_exist() {
    let server = Server::start();
    for path in ["/nothing", "/sessions/", "/sessions/x/", "/sessions//messages", "/sessions/x/nothing", "/chat/", "/Sessions"] {
        let answer = server.get(path).expect_problem(404, "NOT_FOUND");
        assert_eq!(answer.text("detail").contains("slash"), path.ends_with('/'), "{path}: {}", answer.body);
    }
    let cases = [
        ("GET", "/chat", "POST, OPTIONS"),
        ("DELETE", "/sessions", "POST, GET, HEAD, OPTIONS"),
        ("PUT", "/sessions/x", "GET, HEAD, PATCH, DELETE, OPTIONS"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
    ];
    for (method, path, allow) in cases {
        let answer = server.ask(method, path, &[], None).expect_problem(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[test]
fn head_is_get_without_a_body_and_options_tells_what_is_allowed() {
    let server = Server::start();
    let id = server.new_session();
    let (get, head) = (server.get(&format!("/sessions/{id}")), server.ask("HEAD", &format!("/sessions/{id}"), &[], None));
    assert_eq!((head.status, head.body.as_str(), head.header("etag")), (200, "", get.header("etag")));
    assert_eq!(server.ask("HEAD", "/sessions/nobodys", &[], None).status, 404);
    let options = server.ask("OPTIONS", "/sessions/x", &[], None).expect(204);
    assert_eq!(options.header("allow"), "GET, HEAD, PATCH, DELETE, OPTIONS");
    server.ask("OPTIONS", "/nothing", &[], None).expect_problem(404, "NOT_FOUND");
}

#[test]
fn browsers_of_allowed_origins_may_call() {
    let origin = ("origin", "https://app.example");
    let any = Server::start();
    let preflight = any.ask("OPTIONS", "/sessions/x", &[origin, ("access-control-request-method", "DELETE")], None).expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), "*");
    assert!(preflight.header("access-control-allow-methods").contains("DELETE"));
    assert!(preflight.header("access-control-allow-headers").contains("Content-Type"));
    let refused = any.ask("GET", "/sessions/x", &[origin], None).expect_problem(404, "SESSION_NOT_FOUND");
    assert!(refused.header("access-control-expose-headers").contains("X-Request-Id"), "{:?}", refused.headers);

    let listed = Server::with(&[("CORS_ORIGINS", "https://app.example")]);
    assert_eq!(listed.ask("GET", "/health", &[origin], None).header("access-control-allow-origin"), "https://app.example");
    let other = listed.ask("GET", "/health", &[("origin", "https://evil.example")], None);
    assert_eq!((other.header("access-control-allow-origin"), other.header("vary")), ("", "Origin"));
}

#[test]
fn request_ids_come_back_when_they_are_plain_and_are_made_otherwise() {
    let server = Server::start();
    let with = |id: &str| server.ask("GET", "/nothing", &[("x-request-id", id)], None).expect_problem(404, "NOT_FOUND").text("request_id");
    assert_eq!(with("req-1/a.b:c"), "req-1/a.b:c");
    for bad in ["a b", "<script>", "x".repeat(129).as_str()] {
        assert_eq!(with(bad).len(), 36, "{bad}");
    }
    assert_ne!(with(""), with(""));
}
