//! WebSockets that the session object holds: who sits at the other end.

use serde::{Deserialize, Serialize};

use super::SessionClient;
use crate::{
    domain::{
        caller::Caller,
        id::{Id, SessionId},
    },
    error::{Error, Result},
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
}

impl SessionClient<'_> {
    /// Has the session's object take a WebSocket, over which the caller is heard from then on. Whether there is a session
    /// is asked with each message.
    ///
    /// # Errors
    /// `Unavailable` when the object cannot be reached.
    pub(crate) async fn seat(&self) -> Result<ClientEnd> {
        let seat = SeatRecord { session_id: self.id.as_str().to_owned(), caller: CallerRecord::from(self.caller) };
        namespace::hand_over(self.env, BINDING, self.id.as_str(), &seat).await
    }
}

/// Who sits at the other end of `socket`, and which session is meant.
///
/// # Errors
/// `Internal` when the object keeps nothing of ours with it.
pub(crate) fn seated(socket: &Socket) -> Result<(SessionId, Caller)> {
    let kept = socket.attachment().unwrap_or_default();
    let SeatRecord { session_id, caller } =
        serde_json::from_str(&kept).map_err(|e| Error::Internal(format!("seat: {}", platform::fault_of(&e))))?;
    Ok((Id::parse("session_id", &session_id)?, caller.try_into()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sockets outlive deployments of ours.
    #[test]
    fn seat_format_unchanged() {
        for written in [
            r#"{"session_id":"s","caller":{"user":"visitor_1"}}"#,
            r#"{"session_id":"s","caller":{"service":{"acting_for":"ann","has_visitors":false}}}"#,
        ] {
            let seat: SeatRecord = serde_json::from_str(written).unwrap();
            assert_eq!(serde_json::to_string(&seat).unwrap(), written);
        }
    }
}
