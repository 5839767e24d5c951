//! The session object as the platform sees it: takes calls, does what they ask, has the alarm.
//!
//! `call` is synchronous, so two calls cannot interleave and each is one atomic burst of SQL. What must wait for
//! somebody else (a model, the user's list, KV) is left behind by it, and `entry.js` has it done under its guard. Nothing
//! here throws in the constructor: that would make the session unreachable for ever.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::lock::Mutex;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::{
    config::Config,
    domain::{
        caller::Caller,
        history::pairing::OpenCalls,
        id::{Repeatable, SessionId},
        message::{Message, NewMessage},
        session::{Precondition, Session, SessionPatch},
        time::Timestamp,
    },
    error::{Error, Result, Subject},
    fault::{Fault, When},
    limits,
    platform::{
        self,
        context::{Context, promise_of, promise_of_value},
        namespace::Reply,
    },
    session::{
        protocol::{
            self, Answered, Appended, Begun, Call, Chat, Copied, Create, Created, Deleted, PageRecord, PageRequest, Refusal, Request,
            Siblings,
        },
        record::{MessageRecord, NewMessageRecord, SessionRecord},
        storage::{Kept, KeptOutcome, Storage, Stored},
        turn::{
            self, Begin,
            log::{Log, Stop, Tail},
        },
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
    /// The events of the turn that runs, or of the last one that ran in this process.
    pub(super) log: RefCell<Option<Rc<Log>>>,
    /// A turn that a call has begun and nobody runs yet.
    pub(super) begin: RefCell<Option<Begin>>,
    aftermath: Cell<Aftermath>,
    /// Set by tests alone.
    fault: Cell<Option<(When, Fault)>>,
}

/// What the last call leaves to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aftermath {
    Nothing,
    /// Copies are behind; nobody waits for them.
    Later,
    /// The user's list must have it before the answer goes out.
    BeforeAnswer,
}

/// What a call comes to.
pub(super) enum Outcome {
    /// This answer, encoded.
    Answer(String),
    /// What the turn's caller is answered at its end.
    Reply(Rc<Log>),
    /// That the turn was stopped, when it has ended.
    Stopped(Rc<Log>),
    /// Nothing yet: the same call again, once this turn has ended.
    After(Rc<Log>),
    /// Nothing yet: the same call again, once the remains of an earlier session are gone.
    AfterBurial,
}

#[wasm_bindgen]
impl SessionCore {
    /// `context` and `env` of the Durable Object.
    #[wasm_bindgen(constructor)]
    pub fn new(context: Context, env: Env) -> SessionCore {
        let storage = Storage::new(context.clone());
        let (listing, indexing) = (Mutex::new(()), Mutex::new(()));
        SessionCore(Rc::new(Object {
            context,
            env,
            storage,
            listing,
            indexing,
            log: RefCell::default(),
            begin: RefCell::default(),
            aftermath: Cell::new(Aftermath::Nothing),
            fault: Cell::new(None),
        }))
    }

    /// Answers one call: text, or a promise of it. `undefined` in its place: something was in the way and is gone now,
    /// call again.
    pub fn call(&self, json: &str) -> JsValue {
        let object = Rc::clone(&self.0);
        match self.0.call(json) {
            Ok(Outcome::Answer(answer)) => answer.into(),
            Ok(Outcome::Reply(log)) => promise_of_value(async move { encode(log.reply().await) }).into(),
            Ok(Outcome::Stopped(log)) => promise_of_value(async move {
                log.until_over().await;
                encode(object.stopped(true, log.turn()))
            })
            .into(),
            Ok(Outcome::After(log)) => promise_of(async move { log.until_over().await }).into(),
            Ok(Outcome::AfterBurial) => promise_of_value(async move {
                match object.make_room().await {
                    Ok(()) => JsValue::UNDEFINED,
                    Err(error) => encode(Err(Error::Unavailable(format!("the remains of an earlier session: {error:?}")))),
                }
            })
            .into(),
            Err(error) => encode(Err(error)),
        }
    }

    /// The end of the turn that the last call has begun, if it has begun one.
    pub fn turn(&self) -> Option<js_sys::Promise> {
        let begin = self.0.begin.borrow_mut().take()?;
        let object = Rc::clone(&self.0);
        Some(promise_of(async move { turn::run::run(object, begin).await }))
    }

    /// Follows the turn that `reply`, of a call, names; `undefined` when it names none.
    pub fn tail(&self, reply: &str) -> Option<Tail> {
        let Ok(Reply::Ok(begun)) = serde_json::from_str::<Reply<Begun, Refusal>>(reply) else { return None };
        match self.0.tail(&begun) {
            Ok(tail) => Some(tail),
            Err(error) => {
                worker::console_error!("no events of a turn: {error:?}");
                None
            }
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

    /// The alarm went off.
    pub fn alarm(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.on_alarm().await })
    }
}

impl Object {
    fn call(&self, json: &str) -> Result<Outcome> {
        let Request { caller, repeatable, call } = protocol::decode(json)?;
        let repeatable = repeatable.map(Repeatable::try_from).transpose()?;
        let (caller, now) = (Caller::try_from(caller)?, platform::now());
        let (waits, creates) = (call.waits(), call.creates());
        let stored = self.load(now)?;
        let is_dead = stored.as_ref().is_some_and(|stored| self.is_dead(stored, now));
        if is_dead && creates {
            return Ok(Outcome::AfterBurial);
        }
        // What an earlier call could not finish is made good by the next one, whatever it asks.
        self.aftermath.set(match &stored {
            Some(stored) if stored.is_list_behind() && creates => Aftermath::BeforeAnswer,
            Some(stored) if is_dead || stored.is_behind(now) => Aftermath::Later,
            Some(_) | None => Aftermath::Nothing,
        });
        let alive = stored.filter(|_| !is_dead);
        let burst = || match &repeatable {
            Some(repeatable) => self.once(repeatable, &caller, call, alive, now),
            None => self.dispatch(&caller, call, alive, None, now),
        };
        let outcome = self.context.atomically(burst);
        match (&outcome, self.running()) {
            (Err(Error::TurnInProgress), Some(log)) if waits => return Ok(Outcome::After(log)),
            (Err(_), _) => drop(self.begin.borrow_mut().take()),
            (Ok(_), _) => {}
        }
        // The burst is written: now the turn is there for everybody.
        if let Some(begin) = self.begin.borrow().as_ref() {
            *self.log.borrow_mut() = Some(begin.log());
        }
        outcome
    }

    /// What is stored. A turn that a lost process was running is ended first.
    fn load(&self, now: Timestamp) -> Result<Option<Stored>> {
        let Some(mut stored) = self.storage.load()? else { return Ok(None) };
        if stored.session.running_turn.is_some() && self.running().is_none() && !self.is_dead(&stored, now) {
            self.context.atomically(|| {
                self.conclude_interrupted(&mut stored)?;
                self.save(&mut stored, Aftermath::Later)
            })?;
        }
        Ok(Some(stored))
    }

    /// Is there no session any more? A turn that runs is activity.
    pub(super) fn is_dead(&self, stored: &Stored, now: Timestamp) -> bool {
        stored.is_ended || (stored.is_expired(now) && self.running().is_none())
    }

    /// Does what is asked and keeps the answer under the request's key, or gives the answer that is kept there.
    fn once(&self, repeatable: &Repeatable, caller: &Caller, call: Call, alive: Option<Stored>, now: Timestamp) -> Result<Outcome> {
        let is_own = alive.as_ref().is_some_and(|stored| caller.may_use(&stored.session.owner));
        if is_own && let Some(kept) = self.storage.kept(&repeatable.key)? {
            return self.again(kept, repeatable, call, alive, now);
        }
        let outcome = self.dispatch(caller, call, alive, Some(repeatable), now)?;
        // A turn keeps its own.
        if let (Outcome::Answer(answer), None) = (&outcome, self.begin.borrow().as_ref()) {
            self.storage.keep_answer(repeatable, answer)?;
        }
        Ok(outcome)
    }

    /// Answers a request that was sent before.
    fn again(&self, kept: Kept, repeatable: &Repeatable, call: Call, alive: Option<Stored>, now: Timestamp) -> Result<Outcome> {
        if kept.payload != repeatable.payload {
            return Err(Error::KeyReused);
        }
        let options = call.into_turn_options();
        match (kept.outcome, alive) {
            (KeptOutcome::Answer(kept), _) if options.as_ref().is_some_and(|options| options.streams) => {
                replayed(&kept).map(Outcome::Answer)
            }
            (KeptOutcome::Answer(kept), _) => Ok(Outcome::Answer(kept)),
            (KeptOutcome::Turn(number), Some(mut stored)) => {
                let outcome = self.take_up(&mut stored, number, options.unwrap_or_default(), repeatable, now)?;
                if self.begin.borrow().is_some() {
                    self.save(&mut stored, Aftermath::Nothing)?;
                }
                Ok(outcome)
            }
            (KeptOutcome::Turn(_), None) => Err(Error::NotFound(Subject::Session)),
        }
    }

    fn dispatch(
        &self,
        caller: &Caller,
        call: Call,
        alive: Option<Stored>,
        repeatable: Option<&Repeatable>,
        now: Timestamp,
    ) -> Result<Outcome> {
        let answer = match call {
            Call::Chat(chat) => return self.chat(caller, alive, chat, repeatable, now),
            Call::Redo { redo, options } => {
                let mut stored = own(caller, alive)?;
                protocol::decode_precondition(options.if_match.as_deref()).check(stored.session.version())?;
                let outcome = self.begin_again(&mut stored, redo, options, repeatable, now)?;
                self.save(&mut stored, Aftermath::Nothing)?;
                return Ok(outcome);
            }
            Call::Stop { turn } => return self.stop(&own(caller, alive)?, turn),
            Call::Create(create) => answer(&self.create(caller, alive, create, now)?),
            Call::Get => answer(&SessionRecord::from(&own(caller, alive)?.session)),
            Call::Patch { if_match, patch } => {
                let stored = own(caller, alive)?;
                answer(&self.patch(stored, &protocol::decode_precondition(if_match.as_deref()), patch.into(), now)?)
            }
            Call::Delete { if_match } => {
                answer(&self.delete(own(caller, alive)?, &protocol::decode_precondition(if_match.as_deref()), now)?)
            }
            Call::Renew => {
                let mut stored = own(caller, alive)?;
                stored.session.touch(now);
                self.save(&mut stored, Aftermath::Later)?;
                answer(&SessionRecord::from(&stored.session))
            }
            Call::Append { messages } => answer(&self.append_call(own(caller, alive)?, decode_new(messages)?, now)?),
            Call::Messages(page) => answer(&self.page(&own(caller, alive)?, &page)?),
            Call::Follow { turn, after } => answer(&self.follow(&own(caller, alive)?, turn, after, now)?),
            Call::Turn { number } => own(caller, alive).and_then(|_| answer(&self.turn_record(number)?)),
            Call::Siblings { sequence } => own(caller, alive).and_then(|_| answer(&self.siblings(sequence)?)),
            Call::Copy { through } => answer(&self.copy(&own(caller, alive)?, through)?),
            Call::Ping => answer(&true),
            Call::Fault { when, fault } => self.fail(when, fault, now),
        };
        answer.map(Outcome::Answer)
    }

    fn chat(&self, caller: &Caller, alive: Option<Stored>, chat: Chat, repeatable: Option<&Repeatable>, now: Timestamp) -> Result<Outcome> {
        let Chat { message, create, results, options } = chat;
        // A session that begins with this turn must be on the list when its client asks next.
        let (mut stored, aftermath) = match (create, alive) {
            (None, alive) => (own(caller, alive)?, Aftermath::Nothing),
            (Some(create), None) => (self.begin(caller, create, now)?, Aftermath::BeforeAnswer),
            (Some(_), Some(_)) => return Err(Error::IdTaken),
        };
        if aftermath == Aftermath::Nothing {
            protocol::decode_precondition(options.if_match.as_deref()).check(stored.session.version())?;
        }
        let said = decode_new(results.into_iter().chain(message).collect())?;
        let outcome = self.begin_chat(&mut stored, said, options, repeatable, now)?;
        self.save(&mut stored, aftermath)?;
        Ok(outcome)
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
        let mut stored = Stored::begin(Session::begin(id, caller.owner_of_new(), create.session.try_into()?, now));
        let session = &mut stored.session;
        for record in create.messages {
            session.message_count = session.message_count.saturating_add(1);
            session.last_sequence = session.last_sequence.saturating_add(1);
            self.storage.save_message(&Message { sequence: session.last_sequence, replaces: None, ..record.try_into()? })?;
        }
        Ok(stored)
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
        self.storage.delete_contents()?;
        stored.is_ended = true;
        stored.session.running_turn = None;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        if let Some(log) = self.running() {
            log.stop(Stop::Gone);
        }
        Ok(Deleted { message_count: stored.session.message_count })
    }

    fn append_call(&self, mut stored: Stored, messages: Vec<NewMessage>, now: Timestamp) -> Result<Appended> {
        self.check_idle()?;
        let messages = self.append(&mut stored, messages, None, now)?;
        self.save(&mut stored, Aftermath::Later)?;
        Ok(Appended { session: (&stored.session).into(), messages: encode_messages(messages) })
    }

    fn page(&self, stored: &Stored, page: &PageRequest) -> Result<PageRecord> {
        let Session { message_count, last_sequence, .. } = stored.session;
        // Where sequence numbers have no gaps, an offset is a bound: what is skipped is not read.
        let offset = u64::from(page.offset);
        let bounded = match (offset, page.newest_first) {
            (0, _) => *page,
            (_, _) if message_count != last_sequence => *page,
            (_, false) => PageRequest { after: Some(offset), offset: 0, ..*page },
            (_, true) => PageRequest { before: Some(last_sequence.saturating_add(1).saturating_sub(offset)), offset: 0, ..*page },
        };
        let messages = self.storage.page(&bounded, limits::PAGE_BYTES)?;
        let first_sequence = self.storage.first_sequence()?;
        Ok(PageRecord { messages: encode_messages(messages), total: message_count, first_sequence, last_sequence })
    }

    /// The versions of the place where message `sequence` stands, the newest first.
    fn siblings(&self, sequence: u64) -> Result<Siblings> {
        let message = self.storage.message(sequence)?.ok_or(Error::NotFound(Subject::Message))?;
        let (mut versions, mut place) = (vec![vec![message]], sequence);
        loop {
            let earlier = self.storage.replaced_by(place)?;
            let Some(first) = earlier.first() else { break };
            place = first.sequence;
            versions.push(earlier);
        }
        Ok(Siblings { versions: versions.into_iter().map(encode_messages).collect() })
    }

    /// The session and its messages up to `through`, for another session to begin with.
    fn copy(&self, stored: &Stored, through: Option<u64>) -> Result<Copied> {
        let last = match through {
            Some(sequence) => self.storage.message(sequence)?.ok_or(Error::NotFound(Subject::Message))?.sequence,
            None => stored.session.last_sequence,
        };
        let all = PageRequest { after: None, before: Some(last.saturating_add(1)), offset: 0, limit: u32::MAX, newest_first: false };
        let messages = self.storage.page(&all, limits::COPY_BYTES)?;
        if messages.first().is_some_and(|first| Ok(first.sequence) != self.storage.first_sequence()) {
            return Err(Error::NotPossible(format!(
                "The messages have more than {} bytes, the most that can be copied",
                limits::COPY_BYTES
            )));
        }
        Ok(Copied { session: (&stored.session).into(), messages: encode_messages(messages) })
    }

    /// Puts `messages` at the end of the session, stubs for missing tool results before them, without saving its row. The
    /// last of them stands where message `replaces` stood.
    pub(super) fn append(
        &self,
        stored: &mut Stored,
        messages: Vec<NewMessage>,
        replaces: Option<u64>,
        now: Timestamp,
    ) -> Result<Vec<Message>> {
        let tail = self.storage.tail()?;
        let bodies = OpenCalls::at_end_of(tail.iter().map(|message| &message.body)).close(messages)?;
        let (session, count) = (&mut stored.session, bodies.len());
        session.touch(now);
        let mut appended = Vec::with_capacity(count);
        for (number, body) in (1..).zip(bodies) {
            session.message_count = session.message_count.saturating_add(1);
            session.last_sequence = session.last_sequence.saturating_add(1);
            let replaces = replaces.filter(|_| number == count);
            let message = Message { sequence: session.last_sequence, created_at: now, replaces, body };
            self.storage.save_message(&message)?;
            appended.push(message);
        }
        Ok(appended)
    }

    /// The only way the session's row is written.
    pub(super) fn save(&self, stored: &mut Stored, aftermath: Aftermath) -> Result<()> {
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

/// The answer of a call, encoded.
pub(super) fn answer<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Refusal>::Ok(answer).encode()
}

/// A reply as `entry.js` takes it.
fn encode(reply: Result<String>) -> JsValue {
    let reply = reply.or_else(|error| Reply::<(), Refusal>::Err(error.into()).encode());
    reply.map_or(JsValue::NULL, JsValue::from)
}

/// What a client that streams is answered when its turn has been answered before.
fn replayed(kept: &str) -> Result<String> {
    let kept = serde_json::from_str::<Reply<Answered, Refusal>>(kept).map_err(|e| Error::Internal(format!("kept answer: {e}")))?;
    let turn = match kept {
        Reply::Ok(answered) => answered.turn.map(|turn| turn.number()),
        Reply::Err(_) => None,
    };
    let turn = turn.ok_or_else(|| Error::NotPossible("The answer to this request has no events".into()))?;
    answer(&Begun { turn, after: None })
}

fn decode_new(messages: Vec<NewMessageRecord>) -> Result<Vec<NewMessage>> {
    messages.into_iter().map(NewMessage::try_from).collect()
}

fn encode_messages(messages: Vec<Message>) -> Vec<MessageRecord> {
    messages.into_iter().map(MessageRecord::from).collect()
}
