//! `/api/v1/health` and `/api/v1/docs`.

use chrono::SecondsFormat;
use serde::Serialize;

use super::written;
use crate::{http::response::Reply, platform};

#[derive(Serialize)]
struct HealthJson {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    timestamp: String,
}

#[derive(Serialize)]
struct DocsJson {
    service: &'static str,
    version: &'static str,
    endpoints: &'static [EndpointJson],
    errors: &'static [ErrorJson],
}

#[derive(Serialize)]
struct EndpointJson {
    method: &'static str,
    path: &'static str,
    description: &'static str,
    /// Fields of the body or the query; `?`: may be absent.
    request: &'static str,
    status: u16,
    /// Fields of `data`, or of the whole where there is no `data`.
    response: &'static str,
}

#[derive(Serialize)]
struct ErrorJson {
    status: u16,
    code: &'static str,
    description: &'static str,
}

const SERVICE: &str = "atlus-api";
const VERSION: &str = env!("CARGO_PKG_VERSION");

const ENDPOINTS: &[EndpointJson] = &[
    EndpointJson {
        method: "POST",
        path: "/api/v1/sessions",
        description: "Begins a session.",
        request: "user_id?, metadata?",
        status: 201,
        response: "session_id, user_id, created_at, metadata",
    },
    EndpointJson {
        method: "GET",
        path: "/api/v1/sessions/continue",
        description: "The session that a user was in last.",
        request: "user_id?",
        status: 200,
        response: "session_id, user_id, created_at, last_activity, is_active, metadata",
    },
    EndpointJson {
        method: "GET",
        path: "/api/v1/sessions/{session_id}",
        description: "A session, with numbers of what it remembers.",
        request: "",
        status: 200,
        response: "session_id, user_id, created_at, last_activity, is_active, metadata, memory",
    },
    EndpointJson {
        method: "DELETE",
        path: "/api/v1/sessions/{session_id}",
        description: "Ends a session. What is remembered of its user stays.",
        request: "",
        status: 200,
        response: "message, session_id (without data)",
    },
    EndpointJson {
        method: "POST",
        path: "/api/v1/chat",
        description: "Says something and gives the answer. Without session_id it begins a session, whose id the answer has.",
        request: "message (1 to 5000 characters), session_id?, user_id?, metadata?",
        status: 200,
        response: "response, session_id, execution_time (seconds), request_id",
    },
    EndpointJson {
        method: "GET",
        path: "/api/v1/health",
        description: "Does it run?",
        request: "",
        status: 200,
        response: "status, service, version, timestamp (without data)",
    },
    EndpointJson { method: "GET", path: "/api/v1/docs", description: "This.", request: "", status: 200, response: "" },
];

const fn error(status: u16, code: &'static str, description: &'static str) -> ErrorJson {
    ErrorJson { status, code, description }
}

const ERRORS: &[ErrorJson] = &[
    error(400, "INVALID_CONTENT_TYPE", "The body does not say that it is JSON."),
    error(400, "INVALID_JSON", "The body is no JSON object."),
    error(400, "VALIDATION_ERROR", "Fields break rules; details has them."),
    error(401, "CREDENTIALS_REQUIRED", "Nothing is shown that tells who asks."),
    error(401, "INVALID_CREDENTIALS", "What is shown is wrong."),
    error(403, "INSUFFICIENT_SCOPE", "The key does not allow it."),
    error(404, "SESSION_NOT_FOUND", "There is no such session, or it has expired."),
    error(404, "INVALID_SESSION", "The same, on chat."),
    error(404, "NO_SESSION_FOUND", "The user has no session to continue."),
    error(404, "USER_NOT_FOUND", "A user for whom the caller may not act."),
    error(404, "NOT_FOUND", "There is nothing at this path."),
    error(405, "METHOD_NOT_ALLOWED", "The header Allow tells the methods."),
    error(409, "IDEMPOTENCY_CONFLICT", "The Idempotency-Key was used for another request."),
    error(409, "NOT_POSSIBLE", "The request failed before, and the conversation has gone on since: send it under another key."),
    error(409, "SESSION_LIMIT", "The user has as many sessions as a user may have."),
    error(413, "TOO_LARGE", "The body or the metadata is too large."),
    error(429, "RATE_LIMIT_EXCEEDED", "Wait as long as Retry-After says."),
    error(500, "INTERNAL_ERROR", "Something went wrong on our side."),
    error(502, "MODEL_REFUSED", "The model does not answer this."),
    error(503, "MODEL_UNAVAILABLE", "The model cannot be reached. What was said is kept."),
    error(503, "MISCONFIGURED", "The deployment lacks a setting, which the message names."),
    error(503, "UNAVAILABLE", "Try again. Of a Worker that was lost it comes as a problem (RFC 9457), outside the envelope."),
    error(504, "MODEL_TIMEOUT", "The model took too long. What was said is kept."),
];

/// `GET /api/v1/health`: 200 while the Worker runs.
pub(super) fn health() -> Reply {
    let timestamp = written(platform::now(), SecondsFormat::Secs);
    Reply::json(200, &HealthJson { status: "healthy", service: SERVICE, version: VERSION, timestamp })
}

/// `GET /api/v1/docs`: 200 with what there is.
pub(super) fn docs() -> Reply {
    Reply::json(200, &DocsJson { service: SERVICE, version: VERSION, endpoints: ENDPOINTS, errors: ERRORS })
}

/// Do the docs tell of it?
#[cfg(test)]
pub(super) fn is_told(status: u16, code: &str) -> bool {
    ERRORS.iter().any(|error| (error.status, error.code) == (status, code))
}

#[cfg(test)]
mod tests {
    use super::{super::Atlus, *};
    use crate::http::dialect;

    #[test]
    fn everything_that_there_is_is_described() {
        let routes =
            dialect::routes::<Atlus>().into_iter().map(|(method, path, _)| (method.to_string(), path.replace("{}", "{session_id}")));
        let described: Vec<_> = ENDPOINTS.iter().map(|described| (described.method.to_owned(), described.path.to_owned())).collect();
        // Nobody needs to be told that `continue` cannot be ended.
        let served: Vec<_> = routes.filter(|route| *route != ("DELETE".to_owned(), "/api/v1/sessions/continue".to_owned())).collect();
        assert_eq!(served, described);
    }
}
