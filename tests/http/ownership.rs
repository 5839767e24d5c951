//! Whose is what: every route there is answers those whom something does not belong to as if it were not there.
//!
//! The routes are the server's own list. One that is not in [`ROUTES`] here fails the test until it is, with what is asked of it, or with
//! the reason why there is nothing to ask in [`NAMELESS`].

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde_json::Value;

use crate::{
    auth::service_key,
    support::{
        Answer, Server, json,
        token::{SECRET, token_of},
    },
};

/// A path and a body (none when empty) that name something; `@session` and `@user` stand for whose.
type Probe = (&'static str, &'static str);

/// Method and pattern, the scope that is needed, and what is asked.
const ROUTES: &[(&str, &str, &[Probe])] = &[
    ("GET /", "any", &[]),
    ("GET /health", "nothing", &[]),
    ("GET /personas", "any", &[]),
    ("GET /sessions", "admin", &[]),
    ("GET /sessions/stats", "admin", &[]),
    ("POST /sessions/cleanup", "admin", &[]),
    (
        "POST /chat",
        "chat",
        &[
            ("/chat", r#"{"message":"x","session_id":"@session"}"#),
            ("/chat", r#"{"message":"x","user_id":"@user"}"#),
            ("/chat", r#"{"message":"x","session_id":"@session","user_id":"@user","stream":true}"#),
        ],
    ),
    ("POST /sessions", "chat", &[("/sessions", r#"{"user_id":"@user"}"#)]),
    (
        "POST /sessions/import",
        "chat",
        &[
            ("/sessions/import?user_id=@user", r#"{"format":"edge-sessions.session","version":1,"session":{},"messages":[]}"#),
            ("/sessions/import", r#"{"format":"edge-sessions.session","version":1,"session":{"user_id":"@user"},"messages":[]}"#),
        ],
    ),
    ("GET /sessions/{}", "read", &[("/sessions/@session", "")]),
    ("PATCH /sessions/{}", "chat", &[("/sessions/@session", r#"{"title":"x"}"#)]),
    ("DELETE /sessions/{}", "chat", &[("/sessions/@session", "")]),
    ("POST /sessions/{}/restore", "chat", &[("/sessions/@session/restore", "")]),
    ("POST /sessions/{}/renew", "chat", &[("/sessions/@session/renew", "")]),
    (
        "GET /sessions/{}/messages",
        "read",
        &[
            ("/sessions/@session/messages", ""),
            ("/sessions/@session/messages?offset=1&limit=1", ""),
            ("/sessions/@session/messages?limit=1", ""),
        ],
    ),
    ("POST /sessions/{}/messages", "chat", &[("/sessions/@session/messages", r#"{"messages":[{"role":"user","content":"x"}]}"#)]),
    ("DELETE /sessions/{}/messages/{}", "chat", &[("/sessions/@session/messages/1", "")]),
    ("POST /sessions/{}/pop", "chat", &[("/sessions/@session/pop", "")]),
    ("GET /sessions/{}/messages/{}/versions", "read", &[("/sessions/@session/messages/1/versions", "")]),
    ("GET /sessions/{}/events", "read", &[("/sessions/@session/events", ""), ("/sessions/@session/events?turn=1", "")]),
    ("POST /sessions/{}/stop", "chat", &[("/sessions/@session/stop", "{}")]),
    ("POST /sessions/{}/regenerate", "chat", &[("/sessions/@session/regenerate", "{}")]),
    ("POST /sessions/{}/continue", "chat", &[("/sessions/@session/continue", "{}")]),
    ("POST /sessions/{}/edit", "chat", &[("/sessions/@session/edit", r#"{"message":"x"}"#)]),
    ("GET /sessions/{}/turns/{}", "read", &[("/sessions/@session/turns/1", "")]),
    ("POST /sessions/{}/fork", "chat", &[("/sessions/@session/fork", "{}")]),
    ("GET /sessions/{}/context", "read", &[("/sessions/@session/context", ""), ("/sessions/@session/context?message=x", "")]),
    ("GET /sessions/{}/search", "read", &[("/sessions/@session/search?q=tea", "")]),
    ("GET /sessions/{}/export", "read", &[("/sessions/@session/export", ""), ("/sessions/@session/export?format=markdown", "")]),
    ("GET /sessions/{}/memory", "read", &[("/sessions/@session/memory", "")]),
    ("DELETE /sessions/{}/memory", "chat", &[("/sessions/@session/memory", "")]),
    ("GET /sessions/{}/memory/{}", "read", &[("/sessions/@session/memory/k", "")]),
    ("PUT /sessions/{}/memory/{}", "chat", &[("/sessions/@session/memory/k", r#"{"value":1}"#)]),
    ("DELETE /sessions/{}/memory/{}", "chat", &[("/sessions/@session/memory/k", "")]),
    ("POST /sessions/{}/memory/{}/undo", "chat", &[("/sessions/@session/memory/k/undo", "")]),
    ("GET /users/{}", "read", &[("/users/@user", "")]),
    ("PATCH /users/{}", "chat", &[("/users/@user", r#"{"memory":true}"#)]),
    ("GET /users/{}/search", "read", &[("/users/@user/search?q=tea", ""), ("/users/@user/search?q=tea&session_id=@session", "")]),
    ("GET /users/{}/sessions/latest", "read", &[("/users/@user/sessions/latest", "")]),
    ("DELETE /users/{}", "chat", &[("/users/@user", "")]),
    ("GET /users/{}/sessions", "read", &[("/users/@user/sessions", ""), ("/users/@user/sessions?limit=1", "")]),
    ("GET /users/{}/memory", "read", &[("/users/@user/memory", "")]),
    ("DELETE /users/{}/memory", "chat", &[("/users/@user/memory", "")]),
    ("GET /users/{}/memory/{}", "read", &[("/users/@user/memory/k", "")]),
    ("PUT /users/{}/memory/{}", "chat", &[("/users/@user/memory/k", r#"{"value":1}"#)]),
    ("DELETE /users/{}/memory/{}", "chat", &[("/users/@user/memory/k", "")]),
    ("POST /api/session/create", "chat", &[("/api/session/create", r#"{"user_id":"@user"}"#)]),
    ("POST /api/chat", "chat", &[("/api/chat", r#"{"session_id":"@session","user_message":"x"}"#)]),
    ("GET /api/sessions", "read", &[("/api/sessions?user_id=@user", "")]),
    ("GET /api/session/{}/history", "read", &[("/api/session/x/history?session_id=@session", "")]),
    ("DELETE /api/session/{}/clear", "chat", &[("/api/session/x/clear?session_id=@session", "")]),
    ("POST /session/start", "chat", &[("/session/start", r#"{"user_id":"@user"}"#)]),
    ("GET /session/{}/history", "read", &[("/session/x/history?session_id=@session", "")]),
    ("DELETE /session/{}/clear", "chat", &[("/session/x/clear?session_id=@session", "")]),
    ("GET /sessions/active", "read", &[("/sessions/active?user_id=@user", "")]),
    // What is heard over it: tests/http/sockets.rs.
    ("GET /ws/chat/{}", "chat", &[("/ws/chat/x?session_id=@session", "")]),
    ("POST /users/{}/memory/{}/undo", "chat", &[("/users/@user/memory/k/undo", "")]),
    // Of ATLUS.
    ("POST /api/v1/sessions", "chat", &[("/api/v1/sessions", r#"{"user_id":"@user"}"#)]),
    ("GET /api/v1/sessions/continue", "read", &[("/api/v1/sessions/continue?user_id=@user", "")]),
    ("DELETE /api/v1/sessions/continue", "chat", &[]),
    ("GET /api/v1/sessions/{}", "read", &[("/api/v1/sessions/@session", "")]),
    ("DELETE /api/v1/sessions/{}", "chat", &[("/api/v1/sessions/@session", "")]),
    (
        "POST /api/v1/chat",
        "chat",
        &[
            ("/api/v1/chat", r#"{"message":"x","session_id":"@session"}"#),
            ("/api/v1/chat", r#"{"message":"x","user_id":"@user"}"#),
            ("/api/v1/chat", r#"{"message":"x","session_id":"@session","user_id":"@user"}"#),
        ],
    ),
    ("GET /api/v1/health", "nothing", &[]),
    ("GET /api/v1/docs", "nothing", &[]),
    // The Session Service, in its new generation and its old one.
    ("POST /sessions.SessionService/GetOrCreateSession", "chat", &[("/sessions.SessionService/GetOrCreateSession", OF_USER)]),
    ("POST /sessions.SessionService/ListSessions", "read", &[("/sessions.SessionService/ListSessions", OF_USER)]),
    ("POST /sessions.SessionService/AddMessages", "chat", &[("/sessions.SessionService/AddMessages", ADDED)]),
    ("POST /sessions.SessionService/GetMessages", "read", &[("/sessions.SessionService/GetMessages", OF_SESSION)]),
    ("POST /sessions.SessionService/DeleteSession", "chat", &[("/sessions.SessionService/DeleteSession", OF_SESSION)]),
    ("POST /sessions.SessionService/SaveMemory", "chat", &[("/sessions.SessionService/SaveMemory", SAVED)]),
    (
        "POST /sessions.SessionService/GetMemory",
        "read",
        &[("/sessions.SessionService/GetMemory", OF_USER), ("/sessions.SessionService/GetMemory", OF_SESSION)],
    ),
    (
        "POST /sessions.SessionService/DeleteMemory",
        "chat",
        &[("/sessions.SessionService/DeleteMemory", SAVED), ("/sessions.SessionService/DeleteMemory", KEY_OF_SESSION)],
    ),
    ("POST /sessions.SessionService/ClearUserMemory", "chat", &[("/sessions.SessionService/ClearUserMemory", OF_USER)]),
    ("POST /proto.SessionService/GetOrCreateSession", "chat", &[("/proto.SessionService/GetOrCreateSession", OF_USER)]),
    ("POST /proto.SessionService/AddMessages", "chat", &[("/proto.SessionService/AddMessages", ADDED)]),
    ("POST /proto.SessionService/GetMessages", "read", &[("/proto.SessionService/GetMessages", OF_SESSION)]),
    ("POST /proto.SessionService/DeleteSession", "chat", &[("/proto.SessionService/DeleteSession", OF_SESSION)]),
    ("POST /proto.SessionService/SaveMemory", "chat", &[("/proto.SessionService/SaveMemory", SAVED)]),
    ("POST /proto.SessionService/GetMemory", "read", &[("/proto.SessionService/GetMemory", OF_USER)]),
    ("POST /proto.SessionService/DeleteMemory", "chat", &[("/proto.SessionService/DeleteMemory", SAVED)]),
    ("POST /proto.SessionService/ClearUserMemory", "chat", &[("/proto.SessionService/ClearUserMemory", OF_USER)]),
    // Of system D. A thread that is somebody else's is not refused but replaced (`query.rs`).
    ("POST /query", "chat", &[("/query", r#"{"query":"x","user_id":"@user"}"#)]),
];

/// Routes by which nobody can name what is somebody else's, and why.
const NAMELESS: &[(&str, &str)] = &[
    ("GET /", "it is the same for everybody"),
    ("GET /health", "it is the same for everybody"),
    ("GET /personas", "it is the same for everybody"),
    ("GET /sessions", "an administrator sees all"),
    ("GET /sessions/stats", "it is an administrator's, and tells sums alone"),
    ("POST /sessions/cleanup", "it is an administrator's, and removes what is there for nobody"),
    ("DELETE /api/v1/sessions/continue", "it is 404 for everybody"),
    ("GET /api/v1/health", "it is the same for everybody"),
    ("GET /api/v1/docs", "it is the same for everybody"),
];

/// Routes of the Nono chat bot whose `user_id` is a label, which people may choose for what is their own.
const LABELLED: [&str; 4] = ["POST /api/session/create", "GET /api/sessions", "POST /session/start", "GET /sessions/active"];

/// Bodies of the Session Service.
const OF_USER: &str = r#"{"userId":"@user"}"#;
const OF_SESSION: &str = r#"{"sessionId":"@session"}"#;
const KEY_OF_SESSION: &str = r#"{"sessionId":"@session","key":"k"}"#;
const ADDED: &str = r#"{"sessionId":"@session","messages":[{"role":"user","content":"x"}]}"#;
const SAVED: &str = r#"{"userId":"@user","sessionId":"@session","key":"k","value":"1"}"#;

/// Where there is nothing they succeed, and say so.
fn is_lenient(route: &str, body: &str) -> bool {
    let is_nonos = [" /api/session/", " /session/"].iter().any(|path| route.contains(path));
    is_nonos || (route.contains(".SessionService/") && matches!(body, OF_SESSION | KEY_OF_SESSION))
}

/// How what is not there is answered.
fn absent(route: &str, body: &str) -> u16 {
    match route {
        // Nothing but a WebSocket is.
        route if route.contains(" /ws/") => 426,
        route if is_lenient(route, body) => 200,
        _ => 404,
    }
}

/// How `somebody` is answered when something is another's. All but 409 is the same when it never was.
fn expected(somebody: &Somebody<'_>, route: &str, body: &str) -> u16 {
    let is_service = somebody.header.1 == "Bearer chat";
    match route {
        // It begins the sessions that are not there, so it tells which ids are in use.
        "POST /api/chat" => 409,
        // A service names the user that it acts for.
        route if LABELLED.contains(&route) => {
            if is_service {
                404
            } else {
                200
            }
        }
        route => absent(route, body),
    }
}

/// A session and a user: some that are there, or some that never were.
struct Whose {
    session: String,
    user: String,
}

/// Somebody who asks.
struct Somebody<'a> {
    server: &'a Server,
    header: (&'static str, String),
}

impl Somebody<'_> {
    /// Every request has the same id, so that answers can be the same to the byte.
    fn ask(&self, route: &str, (path, body): Probe, whose: &Whose, key: Option<&str>) -> Answer {
        let (method, _) = route.split_once(' ').unwrap();
        let fill = |text: &str| text.replace("@session", &whose.session).replace("@user", &whose.user);
        let (path, body) = (fill(path), fill(body));
        let mut headers = vec![(self.header.0, self.header.1.as_str()), ("x-request-id", "same")];
        headers.extend(key.filter(|_| method == "POST").map(|key| ("idempotency-key", key)));
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        self.server.ask(method, &path, &headers, (!body.is_empty()).then_some(body.as_bytes()))
    }

    fn json(&self, method: &str, path: &str, body: Value) -> Answer {
        let headers = [(self.header.0, self.header.1.as_str()), ("content-type", "application/json")];
        self.server.ask(method, path, &headers, Some(body.to_string().as_bytes()))
    }

    /// A session with a turn, and something remembered in it and of its user.
    fn settle(&self) -> Whose {
        let user = self.json("GET", "/users/me", json!({})).expect(200).text("user_id");
        let session = self.json("POST", "/chat", json!({"message": "I like tea"})).expect(200).text("session_id");
        for place in [format!("/sessions/{session}"), "/users/me".to_owned()] {
            let put = self.json("PUT", &format!("{place}/memory/k"), json!({"value": 1}));
            assert!(put.status < 300, "{}", put.body);
        }
        Whose { session, user }
    }

    /// Everything there is to see of it.
    fn view(&self, whose: &Whose) -> Vec<String> {
        let session = format!("/sessions/{}", whose.session);
        let ones = ["/users/me/memory", "/users/me", "/users/me/sessions", "/api/sessions"].map(str::to_owned);
        let paths = [session.clone(), format!("{session}/messages"), format!("{session}/memory")];
        paths.iter().chain(&ones).map(|path| self.json("GET", path, json!({})).expect(200).body).collect()
    }
}

/// Keys, tokens, and maybe visitors.
fn server(modes: &str) -> Server {
    let keys = json!([
        service_key("reader", "read", &["read"]),
        service_key("backend", "chat", &["chat"]),
        service_key("admin", "admin", &["admin"]),
        service_key("eraser", "eraser", &["chat", "admin"]),
    ]);
    let keys = keys.to_string();
    let secrets = [("SERVICE_KEYS", keys.as_str()), ("JWT_SECRET", SECRET), ("VISITOR_SECRET", SECRET)];
    Server::with_only(&[&secrets[..], &[("AUTH_MODE", modes), ("TEST_FAULTS", "1")]].concat())
}

fn bearer<'a>(server: &'a Server, text: &str) -> Somebody<'a> {
    Somebody { server, header: ("authorization", format!("Bearer {text}")) }
}

fn visitor(server: &Server) -> Somebody<'_> {
    let cookie = server.get("/users/me").expect(200).header("set-cookie").split(';').next().unwrap().to_owned();
    Somebody { server, header: ("cookie", cookie) }
}

/// What never was, another one each time: some are begun when they are named.
fn never() -> Whose {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Whose { session: format!("session_{count:016x}"), user: format!("visitor_{count:032x}") }
}

#[test]
fn every_route_is_known_here_with_its_scope() {
    let served = server("keys").get("/__test/routes").expect(200).value();
    let route = |route: &Value| format!("{} {}", route["method"].as_str().unwrap(), route["path"].as_str().unwrap());
    let served: BTreeMap<String, String> =
        served.as_array().unwrap().iter().map(|json| (route(json), json["needs"].as_str().unwrap().into())).collect();
    let (tests, served): (BTreeMap<_, _>, BTreeMap<_, _>) = served.into_iter().partition(|(route, _)| route.contains(" /__test/"));
    assert!(tests.values().all(|needs| needs == "nothing"), "{tests:?}");
    let known = ROUTES.iter().map(|(route, needs, _)| ((*route).to_owned(), (*needs).to_owned())).collect();
    assert_eq!(served, known, "a route is missing in ROUTES, or needs something else");
    let is_nameless = |route: &str| NAMELESS.iter().any(|(nameless, _)| *nameless == route);
    for (route, _, probes) in ROUTES {
        assert_eq!(probes.is_empty(), is_nameless(route), "{route} needs something that is asked, or a reason in NAMELESS why not");
        assert!(!(route.contains("{}") && is_nameless(route)), "{route} has a placeholder: that names something");
        assert!(probes.iter().all(|(path, body)| [path, body].iter().any(|text| text.contains('@'))), "{route} is asked for nothing");
    }
    assert!(NAMELESS.iter().all(|(nameless, _)| ROUTES.iter().any(|(route, ..)| nameless == route)), "NAMELESS has a route too many");
}

#[test]
fn what_is_somebody_elses_is_answered_as_if_it_were_not_there() {
    let server = server("keys,jwt,visitor");
    let (ann, bob) = (bearer(&server, &token_of("ann")), bearer(&server, &token_of("bob")));
    let (visitor, stranger, backend) = (visitor(&server), visitor(&server), bearer(&server, "chat"));
    for (owner, intruders) in [(&ann, &[&bob, &visitor][..]), (&visitor, &[&bob, &stranger, &backend])] {
        let theirs = owner.settle();
        let before = owner.view(&theirs);
        for intruder in intruders {
            compare(intruder, &theirs, &never(), |_| true);
        }
        assert_eq!(owner.view(&theirs), before);
    }
    // What is nobody's is not theirs.
    let session = backend.json("POST", "/chat", json!({"message": "I like tea"})).expect(200).text("session_id");
    for intruder in [&ann, &visitor] {
        let names_session_alone = |(path, body): &Probe| {
            let has = |name| path.contains(name) || body.contains(name);
            has("@session") && !has("@user")
        };
        compare(intruder, &Whose { session: session.clone(), ..never() }, &never(), names_session_alone);
    }
}

/// Everything that names what is there is answered like what never was.
fn compare(intruder: &Somebody<'_>, there: &Whose, never: &Whose, is_asked: impl Fn(&Probe) -> bool) {
    for (number, (route, _, probes)) in ROUTES.iter().enumerate() {
        for probe in probes.iter().filter(|probe| is_asked(probe)) {
            for is_repeatable in [false, true] {
                let ask = |whose: &Whose| {
                    // What is begun under a key is another session's as soon as the request is another.
                    let key = format!("{}-{number}", whose.session);
                    intruder.ask(route, *probe, whose, is_repeatable.then_some(&key))
                };
                let (answer, status) = (ask(there), expected(intruder, route, probe.1));
                let asked = &answer.asked;
                assert_eq!(answer.status, status, "{route}: {asked} was answered with {}", answer.body);
                if status == 409 {
                    assert_eq!(answer.value()["code"], "SESSION_ID_TAKEN", "{route}: {asked}");
                    continue;
                }
                let never = (ask(never), never);
                let [there, never] = [(&answer, there), (&never.0, never.1)].map(|(answer, whose)| (body(answer, whose), head(answer)));
                assert_eq!(there, never, "{route}: {asked}");
            }
        }
    }
}

/// All headers but the one with which workerd answers bodies that nobody has read in time, those that tell how long it took,
/// which whoever asks can measure, and the length of a body that may repeat what was asked.
fn head(answer: &Answer) -> Vec<&(String, String)> {
    let left_out = ["connection", "content-length", "server-timing", "x-response-time"];
    answer.headers.iter().filter(|(name, _)| !left_out.contains(&name.as_str())).collect()
}

/// The body but for what was named in the request, and for times and ids of what was begun.
fn body(answer: &Answer, whose: &Whose) -> String {
    let named = answer.body.replace(&whose.session, "@session").replace(&whose.user, "@user");
    let blank = |text: String, start: &str| {
        let mut parts = text.split(start);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |blanked, rest| blanked + start + rest.split_once('"').map_or(rest, |(_, rest)| rest))
    };
    let starts = [r#""timestamp":""#, r#""created_at":""#, r#""last_activity":""#, r#""session_id":"session_"#];
    starts.into_iter().fold(named, blank)
}

#[test]
fn what_is_ones_own_is_there() {
    let server = server("keys,jwt,visitor");
    for owner in [bearer(&server, &token_of("ann")), visitor(&server)] {
        for (route, needs, probes) in ROUTES.iter().filter(|(_, needs, _)| *needs != "admin") {
            for probe in *probes {
                let theirs = owner.settle();
                let answer = owner.ask(route, *probe, &theirs, None);
                assert!(is_done(&answer), "{route}, {needs}: {} was answered with {}", answer.asked, answer.body);
                if probe.0.starts_with("/users/") {
                    let me = Whose { user: "me".into(), ..owner.settle() };
                    assert_eq!(owner.ask(route, *probe, &me, None).status, answer.status, "{route}: {}", answer.body);
                }
            }
        }
    }
}

/// Was it done, or found to be there and not possible now, or only as a WebSocket?
fn is_done(answer: &Answer) -> bool {
    answer.status < 300 || answer.status == 426 || answer.value()["code"] == "NOT_POSSIBLE"
}

#[test]
fn visitors_can_be_erased_by_who_is_an_administrator_besides() {
    let server = server("keys,jwt,visitor");
    let (visitor, eraser) = (visitor(&server), bearer(&server, "eraser"));
    for (route, _, probes) in ROUTES.iter().filter(|(_, needs, _)| *needs == "chat") {
        for probe in *probes {
            let theirs = visitor.settle();
            let answer = eraser.ask(route, *probe, &theirs, None);
            assert!(is_done(&answer), "{route}: {}", answer.body);
        }
    }
}

#[test]
fn scopes_open_no_other_route_than_theirs() {
    let server = server("keys,jwt");
    for (route, needs, probes) in ROUTES {
        let path = route.split_once(' ').unwrap().1;
        let probe = probes.first().copied().unwrap_or((path, ""));
        for (key, opened) in
            [("read", &["read"][..]), ("chat", &["read", "chat"]), ("admin", &["admin"]), ("eraser", &["read", "chat", "admin"])]
        {
            let answer = bearer(&server, key).ask(route, probe, &never(), None);
            let is_open = matches!(*needs, "any" | "nothing") || opened.contains(needs);
            let is_refused = answer.status == 403 && answer.body.contains("INSUFFICIENT_SCOPE");
            assert_eq!(is_refused, !is_open, "{route} with {key}: {}", answer.body);
        }
        let end_user = bearer(&server, &token_of("ann")).ask(route, probe, &never(), None);
        assert_eq!(end_user.status == 403, *needs == "admin", "{route}: {}", end_user.body);
        if *needs != "nothing" {
            let nobody = Somebody { server: &server, header: ("accept", "*/*".into()) };
            // Each dialect has its own shape for it.
            for (somebody, code) in [(nobody, "CREDENTIALS_REQUIRED"), (bearer(&server, "x"), "INVALID_CREDENTIALS")] {
                let answer = somebody.ask(route, probe, &never(), None).expect(401);
                assert!(answer.body.contains(code) && !answer.header("www-authenticate").is_empty(), "{route}: {}", answer.body);
            }
        }
    }
}

/// The one thing that can be learned of others: an id that a client chooses may be in use. Ids of ours cannot be guessed.
#[test]
fn an_id_is_given_to_one_alone() {
    let server = server("jwt");
    let (ann, bob) = (bearer(&server, &token_of("ann")), bearer(&server, &token_of("bob")));
    let taken = json!({"session_id": "tea"});
    ann.json("POST", "/sessions", taken.clone()).expect(201);
    let own = bob.settle().session;
    bob.json("POST", "/sessions", taken.clone()).expect_problem(409, "SESSION_ID_TAKEN");
    bob.json("POST", &format!("/sessions/{own}/fork"), taken).expect_problem(409, "SESSION_ID_TAKEN");
    let import = ("/sessions/import?session_id=tea", r#"{"format":"edge-sessions.session","version":1,"session":{},"messages":[]}"#);
    bob.ask("POST /sessions/import", import, &never(), None).expect_problem(409, "SESSION_ID_TAKEN");
}
