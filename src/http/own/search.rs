//! `/sessions/{id}/search` and `/users/{id}/search`: messages by what they say.

use serde::Serialize;

use super::{one_of, parse_time, rfc3339};
use crate::{
    domain::{message::Role, time::Timestamp},
    error::Result,
    http::{
        problem::Problem,
        request::{Query, Request},
        response::Reply,
    },
    limits,
    search::{
        self,
        protocol::{Found, Hit, SearchCall},
    },
    session::client::SessionClient,
    user,
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SearchResult"))]
pub(super) struct FoundJson<'a> {
    /// Best first.
    hits: Vec<HitJson<'a>>,
    total: u64,
    has_more: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SearchHit"))]
struct HitJson<'a> {
    session_id: &'a str,
    sequence: u64,
    role: &'a str,
    created_at: String,
    /// What is around the matches, in pieces.
    snippet: Vec<PieceJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SnippetPiece"))]
struct PieceJson<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    matches: bool,
}

/// `GET /sessions/{id}/search?q&role&since&before&limit&offset`: 200 with the session's messages that have every word of `q`.
pub(crate) async fn in_session(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, call) = (request.id(0, "session_id")?, question(request.query())?);
    let offset = call.offset;
    let found = SessionClient::new(request.env(), request.caller(), &id).search(call).await?;
    Ok(reply(&found, offset))
}

/// `GET /users/{id}/search?q&session_id&role&since&before&limit&offset`: 200 with the same of all the user's sessions.
pub(crate) async fn of_user(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (user, mut call) = (request.user()?, question(request.query())?);
    call.session_id = request.query().get("session_id").map(str::to_owned);
    let offset = call.offset;
    let found = user::client::search(request.env(), &user, call).await?;
    Ok(reply(&found, offset))
}

fn question(query: &Query) -> Result<SearchCall> {
    let role = query.get("role").map(|name| one_of("role", &Role::ALL, Role::name, name)).transpose()?;
    Ok(SearchCall {
        expression: search::all_words(query.get("q").unwrap_or_default())?,
        role: role.map(|role| role.name().to_owned()),
        session_id: None,
        since: parse_time(query, "since").map(|at| at.map(Timestamp::millis))?,
        before: parse_time(query, "before").map(|at| at.map(Timestamp::millis))?,
        is_for_model: false,
        limit: query.number("limit", limits::PAGE_ITEMS_DEFAULT, 1, limits::PAGE_ITEMS)?,
        offset: query.number("offset", 0, 0, limits::SEARCH_OFFSET)?,
    })
}

fn reply(found: &Found, offset: u32) -> Reply {
    let seen = u64::from(offset).saturating_add(u64::try_from(found.hits.len()).unwrap_or(u64::MAX));
    let json = FoundJson { hits: found.hits.iter().map(HitJson::from).collect(), total: found.total, has_more: seen < found.total };
    Reply::json(200, &json)
}

impl<'a> From<&'a Hit> for HitJson<'a> {
    fn from(hit: &'a Hit) -> Self {
        HitJson {
            session_id: &hit.session_id,
            sequence: hit.sequence,
            role: &hit.role,
            created_at: rfc3339(Timestamp::from_millis(hit.created_at)),
            snippet: search::pieces(&hit.snippet).into_iter().map(|(text, matches)| PieceJson { text, matches }).collect(),
        }
    }
}
