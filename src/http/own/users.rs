//! `/users/{id}`: what a user wants, and the user's end.

use serde::{Deserialize, Serialize};

use super::rfc3339;
use crate::{
    http::{problem::Problem, request::Request, response::Reply},
    platform,
    user::{self, client::Erased},
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PatchUserRequest"))]
pub(super) struct PatchBody {
    memory: Option<bool>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "User"))]
pub(super) struct UserJson<'a> {
    user_id: &'a str,
    /// May models be told what is remembered, and remember more?
    memory: bool,
}

/// What has gone with a user: counts and times.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ErasedUser"))]
pub(super) struct ErasedJson {
    /// Is nothing left?
    erased: bool,
    sessions: u64,
    messages: u64,
    memories: u64,
    started_at: String,
    ended_at: Option<String>,
}

/// `GET /users/{id}`: 200 with what the user wants. Every user exists.
pub(crate) async fn get(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let user = request.user()?;
    let memory = user::client::uses_memory(request.env(), &user).await?;
    Ok(Reply::json(200, &UserJson { user_id: user.as_str(), memory }))
}

/// `PATCH /users/{id}` `{memory?}`: 200 with what the user wants from now on.
pub(crate) async fn patch(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let user = request.user()?;
    if let PatchBody { memory: Some(memory) } = request.json().await? {
        user::client::set_uses_memory(request.env(), &user, memory).await?;
    }
    get(request).await
}

/// `DELETE /users/{id}`: 200 with what has gone when nothing is left; 202 when there is more: ask again, or leave it to
/// us.
pub(crate) async fn erase(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let user = request.user()?;
    let Erased { started_at, sessions, messages, memories, is_complete } = user::client::erase(request.env(), &user).await?;
    let erased = ErasedJson {
        erased: is_complete,
        sessions,
        messages,
        memories,
        started_at: rfc3339(started_at),
        ended_at: is_complete.then(|| rfc3339(platform::now())),
    };
    Ok(Reply::json(if is_complete { 200 } else { 202 }, &erased))
}
