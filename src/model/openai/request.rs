//! What a provider is sent.
//!
//! Only what every server of this wire takes: no metadata of ours, no field without a value. What could make a server
//! refuse a whole history, and so every later turn of the session, is written so that none does.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    domain::message::{NewMessage, Role, ToolCall},
    model::Settings,
};

/// Longest participant name that providers take; they take ASCII letters, digits, `_` and `-`.
const NAME_BYTES: usize = 64;

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<&'a RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}

/// The JSON text of a request for an answer to `messages`, as a stream.
pub(crate) fn encode_request(messages: &[NewMessage], settings: &Settings) -> String {
    let tools = settings.tools.as_deref().and_then(parse_tools);
    let request = Request {
        model: &settings.model,
        messages: messages.iter().map(message).collect(),
        stream: true,
        stream_options: StreamOptions { include_usage: true },
        temperature: settings.temperature,
        max_tokens: settings.max_tokens,
        tool_choice: settings.tool_choice.as_deref().filter(|_| tools.is_some()).and_then(parse_choice),
        tools,
    };
    // Cannot fail: there is no map whose keys are not text.
    serde_json::to_string(&request).unwrap_or_default()
}

/// Servers refuse an empty list.
fn parse_tools(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok().filter(|tools: &Vec<&RawValue>| !tools.is_empty())
}

fn parse_choice(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok().flatten()
}

fn message(message: &NewMessage) -> Message<'_> {
    let is_calling = !message.tool_calls.is_empty();
    Message {
        role: message.role.name(),
        // Some servers refuse an empty text beside calls, others null without them.
        content: message.content.as_deref().filter(|text| !(is_calling && text.is_empty())),
        tool_calls: message.tool_calls.iter().map(call).collect(),
        tool_call_id: message.tool_call_id.as_deref(),
        name: message.name.as_deref().filter(|name| message.role == Role::User && is_accepted(name)),
    }
}

fn is_accepted(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn call(call: &ToolCall) -> Call<'_> {
    Call { id: &call.id, r#type: "function", function: Function { name: &call.name, arguments: arguments(&call.arguments) } }
}

/// Some servers parse the arguments of old calls, and refuse the request if that fails.
fn arguments(text: &str) -> Cow<'_, str> {
    if text.trim().is_empty() {
        Cow::Borrowed("{}")
    } else if serde_json::from_str::<Map<String, Value>>(text).is_ok() {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(json!({ "invalid_json": text }).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings { model: "m".into(), temperature: None, max_tokens: None, tools: None, tool_choice: None }
    }

    fn calling(arguments: &str, content: Option<&str>) -> NewMessage {
        let call = ToolCall { id: "c1".into(), name: "f".into(), arguments: arguments.into() };
        NewMessage { content: content.map(Into::into), tool_calls: vec![call], ..NewMessage::text(Role::Assistant, "") }
    }

    fn named(role: Role, name: &str) -> NewMessage {
        NewMessage { name: Some(name.into()), metadata: Some(r#"{"secret":1}"#.into()), ..NewMessage::text(role, "x") }
    }

    #[test]
    fn messages_are_written_so_that_no_server_refuses_them() {
        let long = "n".repeat(NAME_BYTES);
        let calls = |content: &str, arguments: &str| {
            format!(
                r#"{{"role":"assistant","content":{content},"tool_calls":[{{"id":"c1","type":"function","function":{{"name":"f","arguments":{arguments}}}}}]}}"#
            )
        };
        let result = NewMessage { tool_call_id: Some("c1".into()), name: Some("f".into()), ..NewMessage::text(Role::Tool, "") };
        let cases = [
            (NewMessage::text(Role::System, "Be \"kind\" \u{fc}\u{1f600}"), r#"{"role":"system","content":"Be \"kind\" ü😀"}"#.to_owned()),
            (NewMessage::text(Role::Assistant, ""), r#"{"role":"assistant","content":""}"#.to_owned()),
            (named(Role::User, "Ada_L-1"), r#"{"role":"user","content":"x","name":"Ada_L-1"}"#.to_owned()),
            (named(Role::User, &long), format!(r#"{{"role":"user","content":"x","name":"{long}"}}"#)),
            (named(Role::User, &format!("{long}n")), r#"{"role":"user","content":"x"}"#.to_owned()),
            (named(Role::User, "Ada L"), r#"{"role":"user","content":"x"}"#.to_owned()),
            (named(Role::User, "J\u{fc}rgen"), r#"{"role":"user","content":"x"}"#.to_owned()),
            (named(Role::Assistant, "Ada"), r#"{"role":"assistant","content":"x"}"#.to_owned()),
            (result, r#"{"role":"tool","content":"","tool_call_id":"c1"}"#.to_owned()),
            (calling(r#"{"a": 1}"#, None), calls("null", r#""{\"a\": 1}""#)),
            (calling("{}", Some("")), calls("null", r#""{}""#)),
            (calling("{}", Some("wait")), calls(r#""wait""#, r#""{}""#)),
            (calling("", None), calls("null", r#""{}""#)),
            (calling(" \n", None), calls("null", r#""{}""#)),
            (calling("[1]", None), calls("null", r#""{\"invalid_json\":\"[1]\"}""#)),
            (calling("null", None), calls("null", r#""{\"invalid_json\":\"null\"}""#)),
            (calling(r#"{"a":"#, None), calls("null", r#""{\"invalid_json\":\"{\\\"a\\\":\"}""#)),
        ];
        for (message, expected) in cases {
            let expected = format!(r#"{{"model":"m","messages":[{expected}],"stream":true,"stream_options":{{"include_usage":true}}}}"#);
            assert_eq!(encode_request(std::slice::from_ref(&message), &settings()), expected, "{message:?}");
        }
    }

    #[test]
    fn settings_are_sent_only_when_they_say_something() {
        let tools = |tools: &str, choice: &str| Settings { tools: Some(tools.into()), tool_choice: Some(choice.into()), ..settings() };
        let cases = [
            (settings(), ""),
            (Settings { temperature: Some(0.0), ..settings() }, r#","temperature":0.0"#),
            (Settings { max_tokens: Some(5), temperature: Some(0.7), ..settings() }, r#","temperature":0.7,"max_tokens":5"#),
            (tools(r#" [{"type": "function"}] "#, r#""auto""#), r#","tools":[{"type": "function"}],"tool_choice":"auto""#),
            (tools(r#"[{"b":1,"a":1}]"#, r#"{"x":2}"#), r#","tools":[{"b":1,"a":1}],"tool_choice":{"x":2}"#),
            (tools("[{}]", "auto"), r#","tools":[{}]"#),
            (tools("[{}]", "null"), r#","tools":[{}]"#),
            (tools("[]", r#""auto""#), ""),
            (tools("{}", r#""auto""#), ""),
            (tools("[{]", r#""auto""#), ""),
            (Settings { tool_choice: Some(r#""auto""#.into()), ..settings() }, ""),
        ];
        for (settings, expected) in cases {
            let expected = format!(r#"{{"model":"m","messages":[],"stream":true,"stream_options":{{"include_usage":true}}{expected}}}"#);
            assert_eq!(encode_request(&[], &settings), expected, "{settings:?}");
        }
    }
}
