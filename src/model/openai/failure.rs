//! How a provider's failures count here: by status of HTTP, or by the error object it sends in a body.
//!
//! It does not pass on messages of providers: they may quote the user.

use std::time::Duration;

use serde_json::Value;

use crate::{domain::turn::ModelFailure, model::Failed};

/// Longest code or type of an error that goes into the log.
const WORD_BYTES: usize = 64;
/// Where an error object tells its kind, best first.
const FIELDS: [&str; 3] = ["code", "status", "type"];
/// What codes and types contain when the request itself is the matter.
const REFUSALS: [&str; 9] = [
    "invalid_request",
    "authentication",
    "permission",
    "unauthorized",
    "forbidden",
    "not_found",
    "content_policy",
    "content_filter",
    "moderat",
];

/// The failure that an answer of this status means; `retry_after` is its header of that name.
pub(crate) fn failure_of_status(status: u16, retry_after: Option<&str>) -> Failed {
    let failure = match failure_of_number(status) {
        Some(ModelFailure::RateLimited { .. }) => ModelFailure::RateLimited { retry_after: retry_after.and_then(parse_seconds) },
        Some(failure @ (ModelFailure::Timeout | ModelFailure::Refused | ModelFailure::Unavailable)) => failure,
        None => ModelFailure::Unavailable,
    };
    Failed { failure, cause: format!("status {status}") }
}

/// The failure that an error object means.
pub(super) fn failure_of_error(error: &Value) -> Failed {
    let words: Vec<String> = FIELDS.into_iter().filter_map(|field| error.get(field)).filter_map(word).collect();
    let failure = words.iter().find_map(|word| failure_of_word(word)).unwrap_or(ModelFailure::Unavailable);
    let cause = match words.iter().find(|word| is_plain(word)) {
        Some(word) => format!("error {word}"),
        None => "error".to_owned(),
    };
    Failed { failure, cause }
}

/// The provider cannot be reached, or talks nonsense.
/// How an exception of the Workers AI binding counts. Its words begin with a number, and may go on to quote the user.
pub(crate) fn failure_of_binding(said: &str) -> Failed {
    let number: String = said.trim_start_matches(|c: char| !c.is_ascii_digit()).chars().take_while(char::is_ascii_digit).collect();
    // https://developers.cloudflare.com/workers-ai/platform/errors/
    let failure = match number.parse() {
        Ok(3036 | 3040) => ModelFailure::RateLimited { retry_after: None },
        Ok(3007 | 3046) => ModelFailure::Timeout,
        Ok(3003 | 3006 | 3039 | 3041 | 3042 | 5000..=5999) => ModelFailure::Refused,
        Ok(_) | Err(_) => ModelFailure::Unavailable,
    };
    let cause = if is_plain(&number) { format!("binding, error {number}") } else { "binding".to_owned() };
    Failed { failure, cause }
}

pub(super) fn unavailable(cause: &str) -> Failed {
    Failed { failure: ModelFailure::Unavailable, cause: cause.to_owned() }
}

/// An HTTP date counts as nothing: the clocks of two machines would have to agree.
fn parse_seconds(header: &str) -> Option<Duration> {
    header.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

fn failure_of_number(status: u16) -> Option<ModelFailure> {
    match status {
        429 => Some(ModelFailure::RateLimited { retry_after: None }),
        408 | 504 | 524 => Some(ModelFailure::Timeout),
        300..=499 => Some(ModelFailure::Refused),
        _ => None,
    }
}

fn failure_of_word(word: &str) -> Option<ModelFailure> {
    if let Ok(number) = word.parse() {
        return failure_of_number(number);
    }
    let word = word.to_ascii_lowercase();
    if word.contains("timeout") {
        Some(ModelFailure::Timeout)
    } else if REFUSALS.iter().any(|refusal| word.contains(refusal)) {
        // Before "rate": `moderated` contains it.
        Some(ModelFailure::Refused)
    } else if word.contains("rate") {
        Some(ModelFailure::RateLimited { retry_after: None })
    } else {
        None
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_plain(word: &str) -> bool {
    (1..=WORD_BYTES).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limited(seconds: Option<u64>) -> ModelFailure {
        ModelFailure::RateLimited { retry_after: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn a_status_tells_what_the_client_can_do() {
        let cases = [
            (429, None, rate_limited(None)),
            (429, Some("7"), rate_limited(Some(7))),
            (429, Some(" 0 "), rate_limited(Some(0))),
            (429, Some("1.5"), rate_limited(None)),
            (429, Some("-1"), rate_limited(None)),
            (429, Some("99999999999"), rate_limited(None)),
            (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), rate_limited(None)),
            (408, None, ModelFailure::Timeout),
            (504, Some("7"), ModelFailure::Timeout),
            (524, None, ModelFailure::Timeout),
            (500, None, ModelFailure::Unavailable),
            (502, None, ModelFailure::Unavailable),
            (503, Some("7"), ModelFailure::Unavailable),
            (529, None, ModelFailure::Unavailable),
            (204, None, ModelFailure::Unavailable),
        ];
        let refused =
            [302, 307, 400, 401, 402, 403, 404, 405, 409, 413, 415, 418, 422, 451].map(|status| (status, None, ModelFailure::Refused));
        for (status, retry_after, expected) in cases.into_iter().chain(refused) {
            let failed = failure_of_status(status, retry_after);
            assert_eq!(failed, Failed { failure: expected, cause: format!("status {status}") }, "{status} {retry_after:?}");
        }
    }

    #[test]
    fn an_exception_of_the_binding_is_sorted_by_its_number_and_never_quoted() {
        for (said, failure, cause) in [
            ("3040: Capacity temporarily exceeded, please try again.", rate_limited(None), "binding, error 3040"),
            ("InferenceUpstreamError: 5007: No such model @cf/secret", ModelFailure::Refused, "binding, error 5007"),
            ("3007: Request timeout", ModelFailure::Timeout, "binding, error 3007"),
            ("there is no binding AI", ModelFailure::Unavailable, "binding"),
        ] {
            assert_eq!(failure_of_binding(said), Failed { failure, cause: cause.to_owned() }, "{said}");
        }
    }

    #[test]
    fn an_error_object_is_sorted_by_its_code_and_never_quoted() {
        let long = format!(r#"{{"code":"{}"}}"#, "x".repeat(65));
        let cases = [
            (r#"{"message":"secret","type":"tokens","code":"rate_limit_exceeded"}"#, rate_limited(None), "error rate_limit_exceeded"),
            (r#"{"code":429,"message":"secret","status":"RESOURCE_EXHAUSTED"}"#, rate_limited(None), "error 429"),
            (r#"{"code":"429"}"#, rate_limited(None), "error 429"),
            (r#"{"type":"rate_limit_error"}"#, rate_limited(None), "error rate_limit_error"),
            (r#"{"code":504,"message":"secret"}"#, ModelFailure::Timeout, "error 504"),
            (r#"{"code":500,"type":"Timeout"}"#, ModelFailure::Timeout, "error 500"),
            (
                r#"{"code":"context_length_exceeded","type":"invalid_request_error"}"#,
                ModelFailure::Refused,
                "error context_length_exceeded",
            ),
            (r#"{"code":null,"type":"authentication_error"}"#, ModelFailure::Refused, "error authentication_error"),
            (r#"{"code":"content_policy_violation"}"#, ModelFailure::Refused, "error content_policy_violation"),
            (r#"{"code":"content_moderated"}"#, ModelFailure::Refused, "error content_moderated"),
            (r#"{"code":400,"type":"BadRequestError","object":"error"}"#, ModelFailure::Refused, "error 400"),
            (r#"{"code":"server_error"}"#, ModelFailure::Unavailable, "error server_error"),
            (r#"{"type":"overloaded_error"}"#, ModelFailure::Unavailable, "error overloaded_error"),
            (r#"{"code":"you said secret","type":"api_error"}"#, ModelFailure::Unavailable, "error api_error"),
            (r#"{"code":"","type":[429]}"#, ModelFailure::Unavailable, "error"),
            (r#""secret""#, ModelFailure::Unavailable, "error"),
            ("{}", ModelFailure::Unavailable, "error"),
            (long.as_str(), ModelFailure::Unavailable, "error"),
        ];
        for (error, failure, cause) in cases {
            let failed = failure_of_error(&serde_json::from_str(error).unwrap());
            assert_eq!(failed, Failed { failure, cause: cause.to_owned() }, "{error}");
        }
    }
}
