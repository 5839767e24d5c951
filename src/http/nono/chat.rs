//! `POST /api/chat`: one turn, in a session that begins with it where there is none.

use serde::{Deserialize, Serialize};

use super::{check_persona, iso, names::parse_new_id};
use crate::{
    domain::{
        id::SessionId,
        session::{DEFAULT_PERSONA, SessionPatch},
    },
    error::Error,
    http::{begin::Choices, own::chat::check_message, problem::Problem, request::Request, response::Reply, saying::Saying},
};

#[derive(Deserialize)]
struct ChatBody {
    session_id: String,
    user_message: String,
    persona_name: Option<String>,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    response: &'a str,
    session_id: &'a str,
    timestamp: String,
}

/// `POST /api/chat` `{session_id, user_message, persona_name?}`: 200 with the answer.
///
/// 1. Read and check. 2. Say it, in the session or in a new one, to the persona that is named. 3. Answer.
pub(super) async fn chat(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (ChatBody { session_id, user_message, persona_name }, asked) = request.repeatable_json().await?;
    let (id, repeatable) = (SessionId::parse("session_id", &session_id)?, asked.repeatable(None)?);
    let message = check_message(user_message, None)?;
    // The page names `default` whatever was chosen when the session began.
    let persona = persona_name.filter(|name| !matches!(name.as_str(), DEFAULT_PERSONA | ""));
    persona.as_ref().map_or(Ok(()), |persona| check_persona(request, persona))?;

    let new = Choices { persona: persona.clone(), ..Choices::default() }.check(request, "chat")?;
    let patch = persona.map(|persona| SessionPatch { persona: Some(persona), ..SessionPatch::default() });
    let saying = Saying { env: request.env(), caller: request.caller(), message, patch, new, repeatable };
    let answer = saying.in_session_or_new(&id, |id| parse_new_id(id.as_str()).map(drop)).await.map_err(failed)?;

    let (response, timestamp) = (answer.assistant.body.content.as_deref().unwrap_or_default(), iso(answer.assistant.created_at));
    Ok(Reply::json(200, &AnswerJson { response, session_id: id.as_str(), timestamp }))
}

/// What the page says when the model has failed.
fn failed(error: Error) -> Problem {
    let is_of_model = matches!(error, Error::Model { .. });
    let mut problem = Problem::from(error);
    if is_of_model {
        problem.detail = format!("Failed to generate response: {}", problem.detail).into();
    }
    problem
}
