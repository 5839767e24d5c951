//! WebSockets that the session object holds: who sits at the other end.

use serde::{Deserialize, Serialize};

use super::SessionClient;
use crate::{
    domain::{
        caller::Caller,
        id::{Id, SessionId},
        time::Timestamp,
    },
    error::Result,
    platform::{
        self, namespace,
        socket::{ClientEnd, Socket},
    },
    session::{protocol::BINDING, record::CallerRecord},
};

/// What is kept with a socket, as long as it lives.
#[derive(Serialize, Deserialize)]
struct SeatRecord {
    session_id: String,
    caller: CallerRecord,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_as: Option<String>,
}

/// Who sits at the other end of a socket.
pub(crate) struct Seat {
    /// The session that is meant.
    pub session: SessionId,
    /// Who was known when it was opened.
    pub caller: Caller,
    /// From then on nobody is; `None`: that does not end by itself.
    pub until: Option<Timestamp>,
    /// Under what its messages are counted; `None`: they are not.
    pub counted_as: Option<String>,
}

impl SessionClient<'_> {
    /// Has the session's object take a WebSocket, over which the caller is heard from then on, `until` it is known no more;
    /// its messages are `counted_as` that. Whether there is a session is asked with each message.
    ///
    /// # Errors
    /// `Unavailable` when the object cannot be reached.
    pub(crate) async fn seat(&self, until: Option<Timestamp>, counted_as: Option<String>) -> Result<ClientEnd> {
        let (session_id, caller) = (self.id.as_str().to_owned(), CallerRecord::from(self.caller));
        let seat = SeatRecord { session_id, caller, until_ms: until.map(Timestamp::millis), counted_as };
        namespace::hand_over(self.env, BINDING, self.id.as_str(), &seat).await
    }
}

/// Who sits at the other end of `socket`.
///
/// # Errors
/// `Internal` when the object keeps nothing of ours with it.
pub(crate) fn seated(socket: &Socket) -> Result<Seat> {
    let kept = socket.attachment().unwrap_or_default();
    let SeatRecord { session_id, caller, until_ms, counted_as } = platform::decode("seat", &kept)?;
    let session = Id::parse("session_id", &session_id)?;
    Ok(Seat { session, caller: caller.try_into()?, until: until_ms.map(Timestamp::from_millis), counted_as })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sockets outlive deployments of ours.
    #[test]
    fn seat_format_unchanged() {
        for written in [
            r#"{"session_id":"s","caller":{"user":"visitor_1"}}"#,
            r#"{"session_id":"s","caller":{"user":"ann"},"until_ms":1795167476050}"#,
            r#"{"session_id":"s","caller":{"user":"visitor_1"},"counted_as":"address 192.0.2.1"}"#,
            r#"{"session_id":"s","caller":{"service":{"acting_for":"ann","has_visitors":false}}}"#,
        ] {
            let seat: SeatRecord = serde_json::from_str(written).unwrap();
            assert_eq!(serde_json::to_string(&seat).unwrap(), written);
        }
    }
}
