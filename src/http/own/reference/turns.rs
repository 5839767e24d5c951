//! Turns: how an answer is asked for, followed, stopped and had anew, and what a model would see.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::json;

use super::operation::{Content, JSON, Operation, one_of, text};
use super::sessions::sequence;
use crate::{
    domain::{context::Strategy, turn::ModelFailure},
    error::{Error, Subject},
    http::{
        own::{
            MemoryChangeJson, ToolCallJson, UsageJson,
            chat::ChatBody,
            context::ContextJson,
            turns::{
                AnswerJson, EditBody, EndedJson, RunBody, StopBody, StoppedJson,
                events::{AcceptedJson, DeltaJson, DoneJson, FailedJson},
            },
        },
        problem::Problem,
    },
};

const TAG: &str = "Chat";
const EVENTS: &str = "text/event-stream";
const EVENTS_EXAMPLE: &str = include_str!("events.txt");
const STREAMED: &str = "The answer, or with `\"stream\": true` or `Accept: text/event-stream` the events of the turn as they come.";

/// What `/chat` takes: two shapes that share an object.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ChatRequest")]
struct Chat {
    #[serde(flatten)]
    _chat: ChatBody,
    #[serde(flatten)]
    _run: RunBody,
}

/// What `edit` takes.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "EditRequest")]
struct Edit {
    #[serde(flatten)]
    _edit: EditBody,
    #[serde(flatten)]
    _run: RunBody,
}

pub(super) fn chat() -> Operation {
    Operation::new(TAG, "chat", "Say something")
        .about("One turn. Without `session_id` it begins a session (`session_created`), for which `user_id`, `persona`, `title` and `ttl_seconds` are. One turn runs at a time in a session: another gets 409 with `Retry-After`, or follows with `\"on_busy\": \"wait\"`. A client that goes away ends nothing. When the model fails, what the user said is kept.")
        .takes::<Chat>(r#"{"message": "Hi, my name is John"}"#)
        .asks_model()
        .fails(Problem::invalid_session())
        .fails(Problem::unpaired_result("tool_results[0]"))
        .fails(Error::SessionLimit { limit: 10 })
}

pub(super) fn regenerate() -> Operation {
    Operation::new(TAG, "regenerate", "Answer again")
        .about("Another answer to what was said last. The old one is kept as a version.")
        .may_take::<RunBody>(r#"{"temperature": 1.2}"#)
        .asks_model()
        .fails(Error::NotPossible("Nothing has been said that could be answered".into()))
}

pub(super) fn go_on() -> Operation {
    Operation::new(TAG, "continueAnswer", "Go on")
        .about("Goes on with an answer that was cut off (`cut`). The answer is the whole text, the events are those of the rest.")
        .may_take::<RunBody>(r#"{"max_tokens": 500}"#)
        .asks_model()
        .fails(Error::NotPossible("The last answer was not cut off".into()))
}

pub(super) fn edit() -> Operation {
    Operation::new(TAG, "editMessage", "Say it differently")
        .about("Says this in place of what the user said last, and answers it. What was said and answered before is kept as a version.")
        .takes::<Edit>(r#"{"message": "Hi, my name is Ann"}"#)
        .asks_model()
        .fails(Error::NotPossible("The user has said nothing that could be edited".into()))
}

pub(super) fn follow() -> Operation {
    let events = Content { media_type: EVENTS, schema: events, example: Some(EVENTS_EXAMPLE) };
    Operation::new(TAG, "followEvents", "Follow or resume a turn")
        .about("The events of the running turn, from its beginning or after the one that is named; of the last turn for 10 minutes after its end. Each comes exactly once: numbers (`id`) grow through all turns of a session. It is what `EventSource` needs.")
        .query("turn", sequence(), "That turn alone.")
        .query("after", sequence(), "The number of the last event that you have, in place of `Last-Event-ID`.")
        .header("Last-Event-ID", text(), "The number of the last event that you have.")
        .answers_with(200, "Events.", vec![events])
        .answers_with(204, "There is nothing to come.", vec![])
        .fails(Error::NotFound(Subject::Turn))
}

pub(super) fn stop() -> Operation {
    Operation::new(TAG, "stopTurn", "Stop")
        .about("Stops the running turn, from anywhere. What was said until then is kept. Answers when the turn has ended.")
        .may_take::<StopBody>(r#"{"turn": 1}"#)
        .repeatable()
        .gives::<StoppedJson<'_>>(200, "It has ended, or none ran (`stopped: false`).")
}

pub(super) fn get() -> Operation {
    Operation::new(TAG, "getTurn", "How a turn stands")
        .gives::<EndedJson<'_>>(200, "The turn, and its answer once there is one.")
        .fails(Error::NotFound(Subject::Turn))
}

pub(super) fn context() -> Operation {
    Operation::new(TAG, "getContext", "What a model would see")
        .about("Exactly what a model would be sent if the user said `message` now (`messages`), what it is made of, what is left out and why. Nothing is learned or changed.")
        .query("message", text(), "What the user would say.")
        .query("strategy", one_of(Strategy::ALL.map(Strategy::name)), "What is done with what does not fit.")
        .query("budget", sequence(), "Most tokens of the prompt.")
        .query("model", text(), "The model that would answer.")
        .query("memory", one_of(["true", "false"]), "Is it told what is remembered?")
        .gives::<ContextJson<'_>>(200, "The context.")
}

impl Operation {
    /// What all operations that begin a turn have in common.
    fn asks_model(self) -> Operation {
        let answer = Content { media_type: JSON, schema: SchemaGenerator::subschema_for::<AnswerJson<'_>>, example: None };
        let events = Content { media_type: EVENTS, schema: events, example: Some(EVENTS_EXAMPLE) };
        let operation = self.repeatable().if_match().answers_with(200, STREAMED, vec![answer, events]).with_header("ETag");
        ModelFailure::ALL
            .into_iter()
            .fold(operation.fails(Error::TurnInProgress), |operation, failure| operation.fails(Problem::of_model(failure)))
    }
}

/// Server-sent events; what the data of each is.
fn events(generator: &mut SchemaGenerator) -> Schema {
    let events = json!({
        "turn": generator.subschema_for::<AcceptedJson<'_>>(),
        "memory": generator.subschema_for::<MemoryChangeJson<'_>>(),
        "delta": generator.subschema_for::<DeltaJson<'_>>(),
        "tool_call": generator.subschema_for::<ToolCallJson<'_>>(),
        "usage": generator.subschema_for::<UsageJson>(),
        "done": generator.subschema_for::<DoneJson<'_>>(),
        "error": generator.subschema_for::<FailedJson<'_>>(),
    });
    json_schema!({"type": "string", "description": "Server-sent events: `turn` first, `done` or `error` last.", "x-events": events})
}
