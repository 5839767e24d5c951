//! How failures travel from an object to its caller.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{failure_named, version::VersionRecord};
use crate::{
    domain::{time::millis, turn::ModelFailure},
    error::{Error, Subject},
};

/// How an [`Error`] travels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    SessionNotFound,
    UserNotFound,
    TurnNotFound,
    MessageNotFound,
    MemoryNotFound,
    Invalid { field: String, rule: String },
    TooLarge { field: String, limit_bytes: usize },
    UnpairedToolResult { index: usize },
    IdTaken,
    KeyReused,
    Stale { current: Option<VersionRecord> },
    SessionLimit { limit: u64 },
    TurnInProgress,
    NotPossible { rule: String },
    Model { code: String, retry_after_ms: Option<u64>, cause: String },
    Misconfigured { rule: String },
    Unavailable { cause: String },
    Internal { cause: String },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(Subject::Session) => Refusal::SessionNotFound,
            Error::NotFound(Subject::User) => Refusal::UserNotFound,
            Error::NotFound(Subject::Turn) => Refusal::TurnNotFound,
            Error::NotFound(Subject::Message) => Refusal::MessageNotFound,
            Error::NotFound(Subject::Memory) => Refusal::MemoryNotFound,
            Error::Invalid { field, rule } => Refusal::Invalid { field, rule },
            Error::TooLarge { field, limit_bytes } => Refusal::TooLarge { field, limit_bytes },
            Error::UnpairedToolResult { index } => Refusal::UnpairedToolResult { index },
            Error::IdTaken => Refusal::IdTaken,
            Error::KeyReused => Refusal::KeyReused,
            Error::Stale { current } => Refusal::Stale { current: current.map(Into::into) },
            Error::SessionLimit { limit } => Refusal::SessionLimit { limit },
            Error::TurnInProgress => Refusal::TurnInProgress,
            Error::NotPossible(rule) => Refusal::NotPossible { rule },
            Error::Model { failure, cause } => {
                Refusal::Model { code: failure.code().to_owned(), retry_after_ms: retry_after_ms(failure), cause }
            }
            Error::Misconfigured(rule) => Refusal::Misconfigured { rule },
            Error::Unavailable(cause) => Refusal::Unavailable { cause },
            Error::Internal(cause) => Refusal::Internal { cause },
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SessionNotFound => Error::NotFound(Subject::Session),
            Refusal::UserNotFound => Error::NotFound(Subject::User),
            Refusal::TurnNotFound => Error::NotFound(Subject::Turn),
            Refusal::MessageNotFound => Error::NotFound(Subject::Message),
            Refusal::MemoryNotFound => Error::NotFound(Subject::Memory),
            Refusal::Invalid { field, rule } => Error::Invalid { field, rule },
            Refusal::TooLarge { field, limit_bytes } => Error::TooLarge { field, limit_bytes },
            Refusal::UnpairedToolResult { index } => Error::UnpairedToolResult { index },
            Refusal::IdTaken => Error::IdTaken,
            Refusal::KeyReused => Error::KeyReused,
            Refusal::Stale { current } => Error::Stale { current: current.as_ref().map(Into::into) },
            Refusal::SessionLimit { limit } => Error::SessionLimit { limit },
            Refusal::TurnInProgress => Error::TurnInProgress,
            Refusal::NotPossible { rule } => Error::NotPossible(rule),
            Refusal::Model { code, retry_after_ms, cause } => match failure_named(&code) {
                Ok(ModelFailure::RateLimited { .. }) => {
                    Error::Model { failure: ModelFailure::RateLimited { retry_after: retry_after_ms.map(Duration::from_millis) }, cause }
                }
                Ok(failure) => Error::Model { failure, cause },
                Err(error) => error,
            },
            Refusal::Misconfigured { rule } => Error::Misconfigured(rule),
            Refusal::Unavailable { cause } => Error::Unavailable(cause),
            Refusal::Internal { cause } => Error::Internal(cause),
        }
    }
}

fn retry_after_ms(failure: ModelFailure) -> Option<u64> {
    match failure {
        ModelFailure::RateLimited { retry_after } => retry_after.map(millis),
        ModelFailure::Timeout | ModelFailure::Refused | ModelFailure::Unavailable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::Version;

    #[test]
    fn refusals_carry_every_error() {
        let version = Version { created_at_ms: 1, revision: 2 };
        let errors = [
            Error::NotFound(Subject::Session),
            Error::NotFound(Subject::User),
            Error::invalid("f", "r"),
            Error::TooLarge { field: "f".into(), limit_bytes: 1 },
            Error::UnpairedToolResult { index: 3 },
            Error::IdTaken,
            Error::KeyReused,
            Error::Stale { current: Some(version) },
            Error::Stale { current: None },
            Error::NotFound(Subject::Turn),
            Error::NotFound(Subject::Message),
            Error::NotFound(Subject::Memory),
            Error::SessionLimit { limit: 10 },
            Error::TurnInProgress,
            Error::NotPossible("r".into()),
            Error::Model { failure: ModelFailure::Timeout, cause: "c".into() },
            Error::Model { failure: ModelFailure::RateLimited { retry_after: Some(Duration::from_millis(1500)) }, cause: "c".into() },
            Error::Misconfigured("r".into()),
            Error::Unavailable("c".into()),
            Error::Internal("c".into()),
        ];
        for error in errors {
            let json = serde_json::to_string(&Refusal::from(error.clone())).unwrap();
            assert_eq!(Error::from(serde_json::from_str::<Refusal>(&json).unwrap()), error, "{json}");
        }
    }
}
