//! One session, many dialects: whatever begins it, every other can go on with it, sees it, and ends it.

use serde_json::Value;

use crate::support::{Server, json, socket::WebSocket};

/// What is done in a dialect. `@id` stands for the session's id, `@said` for what is said.
struct Way {
    name: &'static str,
    /// Path, body, and where in the answer the id is.
    begin: Call,
    say: Say,
    /// How it is asked what was said last.
    ask: Ask,
    /// Where it can be seen, for dialects that show sessions; for the others in our own.
    see: &'static str,
    /// How it is ended, if not by `DELETE` where it is seen: path, body, and where that is confirmed.
    end: Option<Call>,
}

/// Path, body, and where in the answer something is.
type Call = (&'static str, &'static str, &'static str);

enum Say {
    /// By a request.
    Post(Call),
    /// Over the WebSocket of that path.
    Socket(&'static str),
}

enum Ask {
    /// A model is asked, as everything is said.
    Model,
    /// The dialect has none, but the history.
    History(Call),
}

const WAYS: &[Way] = &[
    Way {
        name: "own",
        begin: ("/sessions", r#"{"user_id":"ann"}"#, "/session_id"),
        say: Say::Post(("/chat", r#"{"session_id":"@id","message":"@said","user_id":"ann"}"#, "/response")),
        ask: Ask::Model,
        see: "/sessions/@id",
        end: None,
    },
    Way {
        name: "own, by a chat",
        begin: ("/chat", r#"{"message":"Hello","user_id":"ann"}"#, "/session_id"),
        say: Say::Post(("/chat", r#"{"session_id":"@id","message":"@said"}"#, "/response")),
        ask: Ask::Model,
        see: "/sessions/@id",
        end: None,
    },
    Way {
        name: "atlus",
        begin: ("/api/v1/sessions", r#"{"user_id":"ann"}"#, "/data/session_id"),
        say: Say::Post(("/api/v1/chat", r#"{"session_id":"@id","message":"@said","user_id":"ann"}"#, "/data/response")),
        ask: Ask::Model,
        see: "/api/v1/sessions/@id",
        end: None,
    },
    Way {
        name: "nono",
        begin: ("/api/session/create", r#"{"user_id":"ann"}"#, "/session_id"),
        say: Say::Post(("/api/chat", r#"{"session_id":"@id","user_message":"@said"}"#, "/response")),
        ask: Ask::Model,
        see: "/sessions/@id",
        end: None,
    },
    Way {
        name: "nono, over its WebSocket",
        begin: ("/session/start", r#"{"user_id":"ann"}"#, "/session_id"),
        say: Say::Socket("/ws/chat/ann?session_id=@id"),
        ask: Ask::Model,
        see: "/sessions/@id",
        end: None,
    },
    Way {
        name: "query",
        begin: ("/query", r#"{"query":"Hello","user_id":"ann"}"#, "/metadata/thread_id"),
        say: Say::Post(("/query", r#"{"thread_id":"@id","query":"@said","user_id":"ann"}"#, "/response")),
        ask: Ask::Model,
        see: "/sessions/@id",
        end: None,
    },
    Way {
        name: "connect",
        begin: ("/sessions.SessionService/GetOrCreateSession", r#"{"userId":"ann"}"#, "/session/sessionId"),
        say: Say::Post((
            "/sessions.SessionService/AddMessages",
            r#"{"sessionId":"@id","messages":[{"role":"user","content":"@said"},{"role":"assistant","content":"Hi"}]}"#,
            "/success",
        )),
        ask: Ask::History((
            "/sessions.SessionService/GetMessages",
            r#"{"sessionId":"@id","strategy":"recent","limit":2}"#,
            "/messages/0/content",
        )),
        see: "/sessions/@id",
        end: Some(("/sessions.SessionService/DeleteSession", r#"{"sessionId":"@id"}"#, "/success")),
    },
    Way {
        name: "connect, of the first generation",
        begin: ("/proto.SessionService/GetOrCreateSession", r#"{"user_id":"ann"}"#, "/sessionId"),
        say: Say::Post((
            "/proto.SessionService/AddMessages",
            r#"{"session_id":"@id","messages":[{"role":"user","content":"@said"},{"role":"assistant","content":"Hi"}]}"#,
            "/success",
        )),
        ask: Ask::History((
            "/proto.SessionService/GetMessages",
            r#"{"session_id":"@id","strategy":"recent","limit":2}"#,
            "/messages/0/content",
        )),
        see: "/sessions/@id",
        end: Some(("/proto.SessionService/DeleteSession", r#"{"session_id":"@id"}"#, "/success")),
    },
];

/// One for each way, so that what was said last is told from what was said before.
const NAMES: [&str; 8] = ["John", "Mary", "Peter", "Anna", "Paul", "Laura", "Mark", "Julia"];

/// What the answer says in that place.
fn post(server: &Server, (path, body, pointer): Call, id: &str, said: &str) -> Value {
    let body: Value = serde_json::from_str(&body.replace("@id", id).replace("@said", said)).unwrap();
    let answer = server.post(path, body);
    assert!(answer.status < 300, "{}: {}", answer.asked, answer.body);
    answer.value().pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {}", answer.body)).clone()
}

/// What is answered, or that it is taken.
fn say(server: &Server, way: &Way, id: &str, said: &str) -> Value {
    match way.say {
        Say::Post(call) => post(server, call, id, said),
        Say::Socket(path) => {
            let mut socket = WebSocket::open(server, &path.replace("@id", id), &[]).unwrap();
            socket.say(said);
            socket.answer().1["response"].clone()
        }
    }
}

/// Something is said in every dialect, and heard in the next.
fn walk(server: &Server, begun: &Way, id: &str) {
    for (number, (way, name)) in WAYS.iter().zip(NAMES).enumerate() {
        let other = &WAYS[(number + 1) % WAYS.len()];
        let words = format!("{}: {}, then {}", begun.name, way.name, other.name);
        let said = format!("My name is {name}");
        say(server, way, id, &said);
        match other.ask {
            Ask::Model => assert_eq!(say(server, other, id, "What is my name?"), format!("Your name is {name}."), "{words}"),
            Ask::History(last) => assert_eq!(post(server, last, id, ""), said, "{words}"),
        }
        server.get(&way.see.replace("@id", id)).expect(200);
    }
}

#[test]
fn a_session_of_one_dialect_is_used_in_every_other() {
    let server = Server::start();
    for begun in WAYS {
        for (number, ended) in WAYS.iter().enumerate() {
            let id = post(&server, begun.begin, "", "").as_str().unwrap().to_owned();
            if number == 0 {
                walk(&server, begun, &id);
            }
            match ended.end {
                Some(end) => assert_eq!(post(&server, end, &id, ""), true, "{}: {}", begun.name, ended.name),
                None => drop(server.delete(&ended.see.replace("@id", &id)).expect(200)),
            }
            for way in WAYS {
                server.get(&way.see.replace("@id", &id)).expect(404);
            }
        }
    }
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"], json!([]));
    assert_eq!(post(&server, ("/sessions.SessionService/ListSessions", r#"{"userId":"ann"}"#, "/sessions"), "", ""), json!([]));
}
