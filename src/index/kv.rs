//! The KV index: a summary of every session, for whoever looks over all of them.
//!
//! A copy, never the truth: up to a minute old and more, and nothing is decided by it. Written by the session object
//! alone. A key is `session:` and the session's id; the summary is in the key's metadata, so that one `list` reads a
//! page of them without waking an object. Format 1, pinned below. KV forgets an entry by itself some time after its
//! session has ended; readers drop entries that have outlived theirs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use worker::{
    Env,
    kv::{Key, KvStore},
};

use crate::{
    domain::{
        deadline::Deadlines,
        id::{Id, SessionId},
        session::Session,
        time::{Timestamp, millis},
    },
    error::{Error, Result},
    platform::{self, costs},
};

const BINDING: &str = "INDEX";
const PREFIX: &str = "session:";
/// KV's own limits.
const KEY_BYTES: usize = 512;
/// What is left of a key that is too long, before its hash.
const CUT_BYTES: usize = KEY_BYTES - 17;
/// Version of the format below; entries of another are not shown.
const FORMAT: u8 = 1;
/// Longer titles and users are cut in the summary: metadata takes 1024 bytes in all.
const TEXT_BYTES: usize = 60;

/// What the index says of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The session.
    pub session_id: String,
    /// Its user, cut when very long.
    pub user_id: Option<String>,
    /// Its persona.
    pub persona: String,
    /// Its title, cut when long.
    pub title: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it would have ended without further activity.
    pub expires_at: Timestamp,
    /// Its last activity when this was written.
    pub last_activity: Timestamp,
    /// How many messages it had then.
    pub message_count: u64,
    /// When this was written.
    pub written_at: Timestamp,
}

/// A page of the index.
pub(crate) struct Page {
    /// Sessions by key.
    pub entries: Vec<Entry>,
    /// Where the next page begins.
    pub next_cursor: Option<String>,
}

/// A part of the index, whatever its entries say.
pub(crate) struct Walk {
    /// How many entries there are.
    pub count: usize,
    /// The sessions of those that can be read.
    pub ids: Vec<SessionId>,
    /// Where the next part begins.
    pub next_cursor: Option<String>,
}

/// An [`Entry`] as it is stored, in short names: every byte counts.
#[derive(Serialize, Deserialize)]
struct StoredEntry {
    v: u8,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    u: Option<String>,
    p: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<String>,
    c: i64,
    a: i64,
    n: u64,
    /// When written.
    w: i64,
    /// Idle timeout in milliseconds.
    i: u64,
    /// From when on its session cannot be alive, whatever has happened since.
    d: i64,
}

/// Writes the entry of `session`.
///
/// # Errors
/// `Unavailable` when KV refuses; it takes one write a second for each key.
pub(crate) async fn put(env: &Env, session: &Session, now: Timestamp, deadlines: &Deadlines) -> Result<()> {
    let entry = encode(session, now, deadlines);
    let json = platform::encode("index entry", &entry)?;
    costs::kv_write();
    let put = store(env)?.put(&key(&session.id), json).map_err(failed)?;
    put.expiration_ttl(deadlines.index_ttl.as_secs()).metadata(entry).map_err(failed)?.execute().await.map_err(failed)
}

/// Removes the entry of session `id`.
///
/// # Errors
/// `Unavailable` when KV refuses.
pub(crate) async fn delete(env: &Env, id: &SessionId) -> Result<()> {
    costs::kv_write();
    store(env)?.delete(&key(id)).await.map_err(failed)
}

/// A page of at most `limit` entries whose ids begin with `prefix`, in the order of their keys.
///
/// # Errors
/// `Invalid` for a cursor that is not KV's own, `Unavailable` when KV refuses.
pub(crate) async fn list(env: &Env, prefix: &str, limit: u32, cursor: Option<String>) -> Result<Page> {
    let (keys, next_cursor) = keys(env, prefix, limit, cursor).await?;
    let now = platform::now().millis();
    // Keys of long ids say less than their ids.
    let is_shown = |entry: &StoredEntry| entry.v == FORMAT && entry.d > now && entry.id.starts_with(prefix);
    Ok(Page { entries: keys.into_iter().filter_map(read).filter(is_shown).map(decode).collect(), next_cursor })
}

/// The next at most `limit` entries, whether their sessions can be alive or not.
///
/// # Errors
/// As [`list`].
pub(crate) async fn walk(env: &Env, limit: u32, cursor: Option<String>) -> Result<Walk> {
    let (keys, next_cursor) = keys(env, "", limit, cursor).await?;
    let count = keys.len();
    let ids = keys.into_iter().filter_map(|key| Id::parse("id", &read(key)?.id).ok()).collect();
    Ok(Walk { count, ids, next_cursor })
}

async fn keys(env: &Env, prefix: &str, limit: u32, cursor: Option<String>) -> Result<(Vec<Key>, Option<String>)> {
    let prefix = format!("{PREFIX}{prefix}");
    let mut list = store(env)?.list().prefix(cut(&prefix, CUT_BYTES).to_owned()).limit(limit.into());
    let has_cursor = cursor.is_some();
    if let Some(cursor) = cursor {
        list = list.cursor(cursor);
    }
    match list.execute().await {
        Ok(page) => Ok((page.keys, page.cursor.filter(|_| !page.list_complete))),
        // KV answers 400 to a cursor that is not its own; everything else in the request is ours.
        Err(error) if has_cursor && error.to_string().contains("400") => {
            Err(Error::invalid("cursor", "must be the cursor of an earlier answer"))
        }
        Err(error) => Err(failed(error)),
    }
}

fn read(key: Key) -> Option<StoredEntry> {
    serde_json::from_value(key.metadata?).ok()
}

/// Reads one key that no session has: can KV be reached?
///
/// # Errors
/// `Unavailable` when not.
pub(crate) async fn ping(env: &Env) -> Result<()> {
    store(env)?.get("ping").text().await.map(drop).map_err(failed)
}

fn store(env: &Env) -> Result<KvStore> {
    env.kv(BINDING).map_err(|e| Error::Unavailable(format!("{BINDING}: {e}")))
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn failed(error: worker::kv::KvError) -> Error {
    Error::Unavailable(format!("{BINDING}: {error}"))
}

/// The key of a session: its id, and for the few ids that are too long for KV their beginning and a hash.
fn key(id: &SessionId) -> String {
    let key = format!("{PREFIX}{}", id.as_str());
    if key.len() <= KEY_BYTES {
        return key;
    }
    // FNV-1a, 64 bits. Only the index depends on it: a collision would hide one session from the administrator's list.
    let hash = id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{}~{hash:016x}", cut(&key, CUT_BYTES))
}

fn encode(session: &Session, now: Timestamp, deadlines: &Deadlines) -> StoredEntry {
    StoredEntry {
        v: FORMAT,
        id: session.id.as_str().to_owned(),
        u: session.user_id.as_ref().map(|user| cut(user.as_str(), TEXT_BYTES).to_owned()),
        p: cut(&session.persona, TEXT_BYTES).to_owned(),
        t: session.title.as_ref().map(|title| cut(title, TEXT_BYTES).to_owned()),
        c: session.created_at.millis(),
        a: session.last_activity.millis(),
        n: session.message_count,
        w: now.millis(),
        i: millis(session.idle_timeout),
        d: deadlines.ends_by.millis(),
    }
}

fn decode(stored: StoredEntry) -> Entry {
    Entry {
        session_id: stored.id,
        user_id: stored.u,
        persona: stored.p,
        title: stored.t,
        created_at: Timestamp::from_millis(stored.c),
        expires_at: Timestamp::from_millis(stored.a).plus(Duration::from_millis(stored.i)),
        last_activity: Timestamp::from_millis(stored.a),
        message_count: stored.n,
        written_at: Timestamp::from_millis(stored.w),
    }
}

/// The beginning of `text`, at most `max_bytes` of it, in whole characters.
fn cut(text: &str, max_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        caller::Owner,
        id::Id,
        session::{DEFAULT_PERSONA, NewSession},
    };

    fn session(id: &str, user: &str, title: Option<&str>) -> Session {
        let new = NewSession {
            user_id: Some(Id::parse("user_id", user).unwrap()),
            persona: DEFAULT_PERSONA.into(),
            title: title.map(Into::into),
            metadata: "{}".into(),
            idle_timeout: Duration::from_secs(3600),
            profile: crate::domain::speech::profile::Profile::default(),
            uses_memory: true,
            created_from: "api".into(),
        };
        Session::begin(Id::parse("session_id", id).unwrap(), Owner::Nobody, new, Timestamp::from_millis(1000))
    }

    fn encoded(session: &Session, now: i64) -> String {
        let now = Timestamp::from_millis(now);
        serde_json::to_string(&encode(session, now, &session.deadlines(None, now))).unwrap()
    }

    #[test]
    fn index_entry_format_unchanged() {
        let written = r#"{"v":1,"id":"s","u":"ann","p":"default","t":"Tea","c":1000,"a":1000,"n":0,"w":2000,"i":3600000,"d":4502000}"#;
        assert_eq!(encoded(&session("s", "ann", Some("Tea")), 2000), written);
        let entry = decode(serde_json::from_str(written).unwrap());
        assert_eq!((entry.title.as_deref(), entry.expires_at), (Some("Tea"), Timestamp::from_millis(3_601_000)));
    }

    #[test]
    fn keys_and_summaries_fit_kv_whatever_the_client_chose() {
        let (wide, quoted) = ("🦀".repeat(128), "\"".repeat(128));
        for (id, text) in [(&wide, &wide), (&wide, &quoted), (&quoted, &wide), (&quoted, &quoted)] {
            let mut session = session(id, text, Some(text));
            session.persona = text.chars().take(64).collect();
            session.message_count = u64::MAX;
            assert!(key(&session.id).len() <= KEY_BYTES);
            let size_bytes = encoded(&session, i64::MAX).len();
            assert!(size_bytes <= 1024, "{size_bytes} bytes");
        }
    }

    #[test]
    fn every_id_has_a_key_of_its_own() {
        assert_eq!(key(&Id::parse("session_id", "a b").unwrap()), "session:a b");
        let [one, other] = ["🦀", "x"].map(|last| Id::parse("session_id", &format!("{}{last}", "🦀".repeat(127))).unwrap());
        assert_ne!(key(&one), key(&other));
    }
}
