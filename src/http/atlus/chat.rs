//! `/api/v1/chat`: one turn.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Refusal, fields::Fields, somebody, success};
use crate::{
    domain::id::{Id, SessionId},
    error::{Error, Subject},
    http::{begin::Choices, own::chat::check_message, problem::Problem, request::Request, response::Reply, saying::Saying},
};

#[derive(Serialize)]
struct AnswerJson<'a> {
    response: &'a str,
    session_id: &'a str,
    /// In seconds.
    execution_time: f64,
    request_id: &'a str,
}

/// `POST /api/v1/chat` `{message, session_id?, user_id?, metadata?}`: 200 with the answer.
///
/// 1. Read and check. 2. Say it, in the session named or in a new one. 3. Answer.
pub(super) async fn chat(request: &Request<'_>) -> Result<Reply, Refusal> {
    let (body, asked) = request.repeatable_json::<Map<String, Value>>().await?;
    let mut fields = Fields::of(body);
    let (message, session_id, user_id) = (fields.message("message"), fields.text("session_id"), somebody(fields.text("user_id")));
    let metadata = fields.object("metadata");
    fields.check()?;
    let named = session_id.filter(|id| !id.is_empty());
    let new = Choices { user_id, ..Choices::default() }.check(request, "chat")?;
    let caller = request.caller().acting_for(new.user_id.as_ref())?;
    let message = check_message(message, metadata.as_ref())?;

    let repeatable = asked.repeatable(None)?;
    let saying = Saying { env: request.env(), caller: &caller, message, patch: None, new, repeatable };
    let answer = match &named {
        Some(named) => {
            // What can be no id names no session.
            let id: SessionId = Id::parse("session_id", named).map_err(|_| invalid_session(named))?;
            let is_absent = |error: &Error| *error == Error::NotFound(Subject::Session);
            saying.in_session(&id).await.map_err(|error| if is_absent(&error) { invalid_session(named) } else { error.into() })?
        }
        None => saying.in_new_session().await?,
    };

    let json = AnswerJson {
        response: answer.assistant.body.content.as_deref().unwrap_or_default(),
        session_id: answer.session.id.as_str(),
        execution_time: (answer.took().as_secs_f64() * 100.0).round() / 100.0,
        request_id: request.request_id(),
    };
    Ok(success(200, json))
}

fn invalid_session(id: &str) -> Problem {
    Problem::new(404, "INVALID_SESSION", format!("Invalid or inactive session: {id}"))
}
