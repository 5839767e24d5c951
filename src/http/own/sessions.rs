//! `/sessions` and `/sessions/{id}`: create, fork, read, change, renew, delete, restore.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{SessionJson, etag, one_of, rfc3339, shown_metadata};
use crate::{
    domain::{
        id::SessionId,
        session::{self, CREATED_FROM_API, NewSession, Session, SessionPatch},
        speech::profile::{Depth, ProfilePatch, Tone, Verbosity},
    },
    error::{Error, Result},
    http::{
        begin::{Choices, create_new, encode_metadata, find_or_begin, with_own_id},
        problem::Problem,
        request::{
            Request,
            body::{Object, nullable},
            repeat::fork_id_of,
        },
        response::Reply,
    },
    platform,
    session::client::{Deletion, Lately, SessionClient},
};

/// Longest time in which a deletion can be taken back.
const UNDO_SECONDS: u32 = 3600;

/// What a session can begin with; an import takes the same of a file.
#[derive(Deserialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CreateSessionRequest"))]
pub(in crate::http::own) struct CreateBody {
    /// Its id; one of ours when absent. Names a living session of yours: that one is the answer.
    pub(in crate::http::own) session_id: Option<String>,
    /// Whose it is; nobody's when absent.
    pub(in crate::http::own) user_id: Option<String>,
    /// As whom the model answers, see `GET /personas`.
    pub(in crate::http::own) persona: Option<String>,
    /// Its title; made of the first words when absent.
    pub(in crate::http::own) title: Option<String>,
    /// Whatever you want to keep with it.
    pub(in crate::http::own) metadata: Option<Map<String, Value>>,
    /// How long it lives without activity.
    pub(in crate::http::own) ttl_seconds: Option<u64>,
    /// How its user likes to be talked to.
    pub(in crate::http::own) profile: Option<Object<ProfileBody>>,
    /// May models be told what is remembered, and remember more?
    pub(in crate::http::own) memory: Option<bool>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ForkRequest"))]
pub(super) struct ForkBody {
    /// The last message to take along; all when absent.
    through: Option<u64>,
    /// Its id; one of ours when absent.
    session_id: Option<String>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PatchSessionRequest"))]
pub(super) struct PatchBody {
    /// `null` removes it.
    #[serde(default, deserialize_with = "nullable")]
    title: Option<Option<String>>,
    /// As whom the model answers from now on.
    persona: Option<String>,
    /// Is merged (RFC 7396).
    metadata: Option<Map<String, Value>>,
    /// How long it lives without activity.
    ttl_seconds: Option<u64>,
    /// How its user likes to be talked to.
    profile: Option<Object<ProfileBody>>,
    /// May models be told what is remembered, and remember more?
    memory: Option<bool>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ProfileRequest"))]
pub(in crate::http::own) struct ProfileBody {
    verbosity: Option<String>,
    tone: Option<String>,
    depth: Option<String>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SessionOverview"))]
pub(super) struct OverviewJson<'a> {
    #[serde(flatten)]
    session: SessionJson<'a>,
    context: ContextJson<'a>,
}

/// What was said and done last.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "LastExchange"))]
struct ContextJson<'a> {
    last_query: Option<String>,
    /// Without its middle when it is long.
    last_response: Option<String>,
    /// In seconds.
    last_execution_time: Option<f64>,
    /// The persona that answered.
    last_agent_used: Option<&'a str>,
    error_count: u64,
    last_error: Option<&'static str>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "DeletedSession"))]
pub(super) struct DeletedJson<'a> {
    session_id: &'a str,
    deleted: bool,
    message_count: u64,
    /// When nothing was left; with `?undo`, when it became invisible.
    deleted_at: String,
    /// Until then `POST /sessions/{id}/restore` brings it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    restorable_until: Option<String>,
}

/// `POST /sessions`: 201 with the new session, 200 with the living one that `session_id` names.
///
/// 1. Read and check. 2. Create or find. 3. Answer.
pub(crate) async fn create(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (body, asked) = request.repeatable_json::<CreateBody>().await?;
    let (session_id, choices) = body.choices()?;
    let new = choices.check(request, CREATED_FROM_API)?;
    let chosen = session_id.map(|id| SessionId::parse_chosen("session_id", &id)).transpose()?;
    let repeatable = asked.repeatable(None)?;

    let (session, is_new) = find_or_begin(request, chosen, new, repeatable.as_ref()).await?;

    Ok(created(if is_new { 201 } else { 200 }, &session))
}

/// `POST /sessions/{id}/fork`: 201 with a new session that begins with a copy of the messages up to `through`.
///
/// 1. Read and check. 2. If that was done before, answer as then: the source may be gone. 3. Copy what is there.
/// 4. Begin another session with it.
pub(crate) async fn fork(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, (body, patch, asked)) = (request.id(0, "session_id")?, request.repeatable_parts::<ForkBody, PatchBody>().await?);
    let (patch, repeatable) = (patch.check(request)?, asked.repeatable(None)?);
    let chosen = body.session_id.map(|id| SessionId::parse_chosen("session_id", &id)).transpose()?;

    let chosen = chosen.or_else(|| repeatable.as_ref().map(|repeatable| fork_id_of(repeatable, &id)));
    if let (Some(repeatable), Some(copy)) = (&repeatable, &chosen) {
        match SessionClient::new(request.env(), request.caller(), copy).once(Some(repeatable)).recall_created().await {
            Err(Error::NotFound(_)) => {}
            recalled => return Ok(created(201, &recalled?)),
        }
    }
    let (source, messages) = SessionClient::new(request.env(), request.caller(), &id).copy(body.through).await?;
    let caller = request.caller().acting_for(source.owner.user())?;
    let new = NewSession {
        user_id: source.user_id,
        persona: patch.persona.unwrap_or(source.persona),
        title: patch.title.unwrap_or(source.title),
        metadata: patch.metadata.unwrap_or(source.metadata),
        idle_timeout: patch.idle_timeout.unwrap_or(source.idle_timeout),
        profile: source.profile.patched(patch.profile),
        uses_memory: patch.uses_memory.unwrap_or(source.uses_memory),
        created_from: "fork".to_owned(),
    };

    let begin = async |id| {
        create_new(SessionClient::new(request.env(), &caller, &id).once(repeatable.as_ref()), new.clone(), messages.clone()).await
    };
    let (session, _) = match chosen {
        Some(id) => begin(id).await?,
        None => with_own_id(None, &caller, begin).await?,
    };
    Ok(created(201, &session))
}

/// `GET /sessions/{id}`: 200 with the session, and with what was said and done in it last (`context`).
pub(crate) async fn get(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let id = request.id(0, "session_id")?;
    let (session, lately) = SessionClient::new(request.env(), request.caller(), &id).overview().await?;
    let shown = SessionJson::from(&session).with_metadata(shown_metadata(&session, Some(&lately)));
    let Lately { last_query, last_response, last_execution, .. } = lately;
    let last_error = session.last_error.map(|last| last.failure.code());
    let context = ContextJson {
        last_query,
        last_response,
        last_execution_time: last_execution.map(|took| took.as_secs_f64()),
        last_agent_used: session.last_persona.as_deref(),
        error_count: session.error_count,
        last_error,
    };
    let overview = OverviewJson { session: shown, context };
    Ok(Reply::json(200, &overview).with_header("etag", etag(session.version())))
}

/// `PATCH /sessions/{id}`: 200 with the changed session. Metadata is merged (RFC 7396), `title: null` removes it.
pub(crate) async fn patch(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, precondition) = (request.id(0, "session_id")?, request.precondition()?);
    let patch = request.json::<PatchBody>().await?.check(request)?;
    let session = SessionClient::new(request.env(), request.caller(), &id).patch(precondition, patch).await?;
    Ok(reply(200, &session))
}

/// `DELETE /sessions/{id}?undo=seconds`: 200 with what went.
pub(crate) async fn delete(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, precondition) = (request.id(0, "session_id")?, request.precondition()?);
    let undo = match request.query().number("undo", 0, 0, UNDO_SECONDS)? {
        0 => None,
        seconds => Some(Duration::from_secs(seconds.into())),
    };
    let deletion = SessionClient::new(request.env(), request.caller(), &id).delete(precondition, undo).await?;
    let Deletion { message_count, restorable_until } = deletion;
    let (deleted_at, restorable_until) = (rfc3339(platform::now()), restorable_until.map(rfc3339));
    Ok(Reply::json(200, &DeletedJson { session_id: id.as_str(), deleted: true, message_count, deleted_at, restorable_until }))
}

/// `POST /sessions/{id}/restore`: 200 with the session, whose deletion is taken back. Any body is ignored.
pub(crate) async fn restore(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, repeatable) = (request.id(0, "session_id")?, request.asked().repeatable(None)?);
    let session = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref()).restore().await?;
    Ok(reply(200, &session))
}

/// `POST /sessions/{id}/renew`: 200 with the session, whose time begins again. Any body is ignored.
pub(crate) async fn renew(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, repeatable) = (request.id(0, "session_id")?, request.asked().repeatable(None)?);
    let session = SessionClient::new(request.env(), request.caller(), &id).once(repeatable.as_ref()).renew().await?;
    Ok(reply(200, &session))
}

impl CreateBody {
    /// What it chooses, and under which id.
    pub(in crate::http::own) fn choices(self) -> Result<(Option<String>, Choices)> {
        let CreateBody { session_id, user_id, persona, title, metadata, ttl_seconds, profile, memory } = self;
        let profile = profile.map(|Object(profile)| profile.check()).transpose()?.unwrap_or_default();
        Ok((session_id, Choices { user_id, persona, title, metadata, ttl_seconds, profile, memory }))
    }
}

impl PatchBody {
    fn check(self, request: &Request<'_>) -> Result<SessionPatch> {
        self.persona.as_deref().map_or(Ok(()), |persona| request.config().personas.check(persona))?;
        self.title.iter().flatten().try_for_each(|title| session::check_title(title))?;
        Ok(SessionPatch {
            title: self.title,
            persona: self.persona,
            metadata: self.metadata.as_ref().map(encode_metadata).transpose()?,
            idle_timeout: self.ttl_seconds.map(|seconds| session::parse_idle_timeout("ttl_seconds", seconds)).transpose()?,
            profile: self.profile.map(|Object(profile)| profile.check()).transpose()?.unwrap_or_default(),
            uses_memory: self.memory,
            created_from: None,
        })
    }
}

impl ProfileBody {
    fn check(self) -> Result<ProfilePatch> {
        Ok(ProfilePatch {
            verbosity: self.verbosity.map(|name| one_of("profile.verbosity", &Verbosity::ALL, Verbosity::name, &name)).transpose()?,
            tone: self.tone.map(|name| one_of("profile.tone", &Tone::ALL, Tone::name, &name)).transpose()?,
            depth: self.depth.map(|name| one_of("profile.depth", &Depth::ALL, Depth::name, &name)).transpose()?,
        })
    }
}

fn created(status: u16, session: &Session) -> Reply {
    reply(status, session).with_header("location", location(&session.id))
}

/// The path of a session.
pub(super) fn location(id: &SessionId) -> String {
    format!("/sessions/{}", utf8_percent_encode(id.as_str(), NON_ALPHANUMERIC))
}

fn reply(status: u16, session: &Session) -> Reply {
    Reply::json(status, &SessionJson::from(session)).with_header("etag", etag(session.version()))
}
