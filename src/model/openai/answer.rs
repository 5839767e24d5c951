//! What an answer comes to, gathered from the JSON objects it is sent in: many for a stream, one for a whole body.
//!
//! It looks for what it knows and passes over the rest: servers leave out, add and retype fields as they like, and a
//! field of an odd type counts as absent. It keeps no text, and no thoughts: of those the conversation has no use.

use serde_json::Value;

use crate::{
    domain::turn::{Finish, tokens::Usage},
    model::{
        Completion, Failed,
        openai::{
            calls::Calls,
            failure::{failure_of_error, unavailable},
        },
    },
};

/// An answer without its text.
#[derive(Debug, Default)]
pub(super) struct Answer {
    finish: Option<Finish>,
    calls: Calls,
    usage: Option<Usage>,
}

impl Answer {
    /// Takes in one object and gives the text in it; `None` if it is no part of an answer.
    ///
    /// # Errors
    /// What the object tells, if it tells of an error.
    pub(super) fn take(&mut self, chunk: &Value) -> Result<Option<String>, Failed> {
        if let Some(error) = error_in(chunk) {
            return Err(failure_of_error(error));
        }
        self.usage = usage_in(chunk).or(self.usage);
        match chunk.get("choices").and_then(Value::as_array) {
            Some(choices) => choices.iter().find(|choice| is_first(choice)).map(|choice| self.take_choice(choice)).transpose(),
            None => self.take_native(chunk),
        }
    }

    /// What it has come to. `is_over` says that the server has said everything, even if not why it ended.
    ///
    /// # Errors
    /// `Unavailable` when the server did not come to the end.
    pub(super) fn end(self, is_over: bool) -> Result<Completion, Failed> {
        let told = self.finish.or(is_over.then_some(Finish::Stop)).ok_or_else(|| unavailable("the stream was cut"))?;
        let tool_calls = self.calls.finish(matches!(told, Finish::Length | Finish::Filtered));
        let finish = match told {
            // Some servers tell the one and mean the other.
            Finish::Stop | Finish::ToolCalls if tool_calls.is_empty() => Finish::Stop,
            Finish::Stop | Finish::ToolCalls => Finish::ToolCalls,
            Finish::Length | Finish::Filtered => told,
        };
        Ok(Completion { finish, tool_calls, usage: self.usage })
    }

    /// Has it been said why the answer ends? Nothing that matters comes after that but counts.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    fn take_choice(&mut self, choice: &Value) -> Result<String, Failed> {
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str).filter(|reason| !reason.is_empty()) {
            self.finish = Some(parse_finish(reason)?);
        }
        let held = |place| choice.get(place).filter(|held| !held.is_null());
        let Some(delta) = held("delta").or_else(|| held("message")) else { return Ok(String::new()) };
        self.take_calls(delta)?;
        Ok([delta.get("content"), delta.get("refusal")].into_iter().flatten().map(text_of).collect())
    }

    /// Workers AI's older shape.
    fn take_native(&mut self, chunk: &Value) -> Result<Option<String>, Failed> {
        self.take_calls(chunk)?;
        Ok(match chunk.get("response") {
            // Tokens that are numbers come as numbers, answers that are objects as objects.
            Some(value @ (Value::Number(_) | Value::Bool(_) | Value::Object(_))) => Some(value.to_string()),
            Some(value @ (Value::String(_) | Value::Array(_))) => Some(text_of(value)),
            Some(Value::Null) | None => chunk.get("tool_calls").is_some_and(Value::is_array).then(String::new),
        })
    }

    fn take_calls(&mut self, holder: &Value) -> Result<(), Failed> {
        holder.get("tool_calls").and_then(Value::as_array).into_iter().flatten().try_for_each(|item| self.calls.add(item))
    }
}

/// OpenRouter and Groq put errors beside the answer; Mistral and older vLLM send one in place of it.
fn error_in(chunk: &Value) -> Option<&Value> {
    ["/error", "/x_groq/error", "/choices/0/error"]
        .into_iter()
        .filter_map(|place| chunk.pointer(place))
        .find(|error| !error.is_null() && error.as_str() != Some(""))
        .or_else(|| Some(chunk).filter(|chunk| chunk.get("object").and_then(Value::as_str) == Some("error")))
}

fn usage_in(chunk: &Value) -> Option<Usage> {
    let count = |place: &str, name: &str| chunk.pointer(place)?.get(name)?.as_u64();
    ["/usage", "/x_groq/usage"].into_iter().find_map(|place| {
        let (prompt, completion) = (count(place, "prompt_tokens"), count(place, "completion_tokens"));
        prompt.or(completion)?;
        Usage::reported(prompt.unwrap_or(0), completion.unwrap_or(0))
    })
}

fn is_first(choice: &Value) -> bool {
    choice.get("index").and_then(Value::as_u64).unwrap_or(0) == 0
}

fn parse_finish(reason: &str) -> Result<Finish, Failed> {
    match reason {
        "length" | "model_length" | "max_tokens" => Ok(Finish::Length),
        "tool_calls" | "function_call" => Ok(Finish::ToolCalls),
        "content_filter" => Ok(Finish::Filtered),
        // OpenRouter's word for a provider that failed behind it.
        "error" => Err(unavailable("finish_reason error")),
        _ => Ok(Finish::Stop),
    }
}

/// Mistral and some gateways send a list of parts, thoughts among them, which have no `text` of their own.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
