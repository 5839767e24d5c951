//! The dialect of ATLUS: everything under `/api/v1`, in an envelope of `success`, `data` and `timestamp`.
//!
//! | question | answer |
//! |---|---|
//! | unknown id | 404: `INVALID_SESSION` on chat, else `SESSION_NOT_FOUND`. So is one that is expired, somebody else's, or no id at all |
//! | chat without `session_id` (also null or `""`) | begins a session that is real: its id can be sent back, which the original refused |
//! | nobody | `user_id` absent, null, `""` or `default_user`: then whoever asks, if that is one user, else nobody; shown as `default_user`. On null the original failed with 500 and stored the session all the same |
//! | `user_id` on chat | whose the new session is. In a session that is there it must be its owner's (else `INVALID_SESSION`) or nobody's; what is remembered is the owner's, whatever it says. The original read and wrote the memory of whomever it named |
//! | `metadata` on chat | is kept with what was said, at most 16 KiB (413); the original threw it away |
//! | `continue` | what the user was in last. Nobody has no list: 404 `NO_SESSION_FOUND`, as where there is no such user |
//! | statuses | 201 for a new session, else 200; what breaks a rule is 400, with all faults in `details` |
//! | body that is no object | 400 `INVALID_JSON`; the original answered arrays with 500 |
//! | failures of the model | `MODEL_TIMEOUT` 504, `MODEL_UNAVAILABLE` 503, `MODEL_REFUSED` 502, and 429 `RATE_LIMIT_EXCEEDED`; what was said is kept. The original answered 200 with an apology, which it stored, and 500 in place of 429 |
//! | asked too often | 429 `RATE_LIMIT_EXCEEDED`, where a rate limiter is bound: one limit, not the original's one per path, which ended in 500 |
//! | conflicts, which the original did not know | 409: `IDEMPOTENCY_CONFLICT`, `NOT_POSSIBLE`, `SESSION_LIMIT` |
//! | failures that are nobody's in particular | our own code and text in the envelope (`CREDENTIALS_REQUIRED`, `TOO_LARGE`, `UNAVAILABLE`, ...); only a Worker instance that is lost answers 503 without it |
//! | times | UTC with six digits and `Z`; the last three are zeros. `health` has whole seconds |
//! | `conversation_turns` | messages divided by two; always there. The three `has_` are always true |
//! | `execution_time` | of the turn, in seconds with two digits |
//! | request id | `X-Request-ID` if it is plain, else ours: in every body with `request_id` and in the header. It selects nothing; in the original it chose a memory |
//! | a turn that runs | the next one waits for it |
//! | expiry | as everywhere: after the idle time a session is gone. So `is_active` is always true |
//!
//! What it does not do: list sessions, stream, or name a persona. Those have other paths. `GET /` is our own dialect's, whose
//! banner has the original's fields.

mod fields;
mod sessions;
mod chat;
mod service;

use std::time::Duration;

use serde::Serialize;

use crate::{
    domain::{caller::Scope, session::Session},
    error::Error,
    http::{
        Method::{Delete, Get, Post},
        atlus::fields::Fault,
        auth::Need,
        begin::{NOBODY, is_nobody},
        dialect::{Dialect, Route},
        problem::Problem,
        request::Request,
        response::{Reply, written, written_micros as iso},
    },
    platform,
};

/// The dialect.
pub(super) struct Atlus;

/// What a path and a method stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    CreateSession,
    ContinueSession,
    /// `continue` is no session.
    DeleteContinue,
    GetSession,
    DeleteSession,
    Chat,
    Health,
    Docs,
}

/// Why there is no other answer.
enum Refusal {
    /// What was sent breaks rules.
    Invalid(Vec<Fault>),
    Problem(Problem),
}

#[derive(Serialize)]
struct SuccessJson<T> {
    success: bool,
    data: T,
    timestamp: String,
}

#[derive(Serialize)]
struct FailureJson<'a> {
    success: bool,
    error: ErrorJson<'a>,
    timestamp: String,
    /// Absent where there is no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    message: &'a str,
    code: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    details: &'a [Fault],
    /// The session that was begun all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
}

impl Dialect for Atlus {
    type Endpoint = Endpoint;

    const ROUTES: &'static [Route<Endpoint>] = &[
        ("/api/v1/sessions", &[(Post, Endpoint::CreateSession)]),
        ("/api/v1/sessions/continue", &[(Get, Endpoint::ContinueSession), (Delete, Endpoint::DeleteContinue)]),
        ("/api/v1/sessions/{}", &[(Get, Endpoint::GetSession), (Delete, Endpoint::DeleteSession)]),
        ("/api/v1/chat", &[(Post, Endpoint::Chat)]),
        ("/api/v1/health", &[(Get, Endpoint::Health)]),
        ("/api/v1/docs", &[(Get, Endpoint::Docs)]),
    ];
    const PREFIXES: &'static [&'static str] = &["/api/v1/"];

    fn need(endpoint: Endpoint) -> Need {
        match endpoint {
            // They tell nothing about anybody.
            Endpoint::Health | Endpoint::Docs => Need::Nothing,
            Endpoint::ContinueSession | Endpoint::GetSession => Need::Scope(Scope::Read),
            Endpoint::CreateSession | Endpoint::DeleteContinue | Endpoint::DeleteSession | Endpoint::Chat => Need::Scope(Scope::Chat),
        }
    }

    async fn answer(endpoint: Endpoint, request: &Request<'_>) -> Result<Reply, Problem> {
        let answered = match endpoint {
            Endpoint::CreateSession => sessions::create(request).await,
            Endpoint::ContinueSession => sessions::latest(request).await,
            Endpoint::DeleteContinue => Err(sessions::not_found("continue").into()),
            Endpoint::GetSession => sessions::get(request).await,
            Endpoint::DeleteSession => sessions::delete(request).await,
            Endpoint::Chat => chat::chat(request).await,
            Endpoint::Health => Ok(service::health()),
            Endpoint::Docs => Ok(service::docs()),
        };
        match answered {
            Ok(reply) => Ok(reply),
            Err(Refusal::Invalid(faults)) => Ok(invalid(&faults, request.request_id())),
            Err(Refusal::Problem(problem)) => Err(problem),
        }
    }

    fn refuse(problem: Problem, request_id: &str) -> Reply {
        let (status, code, message) = words(&problem);
        if code == INVALID {
            let fault = Fault::of_value(problem.field.as_deref().unwrap_or_default(), &problem.detail);
            return invalid(&[fault], request_id);
        }
        let has_route = !matches!(problem.code, "NOT_FOUND" | "METHOD_NOT_ALLOWED");
        let error = ErrorJson { message, code, status, details: &[], session_id: problem.session_id.as_deref() };
        let reply = failure(error, has_route.then_some(request_id));
        problem.headers.into_iter().fold(reply, |reply, (name, value)| reply.with_header(name, value))
    }

    fn finish(reply: Reply, took: Duration) -> Reply {
        reply
            .with_header("x-response-time", format!("{:.3}s", took.as_secs_f64()))
            .with_header("x-content-type-options", "nosniff".to_owned())
            .with_header("x-frame-options", "DENY".to_owned())
            .with_header("x-xss-protection", "1; mode=block".to_owned())
            .with_header("strict-transport-security", "max-age=31536000; includeSubDomains".to_owned())
    }
}

const INVALID: &str = "VALIDATION_ERROR";

/// What its clients know a problem by: status, code and words.
fn words(problem: &Problem) -> (u16, &'static str, &str) {
    match problem.code {
        "UNSUPPORTED_MEDIA_TYPE" => (400, "INVALID_CONTENT_TYPE", "Request must be JSON"),
        "INVALID_JSON" => (400, "INVALID_JSON", "Invalid JSON in request body"),
        // What is no object has no fields.
        INVALID if problem.field.as_deref() == Some("body") => (400, "INVALID_JSON", "Invalid JSON in request body"),
        "NOT_FOUND" => (404, "NOT_FOUND", "Endpoint not found"),
        "METHOD_NOT_ALLOWED" => (405, "METHOD_NOT_ALLOWED", "Method not allowed"),
        "RATE_LIMITED" | "MODEL_RATE_LIMITED" => (429, "RATE_LIMIT_EXCEEDED", &problem.detail),
        "INTERNAL_ERROR" => (500, "INTERNAL_ERROR", "An internal server error occurred"),
        code => (problem.status, code, &problem.detail),
    }
}

fn success<T: Serialize>(status: u16, data: T) -> Reply {
    Reply::json(status, &SuccessJson { success: true, data, timestamp: iso(platform::now()) })
}

fn failure(error: ErrorJson<'_>, request_id: Option<&str>) -> Reply {
    let status = error.status;
    Reply::json(status, &FailureJson { success: false, error, timestamp: iso(platform::now()), request_id })
}

fn invalid(faults: &[Fault], request_id: &str) -> Reply {
    let error = ErrorJson { message: "Validation failed", code: INVALID, status: 400, details: faults, session_id: None };
    failure(error, Some(request_id))
}

/// The user that a client names, unless that is nobody.
fn somebody(user_id: Option<String>) -> Option<String> {
    user_id.filter(|user| !is_nobody(user))
}

/// What the user of a session is called.
fn user_of(session: &Session) -> &str {
    session.user_id.as_ref().map_or(NOBODY, |user| user.as_str())
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(problem)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Refusal::Problem(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::turn::ModelFailure, error::Subject};

    #[test]
    fn every_problem_has_a_status_and_a_code_that_clients_know() {
        let failed = |failure| Problem::from(Error::Model { failure, cause: "a cause".into() });
        let cases: [(Problem, (u16, &str)); 23] = [
            (Problem::not_json(), (400, "INVALID_CONTENT_TYPE")),
            (Error::invalid("body", "x").into(), (400, "INVALID_JSON")),
            (Error::invalid("user_id", "x").into(), (400, "VALIDATION_ERROR")),
            (Problem::no_such_path("/x"), (404, "NOT_FOUND")),
            (Problem::method_not_allowed("GET", [].into_iter()), (405, "METHOD_NOT_ALLOWED")),
            (Problem::credentials_required("x"), (401, "CREDENTIALS_REQUIRED")),
            (Problem::invalid_credentials("x"), (401, "INVALID_CREDENTIALS")),
            (Problem::insufficient_scope(Scope::Chat, None), (403, "INSUFFICIENT_SCOPE")),
            (Error::NotFound(Subject::Session).into(), (404, "SESSION_NOT_FOUND")),
            (Error::NotFound(Subject::User).into(), (404, "USER_NOT_FOUND")),
            (Error::KeyReused.into(), (409, "IDEMPOTENCY_CONFLICT")),
            (Error::NotPossible("x".into()).into(), (409, "NOT_POSSIBLE")),
            (Error::SessionLimit { limit: 1 }.into(), (409, "SESSION_LIMIT")),
            (Problem::body_too_large(), (413, "TOO_LARGE")),
            (failed(ModelFailure::Refused), (502, "MODEL_REFUSED")),
            (failed(ModelFailure::Unavailable), (503, "MODEL_UNAVAILABLE")),
            (failed(ModelFailure::Timeout), (504, "MODEL_TIMEOUT")),
            (Error::Misconfigured("x".into()).into(), (503, "MISCONFIGURED")),
            (Error::Invalid { field: "path".into(), rule: "x".into() }.into(), (400, "VALIDATION_ERROR")),
            (failed(ModelFailure::RateLimited { retry_after: None }), (429, "RATE_LIMIT_EXCEEDED")),
            (Problem::rate_limited(), (429, "RATE_LIMIT_EXCEEDED")),
            (Error::Internal("a cause".into()).into(), (500, "INTERNAL_ERROR")),
            (Error::Unavailable("a cause".into()).into(), (503, "UNAVAILABLE")),
        ];
        for (problem, expected) in cases {
            let (status, code, message) = words(&problem);
            assert_eq!((status, code), expected, "{problem:?}");
            assert!(!message.contains("a cause"), "{message}");
            assert!(service::is_told(status, code), "docs do not know {status} {code}");
        }
    }
}
