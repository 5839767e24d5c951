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
/// The longest id of a call that OpenAI takes, and the only length that Mistral does.
const ID_BYTES: usize = 40;
const SHORT_ID_BYTES: usize = 9;

/// In what a provider differs from what all others take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirks {
    /// In nothing.
    None,
    /// OpenAI's newer models know `max_tokens` no more.
    OpenAi,
    /// Mistral has refused `stream_options` (it counts without them), and takes only ids of 9 letters and digits.
    Mistral,
    /// Workers AI takes no null for a text.
    WorkersAi,
}

impl Quirks {
    /// Those of the server at `base_url`.
    pub(crate) fn of(base_url: &str) -> Quirks {
        let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest).split(['/', ':']).next().unwrap_or_default();
        match host {
            "api.openai.com" => Quirks::OpenAi,
            "api.mistral.ai" => Quirks::Mistral,
            _ => Quirks::None,
        }
    }
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
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
    tool_call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: Cow<'a, str>,
}

/// The JSON text of a request for an answer to `messages`, as a stream.
pub(crate) fn encode_request(messages: &[NewMessage], settings: &Settings, quirks: Quirks) -> String {
    let tools = settings.tools.as_deref().and_then(parse_tools);
    let (max_tokens, max_completion_tokens) =
        if quirks == Quirks::OpenAi { (None, settings.max_tokens) } else { (settings.max_tokens, None) };
    let request = Request {
        model: &settings.model,
        messages: messages.iter().map(|each| message(each, quirks)).collect(),
        stream: true,
        stream_options: (quirks != Quirks::Mistral).then_some(StreamOptions { include_usage: true }),
        temperature: settings.temperature,
        max_tokens,
        max_completion_tokens,
        tool_choice: settings.tool_choice.as_deref().filter(|_| tools.is_some()).and_then(parse_choice),
        tools,
    };
    // Cannot fail: there is no map whose keys are not text.
    serde_json::to_string(&request).unwrap_or_default()
}

fn parse_tools(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok().filter(|tools: &Vec<&RawValue>| !tools.is_empty())
}

fn parse_choice(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok().flatten()
}

fn message(message: &NewMessage, quirks: Quirks) -> Message<'_> {
    let is_calling = !message.tool_calls.is_empty();
    // Some servers refuse an empty text beside calls, others null without them.
    let content = message.content.as_deref().filter(|text| !(is_calling && text.is_empty()));
    Message {
        role: message.role.name(),
        content: if quirks == Quirks::WorkersAi { content.or(Some("")) } else { content },
        tool_calls: message.tool_calls.iter().map(|each| call(each, quirks)).collect(),
        tool_call_id: message.tool_call_id.as_deref().map(|id| call_id(id, quirks)),
        name: message.name.as_deref().filter(|name| message.role == Role::User && is_accepted(name)),
    }
}

fn is_accepted(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn call(call: &ToolCall, quirks: Quirks) -> Call<'_> {
    let function = Function { name: function_name(&call.name), arguments: arguments(&call.arguments) };
    Call { id: call_id(&call.id, quirks), r#type: "function", function }
}

/// A name of a function that every provider takes.
fn function_name(name: &str) -> Cow<'_, str> {
    if is_accepted(name) {
        return Cow::Borrowed(name);
    }
    let plain = name.chars().take(NAME_BYTES).map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' });
    Cow::Owned(plain.collect())
}

/// An id that the provider takes: its own go back as they came, others get one that is always the same.
fn call_id(id: &str, quirks: Quirks) -> Cow<'_, str> {
    let is_taken = match quirks {
        Quirks::Mistral => id.len() == SHORT_ID_BYTES && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        Quirks::None | Quirks::OpenAi | Quirks::WorkersAi => id.len() <= ID_BYTES && is_accepted(id),
    };
    if is_taken {
        return Cow::Borrowed(id);
    }
    // FNV-1a: short, and two ids of one prompt do not meet in 36 bits.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    Cow::Owned(format!("{:09x}", hash >> 28))
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
            assert_eq!(encode_request(std::slice::from_ref(&message), &settings(), Quirks::None), expected, "{message:?}");
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
            assert_eq!(encode_request(&[], &settings, Quirks::None), expected, "{settings:?}");
        }
    }

    #[test]
    fn providers_that_differ_get_what_they_take() {
        let settings = Settings { max_tokens: Some(5), ..settings() };
        let rest = |quirks| encode_request(&[], &settings, quirks).replace(r#"{"model":"m","messages":[],"stream":true"#, "");
        assert_eq!(rest(Quirks::None), r#","stream_options":{"include_usage":true},"max_tokens":5}"#);
        assert_eq!(rest(Quirks::OpenAi), r#","stream_options":{"include_usage":true},"max_completion_tokens":5}"#);
        assert_eq!(rest(Quirks::Mistral), r#","max_tokens":5}"#);
        let content = |quirks| message(&calling("{}", None), quirks).content.map(str::to_owned);
        assert_eq!((content(Quirks::None), content(Quirks::WorkersAi)), (None, Some(String::new())));
        for (url, quirks) in [
            ("https://api.openai.com/v1", Quirks::OpenAi),
            ("https://api.mistral.ai:443/v1", Quirks::Mistral),
            ("https://gateway.example/api.openai.com/v1", Quirks::None),
            ("", Quirks::None),
        ] {
            assert_eq!(Quirks::of(url), quirks, "{url}");
        }
    }

    #[test]
    fn ids_and_names_are_what_the_provider_takes() {
        let long = "x".repeat(41);
        // id -> is it sent as it is, to most and to Mistral
        for (id, to_most, to_mistral) in
            [("call_1", true, false), ("Ab3defgh9", true, true), ("\u{fc}", false, false), (long.as_str(), false, false)]
        {
            let (plain, short) = (call_id(id, Quirks::None), call_id(id, Quirks::Mistral));
            assert_eq!((plain == id, short == id), (to_most, to_mistral), "{id}: {plain}, {short}");
            assert!(plain.len() <= ID_BYTES && is_accepted(&plain), "{plain}");
            assert!(short.len() == SHORT_ID_BYTES && short.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{short}");
        }
        assert_ne!(call_id("call_1", Quirks::Mistral), call_id("call_2", Quirks::Mistral));
        assert_eq!((function_name("get_weather"), function_name("bad name \u{fc}!")), ("get_weather".into(), "bad_name___".into()));
    }
}
