//! One session, many dialects: whatever begins it, every other can go on with it, sees it, and ends it.

use serde_json::Value;

use crate::support::{Server, json};

/// What is done in a dialect. `@id` stands for the session's id, `@said` for what is said.
struct Way {
    name: &'static str,
    /// Path, body, and where in the answer the id is.
    begin: (&'static str, &'static str, &'static str),
    /// Path, body, and where the answer is.
    say: (&'static str, &'static str, &'static str),
    /// Where it can be seen, for dialects that show sessions; and be ended with `DELETE`.
    see: &'static str,
}

const WAYS: &[Way] = &[
    Way {
        name: "own",
        begin: ("/sessions", r#"{"user_id":"ann"}"#, "/session_id"),
        say: ("/chat", r#"{"session_id":"@id","message":"@said","user_id":"ann"}"#, "/response"),
        see: "/sessions/@id",
    },
    Way {
        name: "own, by a chat",
        begin: ("/chat", r#"{"message":"Hello","user_id":"ann"}"#, "/session_id"),
        say: ("/chat", r#"{"session_id":"@id","message":"@said"}"#, "/response"),
        see: "/sessions/@id",
    },
    Way {
        name: "atlus",
        begin: ("/api/v1/sessions", r#"{"user_id":"ann"}"#, "/data/session_id"),
        say: ("/api/v1/chat", r#"{"session_id":"@id","message":"@said","user_id":"ann"}"#, "/data/response"),
        see: "/api/v1/sessions/@id",
    },
    Way {
        name: "nono",
        begin: ("/api/session/create", r#"{"user_id":"ann"}"#, "/session_id"),
        say: ("/api/chat", r#"{"session_id":"@id","user_message":"@said"}"#, "/response"),
        see: "/sessions/@id",
    },
    Way {
        name: "query",
        begin: ("/query", r#"{"query":"Hello","user_id":"ann"}"#, "/metadata/thread_id"),
        say: ("/query", r#"{"thread_id":"@id","query":"@said","user_id":"ann"}"#, "/response"),
        see: "/sessions/@id",
    },
];

/// One for each way, so that what was said last is told from what was said before.
const NAMES: [&str; 8] = ["John", "Mary", "Peter", "Anna", "Paul", "Laura", "Mark", "Julia"];

fn post(server: &Server, (path, body, pointer): (&str, &str, &str), id: &str, said: &str) -> String {
    let body: Value = serde_json::from_str(&body.replace("@id", id).replace("@said", said)).unwrap();
    let answer = server.post(path, body);
    assert!(answer.status < 300, "{}: {}", answer.asked, answer.body);
    answer.value().pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer} in {}", answer.body)).to_owned()
}

#[test]
fn a_session_of_one_dialect_is_used_in_every_other() {
    let server = Server::start();
    for begun in WAYS {
        for ended in WAYS {
            let id = post(&server, begun.begin, "", "");
            for (number, (way, name)) in WAYS.iter().zip(NAMES).enumerate() {
                let other = &WAYS[(number + 1) % WAYS.len()];
                let words = format!("{}: {}, then {}", begun.name, way.name, other.name);
                post(&server, way.say, &id, &format!("My name is {name}"));
                let answer = post(&server, other.say, &id, "What is my name?");
                assert_eq!(answer, format!("Your name is {name}."), "{words}");
                server.get(&way.see.replace("@id", &id)).expect(200);
            }
            server.delete(&ended.see.replace("@id", &id)).expect(200);
            for way in WAYS {
                server.get(&way.see.replace("@id", &id)).expect(404);
            }
        }
    }
    assert_eq!(server.get("/users/ann/sessions").expect(200).value()["sessions"], json!([]));
}
