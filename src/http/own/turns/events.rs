//! The events of a turn as server-sent events: `id` is the event's number in its session, `data` one JSON object.

use serde::Serialize;

use super::TurnJson;
use crate::{
    domain::turn::event::{Ended, Event, Place},
    http::{
        own::{MemoryChangeJson, MessageJson, ToolCallJson, UsageJson, etag},
        problem::Problem,
    },
};

/// What keeps a connection alive that has nothing to say.
const HEARTBEAT: &str = ": waiting\n\n";

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TurnEvent"))]
pub(in crate::http::own) struct AcceptedJson<'a> {
    session_id: &'a str,
    #[serde(flatten)]
    turn: TurnJson<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DeltaEvent"))]
pub(in crate::http::own) struct DeltaJson<'a> {
    text: &'a str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DoneEvent"))]
pub(in crate::http::own) struct DoneJson<'a> {
    session_id: &'a str,
    #[serde(flatten)]
    turn: TurnJson<'a>,
    message: Option<MessageJson<'a>>,
    /// Of the session after the turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ErrorEvent"))]
pub(in crate::http::own) struct FailedJson<'a> {
    code: &'a str,
    detail: &'a str,
    #[serde(flatten)]
    done: DoneJson<'a>,
}

/// Encodes the events of a turn in session `session_id`.
pub(super) fn encoder(session_id: &str) -> impl Fn(Option<(Place, &Event)>) -> String + 'static {
    let session_id = session_id.to_owned();
    move |event| event.map_or_else(|| HEARTBEAT.to_owned(), |(place, event)| encode(&session_id, place.id(), event))
}

fn encode(session_id: &str, id: u64, event: &Event) -> String {
    match event {
        Event::Accepted(turn) => frame(id, "turn", &AcceptedJson { session_id, turn: TurnJson::from(turn) }),
        Event::Delta(text) => frame(id, "delta", &DeltaJson { text }),
        Event::ToolCall(call) => frame(id, "tool_call", &ToolCallJson::from(call)),
        Event::Memory(change) => frame(id, "memory", &MemoryChangeJson::from(change)),
        Event::Usage(usage) => frame(id, "usage", &UsageJson::from(*usage)),
        Event::Done(ended) => frame(id, "done", &done(session_id, ended)),
        Event::Failed(ended) => {
            let problem = ended.turn.failure.map_or_else(Problem::interrupted, Problem::of_model);
            let (code, detail) = problem.words();
            frame(id, "error", &FailedJson { code, detail, done: done(session_id, ended) })
        }
    }
}

fn done<'a>(session_id: &'a str, ended: &'a Ended) -> DoneJson<'a> {
    DoneJson {
        session_id,
        turn: TurnJson::from(&ended.turn),
        message: ended.answer.as_ref().map(MessageJson::from),
        etag: ended.session.as_ref().map(|session| etag(session.version())),
    }
}

fn frame<T: Serialize>(id: u64, name: &str, data: &T) -> String {
    // JSON has no line breaks of its own, and no type of ours can fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("id: {id}\nevent: {name}\ndata: {data}\n\n")
}
