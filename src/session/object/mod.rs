//! The session object: takes calls and does what they ask.
//!
//! `call` is synchronous, so two calls cannot interleave and each is one atomic burst of SQL. What must wait for
//! somebody else (a model, the user's list, KV) is left behind by it, and `entry.js` has it done under its guard.
//! What is asked is done in `dispatch`, by way of `idempotency` when it has a key.

mod dispatch;
mod idempotency;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::lock::Mutex;
use serde::Serialize;
use worker::Env;

use crate::{
    config::{Config, stats_lag},
    domain::{
        caller::{Caller, Owner},
        id::{Repeatable, SessionId, UserId},
        memory::{Emptied, Reminded},
        time::Timestamp,
    },
    error::{Error, Result},
    fault::{Fault, When},
    platform::{self, context::Context, namespace::Reply},
    session::{
        protocol::{self, Call, Chat, Request},
        record::refusal::Refusal,
        sharing::Admitted,
        storage::{Storage, Stored},
        turn::{
            Begin,
            context::{Gathered, check_first},
            log::Log,
        },
    },
};

/// The object itself.
pub(super) struct Object {
    pub(super) context: Context,
    pub(super) env: Env,
    pub(super) storage: Storage,
    /// Held while the user's list is told, and while the index is: copies are written in order.
    pub(super) listing: Mutex<()>,
    pub(super) indexing: Mutex<()>,
    /// Held while the counters are told.
    pub(super) reporting: Mutex<()>,
    /// When the session was created that has ended and that nobody lists any more.
    pub(super) buried: Cell<Option<Timestamp>>,
    /// How late reports may be.
    pub(super) stats_lag: Duration,
    /// The events of the turn that runs, or of the last one that ran in this process.
    pub(super) log: RefCell<Option<Rc<Log>>>,
    /// A turn that a call has begun and nobody runs yet.
    pub(super) begin: RefCell<Option<Begin>>,
    aftermath: Cell<Aftermath>,
    /// That there is a place for a session that is about to begin here.
    pub(super) admitted: RefCell<Option<Admitted>>,
    /// How often a session was to end here.
    pub(super) ends: Cell<u64>,
    /// When the place was asked for that the session has begun with.
    pub(super) place_asked_at: Cell<Option<Timestamp>>,
    /// Which memories have been emptied since the turn began.
    pub(super) emptied: Cell<Emptied>,
    /// Will the user's object ask for what the turn that runs, or the session that begins, says, and need not be told?
    pub(super) is_late: Cell<bool>,
    /// What the first turn of a session that begins is to know of its user.
    pub(super) reminded: RefCell<Option<Reminded>>,
    /// Set by tests alone.
    fault: Cell<Option<(When, Fault)>>,
}

/// Who asks, under which key if any, and when.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) caller: &'a Caller,
    pub(super) repeatable: Option<&'a Repeatable>,
    pub(super) now: Timestamp,
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
    /// That the turn was stopped, when it has ended; kept for the request's repetitions.
    Stopped(Rc<Log>, Option<Repeatable>),
    /// What a model would be told, as soon as the user's object has told its part.
    Told(Box<Gathered>),
    /// Whether there is a session, once what is left of a dead one is out of every list.
    Swept(SessionId),
    /// Nothing yet: the same call again, once this turn has ended.
    After(Rc<Log>),
    /// Nothing yet: the same call again, once the remains of an earlier session are gone.
    AfterBurial,
    /// Nothing yet: the same call again, once the user's object has a place for the session of this id, and has told what its
    /// first turn is to know, if it begins with one.
    AfterAdmission { user: UserId, id: String, is_reminded: bool },
    /// This answer, encoded, once nothing is left of the session.
    Buried(String),
    /// That the user's object has been told everything, once it has.
    Shared,
}

impl Object {
    pub(super) fn new(context: Context, env: Env) -> Object {
        Object {
            storage: Storage::new(context.clone()),
            context,
            stats_lag: stats_lag(&env),
            env,
            listing: Mutex::new(()),
            indexing: Mutex::new(()),
            reporting: Mutex::new(()),
            buried: Cell::new(None),
            log: RefCell::default(),
            begin: RefCell::default(),
            aftermath: Cell::new(Aftermath::Nothing),
            admitted: RefCell::default(),
            ends: Cell::new(0),
            place_asked_at: Cell::new(None),
            emptied: Cell::default(),
            is_late: Cell::new(false),
            reminded: RefCell::default(),
            fault: Cell::new(None),
        }
    }

    /// What the last call has left to be done; asked once.
    pub(super) fn take_aftermath(&self) -> Aftermath {
        self.aftermath.replace(Aftermath::Nothing)
    }

    /// Does what is asked, in one burst.
    pub(super) fn call(&self, json: &str) -> Result<Outcome> {
        let Request { caller, repeatable, call } = protocol::decode(json)?;
        let repeatable = repeatable.map(Repeatable::try_from).transpose()?;
        let (caller, now) = (Caller::try_from(caller)?, platform::now());
        let (waits, creates) = (call.waits(), call.creates());
        let stored = self.load(now)?;
        let is_dead = stored.as_ref().is_some_and(|stored| self.is_dead(stored, now));
        // An admission is good for the call that follows it. A later one needs a place of its own.
        let admitted = self.admitted.take();
        // Only its owner may give up what can be restored.
        if creates && stored.as_ref().is_some_and(|stored| stored.is_restorable(now) && !caller.may_use(&stored.session.owner)) {
            return Err(Error::IdTaken);
        }
        if creates && (is_dead || (stored.is_none() && self.storage.has_remains())) {
            return Ok(Outcome::AfterBurial);
        }
        // What an earlier call could not finish is made good by the next one, whatever it asks.
        self.aftermath.set(match &stored {
            Some(stored) if stored.is_list_behind() && creates => Aftermath::BeforeAnswer,
            Some(stored) if is_dead || stored.is_behind(now) => Aftermath::Later,
            Some(_) | None => Aftermath::Nothing,
        });
        if let Call::End { ending, decided_at } = call {
            self.ends.set(self.ends.get().wrapping_add(1));
            return self.context.atomically(|| self.end_for_user(&caller, stored, ending, Timestamp::from_millis(decided_at)));
        }
        if matches!(call, Call::ShareNow) {
            self.aftermath.set(Aftermath::Nothing);
            let is_own = stored.is_some_and(|stored| caller.may_use(&stored.session.owner));
            return if is_own { Ok(Outcome::Shared) } else { answer(&false).map(Outcome::Answer) };
        }
        // What a user wants forgotten must not come back with a session that is restored.
        let reaches_hidden = matches!(call, Call::Restore | Call::ForgetTold);
        let is_meant = |stored: &Stored| !is_dead || (reaches_hidden && stored.is_restorable(now));
        let alive = stored.filter(is_meant);
        if let (None, Some(id)) = (&alive, call.begins()) {
            let owner = caller.owner_of_new();
            let admitted = admitted.filter(|admitted| owner == Owner::User(admitted.user.clone()));
            if let (Owner::User(user), None) = (owner, &admitted) {
                if let Call::Chat(Chat { create: Some(create), options, .. }) = &call {
                    check_first(&Config::from_env(&self.env)?, create.session.persona(), options.wishes.clone().into())?;
                }
                return Ok(Outcome::AfterAdmission { user, id: id.to_owned(), is_reminded: matches!(call, Call::Chat(_)) });
            }
            self.take_place(admitted, now);
        }
        let asker = Asker { caller: &caller, repeatable: repeatable.as_ref(), now };
        self.burst(waits, || self.once(asker, call, alive))
    }

    /// Does `what` atomically; then a turn that it has begun is there for everybody. Who `waits` is asked again after the turn
    /// that was in the way.
    fn burst(&self, waits: bool, what: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
        let outcome = self.context.atomically(what);
        match (&outcome, self.running()) {
            (Err(Error::TurnInProgress), Some(log)) if waits => return Ok(Outcome::After(log)),
            (Err(_), _) => drop(self.begin.borrow_mut().take()),
            (Ok(_), _) => {}
        }
        if let Some(begin) = self.begin.borrow().as_ref() {
            *self.log.borrow_mut() = Some(begin.log());
        }
        outcome
    }

    /// What is stored. A turn that a lost process was running is ended first.
    fn load(&self, now: Timestamp) -> Result<Option<Stored>> {
        let Some(mut stored) = self.storage.load()? else { return Ok(None) };
        if stored.session.running_turn.is_some() && self.running().is_none() && !self.is_dead(&stored, now) {
            let concluded = self.context.atomically(|| {
                let events = self.conclude_interrupted(&mut stored)?;
                self.save(&mut stored, Aftermath::Later).map(|()| events)
            });
            match concluded {
                Ok(events) => self.observe_end(&events),
                Err(error) => {
                    // Whatever is wrong with the turn must not make the session unreachable.
                    worker::console_error!("an interrupted turn is left as it is: {error:?}");
                    self.context.atomically(|| self.storage.set_idle())?;
                    return self.storage.load();
                }
            }
        }
        Ok(Some(stored))
    }

    /// Is there no session any more? A turn that runs is activity.
    pub(super) fn is_dead(&self, stored: &Stored, now: Timestamp) -> bool {
        let is_deleted = stored.is_ended || stored.restorable_until.is_some();
        is_deleted || (stored.is_expired(now) && self.running().is_none())
    }

    /// The only way the session's row is written.
    pub(super) fn save(&self, stored: &mut Stored, aftermath: Aftermath) -> Result<()> {
        let due = if stored.is_ended { None } else { self.account(stored, platform::now())? };
        self.arm(stored, due)?;
        if stored.restorable_until.is_some() {
            // While a KV entry is due an older one may stand there, or the new one be under way.
            stored.indexed_at.get_or_insert(Timestamp::from_millis(0));
        }
        self.storage.save(stored)?;
        // Written: another save must not bring back what is forgotten meanwhile.
        stored.recent_events = None;
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

/// The answer of a call, encoded.
pub(super) fn answer<T: Serialize>(answer: &T) -> Result<String> {
    Reply::<_, Refusal>::Ok(answer).encode()
}
