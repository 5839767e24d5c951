//! JSONL: a chat message a line, in OpenAI's shape. Written for other programs, so without anything that is ours alone.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    domain::message::{Message, NewMessage, Role, ToolCall},
    error::{Error, Result},
    http::{
        own::ChatMessageJson,
        problem::Problem,
        request::body::{Object, parse_json_at},
    },
};

#[derive(Deserialize)]
struct LineBody {
    role: Option<String>,
    content: Option<Value>,
    tool_calls: Option<Vec<Object<ToolCallBody>>>,
    tool_call_id: Option<String>,
    name: Option<String>,
    messages: Option<Value>,
}

#[derive(Deserialize)]
struct ToolCallBody {
    id: String,
    r#type: Option<String>,
    function: Option<Object<FunctionBody>>,
}

#[derive(Deserialize)]
struct FunctionBody {
    name: String,
    arguments: String,
}

/// A message as a line; nothing for one that was removed, unless calls or results would lose their other half.
pub(super) fn encode(message: &Message) -> String {
    let NewMessage { tool_calls, tool_call_id, .. } = &message.body;
    if message.removed_at.is_some() && tool_calls.is_empty() && tool_call_id.is_none() {
        return String::new();
    }
    let line = ChatMessageJson::from(&message.body);
    // No type of ours can fail.
    let mut line = serde_json::to_string(&line).unwrap_or_default();
    line.push('\n');
    line
}

/// Reads the line at `place`, e.g. `line 17`.
///
/// # Errors
/// 400 or 413, naming the field at fault.
pub(super) fn parse(place: &str, line: &[u8]) -> std::result::Result<NewMessage, Problem> {
    let body: LineBody = parse_json_at(place, line)?;
    let message = body.into_message().and_then(|message| message.check().map(|()| message));
    message.map_err(|error| error.within(place).into())
}

impl LineBody {
    fn into_message(self) -> Result<NewMessage> {
        let role = match self.role.as_deref() {
            None if self.messages.is_some() => {
                return Err(Error::invalid("messages", "is a conversation, and a line is one message: put each on a line of its own"));
            }
            None => return Err(Error::invalid("role", "is required")),
            Some("developer") => Role::System,
            Some(name) => {
                let rule = "must be system, developer, user, assistant or tool";
                Role::from_name(name).ok_or_else(|| Error::invalid("role", rule))?
            }
        };
        let calls = self.tool_calls.unwrap_or_default().into_iter().enumerate();
        Ok(NewMessage {
            role,
            content: self.content.map(text_of).transpose()?.flatten(),
            tool_calls: calls.map(|(index, Object(call))| call.into_call(index)).collect::<Result<_>>()?,
            tool_call_id: self.tool_call_id,
            name: self.name,
            metadata: None,
            cut: None,
        })
    }
}

impl ToolCallBody {
    fn into_call(self, index: usize) -> Result<ToolCall> {
        let function = self.function.filter(|_| self.r#type.is_none_or(|kind| kind == "function"));
        let Object(FunctionBody { name, arguments }) =
            function.ok_or_else(|| Error::invalid(format!("tool_calls[{index}]"), "must be the call of a function"))?;
        Ok(ToolCall { id: self.id, name, arguments })
    }
}

/// The text of a content, also of one in parts.
fn text_of(content: Value) -> Result<Option<String>> {
    match content {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Array(parts) => {
            let texts = parts.into_iter().enumerate().map(|(index, part)| {
                let is_text = part.get("type").and_then(Value::as_str) == Some("text");
                let text = part.get("text").filter(|_| is_text).and_then(Value::as_str).map(str::to_owned);
                text.ok_or_else(|| Error::invalid(format!("content[{index}]"), "must be a part of type text: no others are kept"))
            });
            texts.collect::<Result<String>>().map(Some)
        }
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Err(Error::invalid("content", "must be a text, parts of text, or null")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_in_openai_shape_and_errors_name_their_place() {
        let cases = [
            (r#"{"role":"user","content":"x","weight":1}"#, Ok(r#"{"role":"user","content":"x"}"#)),
            (r#"{"role":"developer","content":"x"}"#, Ok(r#"{"role":"system","content":"x"}"#)),
            (
                r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#,
                Ok(r#"{"role":"user","content":"ab"}"#),
            ),
            (
                r#"{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
                Ok(
                    r#"{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#,
                ),
            ),
            (r#"{"role":"user","content":[{"type":"image_url","image_url":{}}]}"#, Err("line 3.content[0]")),
            (r#"{"role":"user","content":5}"#, Err("line 3.content")),
            (r#"{"role":"user","content":""}"#, Err("line 3.content")),
            (r#"{"role":"robot","content":"x"}"#, Err("line 3.role")),
            (r#"{"content":"x"}"#, Err("line 3.role")),
            (r#"{"messages":[{"role":"user","content":"x"}]}"#, Err("line 3.messages")),
            (r#"{"role":"assistant","tool_calls":[{"id":"c","type":"custom","custom":{}}]}"#, Err("line 3.tool_calls[0]")),
            (r#"{"role":"assistant","tool_calls":[{"type":"function"}]}"#, Err("line 3.tool_calls[0]")),
            (r#"{"role":"tool","content":"x"}"#, Err("line 3.tool_call_id")),
            (r#"["x"]"#, Err("line 3")),
            ("{", Err("line 3")),
        ];
        for (line, expected) in cases {
            match (parse("line 3", line.as_bytes()), expected) {
                (Ok(body), Ok(written)) => {
                    let created_at = crate::domain::time::Timestamp::from_millis(0);
                    let message = Message { sequence: 1, created_at, replaces: None, removed_at: None, body };
                    assert_eq!(encode(&message), format!("{written}\n"));
                }
                (Err(problem), Err(field)) => assert!(problem.detail().starts_with(field), "{line}: {problem:?}"),
                (got, _) => panic!("{line}: {got:?}"),
            }
        }
    }
}
