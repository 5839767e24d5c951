//! The tool calls of an answer, put together from the pieces they come in.
//!
//! What comes out can be stored and sent to any provider: names and sizes within our limits, ids that differ, and no
//! call whose end is missing because the answer was cut.

use std::collections::HashSet;

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::{
    domain::message::ToolCall,
    limits,
    model::{Failed, openai::failure::unavailable},
};

/// The calls that have begun.
#[derive(Debug, Default)]
pub(super) struct Calls {
    begun: Vec<Piece>,
    size_bytes: usize,
}

/// A part of a call, and in the end all of it. What it does not tell is empty.
#[derive(Debug)]
struct Piece {
    index: Option<u64>,
    call: ToolCall,
}

impl Calls {
    /// Takes in one item of a list of calls.
    ///
    /// # Errors
    /// `Unavailable` when the calls together are larger than a message may be.
    pub(super) fn add(&mut self, item: &Value) -> Result<(), Failed> {
        let piece = Piece::parse(item);
        self.size_bytes = self.size_bytes.saturating_add(piece.size_bytes());
        match self.begun.iter_mut().rev().find(|begun| begun.has_place_of(&piece)).filter(|begun| !begun.is_ended_by(&piece)) {
            Some(begun) => begun.extend(piece),
            None => {
                // Calls of nothing could fill the memory too.
                self.size_bytes = self.size_bytes.saturating_add(size_of::<Piece>());
                self.begun.push(piece);
            }
        }
        if self.size_bytes > limits::MESSAGE_BYTES { Err(unavailable("tool calls too large")) } else { Ok(()) }
    }

    /// The calls, complete. `is_cut` says that the answer was, so its last call may be.
    pub(super) fn finish(self, is_cut: bool) -> Vec<ToolCall> {
        let mut calls: Vec<ToolCall> = self.begun.into_iter().map(|piece| piece.call).collect();
        calls.pop_if(|last| is_cut && !is_json(&last.arguments));
        calls.retain(is_storable);
        calls.truncate(limits::TOOL_CALLS);
        for call in calls.iter_mut().filter(|call| call.arguments.trim().is_empty()) {
            call.arguments = "{}".to_owned();
        }
        tell_apart(&mut calls);
        calls
    }
}

impl Piece {
    /// OpenAI puts name and arguments under `function`, Workers AI does not.
    fn parse(item: &Value) -> Piece {
        let function = item.get("function").unwrap_or(item);
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let arguments = match function.get("arguments") {
            Some(object @ Value::Object(_)) => object.to_string(),
            other => text(other),
        };
        let call = ToolCall { id: text(item.get("id")), name: text(function.get("name")), arguments };
        Piece { index: item.get("index").and_then(Value::as_u64), call }
    }

    fn size_bytes(&self) -> usize {
        let ToolCall { id, name, arguments } = &self.call;
        id.len().saturating_add(name.len()).saturating_add(arguments.len())
    }

    /// `next` stands where a piece of this call would. Ollama numbers every call 0 and tells them apart by ids alone.
    fn has_place_of(&self, next: &Piece) -> bool {
        let is_same_id = next.call.id.is_empty() || next.call.id == self.call.id;
        match next.index {
            Some(_) => next.index == self.index && (is_same_id || self.call.id.is_empty()),
            None => is_same_id,
        }
    }

    /// `next` begins another call in the same place: Gemini used to send whole calls with index 0 and no ids.
    fn is_ended_by(&self, next: &Piece) -> bool {
        let is_named_anew = next.call.id.is_empty() && !next.call.name.is_empty() && !self.call.name.is_empty();
        is_named_anew && (next.call.name != self.call.name || is_json(&self.call.arguments))
    }

    fn extend(&mut self, next: Piece) {
        // Some servers repeat id and name in every piece.
        if self.call.id.is_empty() {
            self.call.id = next.call.id;
        }
        if self.call.name.is_empty() {
            self.call.name = next.call.name;
        }
        self.call.arguments.push_str(&next.call.arguments);
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn is_storable(call: &ToolCall) -> bool {
    limits::check_label("name", &call.name, limits::NAME_CHARACTERS).is_ok()
        && limits::check_body("arguments", &call.arguments, limits::MESSAGE_BYTES).is_ok()
}

/// Gives an id to every call whose own cannot be used, different from all others.
fn tell_apart(calls: &mut [ToolCall]) {
    let mut taken: HashSet<String> = calls.iter().map(|call| call.id.clone()).collect();
    let mut earlier = HashSet::new();
    for (index, call) in calls.iter_mut().enumerate() {
        let is_valid = limits::check_label("id", &call.id, limits::ID_CHARACTERS).is_ok();
        if !is_valid || earlier.contains(&call.id) {
            call.id = (index..).map(|number| format!("call_{number}")).find(|id| !taken.contains(id)).unwrap_or_default();
            taken.insert(call.id.clone());
        }
        earlier.insert(call.id.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The calls that come of `items`, each as `id name arguments`.
    fn finish(items: &Value, is_cut: bool) -> Vec<String> {
        let mut calls = Calls::default();
        for item in items.as_array().unwrap() {
            calls.add(item).unwrap();
        }
        calls.finish(is_cut).into_iter().map(|call| format!("{} {} {}", call.id, call.name, call.arguments)).collect()
    }

    #[test]
    fn pieces_find_their_call() {
        let piece = |index: Option<u64>, id: &str, name: &str, arguments: &str| {
            let function = json!({"name": (!name.is_empty()).then_some(name), "arguments": arguments});
            json!({"index": index, "id": (!id.is_empty()).then_some(id), "type": "function", "function": function})
        };
        let cases: [(&str, Vec<Value>, &[&str]); 11] = [
            ("nothing", vec![], &[]),
            (
                "interleaved by index",
                vec![
                    piece(Some(0), "a", "f", ""),
                    piece(Some(1), "b", "g", "{"),
                    piece(Some(0), "", "", "{}"),
                    piece(Some(1), "", "", "}"),
                ],
                &["a f {}", "b g {}"],
            ),
            (
                "no index",
                vec![piece(None, "a", "f", "{"), piece(None, "", "", "}"), piece(None, "b", "g", "{}"), piece(None, "a", "", " ")],
                &["a f {} ", "b g {}"],
            ),
            ("one index, different ids", vec![piece(Some(0), "a", "f", "{}"), piece(Some(0), "b", "f", "{}")], &["a f {}", "b f {}"]),
            (
                "one index, no ids, whole calls",
                vec![piece(Some(0), "", "f", r#"{"x":1}"#), piece(Some(0), "", "f", r#"{"x":2}"#), piece(Some(0), "", "g", "")],
                &[r#"call_0 f {"x":1}"#, r#"call_1 f {"x":2}"#, "call_2 g {}"],
            ),
            ("id and name repeated", vec![piece(Some(0), "a", "f", "{"), piece(Some(0), "a", "f", "}")], &["a f {}"]),
            ("name repeated", vec![piece(Some(0), "a", "f", "{"), piece(Some(0), "", "f", "}")], &["a f {}"]),
            ("id late", vec![piece(Some(0), "", "f", "{"), piece(Some(0), "a", "", "}")], &["a f {}"]),
            ("a call without name", vec![piece(Some(0), "a", "", "{}"), piece(Some(1), "b", "g", "{}")], &["b g {}"]),
            ("broken arguments", vec![piece(Some(0), "a", "f", r#"{"x":"#)], &[r#"a f {"x":"#]),
            ("arguments with NUL", vec![piece(Some(0), "a", "f", "\0")], &[]),
        ];
        for (name, pieces, expected) in cases {
            assert_eq!(finish(&json!(pieces), false), expected, "{name}");
        }
    }

    #[test]
    fn odd_items_are_read_as_far_as_they_go() {
        let cases: [(Value, &[&str]); 8] = [
            (json!([{"name": "f", "arguments": {"b": [1], "a": "\u{fc}"}}]), &["call_0 f {\"a\":\"\u{fc}\",\"b\":[1]}"]),
            (json!([{"id": "a", "function": {"name": "f", "arguments": {}}}]), &["a f {}"]),
            (json!([{"id": 7, "function": {"name": "f", "arguments": null}}]), &["call_0 f {}"]),
            (json!([null, 1, "x", [], {}, {"function": 1}]), &[]),
            (json!([{"id": "a", "function": {"name": "f\n"}}, {"id": "b", "function": {"name": "n".repeat(65)}}]), &[]),
            (
                json!([{"id": "a", "index": 0, "name": "f"}, {"id": "a", "index": 1, "name": "g"}, {"id": "call_1", "index": 2, "name": "h"}]),
                &["a f {}", "call_2 g {}", "call_1 h {}"],
            ),
            (json!([{"id": "a\u{7}", "name": "f"}, {"id": "call_0", "name": "g"}]), &["call_1 f {}", "call_0 g {}"]),
            (json!([{"id": "i".repeat(129), "name": "f"}]), &["call_0 f {}"]),
        ];
        for (items, expected) in cases {
            assert_eq!(finish(&items, false), expected, "{items}");
        }
    }

    #[test]
    fn the_last_call_of_a_cut_answer_is_kept_only_if_it_is_whole() {
        let call = |id: &str, arguments: &str| json!({"id": id, "name": "f", "arguments": arguments});
        let cases: [(Value, &[&str]); 4] = [
            (json!([call("a", "{}")]), &["a f {}"]),
            (json!([call("a", "{}"), call("b", r#"{"x"#)]), &["a f {}"]),
            (json!([call("a", "{}"), call("b", "")]), &["a f {}"]),
            (json!([call("a", "{"), call("b", "{}")]), &["a f {", "b f {}"]),
        ];
        for (items, expected) in cases {
            assert_eq!(finish(&items, true), expected, "{items}");
        }
    }

    #[test]
    fn calls_keep_to_the_limits_of_a_message() {
        let many: Vec<Value> = (0..=limits::TOOL_CALLS).map(|n| json!({"index": n, "id": n.to_string(), "name": "f"})).collect();
        assert_eq!(finish(&json!(many), false).len(), limits::TOOL_CALLS);

        let mut calls = Calls::default();
        calls.add(&json!({"index": 0, "name": "f", "arguments": "x".repeat(limits::MESSAGE_BYTES / 2)})).unwrap();
        let failed = calls.add(&json!({"index": 0, "arguments": "x".repeat(limits::MESSAGE_BYTES / 2)})).unwrap_err();
        assert_eq!(failed, unavailable("tool calls too large"));

        let mut calls = Calls::default();
        assert!((0..limits::MESSAGE_BYTES).any(|n| calls.add(&json!({ "index": n })).is_err()), "calls of nothing");
    }
}
