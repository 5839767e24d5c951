//! What a deployment chooses, read from its variables once per use and checked completely.
//!
//! A mistake here is answered with 503 and named in the log: better no service than another one than was meant.

mod auth;
mod context;
mod model;
mod persona;

use std::time::Duration;

pub(crate) use auth::{AuthMode, KeyAlgorithm, ServiceKey, Signing, TokenRules, Ways};
use context::ContextChoice;
pub(crate) use context::ContextSettings;
use model::ModelChoice;
use serde::Deserialize;
use worker::Env;

use crate::{
    domain::{
        persona::Personas,
        session::{SessionLimit, parse_idle_timeout},
    },
    error::{Error, Result},
    platform::env::variable,
};

pub(crate) use crate::model::Secret;

/// The checked configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// How callers are told apart.
    pub auth: AuthMode,
    /// How long a session lives after its last activity unless its client says otherwise.
    pub idle_timeout: Duration,
    /// How many sessions a user may have.
    pub sessions: SessionLimit,
    /// Who answers.
    pub model: ModelChoice,
    /// How much of a session it sees.
    pub context: ContextChoice,
    /// As whom it answers.
    pub personas: Personas,
    /// How late what the counters are told may be.
    pub stats_lag: Duration,
    /// Which web origins may call.
    pub cors: CorsOrigins,
    /// Whether the routes that break things on purpose exist.
    pub has_test_faults: bool,
}

/// Which web origins may call from a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CorsOrigins {
    /// Any, without credentials.
    Any,
    /// These.
    Listed(Vec<String>),
}

const STATS_LAG: &str = "STATS_LAG_SECONDS";
const DEFAULT_STATS_LAG: Duration = Duration::from_secs(300);
const DEFAULT_IDLE_TIMEOUT_SECONDS: &str = "3600";
const DEFAULT_SESSIONS_PER_USER: u64 = 10;

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `Misconfigured`, naming the variable and the rule.
    pub(crate) fn from_env(env: &Env) -> Result<Config> {
        Config::parse(|name| variable(env, name))
    }

    fn parse(variable: impl Fn(&str) -> Option<String>) -> Result<Config> {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let auth = AuthMode::parse(&given)?;
        let seconds = given("IDLE_TIMEOUT_SECONDS").unwrap_or_else(|| DEFAULT_IDLE_TIMEOUT_SECONDS.to_owned());
        let idle_timeout = seconds
            .parse()
            .ok()
            .and_then(|seconds| parse_idle_timeout("", seconds).ok())
            .ok_or_else(|| misconfigured("IDLE_TIMEOUT_SECONDS must be a number of seconds from 1 to 2592000"))?;
        let sessions = parse_session_limit(&given)?;
        let model = ModelChoice::parse(&given)?;
        let context = ContextChoice::parse(&given)?;
        let personas = persona::parse(&given)?;
        if let Some(unknown) = model.personas().find(|persona| !personas.has(persona)) {
            return Err(misconfigured(&format!("PERSONA_MODELS names {unknown}, and there is no such persona")));
        }
        let cors = match variable("CORS_ORIGINS").as_deref() {
            None | Some("*") => CorsOrigins::Any,
            // An empty list allows no origin.
            Some(list) => {
                CorsOrigins::Listed(list.split(',').map(|origin| origin.trim().to_owned()).filter(|origin| !origin.is_empty()).collect())
            }
        };
        let stats_lag = match given(STATS_LAG) {
            Some(seconds) => {
                parse_stats_lag(&seconds).ok_or_else(|| misconfigured("STATS_LAG_SECONDS must be a number of seconds from 1 to 86400"))?
            }
            None => DEFAULT_STATS_LAG,
        };
        Ok(Config {
            auth,
            idle_timeout,
            sessions,
            model,
            context,
            personas,
            stats_lag,
            cors,
            has_test_faults: given("TEST_FAULTS").is_some(),
        })
    }
}

/// Reads how many sessions a user may have.
fn parse_session_limit(given: &impl Fn(&str) -> Option<String>) -> Result<SessionLimit> {
    let most = given("MAX_SESSIONS_PER_USER").map_or(Ok(DEFAULT_SESSIONS_PER_USER), |most| most.parse());
    let most = most.map_err(|_| misconfigured("MAX_SESSIONS_PER_USER must be a whole number; 0 sets no limit"))?;
    let evicts = match given("SESSION_LIMIT_POLICY").as_deref() {
        None | Some("evict") => true,
        Some("reject") => false,
        Some(_) => return Err(misconfigured("SESSION_LIMIT_POLICY must be evict or reject")),
    };
    Ok(SessionLimit { most: Some(most).filter(|most| *most > 0), evicts })
}

/// How late what the counters are told may be, for objects, which must not fail because of it.
pub(crate) fn stats_lag(env: &Env) -> Duration {
    variable(env, STATS_LAG).and_then(|seconds| parse_stats_lag(&seconds)).unwrap_or(DEFAULT_STATS_LAG)
}

fn parse_stats_lag(seconds: &str) -> Option<Duration> {
    seconds.parse().ok().filter(|seconds| (1..=86_400).contains(seconds)).map(Duration::from_secs)
}

fn misconfigured(what: &str) -> Error {
    Error::Misconfigured(what.to_owned())
}

/// The variable `name` as JSON, the default when it is absent.
fn parse_json<T: Default + for<'de> Deserialize<'de>>(given: &impl Fn(&'static str) -> Option<String>, name: &'static str) -> Result<T> {
    // serde's words would repeat what is a secret in some variables.
    given(name).map_or(Ok(T::default()), |json| {
        serde_json::from_str(&json)
            .map_err(|e| misconfigured(&format!("{name} is not the JSON it should be, at line {} column {}", e.line(), e.column())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<Config> {
        Config::parse(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn defaults_and_lists_are_read() {
        let config = parse(&[]).unwrap();
        assert_eq!((config.idle_timeout.as_secs(), config.stats_lag.as_secs(), config.cors), (3600, 300, CorsOrigins::Any));
        let config = parse(&[("IDLE_TIMEOUT_SECONDS", "2"), ("CORS_ORIGINS", "https://a.example, https://b.example")]).unwrap();
        let origins = CorsOrigins::Listed(vec!["https://a.example".into(), "https://b.example".into()]);
        assert_eq!((config.idle_timeout.as_secs(), config.cors), (2, origins));
        assert_eq!(parse(&[("CORS_ORIGINS", "")]).unwrap().cors, CorsOrigins::Listed(vec![]));
    }

    #[test]
    fn users_have_ten_sessions_unless_otherwise_said() {
        let sessions = |variables| parse(variables).unwrap().sessions;
        assert_eq!(sessions(&[]), SessionLimit { most: Some(10), evicts: true });
        let variables = [("MAX_SESSIONS_PER_USER", "0"), ("SESSION_LIMIT_POLICY", "reject")];
        assert_eq!(sessions(&variables), SessionLimit { most: None, evicts: false });
    }

    #[test]
    fn mistakes_are_refused() {
        for mistake in [
            ("AUTH_MODE", "none"),
            ("IDLE_TIMEOUT_SECONDS", "0"),
            ("IDLE_TIMEOUT_SECONDS", "1h"),
            ("IDLE_TIMEOUT_SECONDS", "2592001"),
            ("MAX_SESSIONS_PER_USER", "-1"),
            ("MAX_SESSIONS_PER_USER", "many"),
            ("SESSION_LIMIT_POLICY", "x"),
            ("STATS_LAG_SECONDS", "0"),
            ("STATS_LAG_SECONDS", "86401"),
            ("MODEL_PROVIDER", "x"),
            ("PERSONAS", "x"),
            ("PERSONA_MODELS", r#"{"poet":{}}"#),
        ] {
            assert!(parse(&[mistake]).is_err(), "{mistake:?}");
        }
    }
}
