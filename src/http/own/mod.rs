//! Our own dialect: bare JSON objects, problems for errors, RFC 3339 times in UTC with `Z`.
//!
//! This file has what its routes share; each route's own shapes are private to its file.

mod routes;
pub(crate) mod chat;
pub(crate) mod cleanup;
pub(crate) mod context;
pub(crate) mod lists;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod personas;
#[cfg(test)]
mod reference;
pub(crate) mod search;
pub(crate) mod service;
pub(crate) mod sessions;
pub(crate) mod stats;
pub(crate) mod transfer;
pub(crate) mod turns;
pub(crate) mod users;

pub(super) use routes::Own;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::{
    Map, Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    domain::{
        memory::MemoryChange,
        message::{Message, NewMessage, ToolCall},
        session::{CREATED_FROM_QUERY, Session, Version},
        time::Timestamp,
        turn::{
            Cut, named,
            tokens::{Tally, Usage},
        },
    },
    error::{Error, Result},
    http::{request::Query, response::raw_json},
    session::client::Lately,
};

/// A session, wherever one is shown.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Session"))]
struct SessionJson<'a> {
    session_id: &'a str,
    /// Whose it is; null when it is nobody's.
    user_id: Option<&'a str>,
    /// As whom the model answers.
    persona: &'a str,
    title: Option<&'a str>,
    /// What its client keeps with it.
    metadata: Box<RawValue>,
    created_at: String,
    /// The last write; reading is no activity.
    last_activity: String,
    /// When it ends unless there is activity.
    expires_at: String,
    /// How long it lives without activity.
    ttl_seconds: u64,
    message_count: u64,
    /// The turn that runs; null when none does.
    running_turn: Option<u64>,
    /// Turns so far.
    turn_count: u64,
    /// Of all its turns.
    usage: UsageJson,
    /// Turns that failed.
    error_count: u64,
    /// How a model failed last.
    last_error: Option<LastErrorJson>,
    /// How its user likes to be talked to.
    profile: ProfileJson,
    /// May models be told what is remembered, and remember more?
    memory: bool,
    /// By which request it was created.
    created_from: &'a str,
    /// How many questions its user has asked.
    query_count: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Profile"))]
struct ProfileJson {
    verbosity: &'static str,
    tone: &'static str,
    depth: &'static str,
}

/// Something that was remembered or forgotten in a turn.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MemoryChange"))]
struct MemoryChangeJson<'a> {
    action: &'static str,
    /// Whose memory.
    scope: &'static str,
    key: &'a str,
    /// What is there now; null when it was forgotten.
    value: Option<Box<RawValue>>,
    /// Who did it.
    source: &'static str,
}

/// Tokens, of a turn or of all turns of a session.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Usage"))]
struct UsageJson {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    /// Reckoned by us, all or in part: the provider did not tell.
    estimated: bool,
}

/// How a model failed last.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LastError"))]
struct LastErrorJson {
    code: &'static str,
    at: String,
}

/// A message, wherever one is shown.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Message"))]
struct MessageJson<'a> {
    /// Its number in the session; never used twice.
    sequence: u64,
    role: &'static str,
    /// What it says; null where there are only calls.
    content: Option<&'a str>,
    /// Of an assistant: the functions it wants called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallJson<'a>>,
    /// Of a tool: the call that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
    created_at: String,
    /// Why the text ends early, if it does: `length`, `stopped` or `interrupted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<&'static str>,
    /// The first message of what stood here before.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<u64>,
    /// When what it said was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_at: Option<String>,
}

/// A message without anything that is ours alone, in the shape that model providers use.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PromptMessage"))]
struct ChatMessageJson<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCallJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// A tool call, in the shape that model providers use.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ToolCall"))]
struct ToolCallJson<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionJson<'a>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CalledFunction"))]
struct FunctionJson<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> From<&'a Session> for SessionJson<'a> {
    fn from(session: &'a Session) -> Self {
        SessionJson {
            session_id: session.id.as_str(),
            user_id: session.user_id.as_ref().map(|user| user.as_str()),
            persona: &session.persona,
            title: session.title.as_deref(),
            metadata: raw_json(&session.metadata),
            created_at: rfc3339(session.created_at),
            last_activity: rfc3339(session.last_activity),
            expires_at: rfc3339(session.expires_at()),
            ttl_seconds: session.idle_timeout.as_secs(),
            message_count: session.message_count,
            running_turn: session.running_turn,
            turn_count: session.turn_count,
            usage: UsageJson::from(session.tally),
            error_count: session.error_count,
            last_error: session.last_error.map(|last| LastErrorJson { code: last.failure.code(), at: rfc3339(last.at) }),
            profile: ProfileJson {
                verbosity: session.profile.verbosity.name(),
                tone: session.profile.tone.name(),
                depth: session.profile.depth.name(),
            },
            memory: session.uses_memory,
            created_from: &session.created_from,
            query_count: session.query_count,
        }
    }
}

impl<'a> From<&'a MemoryChange> for MemoryChangeJson<'a> {
    fn from(change: &'a MemoryChange) -> Self {
        MemoryChangeJson {
            action: if change.value.is_some() { "saved" } else { "deleted" },
            scope: if change.is_of_user { "user" } else { "session" },
            key: &change.key,
            value: change.value.as_deref().map(raw_json),
            source: change.source.name(),
        }
    }
}

impl From<Tally> for UsageJson {
    fn from(tally: Tally) -> Self {
        UsageJson::from(Usage {
            prompt_tokens: tally.prompt_tokens,
            completion_tokens: tally.completion_tokens,
            is_estimate: tally.has_estimates,
        })
    }
}

impl From<Usage> for UsageJson {
    fn from(usage: Usage) -> Self {
        let Usage { prompt_tokens, completion_tokens, is_estimate } = usage;
        UsageJson { prompt_tokens, completion_tokens, total_tokens: usage.total(), estimated: is_estimate }
    }
}

impl<'a> From<&'a NewMessage> for ChatMessageJson<'a> {
    fn from(message: &'a NewMessage) -> Self {
        ChatMessageJson {
            role: message.role.name(),
            content: message.content.as_deref(),
            tool_calls: message.tool_calls.iter().map(ToolCallJson::from).collect(),
            tool_call_id: message.tool_call_id.as_deref(),
            name: message.name.as_deref(),
        }
    }
}

impl<'a> From<&'a ToolCall> for ToolCallJson<'a> {
    fn from(call: &'a ToolCall) -> Self {
        let function = FunctionJson { name: &call.name, arguments: &call.arguments };
        ToolCallJson { id: &call.id, r#type: "function", function }
    }
}

impl<'a> From<&'a Message> for MessageJson<'a> {
    fn from(message: &'a Message) -> Self {
        MessageJson {
            sequence: message.sequence,
            role: message.body.role.name(),
            content: message.body.content.as_deref(),
            tool_calls: message.body.tool_calls.iter().map(ToolCallJson::from).collect(),
            tool_call_id: message.body.tool_call_id.as_deref(),
            name: message.body.name.as_deref(),
            metadata: message.body.metadata.as_deref().map(raw_json),
            created_at: rfc3339(message.created_at),
            cut: message.body.cut.map(Cut::name),
            replaces: message.replaces,
            removed_at: message.removed_at.map(rfc3339),
        }
    }
}

/// The value of that name.
///
/// # Errors
/// `Invalid`, naming `field` and all names.
fn one_of<T: Copy>(field: &str, all: &[T], name_of: impl Fn(T) -> &'static str + Copy, name: &str) -> Result<T> {
    let names = || all.iter().copied().map(name_of).collect::<Vec<_>>().join(", ");
    named(all, name_of, name).ok_or_else(|| Error::invalid(field, format!("must be one of {}", names())))
}

/// Where a message keeps for which agent it was meant, if it was for one.
pub(super) const AGENT_TYPE: &str = "agent_type";

/// The client's metadata, exactly; but those of a session of system D's clients with what these look for there besides, behind
/// the client's own keys. For reading alone: an export, and whatever answers a change, has what is stored. Without `lately`
/// as much as a list knows.
fn shown_metadata(session: &Session, lately: Option<&Lately>) -> Box<RawValue> {
    if session.created_from != CREATED_FROM_QUERY {
        return raw_json(&session.metadata);
    }
    let mut shown: Map<String, Value> = serde_json::from_str(&session.metadata).unwrap_or_default();
    let mut show = |name: &str, value: Value| {
        shown.entry(name).or_insert(value);
    };
    show("query_count", session.query_count.into());
    show("created_from", session.created_from.as_str().into());
    if let Some(Lately { last_query, last_query_metadata, .. }) = lately {
        let kept: Option<Value> = last_query_metadata.as_deref().and_then(|kept| serde_json::from_str(kept).ok());
        let agent_type = kept.as_ref().and_then(|kept| kept.get(AGENT_TYPE)?.as_str()).or(session.last_persona.as_deref());
        show("last_query", last_query.as_deref().into());
        show("last_agent_type", agent_type.into());
    }
    to_raw_value(&shown).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The time `name`, if it is given.
///
/// # Errors
/// `Invalid` when it is none.
fn parse_time(query: &Query, name: &str) -> Result<Option<Timestamp>> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| Error::invalid(name, "must be a time such as 2026-11-21T09:00:00Z"))?;
    Ok(Some(Timestamp::from_millis(time.timestamp_millis())))
}

/// `2026-11-20T09:38:53.106Z`.
fn rfc3339(at: Timestamp) -> String {
    DateTime::from_timestamp_millis(at.millis()).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The entity tag of a session in this version; `request/headers.rs` reads it back.
pub(super) fn etag(version: Version) -> String {
    format!("\"{:x}-{:x}\"", version.created_at_ms, version.revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds() {
        let cases = [(0, "1970-01-01T00:00:00.000Z"), (1_795_167_476_050, "2026-11-20T09:37:56.050Z")];
        for (millis, expected) in cases {
            assert_eq!(rfc3339(Timestamp::from_millis(millis)), expected);
        }
    }
}
