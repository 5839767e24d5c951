//! The callers' side of the user object: one function per call, domain values in and out.
//!
//! Sessions tell late what their turns say. What depends on that has them share first, here: the user object itself calls no
//! session for it, which may be waiting for its answer.

use std::time::Duration;

use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use worker::Env;

use crate::{
    domain::{
        id::{Repeatable, SessionId, UserId},
        memory::{self, Entry, Origin, extract::Fact},
        message::Message,
        session::Session,
        time::Timestamp,
    },
    error::{Error, Result},
    memory::protocol::{EntryRecord, FactRecord, MemoryCall, OriginRecord},
    platform::{self, namespace},
    search::protocol::{Found, SearchCall},
    session::{self, record::refusal::Refusal},
    user::protocol::{
        Admitted, BINDING, Call, DocumentRecord, ErasedRecord, FilterRecord, Inform, Informed, ListedRecord, PositionRecord, PreviewRecord,
        Reminded, Settings, Share, is_unreadable,
    },
};

/// Without a session that does not share in this time goes on who waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place in a user's list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// Last activity of the session there.
    pub last_activity: Timestamp,
    /// Its id.
    pub session_id: SessionId,
}

/// What is new in a session since its user's object was told last.
pub(crate) struct News<'a> {
    /// After this message the messages are all there is.
    pub after: u64,
    /// Messages that follow it.
    pub messages: &'a [Message],
    /// Messages to forget, with what was learned from them.
    pub forgotten: &'a [u64],
    /// There is more, or a turn runs whose end is shared late.
    pub stays_behind: bool,
}

/// Puts `session` on the list of `user`, or brings what the list says of it up to date; and so the index of its text. Has it?
/// Not while the session is to end.
///
/// # Errors
/// `Unavailable` when the object cannot be reached; so in every function here.
pub(crate) async fn share(env: &Env, user: &UserId, session: &Session, news: News<'_>) -> Result<bool> {
    let document = |message: &Message| {
        let content = message.body.content.clone().filter(|text| !text.is_empty())?;
        let (role, created_at) = (message.body.role.name().to_owned(), message.created_at.millis());
        Some(DocumentRecord { sequence: message.sequence, role, created_at, content })
    };
    let share = Share {
        session: session.into(),
        after: news.after,
        documents: news.messages.iter().filter_map(document).collect(),
        forgotten: news.forgotten.to_vec(),
        stays_behind: news.stays_behind,
    };
    ask_informed(env, user, &Call::Share(Box::new(share))).await
}

/// Takes session `id` off the list of `user`.
///
/// # Errors
/// As [`share`].
pub(crate) async fn remove(env: &Env, user: &UserId, id: &SessionId) -> Result<()> {
    let call = Call::Remove { session_id: id.as_str().to_owned() };
    namespace::call::<_, bool, Refusal>(env, BINDING, user.as_str(), &call).await.map(drop)
}

/// A session on the list, and the last message in it that says something.
pub(crate) struct Listed {
    /// The session.
    pub session: Session,
    /// The message.
    pub last: Option<Preview>,
}

/// The beginning of a message.
pub(crate) struct Preview {
    /// Its number.
    pub sequence: u64,
    /// Who said it.
    pub role: String,
    /// At most 200 characters of it.
    pub text: String,
}

/// What a list is to show. What is absent lets everything through.
#[derive(Clone, Default)]
pub(crate) struct Filter {
    /// The persona that answers.
    pub persona: Option<String>,
    /// Text in the title, in whatever case.
    pub title: Option<String>,
    /// What its client calls the user.
    pub user_id: Option<String>,
    /// From when on it began,
    pub created_since: Option<Timestamp>,
    /// and before when.
    pub created_before: Option<Timestamp>,
    /// From when on its last activity was,
    pub active_since: Option<Timestamp>,
    /// and before when.
    pub active_before: Option<Timestamp>,
}

/// Live sessions of `user` after `position` that `filter` lets through, those with the latest activity first.
///
/// # Errors
/// As [`share`].
pub(crate) async fn list(env: &Env, user: &UserId, limit: u32, position: Option<Position>, filter: Filter) -> Result<Vec<Listed>> {
    let after = position.map(|position| PositionRecord {
        last_activity: position.last_activity.millis(),
        session_id: position.session_id.as_str().to_owned(),
    });
    let Filter { persona, title, user_id, created_since, created_before, active_since, active_before } = filter;
    let millis = |at: Option<Timestamp>| at.map(Timestamp::millis);
    let filter = FilterRecord {
        persona,
        title,
        user_id,
        created_since: millis(created_since),
        created_before: millis(created_before),
        active_since: millis(active_since),
        active_before: millis(active_before),
    };
    let call = Call::Page { limit, after, filter };
    let listed: Vec<ListedRecord> = ask_informed(env, user, &call).await?;
    let decode = |ListedRecord { session, last }| {
        let last = last.map(|PreviewRecord { sequence, role, text }| Preview { sequence, role, text });
        Ok(Listed { session: session.try_into()?, last })
    };
    listed.into_iter().map(decode).collect()
}

/// Ids after `after`, in their order, of all sessions that `user` may have, listed or not.
///
/// # Errors
/// As [`share`].
pub(crate) async fn ids(env: &Env, user: &UserId, after: Option<&SessionId>, limit: u32) -> Result<Vec<SessionId>> {
    let call = Call::Ids { after: after.map(SessionId::as_str).unwrap_or_default().to_owned(), limit };
    let ids: Vec<String> = namespace::call::<_, _, Refusal>(env, BINDING, user.as_str(), &call).await?;
    ids.iter().map(|id| SessionId::parse("id", id)).collect()
}

/// What a session that has a place begins with.
pub(crate) struct Admission {
    /// Will it be asked for what it says, so that it need not tell?
    pub is_late: bool,
    /// What its first turn is to know of the user, if that was asked.
    pub reminded: Option<memory::Reminded>,
}

/// Keeps a place on the list of `user` for session `id`, which is about to begin; with a turn, if `is_reminded`.
///
/// # Errors
/// `SessionLimit` when there is none.
pub(crate) async fn admit(env: &Env, user: &UserId, id: &str, is_reminded: bool) -> Result<Admission> {
    let call = Call::Admit { user: user.as_str().to_owned(), session_id: id.to_owned(), late: true, reminds: is_reminded };
    match ask_informed(env, user, &call).await? {
        Admitted::Plainly(_) => Ok(Admission { is_late: false, reminded: None }),
        Admitted::Told { is_late, reminded } => Ok(Admission { is_late, reminded: reminded.map(decode_reminded).transpose()? }),
    }
}

/// Takes session `id`, which can be restored `until` then, off the list of `user`.
///
/// # Errors
/// As [`share`].
pub(crate) async fn hide(env: &Env, user: &UserId, id: &SessionId, until: Timestamp) -> Result<()> {
    let call = Call::Hide { session_id: id.as_str().to_owned(), until: until.millis() };
    namespace::call::<_, bool, Refusal>(env, BINDING, user.as_str(), &call).await.map(drop)
}

/// What has gone with a user.
pub(crate) struct Erased {
    /// When it began.
    pub started_at: Timestamp,
    /// How many sessions,
    pub sessions: u64,
    /// with how many messages,
    pub messages: u64,
    /// and how many entries of the memory.
    pub memories: u64,
    /// Is nothing left?
    pub is_complete: bool,
}

/// Removes everything of `user`; to be called again until that is complete.
///
/// # Errors
/// As [`share`].
pub(crate) async fn erase(env: &Env, user: &UserId) -> Result<Erased> {
    let call = Call::Erase { user: user.as_str().to_owned() };
    let erased: ErasedRecord = namespace::call::<_, _, Refusal>(env, BINDING, user.as_str(), &call).await?;
    let ErasedRecord { started_at, sessions, messages, memories, is_complete } = erased;
    Ok(Erased { started_at: Timestamp::from_millis(started_at), sessions, messages, memories, is_complete })
}

/// Asks the memory of `user`; once, if the request may be repeated.
///
/// # Errors
/// As [`share`], and those of what is asked.
pub(crate) async fn memory<T: DeserializeOwned>(env: &Env, user: &UserId, request: Option<&Repeatable>, call: MemoryCall) -> Result<T> {
    let call = match request {
        Some(request) => Call::Once { request: request.into(), call },
        None => Call::Memory(call),
    };
    namespace::call::<_, T, Refusal>(env, BINDING, user.as_str(), &call).await
}

/// What a turn is to know of `user`, who has just said `facts` in message `origin`; and may its session share late what it says, if
/// it would?
///
/// # Errors
/// As [`share`].
pub(crate) async fn remind(
    env: &Env,
    user: &UserId,
    (facts, origin): (Vec<Fact>, Origin),
    would_be_late: bool,
) -> Result<(memory::Reminded, bool)> {
    let call = Call::Remind {
        facts: facts.into_iter().map(FactRecord::from).collect(),
        late: would_be_late.then(|| origin.session_id.clone()),
        origin: Some(OriginRecord::from(origin)),
    };
    let reminded: Reminded = namespace::call::<_, _, Refusal>(env, BINDING, user.as_str(), &call).await?;
    let is_late = reminded.is_late;
    Ok((decode_reminded(reminded)?, is_late))
}

fn decode_reminded(reminded: Reminded) -> Result<memory::Reminded> {
    let Reminded { uses_memory, learned, entries, total, .. } = reminded;
    let decode = |entries: Vec<EntryRecord>| entries.into_iter().map(Entry::try_from).collect::<Result<Vec<_>>>();
    Ok(memory::Reminded { uses_memory, learned: decode(learned)?, entries: decode(entries)?, total })
}

/// Messages of `user`'s sessions.
///
/// # Errors
/// As [`share`].
pub(crate) async fn search(env: &Env, user: &UserId, call: SearchCall) -> Result<Found> {
    ask_informed(env, user, &Call::Search(call)).await
}

/// May models be told what is remembered of `user`, and remember more?
///
/// # Errors
/// As [`share`].
pub(crate) async fn uses_memory(env: &Env, user: &UserId) -> Result<bool> {
    let settings: Settings = namespace::call::<_, _, Refusal>(env, BINDING, user.as_str(), &Call::Settings).await?;
    Ok(settings.uses_memory)
}

/// Changes that.
///
/// # Errors
/// As [`share`].
pub(crate) async fn set_uses_memory(env: &Env, user: &UserId, uses_memory: bool) -> Result<()> {
    let call = Call::Change(Settings { uses_memory });
    namespace::call::<_, Settings, Refusal>(env, BINDING, user.as_str(), &call).await.map(drop)
}

/// Asks what is right only when no session is behind; has those that are share first.
async fn ask_informed<T: DeserializeOwned>(env: &Env, user: &UserId, call: &Call) -> Result<T> {
    let informed = namespace::call::<_, _, Refusal>(env, BINDING, user.as_str(), &Inform::Informed(call)).await;
    let behind = match informed {
        Ok(Informed::Answer(answer)) => return Ok(answer),
        Ok(Informed::Behind { behind }) => behind,
        // Of an earlier version than 0.6, while one is deployed. It lets no session be late.
        Err(error) if is_unreadable(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    let share = async |id: &String| {
        let shared = platform::within(PATIENCE, share_now(env, user, id)).await;
        let shared = shared.ok_or_else(|| Error::Unavailable("a session does not share".into())).flatten();
        // Then what is known of it has to do, as when it could not tell.
        if let Err(error) = shared {
            worker::console_warn!("an answer without what a session has said: {error:?}");
        }
    };
    join_all(behind.iter().map(share)).await;
    namespace::call::<_, T, Refusal>(env, BINDING, user.as_str(), call).await
}

/// Has a session share. One whose object is lost on the way is there again when it is called once more; one that is not there
/// is waited for no more.
async fn share_now(env: &Env, user: &UserId, id: &str) -> Result<()> {
    let asked_at = platform::now();
    let is_there = match session::client::share_now(env, user, id).await {
        Err(Error::Unavailable(_)) => session::client::share_now(env, user, id).await?,
        shared => shared?,
    };
    if is_there {
        return Ok(());
    }
    let lost = Call::Lost { session_id: id.to_owned(), asked_at: asked_at.millis() };
    namespace::call::<_, bool, Refusal>(env, BINDING, user.as_str(), &lost).await.map(drop)
}
