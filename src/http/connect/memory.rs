//! `SaveMemory`, `GetMemory`, `DeleteMemory`, `ClearUserMemory`: a user's memory, or that of one session.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{
    count, user_of,
    wire::{
        ClearUserMemoryRequest, ClearUserMemoryResponse, DeleteMemoryRequest, GetMemoryRequest, GetMemoryResponse, SaveMemoryRequest,
        Success,
    },
};
use crate::{
    domain::{
        caller::Caller,
        id::{Id, MemoryKey, Repeatable, SessionId, UserId},
        memory::Entry,
        session::Precondition,
    },
    error::{Error, Result, Subject},
    http::{
        begin::{Choices, find_or_begin},
        every_session::every_session,
        problem::Problem,
        request::Request,
    },
    limits,
    memory::client::MemoryClient,
    session::client::SessionClient,
};

/// By which request a session is created that something is to be remembered in.
const CREATED_FROM: &str = "memory";
/// Most bytes of values in one answer.
const VALUES_BYTES: usize = 8 * 1024 * 1024;

/// Whose memory is meant: it names a user, maybe nobody, and maybe a session.
struct Scope {
    user: Option<UserId>,
    session: Option<SessionId>,
    caller: Caller,
}

impl Scope {
    fn of(request: &Request<'_>, user_id: &str, session_id: Option<String>) -> Result<Scope> {
        let user = user_of(request, user_id)?;
        let session = session_id.filter(|id| !id.is_empty()).map(|id| Id::parse("session_id", &id)).transpose()?;
        let caller = request.caller().acting_for(user.as_ref())?;
        Ok(Scope { user, session, caller })
    }

    /// `None`: nobody has a memory.
    fn memory<'a>(&'a self, request: &Request<'a>, repeatable: Option<&'a Repeatable>) -> Option<MemoryClient<'a>> {
        match (&self.session, &self.user) {
            (Some(id), _) => Some(MemoryClient::Session(SessionClient::new(request.env(), &self.caller, id).once(repeatable))),
            (None, Some(user)) => Some(MemoryClient::User(request.env(), user.clone(), repeatable)),
            (None, None) => None,
        }
    }
}

/// Remembers a value, in a session that is begun if there is none.
pub(super) async fn save(
    request: &Request<'_>,
    body: SaveMemoryRequest,
    repeatable: Option<Repeatable>,
) -> std::result::Result<Success, Problem> {
    let SaveMemoryRequest { user_id, key, value, session_id } = body;
    let (scope, key) = (Scope::of(request, &user_id, session_id)?, Id::parse("key", &key)?);
    limits::check_body("value", &value, limits::MEMORY_BYTES)?;
    serde_json::from_str::<&RawValue>(&value).map_err(|_| Error::invalid("value", "must be JSON text"))?;

    let memory = scope.memory(request, repeatable.as_ref());
    let memory = memory.ok_or_else(|| Error::invalid("user_id", "must name a user, or session_id a session: nobody has no memory"))?;
    let put = async || memory.put(&key, value.clone(), Precondition::None, None).await;
    match put().await {
        Err(Error::NotFound(Subject::Session)) => {
            begin(request, &scope).await?;
            put().await?
        }
        put => put?,
    };
    Ok(Success { success: true })
}

/// Begins the session that is named, for the user that is named.
async fn begin(request: &Request<'_>, scope: &Scope) -> Result<()> {
    let chosen = scope.session.as_ref().map(|id| SessionId::parse_chosen("session_id", id.as_str())).transpose()?;
    let user_id = scope.user.as_ref().map(|user| user.as_str().to_owned());
    let new = Choices { user_id, ..Choices::default() }.check(request, CREATED_FROM)?;
    find_or_begin(request, chosen, new, None).await.map(drop)
}

/// What is remembered under the key, or everything.
pub(super) async fn get(
    request: &Request<'_>,
    body: GetMemoryRequest,
    _repeatable: Option<Repeatable>,
) -> std::result::Result<GetMemoryResponse, Problem> {
    let scope = Scope::of(request, &body.user_id, body.session_id)?;
    let Some(memory) = scope.memory(request, None) else { return Ok(GetMemoryResponse::default()) };
    let found = match body.key.filter(|key| !key.is_empty()) {
        Some(key) => memory.get(&Id::parse("key", &key)?).await.map(|entry| vec![entry]).map_err(Problem::from),
        None => all(&memory).await,
    };
    let entries = found.or_else(|problem| if problem.status == 404 { Ok(Vec::new()) } else { Err(problem) })?;
    let memories: BTreeMap<_, _> = entries.into_iter().map(|entry| (entry.key.as_str().to_owned(), entry.value)).collect();
    Ok(GetMemoryResponse { memories })
}

/// Every entry; there is no way to tell that some are missing.
async fn all(memory: &MemoryClient<'_>) -> std::result::Result<Vec<Entry>, Problem> {
    let (mut entries, mut values_bytes): (Vec<Entry>, usize) = (Vec::new(), 0);
    loop {
        let page = memory.list("", entries.last().map(|last| last.key.as_str()), limits::PAGE_ITEMS).await?;
        values_bytes = page.entries.iter().fold(values_bytes, |sum, entry| sum.saturating_add(entry.value.len()));
        if values_bytes > VALUES_BYTES {
            let detail = format!("What is remembered takes more than {VALUES_BYTES} bytes, the most of one answer. Ask for single keys.");
            return Err(Problem::new(429, "TOO_MUCH", detail));
        }
        entries.extend(page.entries);
        if !page.has_more {
            return Ok(entries);
        }
    }
}

/// Forgets a value. Was there one?
pub(super) async fn delete(
    request: &Request<'_>,
    body: DeleteMemoryRequest,
    repeatable: Option<Repeatable>,
) -> std::result::Result<Success, Problem> {
    let DeleteMemoryRequest { user_id, key, session_id } = body;
    let (scope, key): (_, MemoryKey) = (Scope::of(request, &user_id, session_id)?, Id::parse("key", &key)?);
    let Some(memory) = scope.memory(request, repeatable.as_ref()) else { return Ok(Success { success: false }) };
    match memory.delete(&key, Precondition::None).await {
        Err(Error::NotFound(_)) => Ok(Success { success: false }),
        deleted => deleted.map(|()| Success { success: true }).map_err(Problem::from),
    }
}

/// Forgets everything of a user: what is remembered of the user, and in each of the user's living sessions.
pub(super) async fn clear(
    request: &Request<'_>,
    body: ClearUserMemoryRequest,
    _repeatable: Option<Repeatable>,
) -> std::result::Result<ClearUserMemoryResponse, Problem> {
    let scope = Scope::of(request, &body.user_id, None)?;
    let Some(user) = &scope.user else { return Ok(ClearUserMemoryResponse::default()) };
    let of_user = MemoryClient::User(request.env(), user.clone(), None).clear().await?;
    let of_sessions = every_session(request, user, async |session| {
        session.forget_told().await?;
        MemoryClient::Session(session).clear().await
    });
    let cleared = of_sessions.await?.into_iter().fold(of_user, u64::saturating_add);
    Ok(ClearUserMemoryResponse { count: count(cleared) })
}
