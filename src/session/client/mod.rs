//! The edge's side of the session object: one method per call, domain values in and out.
//!
//! What is asked of its messages is in `messages`, of its turns in `turns`.

mod messages;
mod socket;
mod turns;

use std::{mem, time::Duration};

use serde::de::DeserializeOwned;
use worker::Env;

use crate::{
    domain::{
        caller::Caller,
        id::{Repeatable, SessionId, UserId},
        message::{Message, NewMessage},
        session::{NewSession, Precondition, Session, SessionPatch},
        time::{Timestamp, millis},
        turn::Wishes,
    },
    error::Result,
    fault::{Fault, When},
    memory::protocol::MemoryCall,
    platform::{lines::Lines, namespace},
    session::{
        protocol::{BINDING, Call, Create, Created, Deleted, Ended, Overview, Request, Swept, Told, TurnOptions},
        record::{CallerRecord, EndingRecord, MessageRecord, SessionRecord, refusal::Refusal, version::encode_precondition},
    },
    trace,
};

pub(crate) use socket::{Seat, seated};
pub(crate) use turns::{Answer, Ask, Manner};

/// One session, asked on behalf of one caller.
pub(crate) struct SessionClient<'a> {
    env: &'a Env,
    caller: &'a Caller,
    id: &'a SessionId,
    repeatable: Option<&'a Repeatable>,
}

/// What was said and done last.
pub(crate) struct Lately {
    /// What the user has said last.
    pub last_query: Option<String>,
    /// What its client keeps with that: a JSON object as text.
    pub last_query_metadata: Option<String>,
    /// What was answered in the last turn, without its middle when it is long.
    pub last_response: Option<String>,
    /// What that turn took.
    pub last_execution: Option<Duration>,
}

/// What a deletion has done.
pub(crate) struct Deletion {
    /// How many messages went with it.
    pub message_count: u64,
    /// Until then it can be restored.
    pub restorable_until: Option<Timestamp>,
}

/// What a model would be told, and why that.
pub(crate) struct Shown {
    /// What it would be sent.
    pub prompt: Vec<NewMessage>,
    /// The rest.
    pub told: Told,
}

impl<'a> SessionClient<'a> {
    /// Talks to session `id` for `caller`.
    pub(crate) fn new(env: &'a Env, caller: &'a Caller, id: &'a SessionId) -> SessionClient<'a> {
        SessionClient { env, caller, id, repeatable: None }
    }

    /// The session's id.
    pub(crate) fn id(&self) -> &SessionId {
        self.id
    }

    /// Asks under a key: what was done under it before is answered as before, and not done again.
    ///
    /// Every method then fails with `KeyReused` when that was something else.
    #[must_use]
    pub(crate) fn once(mut self, repeatable: Option<&'a Repeatable>) -> SessionClient<'a> {
        self.repeatable = repeatable;
        self
    }

    /// Begins the session with `messages`, or finds it when it is alive. True: it is new.
    ///
    /// # Errors
    /// `IdTaken` when it is alive and not the caller's.
    pub(crate) async fn create(&self, new: NewSession, messages: Vec<Message>) -> Result<(Session, bool)> {
        let created: Created = self.ask(Call::Create(self.creation(new, messages))).await?;
        Ok((created.session.try_into()?, created.is_new))
    }

    /// The session.
    ///
    /// # Errors
    /// `NotFound` when it is absent, expired or not the caller's; so in every method below.
    pub(crate) async fn get(&self) -> Result<Session> {
        self.ask::<SessionRecord>(Call::Get).await?.try_into()
    }

    /// The session, and what was said and done in it last.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn overview(&self) -> Result<(Session, Lately)> {
        let Overview { session, last_query, last_query_metadata, last_response, last_execution_ms } = self.ask(Call::Overview).await?;
        let last_execution = last_execution_ms.map(Duration::from_millis);
        Ok((session.try_into()?, Lately { last_query, last_query_metadata, last_response, last_execution }))
    }

    /// Changes it.
    ///
    /// # Errors
    /// `Stale` when the precondition fails, `TooLarge` when the merged metadata is.
    pub(crate) async fn patch(&self, precondition: Precondition, patch: SessionPatch) -> Result<Session> {
        let call = Call::Patch { if_match: encode_precondition(precondition), patch: patch.into() };
        self.ask::<SessionRecord>(call).await?.try_into()
    }

    /// Ends it; with `undo` it can be restored for so long.
    ///
    /// # Errors
    /// `Stale` when the precondition fails.
    pub(crate) async fn delete(&self, precondition: Precondition, undo: Option<Duration>) -> Result<Deletion> {
        let call = Call::Delete { if_match: encode_precondition(precondition), undo_ms: undo.map(millis) };
        let deleted: Deleted = self.ask(call).await?;
        let restorable_until = deleted.restorable_until.map(Timestamp::from_millis);
        Ok(Deletion { message_count: deleted.message_count, restorable_until })
    }

    /// Takes back a deletion.
    ///
    /// # Errors
    /// As [`SessionClient::get`], also when it can be restored no more.
    pub(crate) async fn restore(&self) -> Result<Session> {
        self.ask::<SessionRecord>(Call::Restore).await?.try_into()
    }

    /// Wipes what the user's memory was taught where the session keeps it.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn forget_told(&self) -> Result<()> {
        self.ask::<bool>(Call::ForgetTold).await.map(drop)
    }

    /// Counts as activity, changes nothing else.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn renew(&self) -> Result<Session> {
        self.ask::<SessionRecord>(Call::Renew).await?.try_into()
    }

    /// Asks the session's memory.
    ///
    /// # Errors
    /// As [`SessionClient::get`], and those of what is asked.
    pub(crate) async fn memory<T: DeserializeOwned>(&self, call: MemoryCall) -> Result<T> {
        self.ask(Call::Memory(call)).await
    }

    /// What a model would be told if the user said `message` now.
    ///
    /// # Errors
    /// As [`SessionClient::get`]; `Invalid` when the wishes break a rule.
    pub(crate) async fn context(&self, message: Option<String>, wishes: Wishes) -> Result<Shown> {
        let options = TurnOptions { wishes: wishes.into(), ..TurnOptions::default() };
        let mut told: Told = self.ask(Call::Context { message, options }).await?;
        let prompt = mem::take(&mut told.prompt).into_iter().map(NewMessage::try_from).collect::<Result<_>>()?;
        Ok(Shown { prompt, told })
    }

    /// What the request has created before, under its key.
    ///
    /// # Errors
    /// `NotFound` when it has created nothing.
    pub(crate) async fn recall_created(&self) -> Result<Session> {
        let created: Created = self.ask(Call::Recall).await?;
        created.session.try_into()
    }

    /// Removes what is left of it, also in the index, if it is dead or was never there. Is it? Whose it is does not matter.
    ///
    /// # Errors
    /// `Unavailable` when something could not be removed.
    pub(crate) async fn sweep(&self) -> Result<bool> {
        let swept: Swept = self.ask(Call::Sweep { id: self.id.as_str().to_owned() }).await?;
        Ok(swept.is_gone)
    }

    /// Can the object be reached?
    ///
    /// # Errors
    /// `Unavailable` when not.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.ask::<bool>(Call::Ping).await.map(drop)
    }

    /// Breaks the object on purpose.
    ///
    /// # Errors
    /// `Unavailable` when that was to be now.
    pub(crate) async fn fail(&self, when: When, fault: Fault) -> Result<()> {
        self.ask::<bool>(Call::Fault { when, fault }).await.map(drop)
    }

    fn creation(&self, new: NewSession, messages: Vec<Message>) -> Create {
        let messages = messages.into_iter().map(MessageRecord::from).collect();
        Create { id: self.id.as_str().to_owned(), session: Box::new(new.into()), messages }
    }

    pub(in crate::session) async fn ask<T: DeserializeOwned>(&self, call: Call) -> Result<T> {
        namespace::call::<_, T, Refusal>(self.env, BINDING, self.id.as_str(), &self.request(call)).await
    }

    pub(in crate::session) async fn ask_for_stream<T: DeserializeOwned>(&self, call: Call) -> Result<(T, Option<Lines>)> {
        namespace::stream::<_, T, Refusal>(self.env, BINDING, self.id.as_str(), &self.request(call)).await
    }

    fn request(&self, call: Call) -> Request {
        // Whether an object can be reached is asked of no session in particular.
        if !matches!(call, Call::Ping) {
            // Of several the last: the one that is made, when another is copied.
            trace::note(|trace| *trace.session.borrow_mut() = Some(trace::digest_of(self.id)));
        }
        Request { caller: CallerRecord::from(self.caller), repeatable: self.repeatable.map(Into::into), call }
    }
}

/// What has gone with a session that was to end.
pub(crate) struct Gone {
    /// Was there one?
    pub is_found: bool,
    /// How many messages it had.
    pub message_count: u64,
}

/// Ends session `id` of `user` for that user's object, if it began no later than `decided_at`. `None`: it goes on, as it may
/// when it was only evicted.
///
/// # Errors
/// `Unavailable` when something of it may be left.
pub(crate) async fn end(env: &Env, user: &UserId, id: &str, ending: EndingRecord, decided_at: Timestamp) -> Result<Option<Gone>> {
    let caller = Caller::User(user.clone());
    let call = Call::End { ending, decided_at: decided_at.millis() };
    let request = Request { caller: (&caller).into(), repeatable: None, call };
    let Ended { is_spared, is_found, message_count } = namespace::call::<_, _, Refusal>(env, BINDING, id, &request).await?;
    Ok((!is_spared).then_some(Gone { is_found, message_count }))
}

/// Has session `id` of `user` tell that user's object at once what it would have told later. Is there such a session?
///
/// # Errors
/// `Unavailable` when it cannot.
pub(crate) async fn share_now(env: &Env, user: &UserId, id: &str) -> Result<bool> {
    let caller = Caller::User(user.clone());
    let request = Request { caller: (&caller).into(), repeatable: None, call: Call::ShareNow };
    namespace::call::<_, _, Refusal>(env, BINDING, id, &request).await
}
