//! Versions and what is demanded of them, on their way to an object.

use serde::{Deserialize, Serialize};

use crate::domain::session::{Precondition, Version};

/// A [`Version`].
#[derive(PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    created_at: i64,
    revision: u64,
}

impl From<Version> for VersionRecord {
    fn from(version: Version) -> Self {
        VersionRecord { created_at: version.created_at_ms, revision: version.revision }
    }
}

impl From<&VersionRecord> for Version {
    fn from(record: &VersionRecord) -> Self {
        Version { created_at_ms: record.created_at, revision: record.revision }
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
pub(crate) fn decode_precondition(versions: Option<&[VersionRecord]>) -> Precondition {
    match versions {
        None => Precondition::None,
        Some(versions) => Precondition::OneOf(versions.iter().map(Into::into).collect()),
    }
}
