//! `GetOrCreateSession`, `ListSessions`, `DeleteSession`.

use super::{
    user_of,
    wire::{
        DeleteSessionRequest, GetOrCreateSessionRequest, GetOrCreateSessionResponse, ListSessionsRequest, ListSessionsResponse, Session,
        Success,
    },
};
use crate::{
    domain::{
        caller::Owner,
        id::{Id, Repeatable, SessionId},
        session::{self, CREATED_FROM_API, Precondition},
    },
    error::Error,
    http::{
        begin::{Choices, find_or_begin},
        every_session::Pages,
        problem::Problem,
        request::Request,
    },
    session::client::SessionClient,
    user::client::Filter,
};

/// Most sessions of an answer, those with the latest activity.
const SESSIONS: usize = 1000;

/// The living session of that id, or a new one.
pub(super) async fn get_or_create(
    request: &Request<'_>,
    body: GetOrCreateSessionRequest,
    repeatable: Option<Repeatable>,
) -> Result<GetOrCreateSessionResponse, Problem> {
    let session = get_or_create_flat(request, body, repeatable).await?;
    Ok(GetOrCreateSessionResponse { session: Some(session) })
}

/// The same as the old generation answers it. Somebody else's session is given to nobody.
pub(super) async fn get_or_create_flat(
    request: &Request<'_>,
    body: GetOrCreateSessionRequest,
    repeatable: Option<Repeatable>,
) -> Result<Session, Problem> {
    let user = user_of(request, &body.user_id)?;
    let user_id = user.as_ref().map(|user| user.as_str().to_owned());
    let new = Choices { user_id, ..Choices::default() }.check(request, CREATED_FROM_API)?;
    let chosen = body.session_id.filter(|id| !id.is_empty());
    let chosen = chosen.map(|id| SessionId::parse_chosen("session_id", &id)).transpose()?;
    let (session, _) = find_or_begin(request, chosen, new, repeatable.as_ref()).await?;
    match &session.owner {
        // Services may use whatever there is, but here they say for whom.
        Owner::User(owner) if user.as_ref() != Some(owner) => Err(Error::IdTaken.into()),
        Owner::User(_) | Owner::Nobody => Ok(Session::from(&session)),
    }
}

/// The user's living sessions, latest activity first. Nobody's are on no list.
pub(super) async fn list(
    request: &Request<'_>,
    body: ListSessionsRequest,
    _repeatable: Option<Repeatable>,
) -> Result<ListSessionsResponse, Problem> {
    let Some(user) = user_of(request, &body.user_id)? else { return Ok(ListSessionsResponse::default()) };
    let (mut sessions, mut pages) = (Vec::new(), Pages::new(&user, Filter::default()));
    while sessions.len() < SESSIONS {
        let page = pages.next(request).await?;
        if page.is_empty() {
            break;
        }
        sessions.extend(page.iter().map(|listed| Session::from(&listed.session)));
    }
    Ok(ListSessionsResponse { sessions })
}

/// Ends a session, with what is remembered in it. Was there one?
pub(super) async fn delete(request: &Request<'_>, body: DeleteSessionRequest, _repeatable: Option<Repeatable>) -> Result<Success, Problem> {
    let id = Id::parse("session_id", &body.session_id)?;
    match SessionClient::new(request.env(), request.caller(), &id).delete(Precondition::None, None).await {
        Err(Error::NotFound(_)) => Ok(Success { success: false }),
        deleted => deleted.map(|_| Success { success: true }).map_err(Problem::from),
    }
}

impl From<&session::Session> for Session {
    fn from(session: &session::Session) -> Self {
        Session {
            session_id: session.id.as_str().to_owned(),
            user_id: session.user_id.as_ref().map(|user| user.as_str().to_owned()).unwrap_or_default(),
            created_at: session.created_at.millis(),
            updated_at: session.last_activity.millis(),
        }
    }
}
