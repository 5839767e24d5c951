//! `POST /chat`: one turn.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::turns::{self, RunBody};
use crate::{
    domain::{
        id::SessionId,
        message::{NewMessage, Role},
    },
    error::{Error, Result, Subject},
    http::{
        begin::{self, Choices},
        problem::Problem,
        request::{Request, body::Object},
        response::Reply,
    },
    limits,
    session::client::{Ask, SessionClient},
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ChatRequest"))]
pub(super) struct ChatBody {
    /// What the user says. May be absent only where there are tool results.
    #[serde(alias = "user_message")]
    message: Option<String>,
    /// Of the message.
    metadata: Option<Map<String, Value>>,
    /// Answers to the calls that the model waits for.
    tool_results: Option<Vec<Object<ToolResultBody>>>,
    /// Where it is said; a new session when absent.
    session_id: Option<String>,
    /// Whose the new session is; of one that is there, whose it must be.
    user_id: Option<String>,
    /// Of the new session.
    #[serde(alias = "persona_name")]
    persona: Option<String>,
    /// Of the new session.
    title: Option<String>,
    /// Of the new session.
    ttl_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ToolResult"))]
struct ToolResultBody {
    /// The call that it answers.
    tool_call_id: String,
    /// What came of it.
    content: String,
    /// The tool.
    name: Option<String>,
}

/// `POST /chat`: 200 with the answer, or with the events of the turn.
///
/// 1. Read and check. 2. Say it, in the session named or in a new one. 3. Answer.
pub(crate) async fn chat(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (body, run, asked) = request.repeatable_parts::<ChatBody, RunBody>().await?;
    let ChatBody { message, metadata, tool_results, session_id, user_id, persona, title, ttl_seconds } = body;
    let results = check_results(tool_results.unwrap_or_default())?;
    let message = match message {
        None if !results.is_empty() && metadata.is_some() => {
            return Err(Error::invalid("metadata", "is the message's, and there is no message").into());
        }
        None if !results.is_empty() => None,
        message => Some(check_message(message.unwrap_or_default(), metadata.as_ref())?),
    };
    let named = session_id.map(|id| SessionId::parse("session_id", &id)).transpose()?;
    let new = Choices { user_id, persona, title, ttl_seconds, ..Choices::default() }.check(request, "chat")?;
    let caller = request.caller().acting_for(new.user_id.as_ref())?;
    let run = run.check(request, asked)?;

    let session_created = named.is_none();
    if session_created && run.has_precondition() {
        return Err(Error::invalid("If-Match", "needs a session_id").into());
    }
    // Refused before the session is given a place, for which another may have to end.
    if session_created && !results.is_empty() {
        return Err(Problem::unpaired_result("tool_results[0]"));
    }
    let ask = Ask::Chat { message, results, create: session_created.then_some(new), patch: None };
    let begun = RefCell::new(String::new());
    let say = async |id: SessionId| {
        id.as_str().clone_into(&mut begun.borrow_mut());
        let client = SessionClient::new(request.env(), &caller, &id).once(run.repeatable.as_ref());
        turns::run(&client, ask.clone(), &run, session_created).await
    };
    let said = match named {
        Some(id) => say(id).await,
        None => begin::with_own_id(run.repeatable.as_ref(), &caller, say).await,
    };
    match said {
        Ok(reply) => Ok(reply),
        Err(Error::NotFound(Subject::Session)) => Err(Problem::invalid_session()),
        Err(Error::UnpairedToolResult { index }) => Err(Problem::unpaired_result(&format!("tool_results[{index}]"))),
        Err(error @ Error::Model { .. }) => Err(Problem::from(error).in_session(&begun.into_inner())),
        Err(error) => Err(error.into()),
    }
}

/// What a user says, checked.
///
/// # Errors
/// `Invalid` or `TooLarge`, naming the field.
pub(in crate::http) fn check_message(text: String, metadata: Option<&Map<String, Value>>) -> Result<NewMessage> {
    if text.trim().is_empty() {
        return Err(Error::invalid("message", "must be a text that is not blank"));
    }
    limits::check_body("message", &text, limits::MESSAGE_BYTES)?;
    let message = NewMessage { metadata: metadata.map(begin::encode_metadata).transpose()?, ..NewMessage::text(Role::User, text) };
    message.check().map(|()| message)
}

fn check_results(results: Vec<Object<ToolResultBody>>) -> Result<Vec<NewMessage>> {
    if results.len() > limits::TOOL_CALLS {
        return Err(Error::invalid("tool_results", format!("must have at most {} items", limits::TOOL_CALLS)));
    }
    let check = |(index, Object(ToolResultBody { tool_call_id, content, name }))| {
        let message = NewMessage { tool_call_id: Some(tool_call_id), name, ..NewMessage::text(Role::Tool, content) };
        message.check().map_err(|error: Error| error.within(&format!("tool_results[{index}]")))?;
        Ok(message)
    };
    results.into_iter().enumerate().map(check).collect()
}
