//! JSON bodies: strictly objects, and errors that name the field.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::http::problem::Problem;

/// A JSON object as `T`. Plain derived structs would take arrays as well.
pub(crate) struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Fields<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, map: M) -> std::result::Result<Object<T>, M::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(std::marker::PhantomData))
    }
}

/// Described as what it holds.
#[cfg(test)]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Object<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// For a field where `null` means something else than absence: `Some(None)` is `null`.
///
/// # Errors
/// Those of `T`.
pub(crate) fn nullable<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Reads a body.
///
/// # Errors
/// 400, naming the field where there is one.
pub(super) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Problem::from_json_error(&path, error.inner())
    })?;
    json.end().map_err(|error| Problem::from_json_error("", &error))?;
    Ok(value)
}

/// Reads an object that is part of a body, at `place`, e.g. `messages[17]`.
///
/// # Errors
/// 400, naming the field in its place.
pub(super) fn parse_json_at<T: DeserializeOwned>(place: &str, bytes: &[u8]) -> std::result::Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let separator = if path.starts_with(['?', '.', '[']) { "" } else { "." };
        Problem::from_piece_error(&format!("{place}{separator}{path}"), error.inner())
    })?;
    json.end().map_err(|error| Problem::from_piece_error(place, &error))?;
    Ok(value)
}

/// JSON, one a line.
pub(super) fn is_json_lines(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(essence.as_str(), "application/jsonl" | "application/x-ndjson" | "application/ndjson" | "application/x-jsonlines")
}

/// `application/json`, or anything that is JSON by its suffix, such as `application/merge-patch+json`.
pub(super) fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_known_by_its_content_type() {
        let cases = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/merge-patch+json", true),
            ("text/plain", false),
            ("", false),
            ("application/x-www-form-urlencoded", false),
        ];
        for (content_type, expected) in cases {
            assert_eq!(is_json(content_type), expected, "{content_type:?}");
        }
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Example {
        text: String,
        #[serde(default, deserialize_with = "nullable")]
        title: Option<Option<String>>,
    }

    #[test]
    fn bodies_are_objects_and_errors_name_the_field() {
        // body -> the field that is named, or that it is accepted
        let cases: [(&str, std::result::Result<(), &str>); 11] = [
            (r#"{"text":"x"}"#, Ok(())),
            (r#"{"text":"x","more":[1]}"#, Ok(())),
            (r#"{"text":"x","title":null}"#, Ok(())),
            (r#"{"text":5}"#, Err("text")),
            (r#"{}"#, Err("")),
            (r#"["x"]"#, Err("")),
            (r#"null"#, Err("")),
            (r#""#, Err("")),
            (r#"{"text":"x"} x"#, Err("")),
            (r#"{"text":"x","text":"y"}"#, Err("text")),
            (r#"{"text":"\ud800"}"#, Err("text")),
        ];
        for (body, expected) in cases {
            let got = parse_json::<Example>(body.as_bytes()).map(drop);
            assert_eq!(got.is_ok(), expected.is_ok(), "{body:.80}: {got:?}");
            if let (Err(problem), Err(field)) = (got, expected) {
                assert!(problem.detail().contains(field), "{body:.80}: {problem:?}");
            }
        }
    }
}
