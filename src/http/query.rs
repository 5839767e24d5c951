//! The dialect of the multi-agent `/query` system. Its `/sessions` and `/users` are our own dialect's, which shows its clients
//! what they look for ([`Dialect::more_metadata`]).
//!
//! | question | answer |
//! |---|---|
//! | no `thread_id` (or null, `""`) | begins a session; its id is `metadata.thread_id` |
//! | unknown `thread_id` | begins a session of that id |
//! | somebody else's `thread_id` | begins a session under an id of ours, and `metadata.thread_replaced` is true; nothing is told of the other but that its id is in use |
//! | `thread_id` that is a path (`stats`, `cleanup`, ...) or no id | 400 |
//! | nobody | `user_id` absent, null, `""` or `default_user`: then whoever asks, if that is one user, else nobody |
//! | `agent_type` | a persona of that name answers, from now on. Any other name changes nothing: it is kept with what was said, as `last_agent_type` |
//! | `parameters` | are kept with what was said and change nothing |
//! | `created_from` | `query`; so it is with a session that another dialect has begun, if its first words come by `/query`: these are the sessions of this system's clients, whose `metadata` have more than was put there |
//! | more in `metadata` | `query_count` and `created_from` in a user's list and in `GET /sessions/{id}`, there with `last_query` and `last_agent_type`. They are shown, never stored nor exported, and a client's own key of that name stands before them |
//! | too many sessions | the user's that was idle longest ends, as everywhere |
//! | a turn that runs | the next one waits for it |
//! | a repeated request (`Idempotency-Key`) | gets its answer again, and changes no persona, as long as the session lives that it was said in: also one that took the place of somebody else's, should that have ended since |
//! | success, errors, times | 200; problems and times as in our own dialect |

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::{
        caller::Scope,
        id::SessionId,
        message::NewMessage,
        session::{Session, SessionPatch},
    },
    error::{Error, Result, Subject},
    http::{
        Method::Post,
        auth::Need,
        begin::{Choices, is_nobody},
        dialect::{Dialect, MoreMetadata, Route},
        own::chat::check_message,
        problem::Problem,
        request::Request,
        response::Reply,
        saying::Saying,
    },
    limits,
    session::client::{Answer, Lately},
};

/// The dialect.
pub(super) struct Query;

/// How sessions are created that begin with a query.
const CREATED_FROM_QUERY: &str = "query";
/// Where a message keeps for which agent it was meant, if it was for one.
const AGENT_TYPE: &str = "agent_type";

/// What a path and a method stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Ask,
}

#[derive(Deserialize)]
struct QueryBody {
    query: String,
    agent_type: Option<String>,
    thread_id: Option<String>,
    user_id: Option<String>,
    parameters: Option<Map<String, Value>>,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    response: &'a str,
    metadata: MetadataJson<'a>,
}

#[derive(Serialize)]
struct MetadataJson<'a> {
    thread_id: &'a str,
    /// The thread that was named is somebody else's; this is another one.
    thread_replaced: bool,
    user_id: Option<&'a str>,
    query_count: u64,
    last_query: Option<&'a str>,
    last_agent_type: Option<&'a str>,
    created_from: &'a str,
    /// In seconds.
    execution_time: f64,
}

impl Dialect for Query {
    type Endpoint = Endpoint;

    const ROUTES: &'static [Route<Endpoint>] = &[("/query", &[(Post, Endpoint::Ask)])];
    const PREFIXES: &'static [&'static str] = &[];

    fn need(endpoint: Endpoint) -> Need {
        match endpoint {
            Endpoint::Ask => Need::Scope(Scope::Chat),
        }
    }

    async fn answer(endpoint: Endpoint, request: &Request<'_>) -> std::result::Result<Reply, Problem> {
        match endpoint {
            Endpoint::Ask => ask(request).await,
        }
    }

    fn refuse(problem: Problem, request_id: &str) -> Reply {
        problem.into_reply(request_id)
    }

    /// What its clients look for, where a session was begun by them.
    fn more_metadata(session: &Session, lately: Option<&Lately>) -> MoreMetadata {
        if session.created_from != CREATED_FROM_QUERY {
            return None;
        }
        let mut more = vec![("query_count", session.query_count.into()), ("created_from", session.created_from.as_str().into())];
        if let Some(Lately { last_query, last_query_metadata, .. }) = lately {
            let kept: Option<Value> = last_query_metadata.as_deref().and_then(|kept| serde_json::from_str(kept).ok());
            let agent_type = kept.as_ref().and_then(|kept| kept.get(AGENT_TYPE)?.as_str()).or(session.last_persona.as_deref());
            more.extend([("last_query", last_query.as_deref().into()), ("last_agent_type", agent_type.into())]);
        }
        Some(more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// `POST /query` `{query, agent_type?, thread_id?, user_id?, parameters?}`: 200 with the answer.
///
/// 1. Read and check. 2. Say it, in the thread named or in a new one. 3. Answer.
async fn ask(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (QueryBody { query, agent_type, thread_id, user_id, parameters }, asked) = request.repeatable_json().await?;
    let (agent_type, thread_id) = (agent_type.filter(|name| !name.is_empty()), thread_id.filter(|id| !id.is_empty()));
    let message = check(query, agent_type.as_deref(), parameters)?;
    let persona = agent_type.clone().filter(|name| request.config().personas.has(name));
    let user_id = user_id.filter(|user| !is_nobody(user));
    let new = Choices { user_id, persona: persona.clone(), ..Choices::default() }.check(request, CREATED_FROM_QUERY)?;
    let caller = request.caller().acting_for(new.user_id.as_ref())?;
    let named = thread_id.map(|id| SessionId::parse("thread_id", &id)).transpose()?;

    let patch = SessionPatch { persona, created_from: Some(CREATED_FROM_QUERY.to_owned()), ..SessionPatch::default() };
    let saying = Saying { env: request.env(), caller: &caller, message, patch: Some(patch), new, repeatable: asked.repeatable(None)? };
    let (answer, thread_replaced) = match named {
        Some(id) => in_thread(&saying, &id).await?,
        None => (saying.in_new_session().await?, false),
    };

    Ok(Reply::json(200, &AnswerJson::new(&answer, agent_type.as_deref(), thread_replaced)))
}

/// Says it in the thread of that id, or in another one where that is somebody else's. True: in another one.
async fn in_thread(saying: &Saying<'_>, id: &SessionId) -> std::result::Result<(Answer, bool), Problem> {
    match saying.in_session(id).await {
        Err(Error::NotFound(Subject::Session)) => {}
        said => return Ok((said?, false)),
    }
    // It may have been somebody else's when this was asked for the first time, and have ended since.
    if let Some(answer) = saying.again().await? {
        return Ok((answer, true));
    }
    SessionId::parse_chosen("thread_id", id.as_str())?;
    match saying.in_new(id).await {
        Err(Error::IdTaken) => Ok((saying.in_new_session().await?, true)),
        said => Ok((said?, false)),
    }
}

/// What is said, with what goes along with it.
fn check(query: String, agent_type: Option<&str>, parameters: Option<Map<String, Value>>) -> Result<NewMessage> {
    agent_type.map_or(Ok(()), |name| limits::check_label("agent_type", name, limits::NAME_CHARACTERS))?;
    let kept = [(AGENT_TYPE, agent_type.map(Value::from)), ("parameters", parameters.map(Value::from))];
    let kept: Map<String, Value> = kept.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    check_message(query, Some(&kept).filter(|kept| !kept.is_empty())).map_err(|error| {
        if let Error::Invalid { rule, .. } = error {
            Error::invalid("query", rule)
        } else if let Error::TooLarge { field, limit_bytes } = error {
            let field = if field == "metadata" { "parameters" } else { "query" };
            Error::TooLarge { field: field.to_owned(), limit_bytes }
        } else {
            error
        }
    })
}

impl<'a> AnswerJson<'a> {
    fn new(answer: &'a Answer, agent_type: Option<&'a str>, thread_replaced: bool) -> AnswerJson<'a> {
        let session = &answer.session;
        AnswerJson {
            response: answer.assistant.body.content.as_deref().unwrap_or_default(),
            metadata: MetadataJson {
                thread_id: session.id.as_str(),
                thread_replaced,
                user_id: session.user_id.as_ref().map(|user| user.as_str()),
                query_count: session.query_count,
                last_query: answer.user.body.content.as_deref(),
                last_agent_type: agent_type.or(session.last_persona.as_deref()),
                created_from: &session.created_from,
                execution_time: answer.took().as_secs_f64(),
            },
        }
    }
}
