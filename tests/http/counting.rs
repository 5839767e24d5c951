//! Everything is counted once, whatever happens in between: no report is lost, and none counts twice.

use std::{sync::mpsc, thread, time::Duration};

use serde_json::Value;

use crate::support::{
    Answer, Server, json,
    model::{Model, Step},
    sqlite,
    totals::{Expected, eventually_on_disk, settles_at},
};

/// Small numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// Says that it said so, ten tokens for five; refuses what asks it to.
fn model() -> Model {
    Model::start(|_, request| {
        let said = request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
        if said.ends_with("refuse") {
            return vec![Step::Status(400, vec![], "{}".into())];
        }
        vec![Step::Text("Said.".into()), Step::Pause(Duration::from_millis(5)), Step::Finish("stop"), Step::Usage(10, 5), Step::Done]
    })
}

fn chat(server: &Server, id: &str, message: &str) -> Answer {
    server.post("/chat", json!({"session_id": id, "message": message}))
}

const ANSWERED: Expected =
    Expected { turns: 1, messages: 2, prompt_tokens: 10, completion_tokens: 5, created: 0, deleted: 0, expired: 0, errors: 0 };

#[test]
fn a_random_walk_is_counted_as_it_was() {
    const STEPS: usize = 250;
    let model = model();
    let server = Server::asking(&model, &[("STATS_LAG_SECONDS", "1"), ("MAX_SESSIONS_PER_USER", "0")]);
    let (mut dice, mut expected, mut by_writer) = (Dice(7), Expected::default(), 0);
    // Few ids, so that they are used again at once.
    let mut living: Vec<(String, bool)> = Vec::new();
    for step in 0..STEPS {
        let index = dice.roll(living.len().max(1) as u64) as usize;
        match (dice.roll(10), living.get(index).cloned()) {
            (0 | 1, _) | (_, None) => {
                let Some(id) = (0..8).map(|n| format!("s{n}")).find(|id| living.iter().all(|(other, _)| other != id)) else { continue };
                let (is_user, is_writer) = (dice.roll(2) == 0, dice.roll(3) == 0);
                let persona = if is_writer { "creative_writer" } else { "default" };
                let user = if is_user { json!("ann") } else { json!(null) };
                server.post("/sessions", json!({"session_id": id, "user_id": user, "persona": persona})).expect(201);
                expected.created += 1;
                by_writer += u64::from(is_writer);
                living.push((id, false));
            }
            (2, Some((id, _))) => {
                server.delete(&format!("/sessions/{id}")).expect(200);
                expected.deleted += 1;
                living.remove(index);
            }
            (3, Some((id, _))) => {
                chat(&server, &id, "refuse").expect(502);
                expected += Expected { turns: 1, errors: 1, messages: 1, ..Expected::default() };
                living[index].1 = false;
            }
            (4, Some((id, _))) => {
                let count = 1 + dice.roll(5);
                let messages: Vec<_> = (0..count).map(|n| json!({"role": "user", "content": format!("{n}")})).collect();
                server.post(&format!("/sessions/{id}/messages"), json!({"messages": messages})).expect(201);
                expected.messages += count;
                living[index].1 = false;
            }
            // What is taken out has been there.
            (5, Some((id, true))) => {
                server.ask("POST", &format!("/sessions/{id}/pop"), &[], None).expect(200);
                living[index].1 = false;
            }
            (6, Some((id, true))) => {
                server.ask("POST", &format!("/sessions/{id}/regenerate"), &[], None).expect(200);
                expected += Expected { messages: 1, ..ANSWERED };
            }
            (7, _) => {
                let id = format!("brief{step}");
                server.post("/sessions", json!({"session_id": id, "ttl_seconds": 1, "user_id": "ann"})).expect(201);
                expected += Expected { created: 1, expired: 1, ..Expected::default() };
            }
            (_, Some((id, _))) => {
                chat(&server, &id, "hello").expect(200);
                expected += ANSWERED;
                living[index].1 = true;
            }
        }
    }
    let fork = server.post(&format!("/sessions/{}/fork", living[0].0), json!({})).expect(201);
    expected += Expected { created: 1, messages: fork.number("message_count"), ..Expected::default() };
    let stats = settles_at(&server, expected);
    let forked = u64::from(fork.text("persona") == "creative_writer");
    assert_eq!(stats["by_persona"]["creative_writer"]["sessions"], by_writer + forked);
    assert_eq!(stats["by_model"], json!({"fixture": {"turns": expected.turns, "errors": expected.errors, "tokens": stats["tokens"]}}));
    assert_eq!(stats["failures"], json!({"list": 0, "index": 0, "burial": 0, "ending": 0, "report": 0, "alarm": 0}));
    assert_eq!(stats["lag_seconds"], 1);
}

/// What a session, which nobody uses meanwhile, says itself of what it was; `None` when the server does not answer.
fn observed(server: &Server, id: &str) -> Option<Expected> {
    let get = |path: &str| Some(server.try_ask("GET", &format!("/sessions/{id}{path}"), &[], None).ok()?.expect(200).value());
    let (session, newest) = (get("")?, get("/messages?limit=1&order=desc")?);
    let turns = session["turn_count"].as_u64().unwrap();
    let mut expected = Expected { created: 1, turns, ..Expected::default() };
    expected.messages = newest["messages"][0]["sequence"].as_u64().unwrap_or_default();
    for number in 1..=turns {
        let turn = get(&format!("/turns/{number}"))?["turn"].clone();
        expected.errors += u64::from(matches!(turn["status"].as_str(), Some("failed" | "interrupted")));
        expected.prompt_tokens += turn["usage"]["prompt_tokens"].as_u64().unwrap_or_default();
        expected.completion_tokens += turn["usage"]["completion_tokens"].as_u64().unwrap_or_default();
    }
    Some(expected)
}

#[test]
fn a_process_that_is_killed_now_and_then_counts_everything_once() {
    const KILLS: usize = 10;
    let model = model();
    let mut server = Server::asking(&model, &[("STATS_LAG_SECONDS", "1"), ("MAX_SESSIONS_PER_USER", "0")]);
    let (mut dice, mut ended, mut living, mut last) = (Dice(11), Expected::default(), Vec::new(), 0);
    for _ in 0..KILLS {
        let steps = 5 + dice.roll(60);
        // What was asked last, if its answer has not come.
        let unanswered = thread::scope(|scope| {
            let (server, living, ended, last, dice) = (&server, &mut living, &mut ended, &mut last, &mut dice);
            let (done, doing) = mpsc::channel();
            scope.spawn(move || {
                // Amid whatever comes after so many steps; or when the steps have failed.
                (0..steps).all(|_| doing.recv().is_ok());
                server.kill_from_beside();
            });
            loop {
                if let Err(step) = step(server, living, ended, last, dice) {
                    return step;
                }
                let _ = done.send(());
            }
        });
        server.kill();
        server.launch();
        unanswered.repeat(&server, &mut living, &mut ended);
    }
    let mut expected = ended;
    living.iter().for_each(|id| expected += observed(&server, id).unwrap());
    assert!(expected.turns > 20 && expected.deleted > 2 && expected.expired > 2, "{expected:?}");
    settles_at(&server, expected);
}

/// A request that was sent and not answered; what the session was before, if it was to end.
enum Unanswered {
    Create(String),
    Chat,
    End(&'static str, String, Expected),
    Question,
}

impl Unanswered {
    /// Has it done: each can be asked for again.
    fn repeat(self, server: &Server, living: &mut Vec<String>, ended: &mut Expected) {
        match self {
            Unanswered::Create(id) => {
                let status = server.post("/sessions", json!({"session_id": id})).status;
                assert!(matches!(status, 200 | 201), "{status}");
                living.push(id);
            }
            // Whether it was done is seen when the session ends.
            Unanswered::Chat | Unanswered::Question => {}
            Unanswered::End(method, id, before) => {
                assert!(matches!(end(server, method, &id).unwrap(), 200 | 404));
                *ended += before;
                living.retain(|other| *other != id);
            }
        }
    }
}

fn end(server: &Server, method: &str, id: &str) -> Result<u16, ()> {
    let body: Option<&[u8]> = if method == "PATCH" { Some(br#"{"ttl_seconds": 1}"#) } else { None };
    let answer = server.try_ask(method, &format!("/sessions/{id}"), &[("content-type", "application/json")], body);
    answer.map(|answer| answer.status).map_err(|_| ())
}

/// Does something; fails with what it was when the process is gone.
fn step(server: &Server, living: &mut Vec<String>, ended: &mut Expected, last: &mut u64, dice: &mut Dice) -> Result<(), Unanswered> {
    let send = |path: &str, body: Value| {
        server.try_ask("POST", path, &[("content-type", "application/json")], Some(body.to_string().as_bytes())).map_err(|_| ())
    };
    let index = dice.roll(living.len().max(1) as u64) as usize;
    let choice = dice.roll(8);
    let Some(id) = living.get(index).cloned().filter(|_| choice > 1) else {
        *last += 1;
        let id = format!("session-{last}");
        let status = send("/sessions", json!({"session_id": id})).map_err(|()| Unanswered::Create(id.clone()))?.status;
        assert_eq!(status, 201);
        living.push(id);
        return Ok(());
    };
    if choice > 3 {
        let message = if choice == 4 { "refuse" } else { "hello" };
        return send("/chat", json!({"session_id": id, "message": message})).map(drop).map_err(|()| Unanswered::Chat);
    }
    let Some(mut before) = observed(server, &id) else { return Err(Unanswered::Question) };
    let method = if choice == 2 { "DELETE" } else { "PATCH" };
    (before.deleted, before.expired) = (u64::from(method == "DELETE"), u64::from(method == "PATCH"));
    let status = end(server, method, &id).map_err(|()| Unanswered::End(method, id.clone(), before))?;
    assert_eq!(status, 200);
    *ended += before;
    living.remove(index);
    Ok(())
}

#[test]
fn a_report_that_is_sent_twice_counts_once() {
    let mut server = Server::with(&[("STATS_LAG_SECONDS", "1")]);
    let ids: Vec<String> = (0..3).map(|_| server.new_session()).collect();
    settles_at(&server, Expected { created: 3, ..Expected::default() });
    for (id, fault) in ids.iter().zip(["panic", "trap", "exception"]) {
        server.ask("POST", &format!("/__test/sessions/{id}/{fault}?when=reporting"), &[], None).expect(200);
        let messages = json!({"messages": [{"role": "user", "content": "x"}]});
        // The instance is lost after the answer, or before it.
        let status = server.post(&format!("/sessions/{id}/messages"), messages).status;
        assert!(matches!(status, 201 | 503), "{status}");
    }
    settles_at(&server, Expected { created: 3, messages: 3, ..Expected::default() });
    // The report of an end, whose session is gone when it is sent again.
    server.ask("POST", &format!("/__test/sessions/{}/panic?when=reporting", ids[0]), &[], None).expect(200);
    let status = server.delete(&format!("/sessions/{}", ids[0])).status;
    assert!(matches!(status, 200 | 503), "{status}");
    settles_at(&server, Expected { created: 3, messages: 3, deleted: 1, ..Expected::default() });
    eventually_on_disk("every report is acknowledged", &mut server, |file| sqlite::rows(file, "report") == 0);
    assert!(server.log().contains("on purpose"), "no fault has struck");
}
