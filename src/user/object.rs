//! The user object as the platform sees it. `call` is one burst, so calls cannot interleave; what must wait for sessions
//! to end is in `ending`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use serde::Serialize;
use wasm_bindgen::prelude::*;
use worker::Env;

use crate::{
    config::Config,
    domain::{
        id::{Id, Repeatable, UserId},
        session::SessionLimit,
        time::Timestamp,
    },
    error::{Error, Result},
    platform::{
        self,
        context::{Context, promise_of, promise_of_value},
        namespace::Reply,
    },
    session::record::refusal::Refusal,
    user::{
        protocol::{self, Admitted, Call, Informed},
        storage::{Place, Storage},
    },
};

/// The object itself.
pub(super) struct Object {
    pub(super) context: Context,
    pub(super) env: Env,
    pub(super) storage: Storage,
    /// Are there sessions to end that nobody waits for?
    has_endings: Cell<bool>,
    /// The session up to which the last pass over those to end has come; empty when it came to the last.
    pub(super) passed: RefCell<String>,
}

/// A session of `user` that is about to begin.
pub(super) struct Candidate {
    pub(super) user: UserId,
    pub(super) session_id: String,
    /// Would it rather be asked for what it says?
    would_be_late: bool,
    /// Is its first turn to know of the user?
    is_reminded: bool,
}

/// What a call comes to.
enum Outcome {
    /// This answer, encoded.
    Answer(String),
    /// Whether there is a place for a session.
    Admission(Candidate),
    /// What has gone with the user.
    Erasure(UserId),
}

/// What `entry.js` forwards a user object's calls to.
#[wasm_bindgen]
pub struct UserCore(Rc<Object>);

#[wasm_bindgen]
impl UserCore {
    /// `context` and `env` of the Durable Object.
    #[wasm_bindgen(constructor)]
    pub fn new(context: Context, env: Env) -> UserCore {
        let storage = Storage::new(&context);
        UserCore(Rc::new(Object { context, env, storage, has_endings: Cell::new(false), passed: RefCell::default() }))
    }

    /// Answers one call: text, or a promise of it.
    pub fn call(&self, json: &str) -> JsValue {
        let object = Rc::clone(&self.0);
        match self.0.atomically(|| self.0.answer(json)) {
            Ok(Outcome::Answer(answer)) => answer.into(),
            Ok(Outcome::Admission(candidate)) => {
                promise_of_value(async move { text(object.admit(&candidate).await.and_then(|()| object.admitted(&candidate))) }).into()
            }
            Ok(Outcome::Erasure(user)) => {
                promise_of_value(async move { text(object.erase(&user).await.and_then(|erased| encode(&erased))) }).into()
            }
            Err(error) => text(Err(error)),
        }
    }

    /// After a call: the promise that what it has left to do is done, if it has.
    pub fn tidy(&self) -> Option<js_sys::Promise> {
        if self.0.has_endings.take() {
            let object = Rc::clone(&self.0);
            return Some(promise_of(async move { object.end_sessions().await }));
        }
        if !matches!(self.0.storage.is_empty(), Ok(true)) {
            return None;
        }
        self.0.storage.forget_schema();
        let object = Rc::clone(&self.0);
        Some(promise_of(async move {
            if let Err(error) = object.context.delete_all().await {
                worker::console_warn!("an empty object keeps its tables: {error:?}");
            }
        }))
    }

    /// The alarm went off.
    pub fn alarm(&self) -> js_sys::Promise {
        let object = Rc::clone(&self.0);
        promise_of(async move { object.on_alarm().await })
    }
}

impl Object {
    /// Runs `burst` as one transaction. What it has learned of the tables is not so when it is rolled back.
    pub(super) fn atomically<T>(&self, burst: impl FnOnce() -> Result<T>) -> Result<T> {
        self.context.atomically(burst).inspect_err(|_| self.storage.forget_schema())
    }

    fn answer(&self, json: &str) -> Result<Outcome> {
        let (call, now) = (protocol::decode(json)?, platform::now());
        if call.writes() && self.storage.is_erasing()? {
            return Err(Error::Unavailable("the user is being erased".into()));
        }
        let Call::Informed(call) = call else { return self.do_now(call, now) };
        let behind = self.storage.behind(&call, self.limit()?, now)?;
        if behind.is_empty() { self.do_now(*call, now) } else { encode(&Informed::<()>::Behind { behind }).map(Outcome::Answer) }
    }

    fn do_now(&self, call: Call, now: Timestamp) -> Result<Outcome> {
        let answer = match call {
            Call::Share(share) => encode(&self.storage.share(*share, self.limit()?, now)?.is_some_and(|place| self.listed(place))),
            Call::Admit { user, session_id, late: would_be_late, reminds: is_reminded } => {
                let user = Id::parse("user_id", &user)?;
                return Ok(Outcome::Admission(Candidate { user, session_id, would_be_late, is_reminded }));
            }
            Call::Erase { user } => return Ok(Outcome::Erasure(Id::parse("user_id", &user)?)),
            Call::Remove { session_id } => self.storage.remove(&session_id).and_then(|()| done()),
            Call::Lost { session_id, asked_at } => self.storage.lose(&session_id, Timestamp::from_millis(asked_at)).and_then(|()| done()),
            Call::Hide { session_id, until } => self.storage.hide(&session_id, Timestamp::from_millis(until), now).and_then(|()| done()),
            Call::Memory(call) => self.storage.memory(call, now),
            Call::Once { request, call } => {
                let request = Repeatable::try_from(request)?;
                self.storage.once(&request, now, || self.storage.memory(call, now))
            }
            Call::Remind { facts, origin, late } => {
                let is_late = late.map_or(Ok(false), |id| self.storage.mark(&id))?;
                encode(&self.storage.remind(facts, origin, is_late, now)?)
            }
            Call::Search(call) => encode(&self.storage.search(&call, now)?),
            Call::Settings => encode(&self.storage.settings()?),
            Call::Change(settings) => self.storage.change(&settings).and_then(|()| encode(&settings)),
            Call::Ids { after, limit } => encode(&self.storage.ids(&after, limit)?),
            Call::Page { limit, after, filter } => encode(&self.storage.list(limit, after, &filter, now)?),
            Call::Informed(_) => Err(Error::Internal("a call in a call in a call".into())),
        };
        answer.map(Outcome::Answer)
    }

    /// Answers a session that has a place. One that is marked now is there for everybody who asks, and tells nothing at once.
    fn admitted(&self, candidate: &Candidate) -> Result<String> {
        if !candidate.would_be_late {
            return done();
        }
        self.atomically(|| {
            let is_late = self.storage.mark(&candidate.session_id)?;
            let remind = || self.storage.remind(Vec::new(), None, false, platform::now());
            let reminded = if candidate.is_reminded { Some(remind()?) } else { None };
            encode(&Admitted::Told { is_late, reminded })
        })
    }

    /// That a session has been listed. It must not wait for others to end for it: they may be waiting for the same.
    fn listed(&self, place: Place) -> bool {
        self.has_endings.set(self.has_endings.get() || place == Place::KeptByEvicting);
        true
    }

    fn limit(&self) -> Result<SessionLimit> {
        Ok(Config::from_env(&self.env)?.sessions)
    }
}

fn done() -> Result<String> {
    encode(&true)
}

fn encode<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Refusal>::Ok(answer).encode()
}

/// A reply as `entry.js` takes it.
fn text(reply: Result<String>) -> JsValue {
    let reply = reply.or_else(|error| Reply::<(), Refusal>::Err(error.into()).encode());
    reply.map_or(JsValue::NULL, JsValue::from)
}
