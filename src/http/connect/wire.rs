//! The messages of the service, on both wires: protobuf by their tags, JSON by their names.
//!
//! The JSON mapping of proto3 (<https://protobuf.dev/programming-guides/json/>): `lowerCamelCase` and the names of the
//! proto file are read, `null` is absence, integers may be text. Written are `lowerCamelCase` names, `int64` as text, and
//! fields without presence also when they are empty, so that clients without a schema find them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::json::{integer, object, objects, optional_integer, or_default, text};

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GetOrCreateSessionRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "user_id", deserialize_with = "or_default")]
    pub(super) user_id: String,
    #[prost(string, optional, tag = "2")]
    #[serde(alias = "session_id")]
    pub(super) session_id: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(super) struct GetOrCreateSessionResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) session: Option<Session>,
}

/// A session. The old generation's answer to `GetOrCreateSession` has the same fields under the same tags.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    #[prost(string, tag = "1")]
    pub(super) session_id: String,
    /// Empty: nobody's.
    #[prost(string, tag = "2")]
    pub(super) user_id: String,
    /// Unix milliseconds, UTC; so everywhere.
    #[prost(int64, tag = "3")]
    #[serde(serialize_with = "text")]
    pub(super) created_at: i64,
    #[prost(int64, tag = "4")]
    #[serde(serialize_with = "text")]
    pub(super) updated_at: i64,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListSessionsRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "user_id", deserialize_with = "or_default")]
    pub(super) user_id: String,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(super) struct ListSessionsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) sessions: Vec<Session>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AddMessagesRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "session_id", deserialize_with = "or_default")]
    pub(super) session_id: String,
    #[prost(message, repeated, tag = "2")]
    #[serde(deserialize_with = "objects")]
    pub(super) messages: Vec<Message>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AddMessagesResponse {
    #[prost(bool, tag = "1")]
    pub(super) success: bool,
    /// How many were added.
    #[prost(int32, tag = "2")]
    pub(super) message_count: i32,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Message {
    #[prost(string, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub(super) role: String,
    #[prost(string, optional, tag = "2")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) content: Option<String>,
    #[prost(message, repeated, tag = "3")]
    #[serde(alias = "tool_calls", deserialize_with = "objects")]
    pub(super) tool_calls: Vec<ToolCall>,
    #[prost(string, optional, tag = "4")]
    #[serde(alias = "tool_call_id", skip_serializing_if = "Option::is_none")]
    pub(super) tool_call_id: Option<String>,
    #[prost(string, optional, tag = "5")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[prost(int64, tag = "6")]
    #[serde(serialize_with = "text", deserialize_with = "integer")]
    pub(super) timestamp: i64,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall {
    #[prost(string, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub(super) kind: String,
    #[prost(message, optional, tag = "3")]
    #[serde(deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub(super) function: Option<Function>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Function {
    #[prost(string, tag = "1")]
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    /// JSON text, as the model wrote it.
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_default")]
    pub(super) arguments: String,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GetMessagesRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "session_id", deserialize_with = "or_default")]
    pub(super) session_id: String,
    #[prost(int32, optional, tag = "2")]
    #[serde(deserialize_with = "optional_integer")]
    pub(super) limit: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    #[serde(deserialize_with = "optional_integer")]
    pub(super) offset: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub(super) strategy: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetMessagesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) messages: Vec<Message>,
    /// How many the session has.
    #[prost(int32, tag = "2")]
    pub(super) total_count: i32,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DeleteSessionRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "session_id", deserialize_with = "or_default")]
    pub(super) session_id: String,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SaveMemoryRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "user_id", deserialize_with = "or_default")]
    pub(super) user_id: String,
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_default")]
    pub(super) key: String,
    /// JSON text.
    #[prost(string, tag = "3")]
    #[serde(deserialize_with = "or_default")]
    pub(super) value: String,
    #[prost(string, optional, tag = "4")]
    #[serde(alias = "session_id")]
    pub(super) session_id: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct GetMemoryRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "user_id", deserialize_with = "or_default")]
    pub(super) user_id: String,
    #[prost(string, optional, tag = "2")]
    pub(super) key: Option<String>,
    #[prost(string, optional, tag = "3")]
    #[serde(alias = "session_id")]
    pub(super) session_id: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(super) struct GetMemoryResponse {
    /// JSON text under each key.
    #[prost(btree_map = "string, string", tag = "1")]
    pub(super) memories: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DeleteMemoryRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "user_id", deserialize_with = "or_default")]
    pub(super) user_id: String,
    #[prost(string, tag = "2")]
    #[serde(deserialize_with = "or_default")]
    pub(super) key: String,
    #[prost(string, optional, tag = "3")]
    #[serde(alias = "session_id")]
    pub(super) session_id: Option<String>,
}

/// The answer to `DeleteSession`, `SaveMemory` and `DeleteMemory`: one field under one tag.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(super) struct Success {
    #[prost(bool, tag = "1")]
    pub(super) success: bool,
}

#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ClearUserMemoryRequest {
    #[prost(string, tag = "1")]
    #[serde(alias = "user_id", deserialize_with = "or_default")]
    pub(super) user_id: String,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub(super) struct ClearUserMemoryResponse {
    #[prost(int32, tag = "1")]
    pub(super) count: i32,
}
