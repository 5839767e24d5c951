//! `/sessions/{id}/messages`: read a page of history, append without a model, take messages out, see what stood in their place.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MessageJson, etag};
use crate::{
    domain::message::{NewMessage, Role, ToolCall},
    error::{Error, Result},
    http::{
        begin::encode_metadata,
        problem::Problem,
        request::{Query, Request, body::Object, parse_number},
        response::Reply,
    },
    limits,
    session::{PageRequest, client::SessionClient},
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AppendRequest"))]
pub(super) struct AppendBody {
    messages: Vec<Object<MessageBody>>,
}

/// A message as a client sends it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "NewMessage"))]
pub(super) struct MessageBody {
    role: RoleBody,
    /// What is said; `null` where there are only calls.
    content: Option<String>,
    /// Of an assistant: the functions it wants called.
    tool_calls: Option<Vec<Object<ToolCallBody>>>,
    /// Of a tool: the call that it answers.
    tool_call_id: Option<String>,
    /// Of a participant.
    name: Option<String>,
    /// Whatever you want to keep with it.
    metadata: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Role"))]
#[serde(rename_all = "lowercase")]
enum RoleBody {
    System,
    User,
    Assistant,
    Tool,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "NewToolCall"))]
struct ToolCallBody {
    id: String,
    #[serde(rename = "type")]
    _kind: Option<ToolCallKind>,
    function: Object<FunctionBody>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ToolCallKind"))]
#[serde(rename_all = "lowercase")]
enum ToolCallKind {
    Function,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "NewCalledFunction"))]
struct FunctionBody {
    name: String,
    arguments: String,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AppendedMessages"))]
pub(super) struct AppendedJson<'a> {
    session_id: &'a str,
    /// As stored: stubs for tool results that never came are among them.
    messages: Vec<MessageJson<'a>>,
    total: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PoppedMessages"))]
pub(super) struct PoppedJson<'a> {
    session_id: &'a str,
    /// Of the messages that were taken out.
    sequences: Vec<u64>,
    total: u64,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MessageVersions"))]
pub(super) struct VersionsJson<'a> {
    session_id: &'a str,
    /// What stands in this place now, then what stood there before, each a stretch of messages.
    versions: Vec<Vec<MessageJson<'a>>>,
    /// Are there earlier ones? An export has them.
    has_more: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MessagePage"))]
pub(super) struct PageJson<'a> {
    session_id: &'a str,
    messages: Vec<MessageJson<'a>>,
    total: u64,
    /// `?before=` this: older messages; null when there are none.
    before: Option<String>,
    /// `?after=` this: newer messages, now or later; null while there are none to be after.
    after: Option<String>,
    /// Is there more in the direction that was read?
    has_more: bool,
}

/// `GET /sessions/{id}/messages?limit&offset&order`, or `?before=` / `?after=` a cursor: 200 with a page.
pub(crate) async fn list(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let id = request.id(0, "session_id")?;
    let wanted = parse_page(request.query())?;
    let page = SessionClient::new(request.env(), request.caller(), &id).messages(wanted).await?;

    let sequences = page.messages.iter().map(|message| message.sequence);
    let (oldest, newest) = (sequences.clone().min(), sequences.max());
    let has_older = oldest.is_some_and(|oldest| oldest > page.first_sequence);
    let has_newer = newest.is_some_and(|newest| newest < page.last_sequence);
    let goes_back = wanted.before.is_some() || (wanted.newest_first && wanted.after.is_none());
    let json = PageJson {
        session_id: id.as_str(),
        messages: page.messages.iter().map(MessageJson::from).collect(),
        total: page.total,
        before: oldest.filter(|_| has_older).map(encode_cursor),
        after: newest.or(wanted.after).map(encode_cursor),
        has_more: if goes_back { has_older } else { has_newer },
    };
    Ok(Reply::json(200, &json))
}

/// `DELETE /sessions/{id}/messages/{sequence}`: 200 with what is left of the message: its place, and its calls without
/// their arguments.
pub(crate) async fn remove(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, sequence) = (request.id(0, "session_id")?, parse_number("sequence", request.segment(1))?);
    let message = SessionClient::new(request.env(), request.caller(), &id).remove(sequence, request.precondition()?).await?;
    Ok(Reply::json(200, &MessageJson::from(&message)))
}

/// `POST /sessions/{id}/pop`: 200 with the numbers of what the user said last and everything after it, now taken out.
pub(crate) async fn pop(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, repeatable) = (request.id(0, "session_id")?, request.asked().repeatable(None)?);
    let (session, sequences) = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref()).pop().await?;
    let json = PoppedJson { session_id: id.as_str(), sequences, total: session.message_count };
    Ok(Reply::json(200, &json).with_header("etag", etag(session.version())))
}

/// `GET /sessions/{id}/messages/{sequence}/versions`: 200 with what has stood in the place of a message, newest first, up
/// to a page's worth.
pub(crate) async fn versions(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, sequence) = (request.id(0, "session_id")?, parse_number("sequence", request.segment(1))?);
    let (versions, has_more) = SessionClient::new(request.env(), request.caller(), &id).siblings(sequence).await?;
    let versions = versions.iter().map(|messages| messages.iter().map(MessageJson::from).collect()).collect();
    Ok(Reply::json(200, &VersionsJson { session_id: id.as_str(), versions, has_more }))
}

/// `POST /sessions/{id}/messages`: 201 with what was stored; all of the messages or none.
///
/// 1. Read and check every one. 2. Append.
pub(crate) async fn append(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let id = request.id(0, "session_id")?;
    let (body, asked): (AppendBody, _) = request.repeatable_json().await?;
    let repeatable = asked.repeatable(None)?;
    let messages = check_messages(body.messages)?;
    let (session, stored) = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref()).append(messages).await?;
    let json =
        AppendedJson { session_id: id.as_str(), messages: stored.iter().map(MessageJson::from).collect(), total: session.message_count };
    Ok(Reply::json(201, &json).with_header("etag", etag(session.version())))
}

fn check_messages(bodies: Vec<Object<MessageBody>>) -> Result<Vec<NewMessage>> {
    if bodies.is_empty() || bodies.len() > limits::APPEND_MESSAGES {
        return Err(Error::invalid("messages", format!("must have 1 to {} items", limits::APPEND_MESSAGES)));
    }
    let check = |(index, Object(body)): (usize, Object<MessageBody>)| {
        let checked = body.into_message().and_then(|message| message.check().map(|()| message));
        checked.map_err(|error| error.within(&format!("messages[{index}]")))
    };
    bodies.into_iter().enumerate().map(check).collect()
}

impl MessageBody {
    /// The message, not held against the rules yet.
    pub(super) fn into_message(self) -> Result<NewMessage> {
        let calls = self.tool_calls.unwrap_or_default().into_iter();
        Ok(NewMessage {
            role: match self.role {
                RoleBody::System => Role::System,
                RoleBody::User => Role::User,
                RoleBody::Assistant => Role::Assistant,
                RoleBody::Tool => Role::Tool,
            },
            content: self.content,
            tool_calls: calls
                .map(|Object(ToolCallBody { id, function: Object(function), .. })| ToolCall {
                    id,
                    name: function.name,
                    arguments: function.arguments,
                })
                .collect(),
            tool_call_id: self.tool_call_id,
            name: self.name,
            metadata: self.metadata.as_ref().map(encode_metadata).transpose()?,
            cut: None,
        })
    }
}

fn parse_page(query: &Query) -> Result<PageRequest> {
    let cursor = |name: &str| query.get(name).map(|text| decode_cursor(name, text)).transpose();
    let page = PageRequest {
        after: cursor("after")?,
        before: cursor("before")?,
        offset: query.number("offset", 0, 0, u32::MAX)?,
        limit: query.number("limit", limits::PAGE_ITEMS_DEFAULT, 1, limits::PAGE_ITEMS)?,
        newest_first: match query.get("order") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(Error::invalid("order", "must be asc or desc")),
        },
    };
    let page = match query.get("strategy") {
        None => page,
        Some("recent") if page.after.is_none() && page.before.is_none() && page.offset == 0 => PageRequest { before: Some(END), ..page },
        Some("recent") => return Err(Error::invalid("strategy", "recent cannot be combined with offset, before or after")),
        Some(_) => return Err(Error::invalid("strategy", "must be recent")),
    };
    if page.after.is_some() && page.before.is_some() {
        return Err(Error::invalid("before", "cannot be combined with after"));
    }
    if page.offset > 0 && (page.after.is_some() || page.before.is_some()) {
        return Err(Error::invalid("offset", "cannot be combined with before or after"));
    }
    Ok(page)
}

/// A place after every message.
const END: u64 = i64::MAX.unsigned_abs();

/// A place between messages. Opaque to clients.
fn encode_cursor(sequence: u64) -> String {
    format!("m{sequence:x}")
}

fn decode_cursor(field: &str, text: &str) -> Result<u64> {
    text.strip_prefix('m')
        .filter(|hex| !hex.starts_with('+'))
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .filter(|sequence| i64::try_from(*sequence).is_ok())
        .ok_or_else(|| Error::invalid(field, "must be a cursor from an earlier page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_asked_for_in_words_that_fit_together() {
        let default = PageRequest { after: None, before: None, offset: 0, limit: 50, newest_first: false };
        let cases = [
            ("", Some(default)),
            ("limit=2&offset=3", Some(PageRequest { limit: 2, offset: 3, ..default })),
            ("order=desc&limit=200", Some(PageRequest { limit: 200, newest_first: true, ..default })),
            ("strategy=recent&limit=2", Some(PageRequest { before: Some(END), limit: 2, ..default })),
            ("strategy=recent&offset=1", None),
            ("strategy=recent&before=m3", None),
            ("strategy=x", None),
            ("before=mff", Some(PageRequest { before: Some(255), ..default })),
            ("after=m0", Some(PageRequest { after: Some(0), ..default })),
            ("limit=0", None),
            ("limit=201", None),
            ("offset=-1", None),
            ("order=up", None),
            ("before=m1&after=m1", None),
            ("before=m1&offset=1", None),
            ("after=1", None),
            ("after=m", None),
            ("after=m+1", None),
            ("after=mffffffffffffffff", None),
        ];
        for (query, expected) in cases {
            assert_eq!(parse_page(&Query::parse(query)).ok(), expected, "{query:?}");
        }
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        for sequence in [0, 1, 255, u64::try_from(i64::MAX).unwrap()] {
            assert_eq!(decode_cursor("after", &encode_cursor(sequence)), Ok(sequence));
        }
    }
}
