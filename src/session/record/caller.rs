//! Who asks, and under which key, on the way to an object.

use serde::{Deserialize, Serialize};

use super::user_id;
use crate::{
    domain::{
        caller::Caller,
        id::{Id, Repeatable, UserId},
    },
    error::{Error, Result},
};

/// A [`Caller`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CallerRecord {
    Open { acting_for: Option<String> },
    Service { acting_for: Option<String>, has_visitors: bool },
    User(String),
}

/// A [`Repeatable`].
#[derive(Serialize, Deserialize)]
pub(crate) struct RepeatableRecord {
    key: String,
    payload: String,
}

impl From<&Caller> for CallerRecord {
    fn from(caller: &Caller) -> Self {
        let text = |user: &UserId| user.as_str().to_owned();
        match caller {
            Caller::Open { acting_for } => CallerRecord::Open { acting_for: acting_for.as_ref().map(text) },
            Caller::Service { acting_for, has_visitors } => {
                CallerRecord::Service { acting_for: acting_for.as_ref().map(text), has_visitors: *has_visitors }
            }
            Caller::User(user) => CallerRecord::User(text(user)),
        }
    }
}

impl TryFrom<CallerRecord> for Caller {
    type Error = Error;
    fn try_from(record: CallerRecord) -> Result<Self> {
        match record {
            CallerRecord::Open { acting_for } => Ok(Caller::Open { acting_for: user_id(acting_for)? }),
            CallerRecord::Service { acting_for, has_visitors } => Ok(Caller::Service { acting_for: user_id(acting_for)?, has_visitors }),
            CallerRecord::User(user) => Ok(Caller::User(Id::parse("caller", &user)?)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caller_format_unchanged() {
        let callers = [
            r#"{"open":{"acting_for":null}}"#,
            r#"{"open":{"acting_for":"ann"}}"#,
            r#"{"service":{"acting_for":null,"has_visitors":false}}"#,
            r#"{"service":{"acting_for":"ann","has_visitors":true}}"#,
            r#"{"user":"ann"}"#,
        ];
        for written in callers {
            let caller = Caller::try_from(serde_json::from_str::<CallerRecord>(written).unwrap()).unwrap();
            assert_eq!(serde_json::to_string(&CallerRecord::from(&caller)).unwrap(), written);
        }
    }
}
