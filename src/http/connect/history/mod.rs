//! `AddMessages`, `GetMessages`.

mod reading;

use super::{
    count,
    wire::{AddMessagesRequest, AddMessagesResponse, Function, GetMessagesRequest, GetMessagesResponse, Message, ToolCall},
};
use crate::{
    domain::{
        id::{Id, Repeatable, SessionId},
        message::{self, NewMessage, Role},
    },
    error::{Error, Result},
    http::{problem::Problem, request::Request},
    limits,
    session::client::SessionClient,
};

/// The one kind of tool calls.
const FUNCTION: &str = "function";

/// Appends all messages or none; none at all is activity alone.
pub(super) async fn add(
    request: &Request<'_>,
    body: AddMessagesRequest,
    repeatable: Option<Repeatable>,
) -> std::result::Result<AddMessagesResponse, Problem> {
    let id: SessionId = Id::parse("session_id", &body.session_id)?;
    if body.messages.len() > limits::APPEND_MESSAGES {
        return Err(Error::invalid("messages", format!("must have at most {} items", limits::APPEND_MESSAGES)).into());
    }
    let check = |(index, message): (usize, Message)| {
        let checked = NewMessage::try_from(message).and_then(|message| message.check().map(|()| message));
        checked.map_err(|error| error.within(&format!("messages[{index}]")))
    };
    let messages: Vec<NewMessage> = body.messages.into_iter().enumerate().map(check).collect::<Result<_>>()?;
    // Stubs for results that never came are stored besides, and not counted.
    let added = u64::try_from(messages.len()).unwrap_or(u64::MAX);

    let session = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref());
    if messages.is_empty() {
        session.renew().await?;
    } else {
        session.append(messages).await?;
    }
    Ok(AddMessagesResponse { success: true, message_count: count(added) })
}

/// Messages, oldest first. There are none where there is no session.
pub(super) async fn get(
    request: &Request<'_>,
    body: GetMessagesRequest,
    _repeatable: Option<Repeatable>,
) -> std::result::Result<GetMessagesResponse, Problem> {
    let id = Id::parse("session_id", &body.session_id)?;
    let wanted = reading::Wanted::parse(&body)?;
    match wanted.read(&SessionClient::new(request.env(), request.caller(), &id)).await {
        Err(Error::NotFound(_)) => Ok(GetMessagesResponse::default()),
        read => {
            let (messages, total) = read?;
            Ok(GetMessagesResponse { messages, total_count: count(total) })
        }
    }
}

impl TryFrom<Message> for NewMessage {
    type Error = Error;

    /// The client's `timestamp` is not kept: when a message was taken is for the server to say.
    fn try_from(message: Message) -> Result<NewMessage> {
        let roles = || Role::ALL.map(Role::name).join(", ");
        Ok(NewMessage {
            role: Role::from_name(&message.role).ok_or_else(|| Error::invalid("role", format!("must be one of {}", roles())))?,
            content: message.content,
            tool_calls: message.tool_calls.into_iter().enumerate().map(parse_call).collect::<Result<_>>()?,
            tool_call_id: message.tool_call_id,
            name: message.name,
            metadata: None,
            cut: None,
        })
    }
}

fn parse_call((index, call): (usize, ToolCall)) -> Result<message::ToolCall> {
    let invalid = |field: &str, rule: &str| Error::invalid(format!("tool_calls[{index}].{field}"), rule);
    if !call.kind.is_empty() && call.kind != FUNCTION {
        return Err(invalid("type", "must be function"));
    }
    let Function { name, arguments } = call.function.ok_or_else(|| invalid("function", "is required"))?;
    Ok(message::ToolCall { id: call.id, name, arguments })
}

impl From<message::Message> for Message {
    fn from(message: message::Message) -> Message {
        let NewMessage { role, content, tool_calls, tool_call_id, name, .. } = message.body;
        let function = |name, arguments| Some(Function { name, arguments });
        let calls = tool_calls.into_iter().map(|call| ToolCall {
            id: call.id,
            kind: FUNCTION.to_owned(),
            function: function(call.name, call.arguments),
        });
        Message {
            role: role.name().to_owned(),
            content,
            tool_calls: calls.collect(),
            tool_call_id,
            name,
            timestamp: message.created_at.millis(),
        }
    }
}
