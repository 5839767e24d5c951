//! What is done to every session of a user, or to all on the list, whatever the dialect.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    domain::id::{SessionId, UserId},
    error::{Error, Result},
    http::request::Request,
    limits,
    session::client::SessionClient,
    user::{
        self,
        client::{Filter, Listed, Position},
    },
};

/// So many objects are called at the same time: a Worker waits for six at most.
pub(super) const AT_ONCE: usize = 6;

/// Does `act` to every session of `user`, also those that can be restored, some at a time; what it gave. One that is not
/// there for it gives nothing.
///
/// # Errors
/// Those of `act` but `NotFound`; `Unavailable` when the list cannot be read.
pub(super) async fn every_session<T>(
    request: &Request<'_>,
    user: &UserId,
    act: impl AsyncFn(SessionClient<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let (env, caller) = (request.env(), request.caller().acting_for(Some(user))?);
    let act = async |id: &SessionId| match act(SessionClient::new(env, &caller, id)).await {
        Err(Error::NotFound(_)) => Ok(None),
        acted => acted.map(Some),
    };
    let (mut acted, mut last): (Vec<T>, Option<SessionId>) = (Vec::new(), None);
    loop {
        let mut page = user::client::ids(env, user, last.as_ref(), limits::PAGE_ITEMS).await?;
        let of_page: Vec<_> = stream::iter(&page).map(&act).buffer_unordered(AT_ONCE).try_collect().await?;
        acted.extend(of_page.into_iter().flatten());
        let Some(id) = page.pop() else { return Ok(acted) };
        last = Some(id);
    }
}

/// The sessions on a user's list that a filter lets through, page by page, the latest activity first. One that has activity
/// meanwhile moves to where no page comes any more, so there is an end.
pub(super) struct Pages<'a> {
    user: &'a UserId,
    filter: Filter,
    position: Option<Position>,
}

impl<'a> Pages<'a> {
    /// Those of `user`.
    pub(super) fn new(user: &'a UserId, filter: Filter) -> Pages<'a> {
        Pages { user, filter, position: None }
    }

    /// The next page; an empty one after the last.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn next(&mut self, request: &Request<'_>) -> Result<Vec<Listed>> {
        let (position, filter) = (self.position.take(), self.filter.clone());
        let page = user::client::list(request.env(), self.user, limits::PAGE_ITEMS, position, filter).await?;
        let last = page.last().map(|listed| &listed.session);
        self.position = last.map(|last| Position { last_activity: last.last_activity, session_id: last.id.clone() });
        Ok(page)
    }
}
