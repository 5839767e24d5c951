//! Who waits for a turn gets a turn of its own, each once; and nothing comes between a question and its answer.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

use crate::support::{
    Server, eventually, json,
    model::{Model, Step},
};

const ASKERS: usize = 6;
const WRITERS: usize = 3;
const NOTES_A_WRITER: usize = 6;

/// A model that answers what was said last, when the test opens a gate.
fn echoing() -> Model {
    Model::start(|_, body| {
        let said = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
        vec![Step::Text("To ".into()), Step::Gate, Step::Text(said.into()), Step::Finish("stop"), Step::Done]
    })
}

fn history(server: &Server, id: &str) -> Vec<(String, String)> {
    let page = server.get(&format!("/sessions/{id}/messages?limit=200")).expect(200).value();
    let shown = |message: &Value| ["role", "content"].map(|field| message[field].as_str().unwrap().to_owned()).into();
    page["messages"].as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn those_who_wait_for_a_turn_are_answered_each_once_and_what_is_appended_meanwhile_stays_in_order() {
    let model = echoing();
    let server = Server::asking(&model, &[]);
    let id = server.new_session();
    let first = server.events("POST", "/chat", &[], Some(&json!({"session_id": id, "message": "first", "stream": true})));
    let (answered, appended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let ask = |number: usize| {
        let asked = json!({"session_id": id, "message": format!("question {number}"), "on_busy": "wait"});
        assert_eq!(server.post("/chat", asked).expect(200).text("response"), format!("To question {number}"));
        answered.fetch_add(1, Ordering::SeqCst);
    };
    // Each sends its next when its former is stored: in two messages, which belong together.
    let write = |writer: usize| {
        for number in 0..NOTES_A_WRITER {
            let half = |half: &str| json!({"role": "system", "content": format!("{writer} {number} {half}")});
            server.post(&format!("/sessions/{id}/messages"), json!({"messages": [half("a"), half("b")]})).expect(201);
            appended.fetch_add(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        let (ask, write) = (&ask, &write);
        (0..ASKERS).for_each(|number| drop(scope.spawn(move || ask(number))));
        (0..WRITERS).for_each(|writer| drop(scope.spawn(move || write(writer))));
        for turn in 0..=ASKERS {
            eventually("a turn runs", || model.requests().len() > turn);
            // It is the only one, and what was said in it is the last that is stored.
            let stored = history(&server, &id);
            assert_eq!((model.requests().len(), stored.last().unwrap().0.as_str()), (turn + 1, "user"), "{stored:?}");
            assert_eq!(answered.load(Ordering::SeqCst), turn.saturating_sub(1), "{stored:?}");
            assert!(turn > 0 || (stored.len(), appended.load(Ordering::SeqCst)) == (1, 0), "{stored:?}");
            model.open(1);
            let is_answered = |messages: Vec<(String, String)>| messages.iter().filter(|(role, _)| role == "assistant").count() > turn;
            eventually("it is answered", || is_answered(history(&server, &id)) && answered.load(Ordering::SeqCst) >= turn);
        }
    });
    assert_eq!(first.rest().last().unwrap().data["message"]["content"], "To first");

    let stored = history(&server, &id);
    let turns: Vec<_> = stored.windows(2).filter(|pair| pair[0].0 == "user").collect();
    assert!(turns.iter().all(|pair| pair[1] == ("assistant".to_owned(), format!("To {}", pair[0].1))), "{stored:?}");
    let mut questions: Vec<&str> = turns.iter().map(|pair| pair[0].1.as_str()).collect();
    assert_eq!(questions.remove(0), "first");
    questions.sort_unstable();
    assert_eq!(questions, (0..ASKERS).map(|number| format!("question {number}")).collect::<Vec<_>>());
    let notes: Vec<&str> = stored.iter().filter(|(role, _)| role == "system").map(|(_, note)| note.as_str()).collect();
    assert!(notes.chunks(2).all(|note| note[0].strip_suffix('a') == note[1].strip_suffix('b')), "{notes:?}");
    for writer in 0..WRITERS {
        let own: Vec<&str> = notes.iter().filter(|note| note.starts_with(&format!("{writer} "))).copied().collect();
        let expected: Vec<String> =
            (0..NOTES_A_WRITER).flat_map(|number| ["a", "b"].map(|half| format!("{writer} {number} {half}"))).collect();
        assert_eq!(own, expected);
    }
    assert_eq!((model.requests().len(), stored.len()), (ASKERS + 1, 2 * (ASKERS + 1) + 2 * WRITERS * NOTES_A_WRITER));
}
