//! What Rust's types do not say of JSON: which words a text may be, what is a time, how long things may be.
//!
//! The words are those of the domain, so that a new one is in the reference at once.

use serde_json::{Value, json};

use super::operation::{one_of, time};
use crate::{
    domain::{
        context::Strategy,
        memory::Source,
        message::Role,
        speech::profile::{Depth, Tone, Verbosity},
        stats::Bucket,
        turn::{Cut, Finish, ModelFailure, TurnKind, TurnState},
    },
    limits,
};

/// Texts of these names are times, wherever they are.
const TIMES: &[&str] = &[
    "created_at",
    "updated_at",
    "last_activity",
    "expires_at",
    "at",
    "removed_at",
    "deleted_at",
    "restorable_until",
    "started_at",
    "ended_at",
    "indexed_at",
    "as_of",
    "timestamp",
    "start",
];

/// Schemas that have all members of another in them.
const EXTENDED: &[(&str, &[&str])] = &[
    ("Session", &["SessionOverview", "ListedSession", "ImportedSession"]),
    ("Message", &["ExportedVersion"]),
    ("Turn", &["TurnEvent", "DoneEvent", "ErrorEvent"]),
    ("PatchSessionRequest", &["ForkSessionRequest"]),
];

/// What is known besides, by schema and property.
fn rules() -> Vec<(&'static str, &'static str, Value)> {
    let verbosity = || one_of(Verbosity::ALL.map(Verbosity::name));
    let tone = || one_of(Tone::ALL.map(Tone::name));
    let depth = || one_of(Depth::ALL.map(Depth::name));
    let failure = || one_of(ModelFailure::ALL.map(ModelFailure::code));
    let id = || json!({"minLength": 1, "maxLength": limits::ID_CHARACTERS});
    let title = || json!({"minLength": 1, "maxLength": limits::TITLE_CHARACTERS});
    let ttl = || json!({"minimum": limits::IDLE_TIMEOUT_MIN.as_secs(), "maximum": limits::IDLE_TIMEOUT_MAX.as_secs()});
    let object = || json!({"type": "object"});
    vec![
        ("Profile", "verbosity", verbosity()),
        ("Profile", "tone", tone()),
        ("Profile", "depth", depth()),
        ("ProfileRequest", "verbosity", verbosity()),
        ("ProfileRequest", "tone", tone()),
        ("ProfileRequest", "depth", depth()),
        ("Session", "metadata", object()),
        ("Message", "metadata", object()),
        ("Message", "role", one_of(Role::ALL.map(Role::name))),
        ("Message", "cut", one_of(Cut::ALL.map(Cut::name))),
        ("PromptMessage", "role", one_of(Role::ALL.map(Role::name))),
        ("MessagePreview", "role", one_of(Role::ALL.map(Role::name))),
        ("SearchHit", "role", one_of(Role::ALL.map(Role::name))),
        ("ToolCall", "type", one_of(["function"])),
        ("MemoryChange", "action", one_of(["saved", "deleted"])),
        ("MemoryChange", "scope", one_of(["user", "session"])),
        ("MemoryChange", "source", one_of(Source::ALL.map(Source::name))),
        ("MemoryEntry", "source", one_of(Source::ALL.map(Source::name))),
        ("LastError", "code", failure()),
        ("LastExchange", "last_error", failure()),
        ("Turn", "kind", one_of(TurnKind::ALL.map(TurnKind::name))),
        ("Turn", "status", one_of(TurnState::ALL.map(TurnState::name))),
        ("Turn", "finish_reason", one_of(Finish::ALL.map(Finish::name))),
        ("Turn", "error", failure()),
        ("ContextRequest", "strategy", one_of(Strategy::ALL.map(Strategy::name))),
        ("Context", "strategy", one_of(Strategy::ALL.map(Strategy::name))),
        ("Stats", "bucket", one_of(Bucket::ALL.map(Bucket::name))),
        ("Health", "status", one_of(["healthy", "unhealthy"])),
        ("HealthChecks", "kv", one_of(["ok", "failing"])),
        ("HealthChecks", "session_object", one_of(["ok", "failing"])),
        ("CreateSessionRequest", "session_id", id()),
        ("CreateSessionRequest", "user_id", id()),
        ("CreateSessionRequest", "title", title()),
        ("CreateSessionRequest", "ttl_seconds", ttl()),
        ("PatchSessionRequest", "title", title()),
        ("PatchSessionRequest", "ttl_seconds", ttl()),
        ("AppendRequest", "messages", json!({"minItems": 1, "maxItems": limits::APPEND_MESSAGES})),
    ]
}

/// Adds to schemas, by their names, what the types do not say. Panics at a rule for something that is not there.
pub(super) fn apply(schemas: &mut serde_json::Map<String, Value>) {
    for (name, property, members) in rules() {
        let extended = EXTENDED.iter().filter(|(extended, _)| *extended == name).flat_map(|(_, by)| *by);
        for name in extended.chain([&name]) {
            let schema = &mut schemas[*name]["properties"][property];
            assert!(!schema.is_null(), "there is no {property} in {name}");
            add(schema, members.clone());
        }
    }
    for schema in schemas.values_mut() {
        let Some(properties) = schema["properties"].as_object_mut() else { continue };
        properties
            .iter_mut()
            .filter(|(name, schema)| TIMES.contains(&name.as_str()) && is_text(schema))
            .for_each(|(_, schema)| add(schema, time()));
    }
}

/// A property that may be null stays so.
fn add(schema: &mut Value, members: Value) {
    let is_nullable = schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
    let Some(schema) = as_object(schema) else { return };
    for (key, mut value) in members.as_object().cloned().unwrap_or_default() {
        match (key.as_str(), is_nullable) {
            ("enum", true) => value.as_array_mut().unwrap().push(Value::Null),
            ("type", true) => continue,
            _ => {}
        }
        schema.insert(key, value);
    }
}

/// `true`, the schema of anything, becomes an object that can be added to.
fn as_object(schema: &mut Value) -> Option<&mut serde_json::Map<String, Value>> {
    if *schema == json!(true) {
        *schema = json!({});
    }
    schema.as_object_mut()
}

fn is_text(schema: &Value) -> bool {
    schema["type"] == "string" || schema["type"].as_array().is_some_and(|types| types.contains(&json!("string")))
}
