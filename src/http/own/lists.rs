//! Lists of sessions: a user's, always right; and everybody's, from the KV index, for an administrator.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Serialize;

use super::{SessionJson, etag, parse_time, rfc3339, shown_metadata};
use crate::{
    domain::{id::Id, session::Session, time::Timestamp},
    error::{Error, Result, Subject},
    http::{
        problem::Problem,
        request::{Query, Request},
        response::Reply,
    },
    index, limits,
    user::client::{self, Filter, Listed, Position, Preview},
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
pub(super) struct SessionsJson<T> {
    sessions: Vec<T>,
    next_cursor: Option<String>,
    /// What is younger may be missing; absent where nothing can be.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<u32>,
}

/// A session of a user, as the list shows it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ListedSession"))]
pub(super) struct ListedJson<'a> {
    #[serde(flatten)]
    session: SessionJson<'a>,
    /// The last message that says something.
    last_message: Option<PreviewJson<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MessagePreview"))]
struct PreviewJson<'a> {
    sequence: u64,
    role: &'a str,
    /// At most 200 characters of it.
    text: &'a str,
}

/// A session as the index knows it. What is missing here is only known to the session itself.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "IndexedSession"))]
pub(super) struct IndexedJson {
    session_id: String,
    user_id: Option<String>,
    persona: String,
    title: Option<String>,
    created_at: String,
    last_activity: String,
    /// When it ends unless there is activity that is not in the index yet.
    expires_at: String,
    message_count: u64,
    /// How old this is: everything later is not in it.
    indexed_at: String,
}

/// `GET /users/{id}/sessions?limit&cursor&persona&title&created_since&created_before&active_since&active_before`: 200 with
/// the user's living sessions, latest activity first.
pub(crate) async fn user_sessions(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let user = request.user()?;
    let (query, limit) = (request.query(), page_limit(request.query())?);
    let position = query.get("cursor").map(decode_cursor).transpose()?;
    let text = |name| query.get(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let filter = Filter {
        persona: text("persona"),
        title: text("title"),
        user_id: None,
        created_since: parse_time(query, "created_since")?,
        created_before: parse_time(query, "created_before")?,
        active_since: parse_time(query, "active_since")?,
        active_before: parse_time(query, "active_before")?,
    };
    let mut sessions = client::list(request.env(), &user, limit.saturating_add(1), position, filter).await?;
    let has_more = sessions.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    sessions.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = sessions.last().filter(|_| has_more).map(|last| encode_cursor(&last.session));
    Ok(Reply::json(200, &SessionsJson { sessions: sessions.iter().map(ListedJson::from).collect(), next_cursor, lag_seconds: None }))
}

/// `GET /users/{id}/sessions/latest`: 200 with the session that the user was in last; 404 when there is none.
pub(crate) async fn latest(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let listed = client::list(request.env(), &request.user()?, 1, None, Filter::default()).await?;
    let latest = listed.first().ok_or(Error::NotFound(Subject::Session))?;
    Ok(Reply::json(200, &ListedJson::from(latest)).with_header("etag", etag(latest.session.version())))
}

/// `GET /sessions?prefix&limit&cursor`: 200 with a page of all sessions whose ids begin so, as old as each says.
pub(crate) async fn all_sessions(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let limit = page_limit(request.query())?;
    let cursor = request.query().get("cursor").map(decode_index_cursor).transpose()?;
    let prefix = request.query().get("prefix").unwrap_or_default();
    if prefix.chars().count() > limits::ID_CHARACTERS {
        return Err(Error::invalid("prefix", format!("must be at most {} characters", limits::ID_CHARACTERS)).into());
    }
    let page = index::list(request.env(), prefix, limit, cursor).await?;
    Ok(Reply::json(
        200,
        &SessionsJson {
            sessions: page.entries.into_iter().map(IndexedJson::from).collect(),
            next_cursor: page.next_cursor.as_deref().map(encode_index_cursor),
            lag_seconds: Some(INDEX_LAG_SECONDS),
        },
    ))
}

impl<'a> From<&'a Listed> for ListedJson<'a> {
    fn from(listed: &'a Listed) -> Self {
        let preview = |last: &'a Preview| PreviewJson { sequence: last.sequence, role: &last.role, text: &last.text };
        let session = SessionJson::from(&listed.session).with_metadata(shown_metadata(&listed.session, None));
        ListedJson { session, last_message: listed.last.as_ref().map(preview) }
    }
}

impl From<index::Entry> for IndexedJson {
    fn from(entry: index::Entry) -> Self {
        IndexedJson {
            session_id: entry.session_id,
            user_id: entry.user_id,
            persona: entry.persona,
            title: entry.title,
            created_at: rfc3339(entry.created_at),
            last_activity: rfc3339(entry.last_activity),
            expires_at: rfc3339(entry.expires_at),
            message_count: entry.message_count,
            indexed_at: rfc3339(entry.written_at),
        }
    }
}

fn page_limit(query: &Query) -> Result<u32> {
    query.number("limit", limits::PAGE_ITEMS_DEFAULT, 1, limits::PAGE_ITEMS)
}

/// Before KV's own cursor, to tell it from others.
const INDEX_CURSOR: &str = "k.";
/// So long KV may take to show everywhere what was written, <https://developers.cloudflare.com/kv/concepts/how-kv-works/>.
const INDEX_LAG_SECONDS: u32 = 60;

/// A place in the index. Opaque to clients.
pub(super) fn encode_index_cursor(cursor: &str) -> String {
    format!("{INDEX_CURSOR}{cursor}")
}

/// The place that a client has been told.
///
/// # Errors
/// `Invalid` when it was told no such place.
pub(super) fn decode_index_cursor(text: &str) -> Result<String> {
    let cursor = text.strip_prefix(INDEX_CURSOR).map(str::to_owned);
    cursor.ok_or_else(|| Error::invalid("cursor", "must be the cursor of an earlier answer"))
}

/// A place in a user's list. Opaque to clients.
fn encode_cursor(session: &Session) -> String {
    format!("s{:x}.{}", session.last_activity.millis(), utf8_percent_encode(session.id.as_str(), NON_ALPHANUMERIC))
}

fn decode_cursor(text: &str) -> Result<Position> {
    let parse = || {
        let (hex, id) = text.strip_prefix('s')?.split_once('.')?;
        let last_activity = Timestamp::from_millis(i64::from_str_radix(hex, 16).ok()?);
        let id = percent_decode_str(id).decode_utf8().ok()?;
        Some(Position { last_activity, session_id: Id::parse("cursor", &id).ok()? })
    };
    parse().ok_or_else(|| Error::invalid("cursor", "must be the next_cursor of an earlier page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_name_a_place_or_are_refused() {
        let place = Position { last_activity: Timestamp::from_millis(255), session_id: Id::parse("", "a b/c").unwrap() };
        assert_eq!(decode_cursor("sff.a%20b%2Fc"), Ok(place));
        for bad in ["", "s", "sff", "sff.", "xff.a", "s.a", "sff.%ff", "szz.a"] {
            assert!(decode_cursor(bad).is_err(), "{bad:?}");
        }
    }
}
