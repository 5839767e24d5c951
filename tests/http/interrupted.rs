//! The server is killed at any moment of a turn, or of a fork: what is left is valid, and the same key brings the whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use serde_json::Value;

use crate::{
    streams::{TEXT, ids, text},
    support::{
        Answer, Server,
        ask::{self, Ask},
        events::{Event, Events},
        json,
        model::{Model, Step},
    },
};

/// What of an answer a crash may cost at most.
const UNSTORED_BYTES: usize = 2048;

/// Steps of a model after its words: why it ends, what it took, the end.
const AFTER_WORDS: usize = 3;

/// What is said to have `TEXT`, or more than is kept in memory, up to step `steps`.
fn said(is_long: bool, steps: usize) -> String {
    format!("{}, {steps} steps at most", if is_long { "Long" } else { "Short" })
}

/// The answer to it.
fn whole(said: &str) -> String {
    let times = if said.starts_with("Long") { 120 } else { 1 };
    TEXT.split(' ').map(|word| word.repeat(times)).collect::<Vec<_>>().join(" ")
}

/// A model that falls silent after as many steps as it is told, until it is well.
fn failing(is_well: Arc<AtomicBool>) -> Model {
    Model::start(move |_, body| {
        let said = body["messages"][0]["content"].as_str().unwrap();
        let (_, steps) = said.split_once(", ").unwrap();
        let limit: usize = steps.split_once(' ').unwrap().0.parse().unwrap();
        ask::answer(body, &whole(said), |rest| {
            let mut steps = Model::saying(rest);
            if limit < steps.len() && !is_well.load(Ordering::SeqCst) {
                steps.truncate(limit);
                steps.push(Step::Hang);
            }
            steps
        })
    })
}

/// A turn during which the server is killed.
struct Turn {
    ask: Ask,
    said: String,
    id: String,
    stream: Option<Events>,
    heard: Vec<Event>,
}

impl Turn {
    /// Begins it and listens until `steps` steps of its model have been heard of.
    fn begin(server: &Server, ask: Ask, is_long: bool, steps: usize) -> Turn {
        let said = said(is_long, steps);
        let id = ask.prepare(server, &said);
        let mut stream = ask.send(server, &id, &said);
        let words = words(ask, &whole(&said));
        let heard = if steps == words + AFTER_WORDS { usize::MAX } else { 1 + steps.min(words) };
        let heard = stream.by_ref().take(heard).collect();
        Turn { ask, said, id, stream: Some(stream), heard }
    }

    /// What it is, for messages of failed tests.
    fn name(&self) -> String {
        format!("{:?} of {:?}", self.ask, self.said)
    }

    fn has_ended(&self) -> bool {
        self.heard.last().is_some_and(|event| event.name == "done")
    }

    /// What has been heard of the answer, with what was there before.
    fn heard_text(&self) -> String {
        let whole = whole(&self.said);
        let before = &whole[..whole.len() - self.ask.told(&whole).len()];
        format!("{before}{}", text(&self.heard))
    }

    /// Hears what had been sent when the server was killed.
    fn hear_the_last(&mut self) {
        let stream = self.stream.take().unwrap();
        self.heard.extend(stream);
    }

    fn status(&self, server: &Server) -> String {
        let turn = server.get(&format!("/sessions/{}/turns/{}", self.id, self.ask.turn())).expect(200).value();
        turn["turn"]["status"].as_str().unwrap().to_owned()
    }

    /// The answer in a history that must be the question and at most that.
    fn answer(&self, server: &Server) -> String {
        let page = server.get(&format!("/sessions/{}/messages", self.id)).expect(200).value();
        let messages = page["messages"].as_array().unwrap();
        let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert!(roles == ["user"] || roles == ["user", "assistant"], "{}: {page}", self.name());
        assert_eq!((&page["total"], &messages[0]["content"]), (&json!(messages.len()), &json!(self.said)), "{}", self.name());
        messages.get(1).map_or("", |answer| answer["content"].as_str().unwrap()).to_owned()
    }

    /// What the session tells who follows it, after number `after`.
    fn events(&self, server: &Server, after: Option<u64>) -> Vec<Event> {
        let last = after.map(|after| after.to_string()).unwrap_or_default();
        server.events("GET", &format!("/sessions/{}/events", self.id), &[("last-event-id", &last)], None).rest()
    }

    /// Checks what is left of it; gives the events of its end.
    fn check_remains(&self, server: &Server) -> Vec<Event> {
        let (name, whole, kept, status) = (self.name(), whole(&self.said), self.answer(server), self.status(server));
        assert!(status == "done" || (status == "interrupted" && !self.has_ended()), "{name}: {status}");
        assert!(status == "interrupted" || self.heard_text() == whole, "{name}: {status}");
        assert!(whole.starts_with(&kept), "{name}: {kept:?} is kept");
        assert!(kept.len() + UNSTORED_BYTES > self.heard_text().len() && (status != "done" || kept == whole), "{name}: {kept:?} is kept");

        let told = self.events(server, None);
        let end = if status == "done" { "done" } else { "error" };
        assert_eq!((told[0].name.as_str(), told.last().unwrap().name.as_str()), ("turn", end), "{name}: {told:?}");
        assert!(ids(&told).is_sorted_by(|one, next| one < next), "{name}: {:?}", ids(&told));
        for event in &told {
            let heard = self.heard.iter().find(|heard| heard.id == event.id);
            assert!(heard.is_none_or(|heard| heard == event), "{name}: {heard:?} has become {event:?}");
        }
        let last = self.heard.last().unwrap().id;
        let rest: Vec<Event> = told.iter().filter(|event| event.id > last).cloned().collect();
        if self.has_ended() {
            server.get(&format!("/sessions/{}/events?after={}", self.id, last.unwrap())).expect(204);
        } else {
            assert_eq!(self.events(server, last), rest, "{name}");
        }
        told
    }

    /// Sends it again and checks that this makes it whole, once.
    fn repeat(&self, server: &Server, told: &[Event]) -> Vec<Event> {
        let (name, whole, kept) = (self.name(), whole(&self.said), self.answer(server));
        let again = self.ask.send(server, &self.id, &self.said).rest();
        let end = again.last().unwrap();
        assert_eq!((end.name.as_str(), &end.data["message"]["content"]), ("done", &json!(whole)), "{name}: {again:?}");
        if told.last().unwrap().name == "done" {
            assert_eq!(again, told, "{name}");
        } else {
            assert!(again[0].id > told.last().unwrap().id, "{name}: {again:?}");
            let expected = if self.ask == Ask::Continue { &whole[kept.len()..] } else { &whole };
            assert_eq!(text(&again), expected, "{name}");
        }
        assert_eq!(self.ask.send(server, &self.id, &self.said).rest(), again, "{name}");
        assert_eq!(self.answer(server), whole, "{name}");
        again
    }
}

fn words(ask: Ask, whole: &str) -> usize {
    ask.told(whole).split_inclusive(' ').count()
}

#[test]
fn a_turn_whose_server_is_killed_after_any_event_is_kept_as_far_as_it_came_and_made_whole_by_its_key() {
    let is_well = Arc::new(AtomicBool::new(false));
    let model = failing(Arc::clone(&is_well));
    let mut server = Server::asking(&model, &[]);
    let mut moments: Vec<(usize, Ask, bool)> = Vec::new();
    for ask in Ask::ALL {
        let words = words(ask, TEXT);
        let is_chosen = |steps: &usize| ask == Ask::Chat || [0, 1, words / 2, words, words + 1, words + AFTER_WORDS].contains(steps);
        let chosen = (0..=words + AFTER_WORDS).filter(is_chosen);
        moments.extend(chosen.flat_map(|steps| [(steps, ask, false), (steps, ask, true)]));
    }
    // The end comes by itself, soon after the last words: those turns are begun last.
    moments.sort_by_key(|(steps, ..)| *steps);
    let mut turns: Vec<Turn> = moments.into_iter().map(|(steps, ask, is_long)| Turn::begin(&server, ask, is_long, steps)).collect();
    server.kill();
    is_well.store(true, Ordering::SeqCst);
    turns.iter_mut().for_each(Turn::hear_the_last);
    server.launch();
    let told: Vec<Vec<Event>> = turns.iter().map(|turn| turn.check_remains(&server)).collect();
    let again: Vec<Vec<Event>> = turns.iter().zip(&told).map(|(turn, told)| turn.repeat(&server, told)).collect();
    let interrupted = told.iter().filter(|told| told.last().unwrap().name == "error").count();
    assert!(interrupted > turns.len() / 2, "only {interrupted} of {} were interrupted", turns.len());
    server.kill();
    server.launch();
    for (turn, again) in turns.iter().zip(again) {
        assert_eq!(turn.ask.send(&server, &turn.id, &turn.said).rest(), again, "{}", turn.name());
    }
}

/// Forks `source` under a key and an id of its own.
fn fork(server: &Server, source: &str, id: &str) -> Result<Answer, ureq::Error> {
    let headers = [("content-type", "application/json"), ("idempotency-key", id)];
    server.try_ask("POST", &format!("/sessions/{source}/fork"), &headers, Some(json!({"session_id": id}).to_string().as_bytes()))
}

/// What the messages of a session say, if it is there.
fn contents(server: &Server, id: &str) -> Option<Vec<Value>> {
    let page = server.get(&format!("/sessions/{id}/messages?limit=200"));
    if page.status == 404 {
        return None;
    }
    let page = page.expect(200).value();
    let contents: Vec<Value> = page["messages"].as_array().unwrap().iter().map(|message| message["content"].clone()).collect();
    assert_eq!(page["total"], contents.len());
    Some(contents)
}

#[test]
fn a_fork_whose_server_is_killed_is_there_whole_or_not_at_all_and_made_by_its_key() {
    const WRITERS: usize = 4;
    const AT_LEAST: usize = 6;
    let mut server = Server::start();
    let source = server.new_session();
    let messages: Vec<Value> = (0..100).map(|number| json!({"role": "user", "content": format!("{number:0>2000}")})).collect();
    server.post(&format!("/sessions/{source}/messages"), json!({"messages": messages})).expect(201);
    let expected = contents(&server, &source).unwrap();
    let acknowledged = AtomicUsize::new(0);
    let made: Vec<usize> = thread::scope(|scope| {
        let write = |writer: usize| {
            // Until the connection breaks.
            for number in 0.. {
                match fork(&server, &source, &format!("fork-{writer}-{number}")) {
                    Ok(answer) => drop(answer.expect(201)),
                    Err(_) => return number,
                }
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            unreachable!()
        };
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        while acknowledged.load(Ordering::SeqCst) < AT_LEAST && !writers.iter().all(|writer| writer.is_finished()) {
            thread::yield_now();
        }
        server.kill_from_beside();
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    server.kill();
    server.launch();
    for (writer, made) in made.into_iter().enumerate() {
        for number in 0..=made {
            let id = format!("fork-{writer}-{number}");
            let kept = contents(&server, &id);
            assert!(kept.is_some() || number == made, "{id} was acknowledged and is gone");
            assert!(kept.is_none_or(|kept| kept == expected), "{id} is there in part");
            assert_eq!(fork(&server, &source, &id).unwrap().expect(201).number("message_count"), 100, "{id}");
            assert_eq!(contents(&server, &id).as_ref(), Some(&expected), "{id}");
        }
    }
}
