//! `POST /chat`: one turn.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    MessageJson, SessionJson, etag,
    sessions::{self, Choices},
};
use crate::{
    domain::{
        id::SessionId,
        message::{NewMessage, Role},
    },
    error::{Error, Subject},
    http::{problem::Problem, request::Request, response::Reply},
    limits,
    session::client::{SessionClient, Turn},
};

#[derive(Deserialize)]
struct ChatBody {
    message: String,
    /// Of the message.
    metadata: Option<Map<String, Value>>,
    /// Stands in for the header Idempotency-Key.
    client_message_id: Option<String>,
    session_id: Option<String>,
    user_id: Option<String>,
    // For the session, when this turn begins one.
    persona: Option<String>,
    title: Option<String>,
    ttl_seconds: Option<u64>,
}

#[derive(Serialize)]
struct ChatJson<'a> {
    session_id: &'a str,
    /// Did this turn begin the session?
    session_created: bool,
    response: &'a str,
    model: &'a str,
    user_message: MessageJson<'a>,
    message: MessageJson<'a>,
    session: SessionJson<'a>,
}

/// `POST /chat`: 200 with the answer.
///
/// 1. Read and check. 2. Say it, in the session named or in a new one. 3. Answer.
pub(crate) async fn chat(request: &Request<'_>) -> Result<Reply, Problem> {
    let (body, asked) = request.repeatable_json().await?;
    let ChatBody { message, metadata, client_message_id, session_id, user_id, persona, title, ttl_seconds } = body;
    let message = check_message(message, metadata.as_ref())?;
    let repeatable = asked.repeatable(client_message_id.map(|id| ("client_message_id", id)))?;
    let named = session_id.map(|id| SessionId::parse("session_id", &id)).transpose()?;
    let new = Choices { user_id, persona, title, metadata: None, ttl_seconds }.check(request)?;
    let caller = request.caller().acting_for(new.user_id.as_ref());

    let session_created = named.is_none();
    let turn = match named {
        Some(id) => SessionClient::new(request.env(), &caller, &id).once(repeatable.as_ref()).chat(message, None).await,
        None => {
            let begin = async |id| {
                let client = SessionClient::new(request.env(), &caller, &id).once(repeatable.as_ref());
                client.chat(message.clone(), Some(new.clone())).await
            };
            sessions::with_own_id(repeatable.as_ref(), &caller, begin).await
        }
    };
    match turn {
        Ok(turn) => Ok(reply(&turn, session_created)),
        Err(Error::NotFound(Subject::Session)) => Err(Problem::invalid_session()),
        Err(error) => Err(error.into()),
    }
}

fn check_message(text: String, metadata: Option<&Map<String, Value>>) -> Result<NewMessage, Error> {
    if text.trim().is_empty() {
        return Err(Error::invalid("message", "must not be blank"));
    }
    limits::check_body("message", &text, limits::MESSAGE_BYTES)?;
    let message = NewMessage { metadata: metadata.map(sessions::encode_metadata).transpose()?, ..NewMessage::text(Role::User, text) };
    message.check().map(|()| message)
}

fn reply(turn: &Turn, session_created: bool) -> Reply {
    let json = ChatJson {
        session_id: turn.session.id.as_str(),
        session_created,
        response: turn.assistant.body.content.as_deref().unwrap_or_default(),
        model: &turn.model,
        user_message: MessageJson::from(&turn.user),
        message: MessageJson::from(&turn.assistant),
        session: SessionJson::from(&turn.session),
    };
    Reply::json(200, &json).with_header("etag", etag(turn.session.version()))
}
