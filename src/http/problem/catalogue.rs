//! Every problem that we have words for: its status, its code, what it says to people.
//!
//! Codes never change their meaning: programs go by them. What a dialect alone answers stands with that dialect.

use std::time::Duration;

use crate::{
    domain::{caller::Scope, turn::ModelFailure},
    error::{Error, Subject},
    http::{self, Method, entity_tag::etag, problem::Problem},
    limits,
};

/// How to prove who one is (RFC 6750).
const CHALLENGE: &str = "www-authenticate";
const REALM: &str = env!("CARGO_PKG_NAME");
/// How long to wait for an object that cannot be reached.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// The shortest time over which a rate limiter counts.
const PERIOD: Duration = Duration::from_secs(10);
/// How long to wait for a turn: most have ended by then, or nearly.
const TURN_RETRY_AFTER: Duration = Duration::from_millis(500);
/// Longer paths to a field, in deeply nested JSON, are cut.
const FIELD_CHARACTERS: usize = 80;
/// Longer reasons, for values that are repeated in them, are cut.
const REASON_CHARACTERS: usize = 200;

impl Problem {
    /// A model's failure.
    pub(crate) fn of_model(failure: ModelFailure) -> Problem {
        let code = failure.code();
        match failure {
            ModelFailure::Timeout => {
                Problem::new(504, code, "The model took too long. What was said is kept; send the request again under its key, or regenerate.")
            }
            ModelFailure::RateLimited { retry_after } => {
                let problem =
                    Problem::new(429, code, "The model has too much to do. What was said is kept; later send the request again under its key, or regenerate.");
                problem.worth_waiting(retry_after.unwrap_or(RETRY_AFTER))
            }
            ModelFailure::Refused => Problem::new(502, code, "The model does not answer this. What was said is kept.").for_good(),
            ModelFailure::Unavailable => Problem::new(
                503,
                code,
                "The model cannot be reached, or gave no answer. What was said is kept; send the request again under its key, or regenerate.",
            )
            .worth_waiting(RETRY_AFTER),
        }
    }

    /// The process that ran the turn is gone.
    pub(crate) fn interrupted() -> Problem {
        Problem::new(
            503,
            "TURN_INTERRUPTED",
            "The turn was interrupted. What was said is kept; send the request again under its key, or regenerate.",
        )
    }

    /// 422: the tool result in `place` answers no open call.
    pub(crate) fn unpaired_result(place: &str) -> Problem {
        let field = format!("{place}.tool_call_id");
        Problem::new(422, "UNPAIRED_TOOL_RESULT", format!("{field} must be the id of a tool call that waits for a result.")).in_field(field)
    }

    /// 422: the message in `place` comes while calls before it have no result.
    pub(crate) fn open_call(place: &str) -> Problem {
        let detail =
            format!("{place} must come after a result of every tool call before it. Send ?repair=true to have stubs stand for them.");
        Problem::new(422, "OPEN_TOOL_CALL", detail).in_field(place)
    }

    /// 401: nothing is shown that tells who asks. `what` to send.
    pub(crate) fn credentials_required(what: &str) -> Problem {
        Problem::new(401, "CREDENTIALS_REQUIRED", what).with_header(CHALLENGE, format!("Bearer realm=\"{REALM}\""))
    }

    /// 401: what is shown is wrong, and `why`; no text of the client's.
    pub(crate) fn invalid_credentials(why: &str) -> Problem {
        let challenge = format!("Bearer realm=\"{REALM}\", error=\"invalid_token\", error_description=\"{why}\"");
        Problem::new(401, "INVALID_CREDENTIALS", why).with_header(CHALLENGE, challenge)
    }

    /// 403: known, but without the scope that is needed.
    pub(crate) fn insufficient_scope(needed: Scope, key_name: Option<&str>) -> Problem {
        let needed = needed.name();
        let detail = match key_name {
            Some(key) => format!("This needs the scope {needed}, which the key {key} does not have."),
            None => format!("This needs a service key with the scope {needed}."),
        };
        let challenge = format!("Bearer realm=\"{REALM}\", error=\"insufficient_scope\", scope=\"{needed}\"");
        Problem::new(403, "INSUFFICIENT_SCOPE", detail).with_header(CHALLENGE, challenge)
    }

    /// 429: asked too often.
    pub(crate) fn rate_limited() -> Problem {
        Problem::new(429, "RATE_LIMITED", "Too many requests lately. Wait a little before you send this again.").worth_waiting(PERIOD)
    }

    /// 404: no route.
    pub(crate) fn no_such_path(path: &str) -> Problem {
        let hint = match path.strip_suffix('/') {
            Some(stem) if !stem.is_empty() => "Leave out the slash at the end.",
            _ => "See GET / for what there is.",
        };
        Problem::new(404, "NOT_FOUND", format!("There is nothing at this path. {hint}"))
    }

    /// 405: a path without that method.
    pub(crate) fn method_not_allowed(method: &str, allowed: impl Iterator<Item = Method>) -> Problem {
        let allow = http::allow(allowed);
        let mut problem = Problem::new(405, "METHOD_NOT_ALLOWED", format!("{method} is not allowed here, only {allow}."));
        problem.headers.push(("allow", allow));
        problem
    }

    /// 415: the body does not say that it is JSON.
    pub(crate) fn not_json() -> Problem {
        Problem::new(415, "UNSUPPORTED_MEDIA_TYPE", "Send a JSON body with the header Content-Type: application/json.")
            .in_field("Content-Type")
    }

    /// 415: the body is nothing that can be imported, by what it says of itself.
    pub(crate) fn no_import_format() -> Problem {
        let detail = "Send Content-Type: application/json or application/jsonl, or name the format in the query.";
        Problem::new(415, "UNSUPPORTED_MEDIA_TYPE", detail).in_field("Content-Type")
    }

    /// 413: the body alone is too large.
    pub(crate) fn body_too_large() -> Problem {
        Problem::from(Error::TooLarge { field: "body".into(), limit_bytes: limits::BODY_BYTES })
    }

    /// 404 with the code that chat clients know.
    pub(crate) fn invalid_session() -> Problem {
        Problem::new(
            404,
            "INVALID_SESSION",
            "There is no such session, or it has expired. Create one with POST /sessions, or leave session_id out.",
        )
        .in_field("session_id")
    }

    /// 400: the body is not JSON, or not the JSON that is expected at `path`.
    pub(crate) fn from_json_error(path: &str, error: &serde_json::Error) -> Problem {
        Problem::of_json(path, error, &error.to_string())
    }

    /// The same of a piece of a body: line and column would be those of the piece.
    pub(crate) fn from_piece_error(path: &str, error: &serde_json::Error) -> Problem {
        let words = error.to_string();
        Problem::of_json(path, error, words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words))
    }

    fn of_json(path: &str, error: &serde_json::Error, words: &str) -> Problem {
        // "?" stands for what could not be read any more, "." for the whole.
        let known = path.trim_end_matches(['?', '.']);
        let field = match known.char_indices().nth(FIELD_CHARACTERS) {
            Some((end, _)) => format!("{}\u{2026}", known.get(..end).unwrap_or_default()),
            None if known.is_empty() => "body".to_owned(),
            None => known.to_owned(),
        };
        let code = if error.is_data() { "VALIDATION_ERROR" } else { "INVALID_JSON" };
        // serde's words repeat what was sent.
        let words: String = words.chars().take(REASON_CHARACTERS).collect();
        Problem::new(400, code, format!("{field}: {words}.")).in_field(field)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match error {
            Error::NotFound(Subject::Session) => Problem::new(404, "SESSION_NOT_FOUND", "There is no such session, or it has expired."),
            Error::NotFound(Subject::User) => Problem::new(404, "USER_NOT_FOUND", "There is no such user."),
            Error::NotFound(Subject::Turn) => Problem::new(404, "TURN_NOT_FOUND", "The session has no turn of that number."),
            Error::NotFound(Subject::Message) => {
                Problem::new(404, "MESSAGE_NOT_FOUND", "The history has no message of that sequence number.")
            }
            Error::NotFound(Subject::Memory) => Problem::new(404, "MEMORY_NOT_FOUND", "Nothing is remembered under this key."),
            Error::Invalid { field, rule } => Problem::new(400, "VALIDATION_ERROR", format!("{field} {rule}.")).in_field(field),
            Error::TooLarge { field, limit_bytes } => {
                Problem::new(413, "TOO_LARGE", format!("{field} must have at most {limit_bytes} bytes.")).in_field(field)
            }
            Error::UnpairedToolResult { index } => Problem::unpaired_result(&format!("messages[{index}]")),
            Error::IdTaken => Problem::new(409, "SESSION_ID_TAKEN", "This session id is in use. Choose another, or leave session_id out.")
                .in_field("session_id")
                .for_good(),
            Error::KeyReused => {
                Problem::new(409, "IDEMPOTENCY_CONFLICT", "This Idempotency-Key was used for another request. Take a new one.")
                    .in_field("Idempotency-Key")
                    .for_good()
            }
            Error::SessionLimit { limit } => Problem::new(
                409,
                "SESSION_LIMIT",
                format!("A user has at most {limit} sessions. Delete one, or go on in one that is there."),
            )
            .for_good(),
            Error::TurnInProgress => Problem::new(
                409,
                "TURN_IN_PROGRESS",
                "A turn is running. Wait for its end, stop it, or send on_busy: \"wait\" to have this one follow it.",
            )
            .worth_waiting(TURN_RETRY_AFTER),
            Error::NotPossible(rule) => Problem::new(409, "NOT_POSSIBLE", format!("{rule}.")).for_good(),
            Error::Model { failure, cause } => Problem::of_model(failure).caused_by(cause),
            Error::Stale { current } => {
                let mut problem =
                    Problem::new(412, "PRECONDITION_FAILED", "It has changed since. Read it again, then repeat with its new ETag.")
                        .in_field("If-Match")
                        .for_good();
                problem.headers.extend(current.map(|current| ("etag", etag(current))));
                problem
            }
            Error::Misconfigured(rule) => Problem::new(503, "MISCONFIGURED", format!("{rule}.")).caused_by(rule),
            Error::Unavailable(cause) => Problem::new(503, "UNAVAILABLE", "The service is briefly unavailable. Try again.")
                .caused_by(cause)
                .worth_waiting(RETRY_AFTER),
            Error::Internal(cause) => Problem::new(500, "INTERNAL_ERROR", "Something went wrong on our side.").caused_by(cause),
        }
    }
}
