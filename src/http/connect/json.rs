//! How fields are read and written where proto3's JSON differs from what serde derives.

use std::str::FromStr;

use serde::{
    Deserialize, Deserializer, Serializer,
    de::{Error, IgnoredAny},
};

use crate::http::request::body::Object;

/// `null` is absence.
pub(super) fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A message in a field.
pub(super) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let object: Option<Object<T>> = Option::deserialize(deserializer)?;
    Ok(object.map(|Object(message)| message))
}

/// Messages in a field.
pub(super) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let objects: Vec<Object<T>> = or_default(deserializer)?;
    Ok(objects.into_iter().map(|Object(message)| message).collect())
}

/// An integer, as a number or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(serde_json::Number),
    Text(String),
    Other(IgnoredAny),
}

/// An integer; 0 when it is absent.
pub(super) fn integer<'de, T: FromStr + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    optional_integer(deserializer).map(Option::unwrap_or_default)
}

/// An integer.
pub(super) fn optional_integer<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let parsed = match Option::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Written::Number(number)) => parse_integer(&number.to_string()),
        Some(Written::Text(text)) => parse_integer(&text),
        Some(Written::Other(_)) => None,
    };
    parsed.map(Some).ok_or_else(|| D::Error::custom("must be an integer in range"))
}

/// `1`, and `1.0` and `1e0` as well.
fn parse_integer<T: FromStr>(text: &str) -> Option<T> {
    let whole = || text.parse().ok().filter(|number: &f64| number.fract() == 0.0);
    text.parse().ok().or_else(|| whole().and_then(|number| format!("{number:.0}").parse().ok()))
}

/// An `int64`, as JavaScript's numbers could not hold all of them.
pub(super) fn text<S: Serializer>(number: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[cfg(test)]
mod tests {
    use crate::http::{
        connect::wire::{AddMessagesRequest, GetMessagesRequest},
        request::body::parse_json,
    };

    #[test]
    fn integers_are_numbers_or_text() {
        let cases = [
            ("1", Some(Some(1))),
            ("\"1\"", Some(Some(1))),
            ("-1", Some(Some(-1))),
            ("2.0", Some(Some(2))),
            ("\"1e1\"", Some(Some(10))),
            ("2147483647", Some(Some(i32::MAX))),
            ("null", Some(None)),
            ("2147483648", None),
            ("1.5", None),
            ("\"\"", None),
            ("\" 1\"", None),
            ("\"inf\"", None),
            ("\"NaN\"", None),
            ("1e400", None),
            ("true", None),
            ("[1]", None),
        ];
        for (limit, expected) in cases {
            let body = format!(r#"{{"limit":{limit}}}"#);
            let got = parse_json::<GetMessagesRequest>(body.as_bytes()).ok().map(|request| request.limit);
            assert_eq!(got, expected, "{limit}");
        }
    }

    #[test]
    fn fields_have_two_names_and_null_is_absence() {
        let said = |body: &str| parse_json::<AddMessagesRequest>(body.as_bytes()).ok();
        let one =
            said(r#"{"session_id":"s","messages":[{"role":"tool","content":"","tool_call_id":"a","timestamp":"5"}],"more":1}"#).unwrap();
        let two = said(r#"{"sessionId":"s","messages":[{"role":"tool","content":"","toolCallId":"a","timestamp":5}]}"#).unwrap();
        assert_eq!(one, two);
        let message = &one.messages[0];
        assert_eq!((message.content.as_deref(), message.tool_call_id.as_deref(), message.timestamp), (Some(""), Some("a"), 5));
        let empty = said("{}").unwrap();
        assert_eq!(said(r#"{"sessionId":null,"messages":null}"#).unwrap(), empty);
        let bad = [
            r#"{"sessionId":"s","session_id":"s"}"#,
            r#"{"sessionId":5}"#,
            r#"{"messages":[null]}"#,
            r#"{"messages":[["user","x"]]}"#,
            r#"{"messages":[{"toolCalls":[["a","function",null]]}]}"#,
            r#"{"messages":[{"toolCalls":[{"function":["f","{}"]}]}]}"#,
            r#"{"messages":{}}"#,
        ];
        for body in bad {
            assert_eq!(said(body), None, "{body}");
        }
    }
}
