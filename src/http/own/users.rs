//! `/users/{id}`: what a user wants.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{caller::Owner, id::UserId},
    error::{Error, Subject},
    http::{problem::Problem, request::Request, response::Reply},
    user,
};

#[derive(Deserialize)]
struct PatchBody {
    memory: Option<bool>,
}

#[derive(Serialize)]
struct UserJson<'a> {
    user_id: &'a str,
    /// May models be told what is remembered, and remember more?
    memory: bool,
}

/// `GET /users/{id}`: 200 with what the user wants. Every user exists.
pub(crate) async fn get(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let user = own(request)?;
    let memory = user::client::uses_memory(request.env(), &user).await?;
    Ok(Reply::json(200, &UserJson { user_id: user.as_str(), memory }))
}

/// `PATCH /users/{id}` `{memory?}`: 200 with what the user wants from now on.
pub(crate) async fn patch(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let user = own(request)?;
    if let PatchBody { memory: Some(memory) } = request.json().await? {
        user::client::set_uses_memory(request.env(), &user, memory).await?;
    }
    get(request).await
}

fn own(request: &Request<'_>) -> std::result::Result<UserId, Problem> {
    let user: UserId = request.id(0, "user_id")?;
    if request.caller().may_use(&Owner::User(user.clone())) { Ok(user) } else { Err(Error::NotFound(Subject::Memory).into()) }
}
