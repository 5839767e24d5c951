//! What may be asked of a user object.

use serde::{Deserialize, Serialize};

use crate::{memory::protocol::MemoryCall, session::record::SessionRecord};

/// Where the user objects are bound.
pub(super) const BINDING: &str = "USER";

/// What may be asked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    /// Adds a session to the list, or replaces what it says of it. Answers `true`.
    Put(Box<SessionRecord>),
    /// Takes a session off the list. Answers `true`, also when it was not on it.
    Remove { session_id: String },
    /// Answers a list of `SessionRecord`, those with the latest activity first.
    List { limit: u32, after: Option<PositionRecord> },
    /// What the user's memory holds; answers as [`MemoryCall`] says.
    Memory(MemoryCall),
}

/// A place in the list: that of a session with this last activity and id.
#[derive(Serialize, Deserialize)]
pub(super) struct PositionRecord {
    pub(super) last_activity: i64,
    pub(super) session_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_format_unchanged() {
        let calls = [
            r#"{"put":{"id":"s","owner":"nobody","user_id":null,"persona":"default","title":null,"metadata":"{}","created_at":1,"last_activity":2,"idle_timeout_ms":3,"message_count":4,"last_sequence":5,"revision":6}}"#,
            r#"{"remove":{"session_id":"s"}}"#,
            r#"{"list":{"limit":50,"after":{"last_activity":1,"session_id":"s"}}}"#,
            r#"{"list":{"limit":50,"after":null}}"#,
            r#"{"memory":{"get":{"key":"k"}}}"#,
        ];
        for written in calls {
            assert_eq!(serde_json::to_string(&serde_json::from_str::<Call>(written).unwrap()).unwrap(), written);
        }
    }
}
