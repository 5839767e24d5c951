//! `/sessions/cleanup`: removes what dead sessions have left, for an administrator. Nothing depends on its being called: sessions
//! tidy up after themselves. It helps where that was prevented, and makes the list of all sessions right.

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    domain::id::SessionId,
    error::Error,
    http::{
        every_session::AT_ONCE,
        own::lists::{decode_index_cursor, encode_index_cursor},
        problem::Problem,
        request::Request,
        response::Reply,
    },
    index, limits,
    session::client::SessionClient,
};

/// Sessions in a step when the client names no limit.
const LIMIT_DEFAULT: u32 = 100;

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CleanUpRequest"))]
pub(in crate::http::own) struct CleanUpBody {
    /// Where to go on: the `cursor` of the answer before.
    cursor: Option<String>,
    /// Entries of the index to look at, 100 when absent.
    limit: Option<u32>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "CleanUpResult"))]
pub(in crate::http::own) struct CleanedJson {
    /// Entries of the index that were looked at.
    checked: usize,
    /// Those of them whose sessions are gone, and now they are too.
    removed: usize,
    /// Those whose sessions could not be asked or tidied up.
    failed: usize,
    /// Where to go on; null at the end.
    cursor: Option<String>,
}

/// `POST /sessions/cleanup` `{cursor?, limit?}`: 200 with what was removed.
///
/// 1. Read a part of the index.
/// 2. Have the session of each entry, whatever the entry says, remove what is left of it if it is dead.
///
/// Each session is a step for itself, so it can be broken off, repeated and done twice at once.
pub(crate) async fn clean_up(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (CleanUpBody { cursor, limit }, serde::de::IgnoredAny, _) = request.repeatable_parts().await?;
    let limit = limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=limits::PAGE_ITEMS).contains(&limit) {
        return Err(Error::invalid("limit", format!("must be a whole number from 1 to {}", limits::PAGE_ITEMS)).into());
    }
    let cursor = cursor.as_deref().map(decode_index_cursor).transpose()?;
    let walk = index::walk(request.env(), limit, cursor).await?;
    let sweep = async |id: SessionId| SessionClient::new(request.env(), request.caller(), &id).sweep().await;
    let swept: Vec<_> = stream::iter(walk.ids).map(sweep).buffer_unordered(AT_ONCE).collect().await;
    for error in swept.iter().filter_map(|outcome| outcome.as_ref().err()) {
        worker::console_warn!("a session is not tidied up: {error:?}");
    }
    Ok(Reply::json(
        200,
        &CleanedJson {
            checked: walk.count,
            removed: swept.iter().filter(|outcome| matches!(outcome, Ok(true))).count(),
            failed: swept.iter().filter(|outcome| outcome.is_err()).count(),
            cursor: walk.next_cursor.as_deref().map(encode_index_cursor),
        },
    ))
}
