//! The messages of the Session Service by its own proto file: a definition of the tests', so that a wrong tag is found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;

macro_rules! messages {
    ($($name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty = [$($tag:tt)*];)* })*) => {
        $(#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
        #[serde(default, rename_all = "camelCase", deny_unknown_fields)]
        struct $name {
            $(#[prost($($tag)*)] $(#[$attribute])* $field: $kind,)*
        })*
    };
}

messages! {
    GetOrCreateSessionRequest {
        user_id: String = [string, tag = "1"];
        session_id: Option<String> = [string, optional, tag = "2"];
    }
    GetOrCreateSessionResponse {
        session: Option<Session> = [message, optional, tag = "1"];
    }
    Session {
        session_id: String = [string, tag = "1"];
        user_id: String = [string, tag = "2"];
        #[serde(serialize_with = "text")]
        created_at: i64 = [int64, tag = "3"];
        #[serde(serialize_with = "text")]
        updated_at: i64 = [int64, tag = "4"];
    }
    ListSessionsRequest {
        user_id: String = [string, tag = "1"];
    }
    ListSessionsResponse {
        sessions: Vec<Session> = [message, repeated, tag = "1"];
    }
    AddMessagesRequest {
        session_id: String = [string, tag = "1"];
        messages: Vec<Message> = [message, repeated, tag = "2"];
    }
    AddMessagesResponse {
        success: bool = [bool, tag = "1"];
        message_count: i32 = [int32, tag = "2"];
    }
    GetMessagesRequest {
        session_id: String = [string, tag = "1"];
        limit: Option<i32> = [int32, optional, tag = "2"];
        offset: Option<i32> = [int32, optional, tag = "3"];
        strategy: Option<String> = [string, optional, tag = "4"];
    }
    GetMessagesResponse {
        messages: Vec<Message> = [message, repeated, tag = "1"];
        total_count: i32 = [int32, tag = "2"];
    }
    DeleteSessionRequest {
        session_id: String = [string, tag = "1"];
    }
    SuccessResponse {
        success: bool = [bool, tag = "1"];
    }
    SaveMemoryRequest {
        user_id: String = [string, tag = "1"];
        key: String = [string, tag = "2"];
        value: String = [string, tag = "3"];
        session_id: Option<String> = [string, optional, tag = "4"];
    }
    GetMemoryRequest {
        user_id: String = [string, tag = "1"];
        key: Option<String> = [string, optional, tag = "2"];
        session_id: Option<String> = [string, optional, tag = "3"];
    }
    GetMemoryResponse {
        memories: BTreeMap<String, String> = [btree_map = "string, string", tag = "1"];
    }
    DeleteMemoryRequest {
        user_id: String = [string, tag = "1"];
        key: String = [string, tag = "2"];
        session_id: Option<String> = [string, optional, tag = "3"];
    }
    ClearUserMemoryRequest {
        user_id: String = [string, tag = "1"];
    }
    ClearUserMemoryResponse {
        count: i32 = [int32, tag = "1"];
    }
    Message {
        role: String = [string, tag = "1"];
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String> = [string, optional, tag = "2"];
        tool_calls: Vec<ToolCall> = [message, repeated, tag = "3"];
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<String> = [string, optional, tag = "4"];
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String> = [string, optional, tag = "5"];
        #[serde(serialize_with = "text", deserialize_with = "number")]
        timestamp: i64 = [int64, tag = "6"];
    }
    ToolCall {
        id: String = [string, tag = "1"];
        r#type: String = [string, tag = "2"];
        function: Option<Function> = [message, optional, tag = "3"];
    }
    Function {
        name: String = [string, tag = "1"];
        arguments: String = [string, tag = "2"];
    }
}

fn text<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A request to the RPC at `path`, given as JSON.
pub(super) fn encode(path: &str, json: &Value) -> Vec<u8> {
    fn bytes<T: prost::Message + DeserializeOwned>(json: &Value) -> Vec<u8> {
        serde_json::from_value::<T>(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}")).encode_to_vec()
    }
    match path.rsplit_once('/').unwrap().1 {
        "GetOrCreateSession" => bytes::<GetOrCreateSessionRequest>(json),
        "ListSessions" => bytes::<ListSessionsRequest>(json),
        "AddMessages" => bytes::<AddMessagesRequest>(json),
        "GetMessages" => bytes::<GetMessagesRequest>(json),
        "DeleteSession" => bytes::<DeleteSessionRequest>(json),
        "SaveMemory" => bytes::<SaveMemoryRequest>(json),
        "GetMemory" => bytes::<GetMemoryRequest>(json),
        "DeleteMemory" => bytes::<DeleteMemoryRequest>(json),
        "ClearUserMemory" => bytes::<ClearUserMemoryRequest>(json),
        other => panic!("no RPC {other}"),
    }
}

/// The answer of the RPC at `path`, as JSON.
pub(super) fn decode(path: &str, bytes: &[u8]) -> Value {
    fn json<T: prost::Message + Default + Serialize>(bytes: &[u8]) -> Value {
        serde_json::to_value(T::decode(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"))).unwrap()
    }
    match path.rsplit_once('/').unwrap().1 {
        "GetOrCreateSession" if path.starts_with("/proto.") => json::<Session>(bytes),
        "GetOrCreateSession" => json::<GetOrCreateSessionResponse>(bytes),
        "ListSessions" => json::<ListSessionsResponse>(bytes),
        "AddMessages" => json::<AddMessagesResponse>(bytes),
        "GetMessages" => json::<GetMessagesResponse>(bytes),
        "DeleteSession" | "SaveMemory" | "DeleteMemory" => json::<SuccessResponse>(bytes),
        "GetMemory" => json::<GetMemoryResponse>(bytes),
        "ClearUserMemory" => json::<ClearUserMemoryResponse>(bytes),
        other => panic!("no RPC {other}"),
    }
}
