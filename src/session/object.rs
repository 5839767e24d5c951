//! The session object as the platform sees it: takes calls, does what they ask, has the alarm.
//!
//! `call` is synchronous, so two calls cannot interleave and each is one atomic burst of SQL. What must wait for
//! somebody else (the user's list, KV) is the call's aftermath, which `entry.js` has done when it is over. Nothing here throws in the constructor: that
//! would make the session unreachable for ever.

use std::{cell::Cell, rc::Rc};

use futures_util::lock::Mutex;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::{
    config::Config,
    domain::{
        caller::Caller,
        id::{Repeatable, SessionId},
        message::{Message, NewMessage},
        pairing::OpenCalls,
        session::{Precondition, Session, SessionPatch},
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    fault::{Fault, When},
    limits,
    platform::{
        self,
        context::{Context, promise_of},
        namespace::Reply,
    },
    session::{
        protocol::{self, Appended, Call, Create, Created, Deleted, PageRecord, PageRequest, Refusal, Request},
        record::{MessageRecord, SessionRecord},
        storage::{Storage, Stored},
        turn,
    },
};

/// What `entry.js` forwards a session object's calls to.
#[wasm_bindgen]
pub struct SessionCore(Rc<Object>);

/// The object itself.
pub(super) struct Object {
    pub(super) context: Context,
    pub(super) env: Env,
    pub(super) storage: Storage,
    /// Held while the user's list is told, and while the index is: copies are written in order.
    pub(super) listing: Mutex<()>,
    pub(super) indexing: Mutex<()>,
    aftermath: Cell<Aftermath>,
    /// Set by tests alone.
    fault: Cell<Option<(When, Fault)>>,
}

/// What the last call leaves to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aftermath {
    Nothing,
    /// Copies are behind; nobody waits for them.
    Later,
    /// The user's list must have it before the answer goes out.
    BeforeAnswer,
}

#[wasm_bindgen]
impl SessionCore {
    /// `context` and `env` of the Durable Object.
    #[wasm_bindgen(constructor)]
    pub fn new(context: Context, env: Env) -> SessionCore {
        let storage = Storage::new(context.database());
        let (listing, indexing) = (Mutex::new(()), Mutex::new(()));
        SessionCore(Rc::new(Object {
            context,
            env,
            storage,
            listing,
            indexing,
            aftermath: Cell::new(Aftermath::Nothing),
            fault: Cell::new(None),
        }))
    }

    /// Answers one call. `undefined`: the remains of an earlier session are in the way, `bury` them and call again.
    pub fn call(&self, json: &str) -> Option<String> {
        match self.0.call(json) {
            Ok(reply) => reply,
            Err(error) => Reply::<(), Refusal>::Err(error.into()).encode().ok(),
        }
    }

    /// What the last call has left to be done: `nothing`, `later`, or `before_answer`.
    pub fn aftermath(&self) -> String {
        match self.0.aftermath.replace(Aftermath::Nothing) {
            Aftermath::Nothing => "nothing",
            Aftermath::Later => "later",
            Aftermath::BeforeAnswer => "before_answer",
        }
        .to_owned()
    }

    /// Brings the user's list up to date; tidies up when the session has ended.
    #[wasm_bindgen(js_name = updateList)]
    pub fn update_list(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.update_list_copy().await })
    }

    /// Brings the KV index up to date.
    #[wasm_bindgen(js_name = updateIndex)]
    pub fn update_index(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.update_index_copy().await })
    }

    /// Tidies up after a session that has ended, so that its id can be used again.
    pub fn bury(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.make_room().await })
    }

    /// The alarm went off.
    pub fn alarm(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.on_alarm().await })
    }
}

impl Object {
    fn call(&self, json: &str) -> Result<Option<String>> {
        let Request { caller, repeatable, call } = protocol::decode(json)?;
        let repeatable = repeatable.map(Repeatable::try_from).transpose()?;
        let (caller, now) = (Caller::try_from(caller)?, platform::now());
        let stored = self.storage.load()?;
        let is_dead = stored.as_ref().is_some_and(|stored| stored.is_dead(now));
        let creates = matches!(call, Call::Create(_) | Call::Chat { create: Some(_), .. });
        if is_dead && creates {
            return Ok(None);
        }
        // What an earlier call could not finish is made good by the next one, whatever it asks.
        self.aftermath.set(match &stored {
            Some(stored) if stored.is_list_behind() && creates => Aftermath::BeforeAnswer,
            Some(stored) if is_dead || stored.is_behind(now) => Aftermath::Later,
            Some(_) | None => Aftermath::Nothing,
        });
        let alive = stored.filter(|_| !is_dead);
        let burst = || match repeatable {
            Some(repeatable) => self.once(&repeatable, &caller, call, alive, now),
            None => self.dispatch(&caller, call, alive, now),
        };
        self.context.atomically(burst).map(Some)
    }

    /// Does what is asked and keeps the answer under the request's key, or gives the answer that is kept there.
    fn once(&self, repeatable: &Repeatable, caller: &Caller, call: Call, alive: Option<Stored>, now: Timestamp) -> Result<String> {
        let is_own = alive.as_ref().is_some_and(|stored| caller.may_use(&stored.session.owner));
        if is_own && let Some(kept) = self.storage.answer_of(&repeatable.key)? {
            return if kept.payload == repeatable.payload { Ok(kept.answer) } else { Err(Error::KeyReused) };
        }
        let answer = self.dispatch(caller, call, alive, now)?;
        self.storage.keep_answer(repeatable, &answer)?;
        Ok(answer)
    }

    fn dispatch(&self, caller: &Caller, call: Call, alive: Option<Stored>, now: Timestamp) -> Result<String> {
        match call {
            Call::Create(create) => answer(&self.create(caller, alive, create, now)?),
            Call::Get => answer(&SessionRecord::from(&own(caller, alive)?.session)),
            Call::Patch { if_match, patch } => {
                let stored = own(caller, alive)?;
                answer(&self.patch(stored, &protocol::decode_precondition(if_match), patch.into(), now)?)
            }
            Call::Delete { if_match } => answer(&self.delete(own(caller, alive)?, &protocol::decode_precondition(if_match), now)?),
            Call::Renew => {
                let mut stored = own(caller, alive)?;
                stored.session.touch(now);
                self.save(&mut stored, Aftermath::Later)?;
                answer(&SessionRecord::from(&stored.session))
            }
            Call::Append { messages } => {
                let messages = messages.into_iter().map(NewMessage::try_from).collect::<Result<Vec<_>>>()?;
                answer(&self.append_call(own(caller, alive)?, messages, now)?)
            }
            Call::Messages(page) => answer(&self.page(&own(caller, alive)?, &page)?),
            Call::Chat { message, create } => {
                // A session that begins with this turn must be on the list when its client asks next.
                let (stored, aftermath) = match (create, alive) {
                    (None, alive) => (own(caller, alive)?, Aftermath::Later),
                    (Some(create), None) => (self.begin(caller, create, now)?, Aftermath::BeforeAnswer),
                    (Some(_), Some(_)) => return Err(Error::IdTaken),
                };
                let (mut stored, turn) = turn::chat(self, stored, message.try_into()?, now)?;
                self.save(&mut stored, aftermath)?;
                answer(&turn)
            }
            Call::Ping => answer(&true),
            Call::Fault { when, fault } => self.fail(when, fault, now),
        }
    }

    fn create(&self, caller: &Caller, alive: Option<Stored>, create: Create, now: Timestamp) -> Result<Created> {
        match alive {
            Some(stored) if caller.may_use(&stored.session.owner) => Ok(Created { session: (&stored.session).into(), is_new: false }),
            Some(_) => Err(Error::IdTaken),
            None => {
                let mut stored = self.begin(caller, create, now)?;
                self.save(&mut stored, Aftermath::BeforeAnswer)?;
                Ok(Created { session: (&stored.session).into(), is_new: true })
            }
        }
    }

    /// A new session with its tables, not saved yet.
    fn begin(&self, caller: &Caller, create: Create, now: Timestamp) -> Result<Stored> {
        self.storage.create_schema()?;
        let id = SessionId::parse("session_id", &create.id)?;
        Ok(Stored::begin(Session::begin(id, caller.owner_of_new(), create.session.try_into()?, now)))
    }

    fn patch(&self, mut stored: Stored, precondition: &Precondition, patch: SessionPatch, now: Timestamp) -> Result<SessionRecord> {
        let session = &mut stored.session;
        precondition.check(session.version())?;
        if let Some(title) = patch.title {
            session.title = title;
        }
        if let Some(persona) = patch.persona {
            session.persona = persona;
        }
        if let Some(idle_timeout) = patch.idle_timeout {
            session.idle_timeout = idle_timeout;
        }
        if let Some(metadata) = patch.metadata {
            session.metadata = self.storage.merge_metadata(&session.metadata, &metadata)?;
            limits::check_body("metadata", &session.metadata, limits::METADATA_BYTES)?;
        }
        session.touch(now);
        stored.indexed_at = None;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok((&stored.session).into())
    }

    fn delete(&self, mut stored: Stored, precondition: &Precondition, now: Timestamp) -> Result<Deleted> {
        precondition.check(stored.session.version())?;
        stored.session.touch(now);
        self.storage.delete_messages()?;
        self.storage.delete_answers()?;
        stored.is_ended = true;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok(Deleted { message_count: stored.session.message_count })
    }

    fn append_call(&self, mut stored: Stored, messages: Vec<NewMessage>, now: Timestamp) -> Result<Appended> {
        let messages = self.append(&mut stored, messages, now)?;
        self.save(&mut stored, Aftermath::Later)?;
        Ok(Appended { session: (&stored.session).into(), messages: messages.into_iter().map(MessageRecord::from).collect() })
    }

    fn page(&self, stored: &Stored, page: &PageRequest) -> Result<PageRecord> {
        let Session { message_count, last_sequence, .. } = stored.session;
        // Sequence numbers have no gaps, so an offset is a bound: what is skipped is not read.
        let offset = u64::from(page.offset);
        let bounded = match (offset, page.newest_first) {
            (0, _) => *page,
            (_, false) => PageRequest { after: Some(offset), ..*page },
            (_, true) => PageRequest { before: Some(last_sequence.saturating_add(1).saturating_sub(offset)), ..*page },
        };
        let messages = self.storage.page(&bounded, limits::PAGE_BYTES)?;
        Ok(PageRecord { messages: messages.into_iter().map(MessageRecord::from).collect(), total: message_count, last_sequence })
    }

    /// Puts `messages` at the end of the session, stubs for missing tool results before them, without saving its row.
    pub(super) fn append(&self, stored: &mut Stored, messages: Vec<NewMessage>, now: Timestamp) -> Result<Vec<Message>> {
        let tail = self.storage.tail()?;
        let bodies = OpenCalls::at_end_of(tail.iter().map(|message| &message.body)).close(messages)?;
        let session = &mut stored.session;
        session.touch(now);
        let mut appended = Vec::with_capacity(bodies.len());
        for body in bodies {
            session.message_count = session.message_count.saturating_add(1);
            session.last_sequence = session.last_sequence.saturating_add(1);
            self.storage.insert_message(session.last_sequence, now, &body)?;
            appended.push(Message { sequence: session.last_sequence, created_at: now, body });
        }
        Ok(appended)
    }

    /// The only way a call writes the session's row.
    fn save(&self, stored: &mut Stored, aftermath: Aftermath) -> Result<()> {
        self.arm(stored)?;
        self.storage.save(stored)?;
        self.aftermath.set(aftermath);
        Ok(())
    }

    fn fail(&self, when: When, fault: Fault, now: Timestamp) -> Result<String> {
        if !Config::from_env(&self.env)?.has_test_faults {
            return Err(Error::Internal("faults are off".into()));
        }
        self.fault.set(Some((when, fault)));
        if when == When::Alarm {
            self.context.set_alarm(now)?;
        }
        self.strike(When::Now);
        answer(&true)
    }

    /// Breaks the instance if that was asked for and this is the moment.
    pub(super) fn strike(&self, moment: When) {
        if let Some((when, fault)) = self.fault.get()
            && when == moment
        {
            fault.strike(|| self.context.abort("on purpose"));
        }
    }
}

/// The session, if it is alive and the caller's.
fn own(caller: &Caller, alive: Option<Stored>) -> Result<Stored> {
    alive.filter(|stored| caller.may_use(&stored.session.owner)).ok_or(Error::NotFound(Subject::Session))
}

fn answer<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Refusal>::Ok(answer).encode()
}
