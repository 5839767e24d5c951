//! What concerns the service itself: the banner and its health. What its operators ask is in `stats` and `cleanup`, what tests
//! ask in `testing`.

pub(in crate::http::own) mod cleanup;
pub(in crate::http::own) mod stats;
pub(in crate::http::own) mod testing;

use serde::Serialize;
use worker::Env;

use super::rfc3339;
use crate::{
    domain::{
        caller::Caller,
        id::{Id, SessionId},
    },
    error::Result,
    http::{problem::Problem, request::Request, response::Reply},
    index, platform,
    session::client::SessionClient,
};

/// The object that `?deep=1` asks. Asking writes nothing, so it does not matter whether a session is called so.
const PROBE: &str = "health probe";

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Banner"))]
pub(super) struct BannerJson {
    service: &'static str,
    version: &'static str,
    description: &'static str,
    /// This and the next field are for clients of ATLUS.
    status: &'static str,
    endpoints: EndpointsJson,
    paths: [&'static str; 9],
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BannerEndpoints"))]
struct EndpointsJson {
    chat: &'static str,
    health: &'static str,
    docs: &'static str,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Health"))]
pub(super) struct HealthJson {
    status: &'static str,
    service: &'static str,
    version: &'static str,
    model: ModelJson,
    timestamp: String,
    // What clients of the Nono chat bot read: can the store be used, and the model? True unless `?deep=1` finds otherwise.
    redis: bool,
    ollama: bool,
    lmstudio: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<ChecksJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HealthModel"))]
struct ModelJson {
    provider: &'static str,
    is_language_model: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "HealthChecks"))]
struct ChecksJson {
    kv: &'static str,
    session_object: &'static str,
}

/// `GET /`: what this is and where to go.
pub(crate) fn banner() -> Reply {
    let json = BannerJson {
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        description: env!("CARGO_PKG_DESCRIPTION"),
        status: "operational",
        endpoints: EndpointsJson { chat: "/api/v1/chat", health: "/api/v1/health", docs: "/api/v1/docs" },
        paths: [
            "/chat",
            "/sessions",
            "/sessions/{session_id}",
            "/sessions/{session_id}/messages",
            "/sessions/{session_id}/events",
            "/sessions/{session_id}/{stop|regenerate|continue|edit|fork}",
            "/users/{user_id}/sessions",
            "/personas",
            "/health",
        ],
    };
    Reply::json(200, &json)
}

/// `GET /health`: 200 while the Worker runs, without any I/O. `?deep=1` also reads KV and calls one object, and
/// answers 503 when one of them fails.
pub(crate) async fn health(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let checks = if request.query().get("deep") == Some("1") { Some(check(request.env()).await?) } else { None };
    let is_healthy = checks.as_ref().is_none_or(|checks| checks.kv == "ok" && checks.session_object == "ok");
    let provider = &request.config().model.provider;
    let json = HealthJson {
        status: if is_healthy { "healthy" } else { "unhealthy" },
        service: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        model: ModelJson { provider: provider.name(), is_language_model: provider.is_language_model() },
        timestamp: rfc3339(platform::now()),
        redis: is_healthy,
        ollama: true,
        lmstudio: true,
        checks,
    };
    Ok(Reply::json(if is_healthy { 200 } else { 503 }, &json))
}

async fn check(env: &Env) -> Result<ChecksJson> {
    let probe: SessionId = Id::parse("probe", PROBE)?;
    let caller = Caller::Open { acting_for: None };
    let session = SessionClient::new(env, &caller, &probe);
    Ok(ChecksJson { kv: word(&index::ping(env).await), session_object: word(&session.ping().await) })
}

fn word(outcome: &Result<()>) -> &'static str {
    match outcome {
        Ok(()) => "ok",
        Err(error) => {
            worker::console_error!("health: {error:?}");
            "failing"
        }
    }
}
