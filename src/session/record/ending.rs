//! Why a session ends although its client has not said so.

use serde::{Deserialize, Serialize};

use crate::{
    domain::turn::named,
    error::{Error, Result},
};

/// Why a user's object ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EndingRecord {
    /// It was idle for the longest time, and there is one too many. A session whose turn runs is not idle.
    Evicted,
    /// Its user is erased.
    Erased,
}

impl EndingRecord {
    const ALL: [EndingRecord; 2] = [EndingRecord::Evicted, EndingRecord::Erased];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            EndingRecord::Evicted => "evicted",
            EndingRecord::Erased => "erased",
        }
    }

    /// The one of that name.
    ///
    /// # Errors
    /// `Internal` when there is none.
    pub(crate) fn named(name: &str) -> Result<EndingRecord> {
        named(&EndingRecord::ALL, EndingRecord::name, name).ok_or_else(|| Error::Internal(format!("ending {name}")))
    }
}
