//! The Nono chat bot's clients: what transcripts cannot say. Whose a session is, what a name is good for, and what its
//! page shows.

use std::{collections::HashSet, thread};

use serde_json::Value;

use crate::{
    auth::service_key,
    support::{
        Answer, Server, eventually, json,
        model::{Model, Step},
        token::{SECRET, token_of},
    },
};

/// Somebody who asks, by the header that says who it is.
pub(crate) struct Client<'a> {
    pub(crate) server: &'a Server,
    pub(crate) header: (&'static str, String),
}

impl Client<'_> {
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [(self.header.0, self.header.1.as_str()), ("content-type", "application/json")];
        let body = (!body.is_null()).then(|| body.to_string());
        self.server.ask(method, path, &headers, body.as_ref().map(|body| body.as_bytes()))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &Value::Null)
    }

    pub(crate) fn create(&self, body: &Value) -> String {
        self.ask("POST", "/api/session/create", body).expect(200).text("session_id")
    }

    fn say(&self, session_id: &str, message: &str) -> String {
        let body = json!({"session_id": session_id, "user_message": message, "persona_name": "default"});
        self.ask("POST", "/api/chat", &body).expect(200).text("response")
    }

    fn listed(&self) -> Vec<String> {
        let json = self.get("/api/sessions").expect(200).value();
        json["sessions"].as_array().unwrap().iter().map(|session| session["session_id"].as_str().unwrap().to_owned()).collect()
    }

    fn history(&self, session_id: &str) -> Value {
        self.get(&format!("/api/session/x/history?session_id={session_id}")).expect(200).value()["messages"].clone()
    }
}

pub(crate) fn bearer<'a>(server: &'a Server, text: &str) -> Client<'a> {
    Client { server, header: ("authorization", format!("Bearer {text}")) }
}

/// As a browser: whoever has no cookie is given one.
pub(crate) fn visitor(server: &Server) -> Client<'_> {
    let cookie = server.post("/api/session/create", json!({"user_id": "user_1"})).expect(200).header("set-cookie").to_owned();
    Client { server, header: ("cookie", cookie.split(';').next().unwrap().to_owned()) }
}

pub(crate) fn server() -> Server {
    let keys = json!([service_key("backend", "chat", &["chat"]), service_key("reader", "read", &["read"])]).to_string();
    let variables = [("AUTH_MODE", "keys,jwt,visitor"), ("SERVICE_KEYS", &keys), ("JWT_SECRET", SECRET), ("VISITOR_SECRET", SECRET)];
    Server::with_only(&variables)
}

#[test]
fn a_visitor_sees_their_own_sessions_alone() {
    let server = server();
    let (ann, bob) = (visitor(&server), visitor(&server));
    let first = ann.listed();
    assert_eq!(first.len(), 1);
    // The same name, another visitor.
    let (anns, bobs) = (ann.create(&json!({"user_id": "John Doe"})), bob.create(&json!({"user_id": "John Doe"})));
    ann.say(&anns, "I like tea");
    bob.say(&bobs, "I like rum");
    assert_eq!(ann.listed(), [anns.as_str(), first[0].as_str()]);
    assert!(!bob.listed().contains(&anns));
    assert_eq!(ann.history(&anns)[0]["content"], "I like tea");
    assert_eq!(bob.history(&anns), json!([]));

    // Not by its name, nor by clearing it, nor by talking in it.
    let history = bob.get("/session/John%20Doe/history").expect(200).value();
    assert_eq!(history["session_id"], bobs);
    bob.ask("DELETE", &format!("/api/session/x/clear?session_id={anns}"), &Value::Null).expect(200);
    bob.ask("DELETE", "/session/John%20Doe/clear", &Value::Null).expect(200);
    let intrusion = json!({"session_id": anns, "user_message": "x"});
    assert_eq!(bob.ask("POST", "/api/chat", &intrusion).expect(409).text("code"), "SESSION_ID_TAKEN");
    assert_eq!(ann.history(&anns).as_array().unwrap().len(), 2);
    let listed = bob.get("/api/sessions?user_id=John%20Doe").expect(200).value();
    assert_eq!((&listed["sessions"][0]["session_id"], &listed["count"], bob.history(&bobs)), (&json!(bobs), &json!(1), json!([])));
}

#[test]
fn keys_name_whose_sessions_they_list() {
    let server = server();
    let backend = bearer(&server, "chat");
    let (johns, nobodys) = (backend.create(&json!({"user_id": "John Doe"})), backend.create(&json!({"user_id": "default_user"})));
    let refused = backend.get("/api/sessions").expect(422);
    assert!(refused.text("detail").contains("user_id"), "{}", refused.body);
    backend.get("/sessions/active").expect(422);
    let listed = backend.get("/api/sessions?user_id=John%20Doe").expect(200).value();
    assert_eq!((&listed["sessions"][0]["session_id"], &listed["count"]), (&json!(johns), &json!(1)));
    assert_eq!(backend.get("/sessions/active?user_id=John%20Doe").expect(200).value(), json!({"active_users": ["John Doe"], "count": 1}));
    assert_eq!(backend.get("/api/sessions?user_id=default_user").expect(200).number("count"), 0);
    assert_eq!(backend.get("/session/default_user/history").expect(200).value()["session_id"], Value::Null);
    backend.say(&nobodys, "hello");
    assert_eq!(backend.history(&nobodys).as_array().unwrap().len(), 2);
    // What is created here is there in every other dialect.
    assert_eq!(backend.get("/users/John%20Doe/sessions/latest").expect(200).text("session_id"), johns);
    let reader = bearer(&server, "read");
    reader.ask("POST", "/session/start", &json!({"user_id": "John"})).expect(403);

    // Visitors are not to be named.
    let visitor = visitor(&server);
    let owner = visitor.get("/users/me").expect(200).text("user_id");
    backend.get(&format!("/api/sessions?user_id={owner}")).expect(404);
    backend.ask("POST", "/api/session/create", &json!({"user_id": owner})).expect(404);
}

#[test]
fn an_end_user_is_the_owner_whatever_the_name() {
    let server = server();
    let ann = bearer(&server, &token_of("ann"));
    let labelled = ann.create(&json!({"user_id": "O'Neil <b>"}));
    let own = ann.ask("POST", "/sessions", &json!({})).expect(201).text("session_id");
    assert_eq!(ann.listed().len(), 2);
    // By a name those of that name, by one's own id all.
    assert_eq!(ann.get("/session/O'Neil%20%3Cb%3E/history").expect(200).value()["session_id"], labelled);
    assert_eq!(ann.get("/session/ann/history").expect(200).value()["session_id"], own);
    // So they are cleared, and stay; nobody in particular is who has no such name.
    for (name, cleared, kept) in [("O'Neil%20%3Cb%3E", &labelled, &own), ("ann", &own, &labelled), ("default_user", &own, &labelled)] {
        for id in [&own, &labelled] {
            ann.say(id, "hello");
        }
        let before = ann.history(kept);
        ann.ask("DELETE", &format!("/session/{name}/clear"), &Value::Null).expect(200);
        assert_eq!((ann.history(cleared), ann.history(kept)), (json!([]), before), "{name}");
        assert_eq!(ann.get(&format!("/session/{name}/history")).expect(200).value()["session_id"], *cleared);
    }
    assert_eq!(ann.listed().len(), 2);
}

#[test]
fn all_sessions_of_a_name_are_cleared() {
    let server = Server::with(&[("MAX_SESSIONS_PER_USER", "0")]);
    let message = json!({"messages": [{"role": "user", "content": "hello"}]});
    let sessions: Vec<_> = (0..250).map(|_| server.post("/sessions", json!({"user_id": "Ann"})).expect(201).text("session_id")).collect();
    let last = [&sessions[0], &sessions[1], &sessions[249]];
    for id in last {
        server.post(&format!("/sessions/{id}/messages"), message.clone()).expect(201);
    }
    server.delete("/session/Ann/clear").expect(200);
    for id in last {
        assert_eq!(server.get(&format!("/sessions/{id}")).expect(200).number("message_count"), 0);
    }
}

#[test]
fn names_break_out_of_nothing_on_the_page() {
    let server = server();
    let ann = visitor(&server);
    let name = "O'Neil \"<img src=x>&\\`/?#%";
    let created = ann.ask("POST", "/api/session/create", &json!({"user_id": name})).expect(200);
    let shown = created.text("user_id");
    // Elsewhere it is what it is.
    assert_eq!(ann.get(&format!("/sessions/{}", created.text("session_id"))).expect(200).text("user_id"), name);
    // Sessions of other dialects may be called anything.
    ann.ask("POST", "/sessions", &json!({"session_id": "');alert(1);('"})).expect(201);
    for path in ["/api/sessions", "/sessions/active"] {
        let body = ann.get(path).expect(200).value();
        let texts = body.to_string().replace("\\\"", "");
        assert!(texts.contains(&shown) && !texts.contains(['<', '\'', '&', '`']) && !texts.contains("alert"), "{texts}");
    }
    let refused = ann.ask("POST", "/api/chat", &json!({"session_id": "<script>", "user_message": "x"})).expect(422);
    assert!(refused.value()["detail"].is_string());
    // The page puts the name into a path as it was shown; the session decides.
    let path = format!("/api/session/{}/history?session_id={}", percent(&shown), created.text("session_id"));
    ann.get(&path).expect(200);
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn the_persona_that_was_chosen_answers() {
    let model = Model::start(|_, _| Model::saying("Yes."));
    let server = Server::asking(&model, &[]);
    let client = Client { server: &server, header: ("accept", "*/*".into()) };
    let session = client.create(&json!({"user_id": "Ann", "persona": "technical_support"}));
    let persona = |session: &str| server.get(&format!("/sessions/{session}")).expect(200).text("persona");
    client.say(&session, "hello");
    assert_eq!(persona(&session), "technical_support");
    let told = |turn: usize| model.requests()[turn].body["messages"][0]["content"].to_string();
    assert!(told(0).to_lowercase().contains("support"), "{}", told(0));
    // Another one stays, until one is named again.
    let chat = |session: &str, persona: &str| {
        client.ask("POST", "/api/chat", &json!({"session_id": session, "user_message": "hi", "persona_name": persona}))
    };
    chat(&session, "creative_writer").expect(200);
    assert_eq!(persona(&session), "creative_writer");
    chat(&session, "default").expect(200);
    assert_eq!(persona(&session), "creative_writer");
    assert!(told(2) == told(1) && told(1) != told(0), "{}", told(2));
    // Also in a session that begins with it.
    chat("session_new_1", "supportive_coach").expect(200);
    assert_eq!(persona("session_new_1"), "supportive_coach");
    assert_eq!(chat("session_new_2", "nobody").expect(400).text("detail"), "Unknown persona: nobody");
}

#[test]
fn a_persona_is_set_by_what_is_said_alone() {
    let server = Server::start();
    let session = server.post("/api/session/create", json!({"user_id": "Ann"})).expect(200).text("session_id");
    let say = |headers: &[(&str, &str)], message: &str, persona: &str| {
        let body = json!({"session_id": session, "user_message": message, "persona_name": persona}).to_string();
        let headers = [&[("content-type", "application/json")], headers].concat();
        server.ask("POST", "/api/chat", &headers, Some(body.as_bytes()))
    };
    let persona = || server.get(&format!("/sessions/{session}")).expect(200).text("persona");
    let key = [("idempotency-key", "k")];
    let first = say(&key, "hello", "technical_support").expect(200);
    say(&[], "hello", "creative_writer").expect(200);
    assert_eq!(say(&key, "hello", "technical_support").expect(200).body, first.body);
    say(&key, "another", "technical_support").expect(409);
    say(&[], "", "technical_support").expect(422);
    say(&[], &"x".repeat(300_000), "technical_support").expect(413);
    assert_eq!(persona(), "creative_writer");
    let listed = server.get("/users/Ann/sessions?persona=creative_writer").expect(200).value();
    assert_eq!(listed["sessions"][0]["session_id"], session);
}

#[test]
fn a_session_begins_again_under_its_id_when_it_has_ended() {
    let server = server();
    let ann = visitor(&server);
    let session = ann.create(&json!({"user_id": "Ann"}));
    ann.say(&session, "My name is Ann");
    ann.ask("DELETE", &format!("/sessions/{session}"), &Value::Null).expect(200);
    assert_eq!(ann.history(&session), json!([]));
    ann.say(&session, "hello");
    assert_eq!(ann.history(&session).as_array().unwrap().len(), 2);
    assert!(ann.listed().contains(&session));
}

#[test]
fn a_cleared_session_stays_what_it_was() {
    let server = server();
    let ann = visitor(&server);
    let session = ann.create(&json!({"user_id": "Ann", "persona": "supportive_coach", "metadata": {"plan": "gold"}}));
    ann.say(&session, "I like tea");
    ann.ask("DELETE", &format!("/api/session/Ann/clear?session_id={session}"), &Value::Null).expect(200);
    assert_eq!(ann.history(&session), json!([]));
    let kept = ann.get(&format!("/sessions/{session}")).expect(200).value();
    assert_eq!(
        (&kept["persona"], &kept["metadata"], &kept["user_id"]),
        (&json!("supportive_coach"), &json!({"plan": "gold"}), &json!("Ann"))
    );
    assert_eq!((&kept["title"], &kept["message_count"]), (&Value::Null, &json!(0)));
    assert_eq!(ann.listed().iter().filter(|id| **id == session).count(), 1);
}

#[test]
fn start_resumes_what_is_there() {
    let server = server();
    let ann = visitor(&server);
    let start = |body: Value| ann.ask("POST", "/session/start", &body).expect(200);
    let first = start(json!({"user_id": "Ann", "metadata": {"a": 1}}));
    assert_eq!((first.text("persona").as_str(), first.number("message_count")), ("mental_health_nurse", 0));
    ann.say(&first.text("session_id"), "hello");
    let again = start(json!({"user_id": "Ann", "metadata": {"b": 2}}));
    assert_eq!((again.text("session_id"), again.number("message_count")), (first.text("session_id"), 1));
    let metadata = ann.get(&format!("/sessions/{}", first.text("session_id"))).expect(200).value()["metadata"].clone();
    assert_eq!(metadata, json!({"a": 1, "b": 2}));
    for other in [json!({"user_id": "Ann", "persona": "supportive_coach"}), json!({"user_id": "Bob"})] {
        assert_ne!(start(other).text("session_id"), first.text("session_id"));
    }
    // One that has another persona since is not meant any more.
    ann.ask("PATCH", &format!("/sessions/{}", first.text("session_id")), &json!({"persona": "default"})).expect(200);
    let third = start(json!({"user_id": "Ann"}));
    assert_ne!(third.text("session_id"), first.text("session_id"));
    assert_eq!(start(json!({"user_id": "Ann"})).text("session_id"), third.text("session_id"));
}

#[test]
fn who_starts_at_the_same_time_is_in_one_session() {
    let server = server();
    let (ann, backend) = (visitor(&server), bearer(&server, "chat"));
    for (client, name) in [(&ann, "Ann"), (&ann, "default_user"), (&backend, "John")] {
        let started = thread::scope(|scope| {
            let start = |number| {
                let metadata = json!({format!("k{number}"): number});
                client.ask("POST", "/session/start", &json!({"user_id": name, "metadata": metadata})).expect(200).text("session_id")
            };
            let starts: Vec<_> = (0..20).map(|number| scope.spawn(move || start(number))).collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect::<HashSet<_>>()
        });
        assert_eq!(started.len(), 1, "{name}: {started:?}");
        let session = client.get(&format!("/sessions/{}", started.iter().next().unwrap())).expect(200).value();
        assert_eq!(session["metadata"].as_object().unwrap().len(), 20, "{session}");
    }
    // Nobody has none in particular.
    let [one, two] = [0, 1].map(|_| backend.ask("POST", "/session/start", &json!({"user_id": ""})).expect(200).text("session_id"));
    assert_ne!(one, two);
}

#[test]
fn history_is_the_newest_that_was_said() {
    let server = server();
    let ann = visitor(&server);
    let session = ann.create(&json!({"user_id": "Ann"}));
    for number in 0..7 {
        ann.say(&session, &format!("message {number}"));
    }
    let contents = |history: &Value| -> Vec<String> {
        history["messages"].as_array().unwrap().iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    };
    let history = ann.get(&format!("/session/Ann/history?session_id={session}")).expect(200).value();
    assert_eq!(history["message_count"], 10);
    assert_eq!((contents(&history)[0].as_str(), contents(&history)[8].as_str()), ("message 2", "message 6"));
    // Calls of tools and instructions are nothing that was said.
    let silent = json!({"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": null, "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "content": "rain", "tool_call_id": "a"},
    ]});
    ann.ask("POST", &format!("/sessions/{session}/messages"), &silent).expect(201);
    let history = ann.get("/session/Ann/history?limit=3").expect(200).value();
    assert_eq!(contents(&history)[2], "weather?");
    assert_eq!(history["messages"].as_array().unwrap().len(), 3);
    ann.get("/session/Ann/history?limit=0").expect(422);
    // Also where there are many of those.
    for call in 0..60 {
        let id = format!("call_{call}");
        let silent = json!({"messages": [
            {"role": "assistant", "content": null, "tool_calls": [{"id": id, "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "content": "rain", "tool_call_id": id},
        ]});
        ann.ask("POST", &format!("/sessions/{session}/messages"), &silent).expect(201);
    }
    let history = ann.get("/session/Ann/history?limit=3").expect(200).value();
    assert_eq!((contents(&history)[2].as_str(), contents(&history).len()), ("weather?", 3));
}

#[test]
fn with_nobody_in_particular_the_index_is_listed() {
    let server = Server::start();
    let client = Client { server: &server, header: ("accept", "*/*".into()) };
    let (ann, bob) = (client.create(&json!({"user_id": "Ann"})), client.create(&json!({"user_id": "Bob"})));
    eventually("both are listed", || [&ann, &bob].iter().all(|id| client.listed().contains(id)));
    assert_eq!(client.get("/api/sessions?user_id=Ann").expect(200).value()["sessions"][0]["session_id"], ann);
    assert_eq!(client.get("/sessions/active").expect(200).number("count"), 2);
}

#[test]
fn a_failing_model_is_told_as_a_text() {
    let model = Model::start(|_, _| vec![Step::Status(500, Vec::new(), "{}".into())]);
    let server = Server::asking(&model, &[]);
    let client = Client { server: &server, header: ("accept", "*/*".into()) };
    let session = client.create(&json!({"user_id": "Ann"}));
    let failed = client.ask("POST", "/api/chat", &json!({"session_id": session, "user_message": "hello"})).expect(503);
    assert!(failed.text("detail").starts_with("Failed to generate response: "), "{}", failed.body);
    assert_eq!(failed.header("retry-after"), "1");
    assert_eq!(client.history(&session).as_array().unwrap().len(), 1);
}
