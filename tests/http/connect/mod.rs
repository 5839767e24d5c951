//! The Session Service over the Connect protocol: what `tests/transcripts/connect*.json` cannot say. They are replayed as
//! JSON with those of the other dialects (`transcripts`), and here once more as protobuf.

mod messages;

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::{
    auth::service_key,
    support::{
        Answer, Server, json,
        token::{SECRET, token_of},
    },
    transcripts::{self, Captured, Request, filled},
};

fn path(rpc: &str) -> String {
    format!("/sessions.SessionService/{rpc}")
}

fn call(server: &Server, rpc: &str, body: Value) -> Answer {
    server.post(&path(rpc), body)
}

/// The same of somebody who shows a token or a key.
fn call_as(server: &Server, token: &str, rpc: &str, body: Value) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    server.ask("POST", &path(rpc), &headers, Some(body.to_string().as_bytes()))
}

#[track_caller]
fn refused(answer: Answer, status: u16, code: &str) -> Answer {
    let answer = answer.expect(status);
    assert_eq!((answer.header("content-type"), answer.text("code").as_str()), ("application/json", code), "{}", answer.body);
    answer
}

fn contents(answer: &Answer) -> Vec<String> {
    answer.value()["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

fn said(texts: impl IntoIterator<Item = String>) -> Vec<Value> {
    texts.into_iter().map(|text| json!({"role": "user", "content": text})).collect()
}

/// Asks what a transcript asks, in protobuf; its answer as JSON.
fn ask_in_protobuf(server: &Server, request: &Request, captured: &Captured) -> Answer {
    let body = messages::encode(&request.path, &filled(request.body.as_ref().unwrap(), captured));
    let mut answer = server.ask("POST", &request.path, &[("content-type", "application/proto")], Some(&body));
    if answer.status == 200 {
        assert_eq!(answer.header("content-type"), "application/proto", "{}", answer.asked);
        answer.body = messages::decode(&request.path, &answer.bytes).to_string();
    }
    answer
}

#[test]
fn clients_of_protobuf_are_answered_as_those_of_json() {
    let file = crate::support::root().join("tests/transcripts/connect.json");
    let wrong = transcripts::replay(&file, ask_in_protobuf);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_no_protobuf_is_refused_and_harms_nothing() {
    let server = Server::start();
    let deep = {
        // Groups in groups, which no field of ours is.
        let mut bytes = vec![0x7b; 100_000];
        bytes.extend([0x7c; 100_000]);
        bytes
    };
    let cases: [(&str, &str, Vec<u8>); 13] = [
        ("text that is cut off", "ListSessions", vec![0x0a, 5, b'a']),
        ("a length beyond everything", "ListSessions", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
        ("a length of 4 GiB", "ListSessions", vec![0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("a number for text", "ListSessions", vec![0x08, 1]),
        ("text for a number", "GetMessages", vec![0x12, 1, b'a']),
        ("no UTF-8", "ListSessions", vec![0x0a, 2, 0xff, 0xfe]),
        ("tag 0", "ListSessions", vec![0x02, 0]),
        ("a wire type that is none", "ListSessions", vec![0x0f]),
        ("a number that does not end", "ListSessions", vec![0x80; 11]),
        ("the end of no group", "ListSessions", vec![0x0c]),
        ("groups in groups", "ListSessions", deep),
        ("a message that is cut off", "AddMessages", vec![0x0a, 1, b's', 0x12, 4, 0x0a, 9, b'u', b's']),
        ("JSON", "ListSessions", b"{}".to_vec()),
    ];
    for (what, rpc, body) in cases {
        let answer = server.ask("POST", &path(rpc), &[("content-type", "application/proto")], Some(&body));
        assert!(answer.status == 400 && answer.text("code") == "invalid_argument", "{what}: {} {}", answer.status, answer.body);
    }
    // What is empty, and what is not known, is allowed.
    for body in [&[][..], &[0x7a, 1, b'x'], &[0xf8, 0x01, 0x05]] {
        server.ask("POST", &path("ListSessions"), &[("content-type", "application/proto")], Some(body)).expect(200);
    }
    server.get("/health").expect(200);
}

#[test]
fn times_are_unix_milliseconds_and_activity_moves_one_of_them() {
    let server = Server::start();
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let times = |session: &Value| ["createdAt", "updatedAt"].map(|field| session[field].as_str().unwrap().parse::<i64>().unwrap());
    let session = call(&server, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "s"})).expect(200).value()["session"].clone();
    let [created, updated] = times(&session);
    assert!((now - 1000..now + 60_000).contains(&created) && created == updated, "{session} at {now}");
    let message = json!({"role": "user", "content": "x", "timestamp": "5"});
    call(&server, "AddMessages", json!({"sessionId": "s", "messages": [message]})).expect(200);
    let listed = call(&server, "ListSessions", json!({"userId": "ann"})).expect(200).value()["sessions"][0].clone();
    let got = call(&server, "GetMessages", json!({"sessionId": "s"})).expect(200).value()["messages"][0]["timestamp"].clone();
    assert_eq!(listed["updatedAt"], got);
    assert!(times(&listed)[0] == created && times(&listed)[1] >= updated, "{listed}");
}

#[test]
fn a_session_is_the_same_in_every_dialect() {
    let server = Server::start();
    call(&server, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "tea"})).expect(200);
    call(&server, "AddMessages", json!({"sessionId": "tea", "messages": said(["I like tea".into()])})).expect(200);
    call(&server, "SaveMemory", json!({"userId": "ann", "key": "k", "value": "[1, 2]", "sessionId": "tea"})).expect(200);
    call(&server, "SaveMemory", json!({"userId": "ann", "key": "k", "value": "{}", "sessionId": "begun"})).expect(200);
    let session = server.get("/sessions/tea").expect(200).value();
    assert_eq!((&session["user_id"], &session["message_count"], &session["created_from"]), (&json!("ann"), &json!(1), &json!("api")));
    assert_eq!(server.get("/sessions/tea/memory/k").expect(200).value()["value"], json!([1, 2]));
    assert_eq!(server.get("/sessions/begun").expect(200).text("created_from"), "memory");

    let other = server.post("/chat", json!({"message": "My name is Ann", "user_id": "ann"})).expect(200);
    let got = call(&server, "GetMessages", json!({"sessionId": other.text("session_id")})).expect(200);
    assert_eq!(contents(&got), ["My name is Ann".to_owned(), other.text("response")]);
    let memories = call(&server, "GetMemory", json!({"userId": "ann"})).expect(200).value()["memories"].clone();
    assert_eq!(memories["name"], "\"Ann\"", "{memories}");
}

#[test]
fn a_call_with_a_key_is_done_once() {
    let server = Server::start();
    let session = call(&server, "GetOrCreateSession", json!({"userId": "ann"})).expect(200).value()["session"]["sessionId"].clone();
    let add = |key: Option<&str>, text: &str| {
        let headers: Vec<_> = [("content-type", "application/json")].into_iter().chain(key.map(|key| ("idempotency-key", key))).collect();
        let body = json!({"sessionId": session, "messages": said([text.to_owned()])}).to_string();
        server.ask("POST", &path("AddMessages"), &headers, Some(body.as_bytes()))
    };
    for (key, text) in [(Some("k1"), "once"), (Some("k1"), "once"), (None, "twice"), (None, "twice")] {
        assert_eq!(add(key, text).expect(200).number("messageCount"), 1);
    }
    refused(add(Some("k1"), "other"), 400, "invalid_argument");
    let got = call(&server, "GetMessages", json!({"sessionId": session})).expect(200);
    assert_eq!(contents(&got), ["once", "twice", "twice"]);

    let create = |key: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        server.ask("POST", &path("GetOrCreateSession"), &headers, Some(br#"{"userId":"ann"}"#)).expect(200).value()["session"].clone()
    };
    assert_eq!(create("k2"), create("k2"));
    assert_ne!(create("k2"), create("k3"));
}

#[test]
fn a_context_is_what_a_model_would_be_told_but_for_its_persona() {
    let server = Server::with(&[("CONTEXT_TOKENS", "500")]);
    call(&server, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "s"})).expect(200);
    call(&server, "SaveMemory", json!({"userId": "ann", "key": "likes", "value": "\"green tea\""})).expect(200);
    let texts = (0..120).map(|number| format!("Sentence {number} is of some length."));
    let mut messages = said(texts);
    messages.insert(0, json!({"role": "system", "content": "Be kind."}));
    call(&server, "AddMessages", json!({"sessionId": "s", "messages": messages})).expect(200);
    let get = |body: Value| call(&server, "GetMessages", body).expect(200);

    for (strategy, has_summary, has_memory) in [("truncate", false, false), ("summarize", true, false), ("hierarchical", true, true)] {
        let got = get(json!({"sessionId": "s", "strategy": strategy}));
        assert_eq!(got.number("totalCount"), 121);
        let (texts, roles) = (contents(&got), got.value()["messages"].clone());
        assert_eq!((&roles[0]["role"], texts.last().unwrap().as_str()), (&json!("system"), "Sentence 119 is of some length."));
        assert!(texts[0].contains("Be kind.") && !texts[0].contains("helpful assistant"), "{strategy}: {}", texts[0]);
        assert_eq!(texts[0].contains("What was said earlier"), has_summary, "{strategy}: {}", texts[0]);
        assert_eq!(texts[0].contains("green tea"), has_memory, "{strategy}: {}", texts[0]);
        assert!((3..100).contains(&texts.len()), "{strategy}: {texts:?}");
        // What is left stands as it was stored, one after the other.
        let first = 121 - texts.len();
        assert_eq!(texts[1..], (first..120).map(|number| format!("Sentence {number} is of some length.")).collect::<Vec<_>>());
        assert_eq!(contents(&get(json!({"sessionId": "s", "strategy": strategy, "limit": 1}))).len(), 2);
        // It is what our own dialect shows.
        let memory = if has_memory { "" } else { "&memory=false" };
        let context = server.get(&format!("/sessions/s/context?strategy={strategy}{memory}")).expect(200).value();
        let prompt = context["messages"][0]["content"].as_str().unwrap().to_owned();
        assert!(prompt.ends_with(&texts[0]), "{strategy}: {prompt} and {}", texts[0]);
    }
}

#[test]
fn long_histories_come_whole_up_to_8_mib() {
    let server = Server::start();
    call(&server, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "many"})).expect(200);
    let texts: Vec<String> = (0..2100).map(|number| number.to_string()).collect();
    for part in texts.chunks(1000) {
        call(&server, "AddMessages", json!({"sessionId": "many", "messages": said(part.to_vec())})).expect(200);
    }
    let get = |body: Value| call(&server, "GetMessages", body).expect(200);
    assert_eq!(contents(&get(json!({"sessionId": "many"}))), texts);
    assert_eq!(contents(&get(json!({"sessionId": "many", "limit": 1500, "offset": 3}))), texts[3..1503]);
    assert_eq!(contents(&get(json!({"sessionId": "many", "strategy": "recent"}))), texts);
    assert_eq!(contents(&get(json!({"sessionId": "many", "strategy": "recent", "limit": 1500, "offset": 3}))), texts[597..2097]);

    call(&server, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "large"})).expect(200);
    for _ in 0..13 {
        let large = said(vec!["x".repeat(250 * 1024); 3]);
        call(&server, "AddMessages", json!({"sessionId": "large", "messages": large})).expect(200);
    }
    for strategy in ["", "recent"] {
        let got = get(json!({"sessionId": "large", "strategy": strategy}));
        assert!(got.number("totalCount") == 39 && (30..39).contains(&contents(&got).len()), "{} messages", contents(&got).len());
    }
    let too_many = said(vec!["x".to_owned(); 1001]);
    refused(call(&server, "AddMessages", json!({"sessionId": "many", "messages": too_many})), 400, "invalid_argument");
    let too_long = said(["x".repeat(256 * 1024 + 1)]);
    refused(call(&server, "AddMessages", json!({"sessionId": "many", "messages": too_long})), 400, "invalid_argument");
}

#[test]
fn all_sessions_are_listed_and_cleared() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "0")]);
    for number in 0..205 {
        let session = json!({"userId": "ann", "sessionId": format!("s{number}")});
        call(&server, "GetOrCreateSession", session).expect(200);
    }
    let listed = call(&server, "ListSessions", json!({"userId": "ann"})).expect(200).value();
    let ids: Vec<&str> = listed["sessions"].as_array().unwrap().iter().map(|session| session["sessionId"].as_str().unwrap()).collect();
    assert_eq!(ids, (0..205).rev().map(|number| format!("s{number}")).collect::<Vec<_>>());
    for session in ["s0", "s204"] {
        call(&server, "SaveMemory", json!({"userId": "ann", "key": "k", "value": "1", "sessionId": session})).expect(200);
    }
    call(&server, "SaveMemory", json!({"userId": "ann", "key": "k", "value": "1"})).expect(200);
    call(&server, "SaveMemory", json!({"userId": "bob", "key": "k", "value": "1"})).expect(200);
    assert_eq!(call(&server, "ClearUserMemory", json!({"userId": "ann"})).expect(200).number("count"), 3);
    let memory = |body: Value| call(&server, "GetMemory", body).expect(200).value()["memories"].clone();
    for scope in [json!({"userId": "ann"}), json!({"userId": "ann", "sessionId": "s0"}), json!({"userId": "ann", "sessionId": "s204"})] {
        assert_eq!(memory(scope), json!({}));
    }
    assert_eq!(memory(json!({"userId": "bob"})), json!({"k": "1"}));
}

#[test]
fn a_memory_comes_whole_or_not_at_all() {
    let server = Server::start();
    let save = |key: usize, size: usize| {
        let body = json!({"userId": "ann", "key": format!("k{key:03}"), "value": Value::String("x".repeat(size)).to_string()});
        call(&server, "SaveMemory", body)
    };
    (0..120).for_each(|key| drop(save(key, 60_000).expect(200)));
    let all = call(&server, "GetMemory", json!({"userId": "ann"})).expect(200).value();
    assert_eq!(all["memories"].as_object().unwrap().len(), 120);
    (120..141).for_each(|key| drop(save(key, 60_000).expect(200)));
    refused(call(&server, "GetMemory", json!({"userId": "ann"})), 429, "resource_exhausted");
    call(&server, "GetMemory", json!({"userId": "ann", "key": "k140"})).expect(200);
    refused(save(0, 64 * 1024), 400, "invalid_argument");
}

#[test]
fn failures_have_the_codes_of_the_protocol() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "1"), ("SESSION_LIMIT_POLICY", "reject")]);
    call(&server, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "s"})).expect(200);
    let full = refused(call(&server, "GetOrCreateSession", json!({"userId": "ann"})), 429, "resource_exhausted");
    assert_eq!(full.value()["details"][0]["debug"]["reason"], "SESSION_LIMIT");
    refused(call(&server, "SaveMemory", json!({"userId": "ann", "key": "k", "value": "1", "sessionId": "t"})), 429, "resource_exhausted");
    let large = json!({"sessionId": "s", "messages": said(vec!["x".repeat(100 * 1024); 11])});
    refused(call(&server, "AddMessages", large), 429, "resource_exhausted");
    let preflight = server.ask("OPTIONS", &path("GetMessages"), &[("origin", "https://example.com")], None).expect(204);
    assert!(preflight.header("access-control-allow-headers").contains("Connect-Protocol-Version"));

    let server = Server::with_only(&[]);
    refused(call(&server, "ListSessions", json!({"userId": "ann"})), 503, "unavailable");

    let keys = json!([service_key("reader", "read", &["read"])]).to_string();
    let server = Server::with_only(&[("SERVICE_KEYS", keys.as_str()), ("JWT_SECRET", SECRET), ("AUTH_MODE", "keys,jwt")]);
    let nobody = refused(call(&server, "ListSessions", json!({"userId": "ann"})), 401, "unauthenticated");
    assert!(nobody.header("www-authenticate").starts_with("Bearer"));
    refused(call_as(&server, "x", "ListSessions", json!({"userId": "ann"})), 401, "unauthenticated");
    refused(call_as(&server, "read", "ClearUserMemory", json!({"userId": "ann"})), 403, "permission_denied");
    call_as(&server, "read", "ListSessions", json!({"userId": "ann"})).expect(200);
    refused(call_as(&server, &token_of("bob"), "ListSessions", json!({"userId": "ann"})), 404, "not_found");
}

#[test]
fn nobody_is_given_what_is_somebody_elses() {
    let server = Server::with_only(&[("JWT_SECRET", SECRET), ("AUTH_MODE", "jwt")]);
    let (ann, bob) = (token_of("ann"), token_of("bob"));
    let own = call_as(&server, &ann, "GetOrCreateSession", json!({"sessionId": "tea"})).expect(200).value();
    assert_eq!(own["session"]["userId"], "ann", "who names nobody is meant");
    call_as(&server, &ann, "AddMessages", json!({"sessionId": "tea", "messages": said(["x".into()])})).expect(200);
    call_as(&server, &ann, "SaveMemory", json!({"key": "k", "value": "1", "sessionId": "tea"})).expect(200);
    call_as(&server, &ann, "SaveMemory", json!({"key": "own", "value": "2"})).expect(200);

    refused(call_as(&server, &bob, "GetOrCreateSession", json!({"sessionId": "tea"})), 409, "already_exists");
    refused(call_as(&server, &bob, "GetOrCreateSession", json!({"userId": "ann", "sessionId": "tea"})), 404, "not_found");
    refused(call_as(&server, &bob, "SaveMemory", json!({"key": "k", "value": "3", "sessionId": "tea"})), 409, "already_exists");
    refused(call_as(&server, &bob, "AddMessages", json!({"sessionId": "tea", "messages": said(["y".into()])})), 404, "not_found");
    let body = |rpc: &str, body: Value| call_as(&server, &bob, rpc, body).expect(200).value();
    assert_eq!(body("GetMessages", json!({"sessionId": "tea"})), json!({"messages": [], "totalCount": 0}));
    assert_eq!(body("GetMemory", json!({"sessionId": "tea"})), json!({"memories": {}}));
    assert_eq!(body("DeleteMemory", json!({"sessionId": "tea", "key": "k"})), json!({"success": false}));
    assert_eq!(body("DeleteSession", json!({"sessionId": "tea"})), json!({"success": false}));
    assert_eq!(body("ListSessions", json!({})), json!({"sessions": []}));
    assert_eq!(body("ClearUserMemory", json!({})), json!({"count": 0}));

    let got = call_as(&server, &ann, "GetMessages", json!({"sessionId": "tea"})).expect(200);
    assert_eq!(contents(&got), ["x"]);
    for (scope, memories) in [(json!({"sessionId": "tea"}), json!({"k": "1"})), (json!({}), json!({"own": "2"}))] {
        assert_eq!(call_as(&server, &ann, "GetMemory", scope).expect(200).value()["memories"], memories);
    }
}
