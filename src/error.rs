//! What can go wrong, sorted by what the caller can do about it.
//!
//! No status code here: `http/problem/` alone maps these to HTTP.

use crate::domain::{session::Version, turn::ModelFailure};

/// The result of everything that can fail in this crate.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// One failure. Fields and rules are sentences for the client; causes are for the log and never leave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// Absent, expired, or somebody else's: the caller cannot tell which.
    NotFound(Subject),
    /// The client sent something that breaks a rule.
    Invalid {
        /// Dotted path of the field, e.g. `messages[2].role`.
        field: String,
        /// The rule it breaks, as the end of a sentence that starts with the field.
        rule: String,
    },
    /// The client sent something well-formed that is too big.
    TooLarge {
        /// Dotted path of the field.
        field: String,
        /// The limit, in bytes.
        limit_bytes: usize,
    },
    /// A tool result answers no open tool call.
    UnpairedToolResult {
        /// Position of the message in the request, from 0.
        index: usize,
    },
    /// The chosen session id is in use by somebody else.
    IdTaken,
    /// The key of a request was used for another request.
    KeyReused,
    /// `If-Match` names a version that is no longer current.
    Stale {
        /// Today's version; `None` when there is nothing.
        current: Option<Version>,
    },
    /// The user has as many sessions as a user may have.
    SessionLimit {
        /// How many that are.
        limit: u64,
    },
    /// A turn is running; one at a time.
    TurnInProgress,
    /// The session is in no state for it; a sentence for the client tells why.
    NotPossible(String),
    /// The model failed. What the user said is kept.
    Model {
        /// How.
        failure: ModelFailure,
        /// Why, for the log.
        cause: String,
    },
    /// The deployment's configuration breaks a rule, or lacks what the call needs.
    Misconfigured(String),
    /// The platform or another object is in the way: worth trying again.
    Unavailable(String),
    /// A bug or damaged data.
    Internal(String),
}

/// What was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A session.
    Session,
    /// A user.
    User,
    /// A turn of a session.
    Turn,
    /// A message of a session.
    Message,
    /// An entry of a memory.
    Memory,
}

impl Error {
    /// `field` breaks `rule`.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>) -> Error {
        Error::Invalid { field: field.into(), rule: rule.into() }
    }

    /// Puts `prefix` in front of the field this error names, if it names one.
    #[must_use]
    pub fn within(self, prefix: &str) -> Error {
        match self {
            Error::Invalid { field, rule } => Error::Invalid { field: format!("{prefix}.{field}"), rule },
            Error::TooLarge { field, limit_bytes } => Error::TooLarge { field: format!("{prefix}.{field}"), limit_bytes },
            other @ (Error::NotFound(_)
            | Error::UnpairedToolResult { .. }
            | Error::IdTaken
            | Error::KeyReused
            | Error::Stale { .. }
            | Error::SessionLimit { .. }
            | Error::TurnInProgress
            | Error::NotPossible(_)
            | Error::Model { .. }
            | Error::Misconfigured(_)
            | Error::Unavailable(_)
            | Error::Internal(_)) => other,
        }
    }
}
