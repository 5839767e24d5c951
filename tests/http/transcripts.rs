//! Conversations with clients of other systems, as data: `tests/transcripts/*.json`, each an array of exchanges with a server
//! of its own. What is expected there comes from the originals and their documents, never from what we answer.
//!
//! `{"name", "request": {"method", "path", "headers"?, "body"? | "text"?}, "response": {"status", "headers"?, "body"? | "text"?,
//! "absent"?: ["error.status"]}, "capture"?: {"session_id": "data.session_id"}}`
//!
//! - `$name` in a request or an expectation is what an exchange before has captured under that name; in paths it is encoded.
//! - `<kind>` in expected text stands for text of that kind, see [`is_kind`]; text that is nothing but `<number>`, `<bool>`,
//!   `<object>`, `<array>` or `<any>` stands for any such value.
//! - Objects may have more fields than are expected, unless `absent` names them; arrays have as many items. A header that is
//!   expected to be null must not be there.
//! - `body` is sent as JSON, `text` as it is and without a content type.

use std::{collections::BTreeMap, fs, path::Path};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{Answer, Server, json, root};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    name: String,
    request: Request,
    response: Response,
    /// Name -> dotted path in the body.
    #[serde(default)]
    capture: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    method: String,
    pub(crate) path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "even_null")]
    pub(crate) body: Option<Value>,
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    #[serde(default, deserialize_with = "even_null")]
    body: Option<Value>,
    text: Option<String>,
    /// Dotted paths of what must not be there.
    #[serde(default)]
    absent: Vec<String>,
}

/// A body may be `null`, which is something else than none.
fn even_null<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(crate) type Captured = BTreeMap<String, Value>;

/// What goes wrong is collected, so that one run tells everything.
#[test]
fn clients_of_other_systems_are_answered_as_they_expect() {
    let mut files: Vec<_> = fs::read_dir(root().join("tests/transcripts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let transcripts = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "json"));
    let wrong: Vec<_> = transcripts.flat_map(|file| replay(file, ask)).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Has `ask` ask what is in a transcript, of a server of its own; what was not answered as expected.
pub(crate) fn replay(file: &Path, ask: impl Fn(&Server, &Request, &Captured) -> Answer) -> Vec<String> {
    let name = file.file_stem().unwrap().to_string_lossy();
    let exchanges: Vec<Exchange> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (server, mut captured, mut wrong) = (Server::start(), Captured::new(), Vec::new());
    for exchange in &exchanges {
        let answer = ask(&server, &exchange.request, &captured);
        let faults = faults(&exchange.response, &answer, &captured);
        wrong.extend(faults.into_iter().map(|fault| format!("{name}, {}: {fault} in {} {}", exchange.name, answer.status, answer.body)));
        for (variable, path) in &exchange.capture {
            match serde_json::from_str(&answer.body).ok().and_then(|body: Value| at(&body, path).cloned()) {
                Some(value) => drop(captured.insert(variable.clone(), value)),
                None => wrong.push(format!("{name}, {}: no {path} to capture in {}", exchange.name, answer.body)),
            }
        }
    }
    wrong
}

fn ask(server: &Server, request: &Request, captured: &Captured) -> Answer {
    let path = fill(&request.path, captured, |text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
    let mut headers: BTreeMap<&str, String> = BTreeMap::new();
    let body = match (&request.body, &request.text) {
        (Some(body), None) => {
            headers.insert("content-type", "application/json".into());
            Some(filled(body, captured).to_string())
        }
        (None, text) => text.as_ref().map(|text| fill(text, captured, str::to_owned)),
        (Some(_), Some(_)) => panic!("{path}: both a body and a text"),
    };
    for (name, value) in &request.headers {
        headers.insert(name, fill(value, captured, str::to_owned));
    }
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    server.ask(&request.method, &path, &headers, body.as_deref().map(str::as_bytes))
}

/// In what an answer is not what is expected.
fn faults(expected: &Response, answer: &Answer, captured: &Captured) -> Vec<String> {
    let mut faults = Vec::new();
    if answer.status != expected.status {
        faults.push(format!("status {} expected", expected.status));
    }
    for (name, value) in &expected.headers {
        let got = answer.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        let fits = match (value, got) {
            (Some(value), Some(got)) => fits(&fill(value, captured, str::to_owned), got),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if !fits {
            faults.push(format!("header {name}: {value:?} expected, not {got:?}"));
        }
    }
    if let Some(text) = &expected.text
        && !fits(&fill(text, captured, str::to_owned), &answer.body)
    {
        faults.push(format!("{text:?} expected"));
    }
    let body = serde_json::from_str(&answer.body).ok();
    match (&expected.body, &body) {
        (Some(expected), Some(body)) => compare("body", &filled(expected, captured), body, &mut faults),
        (Some(_), None) => faults.push("JSON expected".into()),
        (None, _) => {}
    }
    let present = expected.absent.iter().filter(|path| body.as_ref().is_some_and(|body| at(body, path).is_some()));
    faults.extend(present.map(|path| format!("{path} must be absent")));
    faults
}

/// Adds in what `got` is not as `expected`, which is filled already.
fn compare(place: &str, expected: &Value, got: &Value, faults: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (field, expected) in expected {
                match got.get(field) {
                    Some(got) => compare(&format!("{place}.{field}"), expected, got, faults),
                    None => faults.push(format!("{place}.{field} is missing")),
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) if expected.len() == got.len() => {
            for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{place}.{index}"), expected, got, faults);
            }
        }
        (Value::String(pattern), got) if is_of_type(pattern, got) => {}
        (expected, got) if expected == got => {}
        (expected, got) => faults.push(format!("{place}: {expected} expected, not {got}")),
    }
}

fn is_of_type(pattern: &str, value: &Value) -> bool {
    match pattern {
        "<any>" => true,
        "<number>" => value.is_number(),
        "<bool>" => value.is_boolean(),
        "<object>" => value.is_object(),
        "<array>" => value.is_array(),
        _ => value.as_str().is_some_and(|text| fits(pattern, text)),
    }
}

/// Is `text` of the pattern, in which `<kind>` stands for text of a kind?
fn fits(pattern: &str, text: &str) -> bool {
    let Some((before, kind, after)) = first_kind(pattern) else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    let ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
    ends.into_iter().any(|end| is_kind(kind, &rest[..end]) == Some(true) && fits(after, &rest[end..]))
}

fn first_kind(pattern: &str) -> Option<(&str, &str, &str)> {
    pattern.match_indices('<').find_map(|(start, _)| {
        let end = start + pattern[start..].find('>')?;
        let kind = &pattern[start + 1..end];
        is_kind(kind, "").map(|_| (&pattern[..start], kind, &pattern[end + 1..]))
    })
}

/// Is `text` of that kind? `None`: there is no such kind.
fn is_kind(kind: &str, text: &str) -> Option<bool> {
    let shaped = |shape: &str| {
        let is_alike = |(wanted, c): (char, char)| if wanted == '0' { c.is_ascii_digit() } else { wanted == c };
        text.len() == shape.len() && shape.chars().zip(text.chars()).all(is_alike)
    };
    Some(match kind {
        "text" => true,
        "string" => !text.is_empty(),
        "digits" => !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()),
        "hex16" => text.len() == 16 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')),
        // Times: UTC with microseconds, with seconds, with milliseconds; with microseconds and no zone.
        "iso-us-z" => shaped("0000-00-00T00:00:00.000000Z"),
        "iso-s-z" => shaped("0000-00-00T00:00:00Z"),
        "iso-ms-z" => shaped("0000-00-00T00:00:00.000Z"),
        "iso-us" => shaped("0000-00-00T00:00:00.000000"),
        _ => return None,
    })
}

/// What is at a dotted path; numbers are indexes.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match key.parse::<usize>() {
        Ok(index) if value.is_array() => value.get(index),
        Ok(_) | Err(_) => value.get(key),
    })
}

/// What stands in `value` with what was captured in its places.
pub(crate) fn filled(value: &Value, captured: &Captured) -> Value {
    match value {
        Value::String(text) => {
            let whole = text.strip_prefix('$').and_then(|name| captured.get(name));
            whole.cloned().unwrap_or_else(|| Value::String(fill(text, captured, str::to_owned)))
        }
        Value::Array(items) => items.iter().map(|item| filled(item, captured)).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value, captured))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Longer names first: `$id` is not the beginning of `$id2`.
fn fill(text: &str, captured: &Captured, encode: impl Fn(&str) -> String) -> String {
    let names = captured.iter().rev();
    let filled = names.fold(text.to_owned(), |text, (name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.replace(&format!("${name}"), &encode(&value))
    });
    // What is not there would not be found, and that may be what is expected.
    assert!(!filled.contains('$'), "{filled}: nothing was captured under that name");
    filled
}

#[test]
fn expectations_tell_what_fits_from_what_does_not() {
    let captured = Captured::from([("id".into(), json!("a b")), ("id2".into(), json!(7))]);
    let cases = [
        (json!("x"), json!("x"), true),
        (json!("x"), json!("y"), false),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
        (json!({"a": 1}), json!({"b": 2}), false),
        (json!([1]), json!([1, 2]), false),
        (json!(null), json!(null), true),
        (json!("$id"), json!("a b"), true),
        (json!("$id2"), json!(7), true),
        (json!("Session $id not found"), json!("Session a b not found"), true),
        (json!("<string>"), json!(""), false),
        (json!("<text>b<text>"), json!("ab"), true),
        (json!("<number>"), json!("1"), false),
        (json!("session_<hex16>"), json!("session_0123456789abcdef"), true),
        (json!("session_<hex16>"), json!("session_0123456789ABCDEF"), false),
        (json!("<digits>.<digits>s"), json!("0.003s"), true),
        (json!("<iso-us-z>"), json!("2026-11-20T09:38:53.106849Z"), true),
        (json!("<iso-us-z>"), json!("2026-11-20T09:38:53Z"), false),
        (json!("<b> is no kind"), json!("<b> is no kind"), true),
    ];
    for (expected, got, fits) in cases {
        let mut faults = Vec::new();
        compare("", &filled(&expected, &captured), &got, &mut faults);
        assert_eq!(faults.is_empty(), fits, "{expected} and {got}: {faults:?}");
    }
    assert_eq!(at(&json!({"a": [{"b": 1}]}), "a.0.b"), Some(&json!(1)));
}
