//! What may be asked of a counter object, and how reports look, on their way and in the outboxes of session objects.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{domain::stats::Counts, error::Error};

/// Where the counter objects are bound.
pub(super) const BINDING: &str = "COUNTER";

/// What may be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    /// Counts what has not been counted yet. Answers `true`.
    Report(Vec<ReportRecord>),
    /// Counts failures, by the names of `Upkeep`. Answers `true`.
    Failed(BTreeMap<String, u64>),
    /// Answers a [`Sums`]; with buckets that begin at `since` or later and before `until`.
    Read { bucket: String, since: i64, until: i64 },
}

/// What has happened in a session since its report before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReportRecord {
    /// A hash of the session's id.
    pub(crate) session: String,
    /// When the session was created: an id can be used again.
    pub(crate) life: i64,
    /// Grows from report to report of a life; the counters count none twice.
    pub(crate) number: u64,
    pub(crate) persona: String,
    /// When it began, in the first report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) messages: Option<MessagesRecord>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) turns: Vec<TurnsRecord>,
    /// How it ended, in the last report but for failures afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<EndedRecord>,
    /// What failed and was repeated, by the names of `Upkeep`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) failures: BTreeMap<String, u64>,
}

/// Messages that were stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessagesRecord {
    pub(crate) at: i64,
    pub(crate) count: u64,
}

/// Turns of one model that ended in the same hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TurnsRecord {
    /// When one of them ended.
    pub(crate) at: i64,
    pub(crate) model: String,
    pub(crate) count: u64,
    pub(crate) errors: u64,
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EndedRecord {
    /// An `Ending`, by its name.
    pub(crate) how: String,
    pub(crate) at: i64,
}

/// What one counter object has counted.
#[derive(Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) tallies: Vec<TallyRecord>,
    pub(super) failures: BTreeMap<String, u64>,
}

/// What was counted under one heading.
#[derive(Serialize, Deserialize)]
pub(super) struct TallyRecord {
    /// `total`, `persona`, `model`, or the name of a `Bucket`.
    pub(super) kind: String,
    /// Of a persona or a model.
    pub(super) name: String,
    /// Of a bucket, Unix milliseconds.
    pub(super) start: i64,
    pub(super) counts: CountsRecord,
}

/// A [`Counts`].
#[derive(Serialize, Deserialize)]
pub(super) struct CountsRecord {
    created: u64,
    deleted: u64,
    expired: u64,
    evicted: u64,
    erased: u64,
    messages: u64,
    turns: u64,
    errors: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// A counter object refuses nothing that it understands; this is what broke.
#[derive(Serialize, Deserialize)]
pub(super) struct Broken(pub(super) String);

impl From<Broken> for Error {
    fn from(Broken(cause): Broken) -> Self {
        Error::Unavailable(cause)
    }
}

impl From<Counts> for CountsRecord {
    fn from(counts: Counts) -> Self {
        let Counts { created, ended: [deleted, expired, evicted, erased], messages, turns, errors, prompt_tokens, completion_tokens } =
            counts;
        CountsRecord { created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens, completion_tokens }
    }
}

impl From<CountsRecord> for Counts {
    fn from(record: CountsRecord) -> Self {
        let CountsRecord { created, deleted, expired, evicted, erased, messages, turns, errors, prompt_tokens, completion_tokens } = record;
        Counts { created, ended: [deleted, expired, evicted, erased], messages, turns, errors, prompt_tokens, completion_tokens }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_format_unchanged() {
        let whole = r#"{"session":"00ff","life":1,"number":2,"persona":"default","began":1,"messages":{"at":3,"count":4},"turns":[{"at":5,"model":"m","count":6,"errors":1,"prompt_tokens":7,"completion_tokens":8}],"ended":{"how":"deleted","at":9},"failures":{"index":10}}"#;
        let calls = [
            format!(r#"{{"report":[{whole},{{"session":"00ff","life":1,"number":3,"persona":"default"}}]}}"#),
            r#"{"failed":{"ending":1}}"#.to_owned(),
            r#"{"read":{"bucket":"hour","since":1,"until":2}}"#.to_owned(),
        ];
        for written in calls {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Call>(&written).unwrap()).unwrap(), written);
        }
        let sums = r#"{"tallies":[{"kind":"total","name":"","start":0,"counts":{"created":1,"deleted":2,"expired":3,"evicted":4,"erased":5,"messages":6,"turns":7,"errors":8,"prompt_tokens":9,"completion_tokens":10}}],"failures":{"list":1}}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Sums>(sums).unwrap()).unwrap(), sums);
    }
}
