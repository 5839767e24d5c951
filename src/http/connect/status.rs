//! Failures as Connect tells them: `{"code", "message", "details"}`, and the status that belongs to the code.
//!
//! The one detail is a `google.rpc.ErrorInfo`, whose `reason` is the code of every other dialect.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use prost::Message;
use serde::Serialize;

use crate::http::{problem::Problem, response::Reply};

#[derive(Serialize)]
struct ErrorJson<'a> {
    code: &'a str,
    message: &'a str,
    details: [DetailJson<'a>; 1],
}

/// <https://connectrpc.com/docs/protocol/#error-end-stream>
#[derive(Serialize)]
struct DetailJson<'a> {
    r#type: &'static str,
    value: String,
    debug: &'a ErrorInfo,
}

/// <https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>
#[derive(Clone, PartialEq, Message, Serialize)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// JSON also where the call is protobuf, as the protocol wants it.
pub(super) fn refuse(problem: Problem) -> Reply {
    let (code, status) = code_of(&problem);
    let message = if problem.code == NO_PATH { "The service has no such RPC." } else { &*problem.detail };
    let info = ErrorInfo { reason: problem.code.to_owned(), domain: env!("CARGO_PKG_NAME").to_owned() };
    let detail = DetailJson { r#type: "google.rpc.ErrorInfo", value: BASE64_STANDARD_NO_PAD.encode(info.encode_to_vec()), debug: &info };
    let reply = Reply::json(status, &ErrorJson { code, message, details: [detail] });
    problem.headers.into_iter().fold(reply, |reply, (name, value)| reply.with_header(name, value))
}

/// The problem of a path that is none.
const NO_PATH: &str = "NOT_FOUND";

/// Code and status, <https://connectrpc.com/docs/protocol/#error-codes>. Only what is no call at all has a status of its own.
fn code_of(problem: &Problem) -> (&'static str, u16) {
    match (problem.status, problem.code) {
        (404, NO_PATH) => ("unimplemented", 404),
        (405 | 415, _) => ("unimplemented", problem.status),
        (409, "SESSION_ID_TAKEN") => ("already_exists", 409),
        (409, "IDEMPOTENCY_CONFLICT") => ("invalid_argument", 400),
        // As many as there may be: the one thing that helps is to delete some.
        (409, "SESSION_LIMIT") => ("resource_exhausted", 429),
        (409, "NOT_POSSIBLE") | (412 | 422, _) => ("failed_precondition", 400),
        (409, _) => ("aborted", 409),
        // As every server of the protocol tells of a call that is too large.
        (413, _) if problem.field.as_deref() == Some("body") => ("resource_exhausted", 429),
        (401, _) => ("unauthenticated", 401),
        (403, _) => ("permission_denied", 403),
        (404, _) => ("not_found", 404),
        (429, _) => ("resource_exhausted", 429),
        (501, _) => ("unimplemented", 501),
        (502 | 503, _) => ("unavailable", 503),
        (504, _) => ("deadline_exceeded", 504),
        (400..=499, _) => ("invalid_argument", 400),
        (_, _) => ("internal", 500),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Subject};

    #[test]
    fn every_failure_has_a_code_and_its_status() {
        let cases = [
            (Error::NotFound(Subject::Session).into(), ("not_found", 404)),
            (Error::invalid("limit", "x").into(), ("invalid_argument", 400)),
            (Error::TooLarge { field: "value".into(), limit_bytes: 1 }.into(), ("invalid_argument", 400)),
            (Problem::body_too_large(), ("resource_exhausted", 429)),
            (Error::UnpairedToolResult { index: 0 }.into(), ("failed_precondition", 400)),
            (Error::IdTaken.into(), ("already_exists", 409)),
            (Error::KeyReused.into(), ("invalid_argument", 400)),
            (Error::SessionLimit { limit: 1 }.into(), ("resource_exhausted", 429)),
            (Error::TurnInProgress.into(), ("aborted", 409)),
            (Error::NotPossible("x".into()).into(), ("failed_precondition", 400)),
            (Error::Stale { current: None }.into(), ("failed_precondition", 400)),
            (Error::Misconfigured("x".into()).into(), ("unavailable", 503)),
            (Error::Unavailable("x".into()).into(), ("unavailable", 503)),
            (Error::Internal("x".into()).into(), ("internal", 500)),
            (Problem::credentials_required("x"), ("unauthenticated", 401)),
            (Problem::no_such_path("/x"), ("unimplemented", 404)),
            (Problem::method_not_allowed("GET", [].into_iter()), ("unimplemented", 405)),
        ];
        for (problem, expected) in cases {
            assert_eq!(code_of(&problem), expected, "{problem:?}");
        }
    }
}
