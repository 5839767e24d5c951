//! Turns: how one is asked for and answered, and `/sessions/{id}/events`, `stop`, `regenerate`, `continue`, `edit`, `turns`.
//!
//! What every request for one may say about it is in `options`, how its events look in `events`.

pub(super) mod events;
mod options;

use serde::{Deserialize, Serialize};

use super::{MemoryChangeJson, MessageJson, SessionJson, UsageJson, chat::check_message, etag, rfc3339};
use crate::{
    domain::turn::{
        Finish, Turn,
        event::{Ended, Place},
    },
    error::Result,
    http::{
        problem::Problem,
        request::{Request, parse_number, repeat::Asked},
        response::Reply,
    },
    session::client::{Answer, Ask, SessionClient},
};

pub(super) use options::{Run, RunBody};

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "EditRequest"))]
pub(in crate::http::own) struct EditBody {
    /// What the user says instead.
    message: String,
    /// Of the message.
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StopRequest"))]
pub(in crate::http::own) struct StopBody {
    /// That turn alone; whichever runs when absent.
    turn: Option<u64>,
}

#[derive(Deserialize)]
struct NoBody {}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Answer"))]
pub(in crate::http::own) struct AnswerJson<'a> {
    session_id: &'a str,
    /// Did this turn begin the session?
    session_created: bool,
    /// What the model said; `message.content`.
    response: &'a str,
    /// When it was answered, and what its client calls the user: clients of the Nono chat bot read both.
    timestamp: String,
    user_id: Option<&'a str>,
    /// Who answered.
    model: &'a str,
    /// What was answered.
    user_message: MessageJson<'a>,
    /// The answer.
    message: MessageJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<TurnJson<'a>>,
    /// What was remembered and forgotten on the way.
    memory: Vec<MemoryChangeJson<'a>>,
    /// The session after the turn.
    session: SessionJson<'a>,
}

/// A turn, wherever one is shown.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Turn"))]
pub(super) struct TurnJson<'a> {
    /// Its number in the session, from 1.
    turn: u64,
    /// What it does with the history.
    kind: &'static str,
    /// How far it has come.
    status: &'static str,
    /// The message it answers.
    input_sequence: u64,
    /// The message that holds its answer, once there is one.
    answer_sequence: Option<u64>,
    /// Who answers.
    model: &'a str,
    started_at: String,
    ended_at: Option<String>,
    /// Why the model ended, if it did.
    finish_reason: Option<&'static str>,
    /// How the model failed, if it did.
    error: Option<&'static str>,
    /// What it took, once it has ended.
    usage: Option<UsageJson>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "StoppedTurn"))]
pub(in crate::http::own) struct StoppedJson<'a> {
    session_id: &'a str,
    /// Was there a turn to stop?
    stopped: bool,
    turn: Option<TurnJson<'a>>,
    message: Option<MessageJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TurnAnswer"))]
pub(in crate::http::own) struct EndedJson<'a> {
    session_id: &'a str,
    turn: TurnJson<'a>,
    message: Option<MessageJson<'a>>,
}

/// `POST /sessions/{id}/regenerate`: 200 with another answer to what was said last, or with its events.
pub(crate) async fn regenerate(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (NoBody {}, run, asked) = request.repeatable_parts().await?;
    again(request, Ask::Regenerate, run, asked).await
}

/// `POST /sessions/{id}/continue`: 200 with the whole of an answer that was cut off, or with the events of its rest.
pub(crate) async fn go_on(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (NoBody {}, run, asked) = request.repeatable_parts().await?;
    again(request, Ask::Continue, run, asked).await
}

/// `POST /sessions/{id}/edit`: 200 with the answer to `message`, said in place of what the user said last, or its events.
pub(crate) async fn edit(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (EditBody { message, metadata }, run, asked) = request.repeatable_parts().await?;
    again(request, Ask::Edit(check_message(message, metadata.as_ref())?), run, asked).await
}

/// `GET /sessions/{id}/events?turn&after`, or with `Last-Event-ID`: 200 with the events that follow; 204 when there are none.
pub(crate) async fn follow(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let id = request.id(0, "session_id")?;
    let turn = request.query().get("turn").map(|turn| parse_number("turn", turn)).transpose()?;
    let followed = SessionClient::new(request.env(), request.caller(), &id).follow(turn, request.last_event()?.map(Place::of_id)).await?;
    match followed {
        Some(events) => Ok(Reply::events(events.map(events::encoder(id.as_str()))?)),
        None => Ok(Reply::nothing()),
    }
}

/// `POST /sessions/{id}/stop` `{turn?}`: 200 when the turn has ended, or none runs.
pub(crate) async fn stop(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let id = request.id(0, "session_id")?;
    let (StopBody { turn }, NoBody {}, asked) = request.repeatable_parts().await?;
    let repeatable = asked.repeatable(None)?;
    let (stopped, last) = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref()).stop(turn).await?;
    let (turn, message) = last.as_ref().map_or((None, None), |last| (Some(&last.turn), last.answer.as_ref()));
    let json = StoppedJson { session_id: id.as_str(), stopped, turn: turn.map(TurnJson::from), message: message.map(MessageJson::from) };
    Ok(Reply::json(200, &json))
}

/// `GET /sessions/{id}/turns/{turn}`: 200 with how a turn stands, and its answer.
pub(crate) async fn get(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, number) = (request.id(0, "session_id")?, parse_number("turn", request.segment(1))?);
    let Ended { turn, answer, .. } = SessionClient::new(request.env(), request.caller(), &id).turn(number).await?;
    let json = EndedJson { session_id: id.as_str(), turn: TurnJson::from(&turn), message: answer.as_ref().map(MessageJson::from) };
    Ok(Reply::json(200, &json))
}

async fn again(request: &Request<'_>, ask: Ask, run: RunBody, asked: Asked) -> std::result::Result<Reply, Problem> {
    let (id, run) = (request.id(0, "session_id")?, run.check(request, asked)?);
    let client = SessionClient::new(request.env(), request.caller(), &id).once(run.repeatable.as_ref());
    Ok(self::run(&client, ask, &run, false).await?)
}

/// Asks the model, and answers with its answer or with the events.
pub(super) async fn run(client: &SessionClient<'_>, ask: Ask, run: &Run, session_created: bool) -> Result<Reply> {
    if run.streams {
        let events = client.stream(ask, run.manner.clone()).await?;
        return Ok(Reply::events(events.map(events::encoder(client.id().as_str()))?));
    }
    let answer = client.answer(ask, run.manner.clone()).await?;
    let Answer { session, user, assistant, model, turn, memory } = &answer;
    let json = AnswerJson {
        session_id: session.id.as_str(),
        session_created,
        response: assistant.body.content.as_deref().unwrap_or_default(),
        timestamp: rfc3339(assistant.created_at),
        user_id: session.user_id.as_ref().map(|user| user.as_str()),
        model,
        user_message: MessageJson::from(user),
        message: MessageJson::from(assistant),
        turn: turn.as_ref().map(TurnJson::from),
        memory: memory.iter().map(MemoryChangeJson::from).collect(),
        session: SessionJson::from(session),
    };
    Ok(Reply::json(200, &json).with_header("etag", etag(session.version())))
}

impl<'a> From<&'a Turn> for TurnJson<'a> {
    fn from(turn: &'a Turn) -> Self {
        TurnJson {
            turn: turn.number,
            kind: turn.kind.name(),
            status: turn.state.name(),
            input_sequence: turn.input_sequence,
            answer_sequence: turn.answer_sequence,
            model: &turn.model,
            started_at: rfc3339(turn.started_at),
            ended_at: turn.ended_at.map(rfc3339),
            finish_reason: turn.finish.map(Finish::name),
            error: turn.failure.map(|failure| failure.code()),
            usage: turn.usage.map(UsageJson::from),
        }
    }
}
