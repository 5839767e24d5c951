//! What several routes show: sessions, messages, what turns took and remembered.

use serde::Serialize;
use serde_json::value::RawValue;

use super::rfc3339;
use crate::{
    domain::{
        memory::MemoryChange,
        message::{Message, NewMessage, ToolCall},
        session::Session,
        turn::{
            Cut,
            tokens::{Tally, Usage},
        },
    },
    http::response::raw_json,
};

/// A session, wherever one is shown.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Session"))]
pub(super) struct SessionJson<'a> {
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
pub(super) struct MemoryChangeJson<'a> {
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
pub(super) struct UsageJson {
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
pub(super) struct MessageJson<'a> {
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
pub(super) struct ChatMessageJson<'a> {
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
pub(super) struct ToolCallJson<'a> {
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

impl SessionJson<'_> {
    /// The same with other metadata than are stored.
    pub(super) fn with_metadata(self, metadata: Box<RawValue>) -> Self {
        SessionJson { metadata, ..self }
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
