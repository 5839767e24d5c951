//! Coming back to a turn after any of its events, with the same key or as one who follows: nothing is lost or doubled.

use std::mem;

use crate::{
    streams::{self, TEXT, ids, said, text},
    support::{
        Server,
        ask::{self, Ask},
        events::Event,
        model::Model,
    },
};

#[test]
fn a_key_may_be_sent_again_after_any_event_and_joins_the_turn() {
    let model = Model::start(|_, body| ask::answer(body, TEXT, ask::gated));
    let server = Server::asking(&model, &[]);
    for ask in Ask::ALL {
        let words = ask.told(TEXT).split_inclusive(' ').count();
        let mut transcripts = Vec::new();
        let asked_before = model.requests().len();
        for retry_after in 0..=words + 1 {
            let id = ask.prepare(&server, "Say something");
            let mut first = ask.send(&server, &id, "Say something");
            let mut got: Vec<Event> = first.by_ref().take(1).collect();
            for _ in 0..retry_after.min(words) {
                model.open(1);
                got.extend(first.next());
            }
            if retry_after > words {
                model.open(1);
                got.extend(first.by_ref());
            }
            let mut second = ask.send(&server, &id, "Say something");
            let mut joined: Vec<Event> = second.by_ref().take(got.len()).collect();
            assert_eq!(joined, got, "{ask:?}, again after {retry_after}");
            model.open(words + 1 - retry_after);
            got.extend(first);
            joined.extend(second);
            assert_eq!(joined, got, "{ask:?}, again after {retry_after}");
            assert_eq!(ask.send(&server, &id, "Say something").rest(), got, "{ask:?}, after its end");
            let page = server.get(&format!("/sessions/{id}/messages")).expect(200).value();
            assert_eq!((&page["total"], &page["messages"][1]["content"]), (&2.into(), &TEXT.into()), "{ask:?}: {page}");
            transcripts.push((ids(&got), text(&got)));
        }
        assert!(transcripts.iter().all(|transcript| *transcript == transcripts[0]), "{ask:?}: {transcripts:?}");
        assert_eq!(transcripts[0].1, ask.told(TEXT));
        let asked = if ask == Ask::Chat { 1 } else { 2 };
        assert_eq!(model.requests().len() - asked_before, asked * transcripts.len(), "{ask:?}: a retry has asked the model again");
    }
}

/// One that cuts its connection after each event and comes back with what it knows: the last one's number, no turn.
struct Follower {
    /// How many events it lets go by before it comes back; but it is there for the first.
    lag: usize,
    got: Vec<Event>,
}

impl Follower {
    /// Comes back for one event as long as it is further behind `told` than it likes.
    fn catch_up(&mut self, server: &Server, path: &str, told: usize) {
        while self.got.is_empty() || self.got.len() + self.lag < told {
            let last = self.got.last().map(|event| event.id.unwrap().to_string()).unwrap_or_default();
            let mut stream = server.events("GET", path, &[("last-event-id", &last)], None);
            self.got.extend(stream.next());
            stream.cut();
        }
    }
}

#[test]
fn who_follows_may_cut_and_come_back_after_every_event_of_two_turns() {
    let model = streams::gated();
    let server = Server::asking(&model, &[]);
    let words = TEXT.split_inclusive(' ').count();
    let events_a_turn = words + 3;
    // The last ones come back for the first turn when the second one runs, or is over.
    let mut followers = [0, 1, 5, events_a_turn - 1, events_a_turn + 4, usize::MAX / 2].map(|lag| Follower { lag, got: Vec::new() });
    let id = server.new_session();
    let path = format!("/sessions/{id}/events");
    let mut told: Vec<Event> = Vec::new();
    for _ in 0..2 {
        let mut stream = server.events("POST", "/chat", &[], Some(&said(&id)));
        for gate in 0..=words + 1 {
            told.extend(stream.next());
            if gate > words {
                told.extend(stream.by_ref());
            }
            followers.iter_mut().for_each(|follower| follower.catch_up(&server, &path, told.len()));
            model.open(usize::from(gate <= words));
        }
        assert_eq!(stream.next(), None);
    }
    assert_eq!(told.len(), 2 * events_a_turn);
    for mut follower in followers {
        let lag = mem::take(&mut follower.lag);
        follower.catch_up(&server, &path, told.len());
        assert_eq!(follower.got, told, "one that is {lag} events behind");
        let last = told.last().unwrap().id.unwrap();
        server.get(&format!("{path}?after={last}")).expect(204);
    }
}
