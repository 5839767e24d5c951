//! The requests that begin a turn, so that what holds for one is tried with each of them.
//!
//! The model that goes with them says the first word alone when it may say one token, and otherwise what is missing of
//! the whole. So there is an answer to do again, or to go on with.

use serde_json::{Value, json};

use super::{
    Server,
    events::Events,
    model::{Model, Step},
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ask {
    Chat,
    Regenerate,
    Continue,
    Edit,
}

impl Ask {
    pub(crate) const ALL: [Ask; 4] = [Ask::Chat, Ask::Regenerate, Ask::Continue, Ask::Edit];

    /// A session where this can be asked about `message`.
    pub(crate) fn prepare(self, server: &Server, message: &str) -> String {
        let id = server.new_session();
        if self != Ask::Chat {
            server.post("/chat", json!({"session_id": id, "message": message, "max_tokens": 1})).expect(200);
        }
        id
    }

    /// The number of the turn that it begins in a session so prepared.
    pub(crate) fn turn(self) -> u64 {
        if self == Ask::Chat { 1 } else { 2 }
    }

    /// Asks it for events, under a key.
    pub(crate) fn send(self, server: &Server, id: &str, message: &str) -> Events {
        let (path, body) = match self {
            Ask::Chat => ("/chat".to_owned(), json!({"session_id": id, "message": message, "stream": true})),
            Ask::Regenerate => (format!("/sessions/{id}/regenerate"), json!({"stream": true})),
            Ask::Continue => (format!("/sessions/{id}/continue"), json!({"stream": true})),
            Ask::Edit => (format!("/sessions/{id}/edit"), json!({"message": message, "stream": true})),
        };
        server.events("POST", &path, &[("idempotency-key", "k")], Some(&body))
    }

    /// What is said of `whole` in answer to it.
    pub(crate) fn told(self, whole: &str) -> &str {
        if self == Ask::Continue { whole.strip_prefix(first_word(whole)).unwrap_or_default() } else { whole }
    }
}

/// What the model that goes with these requests says of `whole` to `request`: a word to prepare with, and where
/// `steps` are asked for, what they make of the rest.
pub(crate) fn answer(request: &Value, whole: &str, steps: impl FnOnce(&str) -> Vec<Step>) -> Vec<Step> {
    if request["max_tokens"] == 1 {
        return vec![Step::Text(first_word(whole).to_owned()), Step::Finish("length"), Step::Done];
    }
    // Only who is to go on is shown an answer.
    let shown = request["messages"].as_array().unwrap().iter().find(|message| message["role"] == "assistant");
    let said = shown.map_or("", |message| message["content"].as_str().unwrap());
    steps(whole.strip_prefix(said).unwrap_or_else(|| panic!("{said:?} was never said")))
}

/// Each word behind a gate, and the end behind another.
pub(crate) fn gated(text: &str) -> Vec<Step> {
    let words = text.split_inclusive(' ').flat_map(|word| [Step::Gate, Step::Text(word.into())]);
    words.chain([Step::Gate]).chain(Model::saying("")).collect()
}

fn first_word(whole: &str) -> &str {
    whole.split_inclusive(' ').next().unwrap_or_default()
}
