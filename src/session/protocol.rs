//! What may be asked of a session object, and how its refusals travel.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        id::{Id, Repeatable},
        session::{Precondition, SessionPatch, Version},
    },
    error::{Error, Result, Subject},
    fault::{Fault, When},
    session::record::{CallerRecord, MessageRecord, NewMessageRecord, NewSessionRecord, SessionRecord},
};

/// Where the session objects are bound.
pub(crate) const BINDING: &str = "SESSION";

/// One call: who asks, and what.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) caller: CallerRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) repeatable: Option<RepeatableRecord>,
    pub(crate) call: Call,
}

/// A [`Repeatable`].
#[derive(Serialize, Deserialize)]
pub(crate) struct RepeatableRecord {
    key: String,
    payload: String,
}

/// What may be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
    /// Answers [`Created`].
    Create(Create),
    /// Answers a `SessionRecord`.
    Get,
    /// Answers a `SessionRecord`.
    Patch { if_match: Option<Vec<VersionRecord>>, patch: PatchRecord },
    /// Answers [`Deleted`].
    Delete { if_match: Option<Vec<VersionRecord>> },
    /// Answers a `SessionRecord`.
    Renew,
    /// Answers [`Appended`].
    Append { messages: Vec<NewMessageRecord> },
    /// Answers a [`PageRecord`].
    Messages(PageRequest),
    /// Answers a [`TurnRecord`]. `create`: begin the session with this turn.
    Chat { message: NewMessageRecord, create: Option<Create> },
    /// Answers `true`: the object can be reached.
    Ping,
    /// Breaks the object on purpose; refused unless `TEST_FAULTS` is set.
    Fault { when: When, fault: Fault },
}

/// A session to begin, or to find when it is alive.
#[derive(Serialize, Deserialize)]
pub(crate) struct Create {
    pub(crate) id: String,
    pub(crate) session: NewSessionRecord,
}

/// The session, and whether it is new.
#[derive(Serialize, Deserialize)]
pub(crate) struct Created {
    pub(crate) session: SessionRecord,
    pub(crate) is_new: bool,
}

/// What went with the session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) message_count: u64,
}

/// The messages as stored, stubs for missing tool results among them.
#[derive(Serialize, Deserialize)]
pub(crate) struct Appended {
    pub(crate) session: SessionRecord,
    pub(crate) messages: Vec<MessageRecord>,
}

/// Which messages to read. Bounds are exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PageRequest {
    /// Only messages after this sequence number.
    pub after: Option<u64>,
    /// Only messages before this sequence number; then those nearest to it.
    pub before: Option<u64>,
    /// How many to skip from where the page would begin; only without bounds.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
}

/// A page of messages.
#[derive(Serialize, Deserialize)]
pub(crate) struct PageRecord {
    pub(crate) messages: Vec<MessageRecord>,
    pub(crate) total: u64,
    pub(crate) last_sequence: u64,
}

/// A finished turn.
#[derive(Serialize, Deserialize)]
pub(crate) struct TurnRecord {
    pub(crate) session: SessionRecord,
    pub(crate) user: MessageRecord,
    pub(crate) assistant: MessageRecord,
    pub(crate) model: String,
}

/// A [`Version`].
#[derive(Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    created_at: i64,
    revision: u64,
}

/// A [`SessionPatch`]. Absent: unchanged.
#[derive(Serialize, Deserialize)]
pub(crate) struct PatchRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<TitleRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persona: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u64>,
}

/// What becomes of the title.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TitleRecord {
    Set(String),
    Remove,
}

/// How an [`Error`] travels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    SessionNotFound,
    Invalid { field: String, rule: String },
    TooLarge { field: String, limit_bytes: usize },
    UnpairedToolResult { index: usize },
    IdTaken,
    KeyReused,
    Stale { current: VersionRecord },
    Misconfigured { rule: String },
    Unavailable { cause: String },
    Internal { cause: String },
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(Subject::Session) => Refusal::SessionNotFound,
            Error::Invalid { field, rule } => Refusal::Invalid { field, rule },
            Error::TooLarge { field, limit_bytes } => Refusal::TooLarge { field, limit_bytes },
            Error::UnpairedToolResult { index } => Refusal::UnpairedToolResult { index },
            Error::IdTaken => Refusal::IdTaken,
            Error::KeyReused => Refusal::KeyReused,
            Error::Stale { current } => Refusal::Stale { current: current.into() },
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
            Refusal::Invalid { field, rule } => Error::Invalid { field, rule },
            Refusal::TooLarge { field, limit_bytes } => Error::TooLarge { field, limit_bytes },
            Refusal::UnpairedToolResult { index } => Error::UnpairedToolResult { index },
            Refusal::IdTaken => Error::IdTaken,
            Refusal::KeyReused => Error::KeyReused,
            Refusal::Stale { current } => Error::Stale { current: current.into() },
            Refusal::Misconfigured { rule } => Error::Misconfigured(rule),
            Refusal::Unavailable { cause } => Error::Unavailable(cause),
            Refusal::Internal { cause } => Error::Internal(cause),
        }
    }
}

impl From<&Repeatable> for RepeatableRecord {
    fn from(repeatable: &Repeatable) -> Self {
        RepeatableRecord { key: repeatable.key.as_str().to_owned(), payload: repeatable.payload.clone() }
    }
}

impl TryFrom<RepeatableRecord> for Repeatable {
    type Error = Error;
    fn try_from(record: RepeatableRecord) -> Result<Self> {
        Ok(Repeatable { key: Id::parse("Idempotency-Key", &record.key)?, payload: record.payload })
    }
}

impl From<Version> for VersionRecord {
    fn from(version: Version) -> Self {
        VersionRecord { created_at: version.created_at_ms, revision: version.revision }
    }
}

impl From<VersionRecord> for Version {
    fn from(record: VersionRecord) -> Self {
        Version { created_at_ms: record.created_at, revision: record.revision }
    }
}

impl From<SessionPatch> for PatchRecord {
    fn from(patch: SessionPatch) -> Self {
        PatchRecord {
            title: patch.title.map(|title| title.map_or(TitleRecord::Remove, TitleRecord::Set)),
            persona: patch.persona,
            metadata: patch.metadata,
            idle_timeout_ms: patch.idle_timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl From<PatchRecord> for SessionPatch {
    fn from(record: PatchRecord) -> Self {
        SessionPatch {
            title: record.title.map(|title| match title {
                TitleRecord::Set(title) => Some(title),
                TitleRecord::Remove => None,
            }),
            persona: record.persona,
            metadata: record.metadata,
            idle_timeout: record.idle_timeout_ms.map(std::time::Duration::from_millis),
        }
    }
}

/// `If-Match` on its way to the object.
pub(crate) fn encode_precondition(precondition: Precondition) -> Option<Vec<VersionRecord>> {
    match precondition {
        Precondition::None => None,
        Precondition::OneOf(versions) => Some(versions.into_iter().map(Into::into).collect()),
    }
}

/// `If-Match` as the object reads it.
pub(crate) fn decode_precondition(versions: Option<Vec<VersionRecord>>) -> Precondition {
    match versions {
        None => Precondition::None,
        Some(versions) => Precondition::OneOf(versions.into_iter().map(Into::into).collect()),
    }
}

/// Reads a call.
///
/// # Errors
/// `Internal` when it is none of this version's.
pub(crate) fn decode(json: &str) -> Result<Request> {
    serde_json::from_str(json).map_err(|e| Error::Internal(format!("call: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_format_unchanged() {
        let open = r#""caller":{"open":{"acting_for":null}}"#;
        let new = r#"{"user_id":null,"persona":"default","title":null,"metadata":"{}","idle_timeout_ms":3600000}"#;
        let calls = [
            format!(r#"{{"create":{{"id":"s","session":{new}}}}}"#),
            r#""get""#.into(),
            r#"{"patch":{"if_match":[{"created_at":1,"revision":2}],"patch":{"title":"remove","metadata":"{}"}}}"#.into(),
            r#"{"patch":{"if_match":null,"patch":{"title":{"set":"x"},"persona":"p","idle_timeout_ms":1000}}}"#.into(),
            r#"{"delete":{"if_match":null}}"#.into(),
            r#""renew""#.into(),
            r#"{"append":{"messages":[{"role":"user","content":"x"}]}}"#.into(),
            r#"{"messages":{"after":null,"before":9,"offset":0,"limit":50,"newest_first":false}}"#.into(),
            r#"{"chat":{"message":{"role":"user","content":"x"},"create":null}}"#.into(),
            r#""ping""#.into(),
            r#"{"fault":{"when":"now","fault":"panic"}}"#.into(),
        ];
        for call in calls {
            for repeatable in ["", r#","repeatable":{"key":"k","payload":"p"}"#] {
                let written = format!(r#"{{{open}{repeatable},"call":{call}}}"#);
                assert_eq!(serde_json::to_string(&decode(&written).unwrap()).unwrap(), written);
            }
        }
    }

    #[test]
    fn refusals_carry_every_error() {
        let version = Version { created_at_ms: 1, revision: 2 };
        let errors = [
            Error::NotFound(Subject::Session),
            Error::invalid("f", "r"),
            Error::TooLarge { field: "f".into(), limit_bytes: 1 },
            Error::UnpairedToolResult { index: 3 },
            Error::IdTaken,
            Error::KeyReused,
            Error::Stale { current: version },
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
