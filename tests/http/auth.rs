//! Who may call: modes, service keys and anonymous visitors. Tokens are in `tokens`, whose is what in `ownership`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{
    Answer, Server, json,
    token::{SECRET, hmac, token_of},
};

/// An entry of `SERVICE_KEYS`.
pub(crate) fn service_key(name: &str, key: &str, scopes: &[&str]) -> Value {
    let hash: String = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"name": name, "sha256": hash, "scopes": scopes})
}

fn with_header(server: &Server, method: &str, path: &str, header: (&str, &str)) -> Answer {
    server.ask(method, path, &[header, ("content-type", "application/json")], (method != "GET").then_some(b"{\"message\":\"x\"}"))
}

/// The cookie that an answer sets, without its attributes.
fn cookie_of(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

#[test]
fn without_a_mode_nobody_is_served_and_told_how_to_change_that() {
    let server = Server::with_only(&[]);
    server.get("/health").expect(200);
    server.ask("OPTIONS", "/chat", &[], None).expect(204);
    for path in ["/", "/sessions", "/users/ann"] {
        let detail = server.get(path).expect_problem(503, "MISCONFIGURED").text("detail");
        assert!(["AUTH_MODE", "keys", "jwt", "visitor", "open"].iter().all(|word| detail.contains(word)), "{detail}");
    }
}

#[test]
fn modes_that_cannot_work_are_refused_whole() {
    let short = "x".repeat(31);
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[("AUTH_MODE", "open,keys")], "AUTH_MODE"),
        (&[("AUTH_MODE", "closed")], "AUTH_MODE"),
        (&[("AUTH_MODE", "keys")], "SERVICE_KEYS"),
        (&[("AUTH_MODE", "keys"), ("SERVICE_KEYS", "[]")], "SERVICE_KEYS"),
        (&[("AUTH_MODE", "jwt")], "JWT_SECRET"),
        (&[("AUTH_MODE", "jwt"), ("JWT_SECRET", &short)], "JWT_SECRET"),
        (&[("AUTH_MODE", "visitor")], "VISITOR_SECRET"),
        (&[("AUTH_MODE", "visitor"), ("VISITOR_SECRET", &short)], "VISITOR_SECRET"),
    ];
    for (variables, named) in cases {
        let server = Server::with_only(variables);
        let answer = server.get("/").expect_problem(503, "MISCONFIGURED");
        assert!(answer.text("detail").contains(named) && !answer.body.contains(&short), "{variables:?}: {}", answer.body);
    }
}

#[test]
fn keys_open_what_their_scopes_say() {
    let keys = json!([
        service_key("old", "key-1", &["chat"]),
        service_key("new", "key-2", &["chat"]),
        service_key("reader", "key-3", &["read"]),
        service_key("admin", "key-4", &["admin"]),
    ]);
    let server = Server::with_only(&[("AUTH_MODE", "keys"), ("SERVICE_KEYS", &keys.to_string())]);
    let ask = |method: &str, path: &str, key: &str| with_header(&server, method, path, ("authorization", &format!("Bearer {key}")));

    let session = with_header(&server, "POST", "/chat", ("x-api-key", "key-1")).expect(200).text("session_id");
    let path = format!("/sessions/{session}");
    // Both keys of a rotation are good, and are the same to sessions.
    ask("GET", &path, "key-2").expect(200);
    ask("GET", &path, "key-3").expect(200);
    with_header(&server, "GET", &path, ("authorization", "bearer  key-2 ")).expect(200);
    for (method, path, key, scope, name) in [
        ("POST", "/chat", "key-3", "chat", "reader"),
        ("DELETE", path.as_str(), "key-3", "chat", "reader"),
        ("GET", "/sessions", "key-3", "admin", "reader"),
        ("GET", "/sessions", "key-1", "admin", "old"),
        ("GET", &path, "key-4", "read", "admin"),
        ("POST", "/chat", "key-4", "chat", "admin"),
    ] {
        let answer = ask(method, path, key).expect_problem(403, "INSUFFICIENT_SCOPE");
        let detail = answer.text("detail");
        assert!(detail.contains(&format!("scope {scope}")) && detail.contains(&format!("key {name}")), "{detail}");
        assert!(answer.header("www-authenticate").contains(&format!("scope=\"{scope}\"")), "{}", answer.header("www-authenticate"));
    }
    ask("GET", "/sessions", "key-4").expect(200);
    ["key-1", "key-2", "key-3", "key-4"].iter().for_each(|key| drop(ask("GET", "/", key).expect(200)));

    let hash = service_key("", "key-1", &[])["sha256"].as_str().unwrap().to_owned();
    for wrong in ["key-5", "key-1x", "KEY-1", &hash, &"x".repeat(20_000)] {
        ask("GET", &path, wrong).expect_problem(401, "INVALID_CREDENTIALS");
        with_header(&server, "GET", &path, ("x-api-key", wrong)).expect_problem(401, "INVALID_CREDENTIALS");
    }
    let both = [("authorization", "Bearer key-1"), ("x-api-key", "key-1")];
    server.ask("GET", &path, &both, None).expect_problem(401, "INVALID_CREDENTIALS");
    let nothing = server.get(&path).expect_problem(401, "CREDENTIALS_REQUIRED");
    assert!(nothing.text("detail").contains("X-API-Key"), "{}", nothing.body);
    assert_eq!(nothing.header("set-cookie"), "");
    server.get("/health").expect(200);
    server.ask("OPTIONS", &path, &[], None).expect(204);
    assert!(!server.log().contains("key-"), "{}", server.log());
}

#[test]
fn a_service_acts_for_any_user() {
    let keys = json!([service_key("backend", "key", &["chat"])]).to_string();
    let server = Server::with_only(&[("AUTH_MODE", "keys"), ("SERVICE_KEYS", &keys)]);
    let ask = |method: &str, path: &str, body: Value| {
        server.ask(method, path, &[("x-api-key", "key"), ("content-type", "application/json")], Some(body.to_string().as_bytes()))
    };
    let id = ask("POST", "/chat", json!({"message": "Hi", "user_id": "ann"})).expect(200).text("session_id");
    ask("POST", "/chat", json!({"message": "Hi", "session_id": id})).expect(200);
    ask("POST", "/chat", json!({"message": "Hi", "session_id": id, "user_id": "bob"})).expect_problem(404, "INVALID_SESSION");
    assert_eq!(ask("POST", &format!("/sessions/{id}/fork"), json!({})).expect(201).text("user_id"), "ann");
    assert_eq!(ask("GET", "/users/ann/sessions", json!({})).expect(200).value()["sessions"].as_array().unwrap().len(), 2);
    // Where it is nobody in particular, "me" is a name like others; so are those of visitors, where there are none.
    for user in ["me", "visitor_1"] {
        assert_eq!(ask("GET", &format!("/users/{user}"), json!({})).expect(200).text("user_id"), user);
    }
}

#[test]
fn visitors_are_told_apart_by_a_cookie() {
    let server = Server::with_only(&[("AUTH_MODE", "visitor"), ("VISITOR_SECRET", SECRET)]);
    let first = with_header(&server, "POST", "/chat", ("accept", "*/*")).expect(200);
    let attributes: Vec<_> = first.header("set-cookie").split("; ").skip(1).map(str::to_owned).collect();
    assert_eq!(attributes, ["Path=/", "Max-Age=31536000", "HttpOnly", "SameSite=Lax"]);
    let cookie = cookie_of(&first);
    let user = first.value()["session"]["user_id"].as_str().unwrap().to_owned();
    let (id, signature) = cookie.strip_prefix("visitor=").unwrap().split_once('.').unwrap();
    assert_eq!((id, URL_SAFE_NO_PAD.decode(signature).unwrap()), (user.as_str(), hmac(SECRET, &user)));
    let digits = user.strip_prefix("visitor_").unwrap();
    assert!(digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{user}");

    // Who comes back is known, and not told again.
    let path = format!("/sessions/{}", first.text("session_id"));
    let again = with_header(&server, "GET", &path, ("cookie", &format!("theme=dark; {cookie}"))).expect(200);
    assert_eq!(again.header("set-cookie"), "");
    let me = with_header(&server, "GET", "/users/me/sessions", ("cookie", &cookie)).expect(200);
    assert_eq!(me.value()["sessions"].as_array().unwrap().len(), 1, "{}", me.body);
    with_header(&server, "GET", &format!("/users/{user}"), ("cookie", &cookie)).expect(200);

    // Others are others, and get a cookie with whatever they are answered.
    let forged = format!("visitor={user}.{}", URL_SAFE_NO_PAD.encode(hmac("another secret, of the same length", &user)));
    let mut named =
        vec![String::new(), format!("visitor={user}"), format!("visitor={user}.{}", &signature[1..]), "visitor=.".into(), forged];
    named.push(format!("visitor=visitor_{}.{signature}", "0".repeat(32)));
    named.push(format!("visitor=ann.{}", URL_SAFE_NO_PAD.encode(hmac(SECRET, "ann"))));
    let mut seen = vec![cookie.clone()];
    for cookie in named {
        let stranger = with_header(&server, "GET", &path, ("cookie", &cookie)).expect_problem(404, "SESSION_NOT_FOUND");
        let new = cookie_of(&stranger);
        assert!(new.starts_with("visitor=visitor_") && !seen.contains(&new), "{cookie}: {new}");
        seen.push(new);
    }
    // One of several may be good.
    with_header(&server, "GET", &path, ("cookie", &format!("visitor=x; {}; {cookie}", seen[1]))).expect_problem(404, "SESSION_NOT_FOUND");
    with_header(&server, "GET", &path, ("cookie", &format!("visitor=x; visitor={user}.AAEC; {cookie}"))).expect(200);
    // What is shown besides and is wrong, is wrong.
    let headers = [("cookie", cookie.as_str()), ("authorization", "Bearer x")];
    server.ask("GET", &path, &headers, None).expect_problem(401, "INVALID_CREDENTIALS");
    with_header(&server, "GET", "/sessions", ("cookie", &cookie)).expect_problem(403, "INSUFFICIENT_SCOPE");
}

#[test]
fn cookies_are_for_encrypted_connections_but_on_this_machine() {
    let server = Server::with_only(&[("AUTH_MODE", "visitor"), ("VISITOR_SECRET", SECRET)]);
    let cases = [("localhost:1", false), ("127.0.0.1", false), ("chat.example", true), ("localhost.example", true)];
    for (host, is_secure) in cases {
        let answer = server.ask("GET", "/users/me", &[("host", host)], None).expect(200);
        let cookie = answer.header("set-cookie");
        assert_eq!(cookie.ends_with("; Secure"), is_secure, "{host}: {cookie}");
    }
}

#[test]
fn pages_beside_ours_send_the_cookie_when_they_are_listed() {
    let variables = [("AUTH_MODE", "visitor"), ("VISITOR_SECRET", SECRET), ("CORS_ORIGINS", "https://chat.example")];
    let (listed, any) = (Server::with_only(&variables), Server::with_only(&variables[..2]));
    let of = |server: &Server, origin: &str| {
        let answer = with_header(server, "GET", "/users/me", ("origin", origin)).expect(200);
        ["access-control-allow-origin", "access-control-allow-credentials"].map(|name| answer.header(name).to_owned())
    };
    assert_eq!(of(&listed, "https://chat.example"), ["https://chat.example", "true"]);
    assert_eq!(of(&listed, "https://other.example"), ["", ""]);
    assert_eq!(of(&any, "https://chat.example"), ["*", ""]);
}

#[test]
fn a_secret_is_changed_without_losing_a_visitor() {
    let new = SECRET.replace('a', "b");
    let user = format!("visitor_{}", "1".repeat(32));
    let cookie = |secret: &str| format!("visitor={user}.{}", URL_SAFE_NO_PAD.encode(hmac(secret, &user)));
    let server = Server::with_only(&[("AUTH_MODE", "visitor"), ("VISITOR_SECRET", &format!("{new},{SECRET}"))]);
    let old = with_header(&server, "GET", "/users/me", ("cookie", &cookie(SECRET))).expect(200);
    assert_eq!((old.text("user_id"), cookie_of(&old)), (user.clone(), cookie(&new)));
    let current = with_header(&server, "GET", "/users/me", ("cookie", &cookie(&new))).expect(200);
    assert_eq!((current.text("user_id"), current.header("set-cookie")), (user, ""));
}

#[test]
fn modes_go_together() {
    let keys = json!([
        service_key("backend", "key.with.dots", &["chat"]),
        service_key("watcher", "watcher", &["read", "admin"]),
        service_key("admin", "eraser", &["chat", "admin"]),
    ]);
    let keys = keys.to_string();
    let variables = [("AUTH_MODE", "keys, jwt, visitor"), ("SERVICE_KEYS", &keys), ("JWT_SECRET", SECRET), ("VISITOR_SECRET", SECRET)];
    let server = Server::with_only(&variables);
    let bearer = |path: &str, text: &str| with_header(&server, "GET", path, ("authorization", &format!("Bearer {text}")));
    bearer("/users/ann", "key.with.dots").expect(200);
    assert_eq!(bearer("/users/me", &token_of("ann")).expect(200).text("user_id"), "ann");
    let visitor = server.get("/users/me").expect(200);
    let user = visitor.text("user_id");
    assert!(user.starts_with("visitor_"), "{user}");
    for wrong in ["key", "wrong.key", "wrong.key.here", &format!("{}x", token_of("ann"))] {
        let answer = bearer("/users/me", wrong).expect_problem(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.header("set-cookie"), "");
    }
    // Nobody is called like a visitor, and nobody acts for one but who can erase him.
    bearer("/users/me", &token_of("visitor_1")).expect_problem(401, "INVALID_CREDENTIALS");
    bearer(&format!("/users/{user}"), "key.with.dots").expect_problem(404, "USER_NOT_FOUND");
    bearer(&format!("/users/{user}"), "watcher").expect_problem(404, "USER_NOT_FOUND");
    bearer(&format!("/users/{user}"), "eraser").expect(200);
}
