//! What may be asked of a memory, and how its entries travel.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        id::Id,
        memory::{
            Entry, Origin, Source,
            extract::{Fact, Learned},
        },
        time::Timestamp,
        turn::named,
    },
    error::{Error, Result},
    session::record::version::VersionRecord,
};

/// What may be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MemoryCall {
    /// Remembers a value, in place of the one that is there. Answers [`Put`].
    Put(NewEntryRecord),
    /// Answers an [`EntryRecord`].
    Get { key: String },
    /// Answers [`Page`]: keys that begin with `prefix`, in order, after `after`.
    List { prefix: String, after: Option<String>, limit: u32 },
    /// Answers `true`.
    Delete { key: String, if_match: Option<Vec<VersionRecord>> },
    /// Forgets everything for good; answers how many entries there were.
    Clear,
    /// Takes back the last change of an entry; answers the [`EntryRecord`] that is there now, or null.
    Undo { key: String },
}

impl MemoryCall {
    /// May it change something?
    pub(crate) fn writes(&self) -> bool {
        !matches!(self, MemoryCall::Get { .. } | MemoryCall::List { .. })
    }
}

/// Something to remember.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewEntryRecord {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<OriginRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) if_match: Option<Vec<VersionRecord>>,
    /// Only if there is an entry, or only if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) if_exists: Option<bool>,
}

/// A [`Fact`].
#[derive(Serialize, Deserialize)]
pub(crate) struct FactRecord {
    pub(crate) key: String,
    /// What is so now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// One thing more of a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<String>,
}

/// An [`Entry`].
#[derive(Serialize, Deserialize)]
pub(crate) struct EntryRecord {
    key: String,
    value: String,
    created_at: i64,
    updated_at: i64,
    revision: u64,
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    origin: Option<OriginRecord>,
}

/// An [`Origin`].
#[derive(Serialize, Deserialize)]
pub(crate) struct OriginRecord {
    session_id: String,
    sequence: u64,
}

/// What was remembered.
#[derive(Serialize, Deserialize)]
pub(crate) struct Put {
    pub(crate) entry: EntryRecord,
    /// Was nothing there before?
    pub(crate) is_new: bool,
}

/// A page of entries.
#[derive(Serialize, Deserialize)]
pub(crate) struct Page {
    pub(crate) entries: Vec<EntryRecord>,
    /// How many there are with that prefix.
    pub(crate) total: u64,
    /// Are there more after these?
    pub(crate) has_more: bool,
}

impl From<Entry> for EntryRecord {
    fn from(entry: Entry) -> Self {
        EntryRecord {
            key: entry.key.as_str().to_owned(),
            value: entry.value,
            created_at: entry.created_at.millis(),
            updated_at: entry.updated_at.millis(),
            revision: entry.revision,
            source: entry.source.name().to_owned(),
            origin: entry.origin.map(OriginRecord::from),
        }
    }
}

impl TryFrom<EntryRecord> for Entry {
    type Error = Error;
    fn try_from(record: EntryRecord) -> Result<Self> {
        Ok(Entry {
            key: Id::parse("key", &record.key)?,
            value: record.value,
            created_at: Timestamp::from_millis(record.created_at),
            updated_at: Timestamp::from_millis(record.updated_at),
            revision: record.revision,
            source: source_named(&record.source)?,
            origin: record.origin.map(Origin::from),
        })
    }
}

impl From<Fact> for FactRecord {
    fn from(Fact { key, value }: Fact) -> Self {
        match value {
            Learned::Text(text) => FactRecord { key, text: Some(text), item: None },
            Learned::Item(item) => FactRecord { key, text: None, item: Some(item) },
        }
    }
}

impl From<Origin> for OriginRecord {
    fn from(Origin { session_id, sequence }: Origin) -> Self {
        OriginRecord { session_id, sequence }
    }
}

impl From<OriginRecord> for Origin {
    fn from(OriginRecord { session_id, sequence }: OriginRecord) -> Self {
        Origin { session_id, sequence }
    }
}

/// The source of that name.
///
/// # Errors
/// `Internal` when there is none.
pub(crate) fn source_named(name: &str) -> Result<Source> {
    named(&Source::ALL, Source::name, name).ok_or_else(|| Error::Internal(format!("source {name}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_formats_unchanged() {
        let calls = [
            r#"{"put":{"key":"k","value":"[1]","source":"client"}}"#,
            r#"{"put":{"key":"k","value":"[1]","source":"rule","origin":{"session_id":"s","sequence":3},"if_match":[{"created_at":1,"revision":2}],"if_exists":true}}"#,
            r#"{"get":{"key":"k"}}"#,
            r#"{"list":{"prefix":"","after":"a","limit":50}}"#,
            r#"{"delete":{"key":"k","if_match":null}}"#,
            r#""clear""#,
            r#"{"undo":{"key":"k"}}"#,
        ];
        for written in calls {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<MemoryCall>(written).unwrap()).unwrap(), written);
        }
        let written = r#"{"key":"k","value":"[1]","created_at":1,"updated_at":2,"revision":3,"source":"model","origin":{"session_id":"s","sequence":4}}"#;
        let entry = Entry::try_from(serde_json::from_str::<EntryRecord>(written).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&EntryRecord::from(entry)).unwrap(), written);
    }
}
