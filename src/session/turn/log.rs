//! The events of one turn in memory: whoever follows is an index into it.
//!
//! So replay and live are one path, each event comes exactly once, and there is no queue per client. Every event is kept
//! as it travels; what is in storage is written and read elsewhere.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{Either, select},
};

use crate::{
    domain::turn::event::Numbered,
    error::{Error, Result},
    platform::{self, bell::Bell},
    session::record::turn::EventRecord,
};

/// A client that hears nothing for this long gets an empty line: proxies cut connections that are silent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The events of a turn so far.
pub(in crate::session) struct Log {
    /// The turn's number.
    pub(super) turn: u64,
    events: RefCell<Vec<(u64, Rc<str>)>>,
    is_over: Cell<bool>,
    stop: Cell<Option<Stop>>,
    /// What the call that began the turn, or repeats it, is answered at its end.
    reply: RefCell<Option<Result<String>>>,
    bell: Bell,
}

/// Why a turn is to stop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::session) enum Stop {
    /// Somebody wants it to; what it has is kept.
    Wanted,
    /// Its session is gone, and everything with it.
    Gone,
}

impl Log {
    /// The log of a turn that runs.
    pub(super) fn new(turn: u64) -> Log {
        Log {
            turn,
            events: RefCell::default(),
            is_over: Cell::new(false),
            stop: Cell::new(None),
            reply: RefCell::default(),
            bell: Bell::default(),
        }
    }

    /// The log of a turn that has ended.
    pub(super) fn of_ended(turn: u64, events: &[Numbered]) -> Result<Log> {
        let log = Log::new(turn);
        events.iter().try_for_each(|event| log.push(event))?;
        log.is_over.set(true);
        Ok(log)
    }

    /// The turn's number.
    pub(in crate::session) fn turn(&self) -> u64 {
        self.turn
    }

    /// Lets everybody have `event`.
    pub(super) fn push(&self, event: &Numbered) -> Result<()> {
        let mut line = platform::encode("event", &EventRecord::from(event))?;
        line.push('\n');
        self.events.borrow_mut().push((event.sequence, line.into()));
        self.bell.ring();
        Ok(())
    }

    /// Nothing comes after this.
    pub(super) fn end(&self, reply: Result<String>) {
        *self.reply.borrow_mut() = Some(reply);
        self.is_over.set(true);
        self.bell.ring();
    }

    /// Has its turn ended?
    pub(in crate::session) fn is_over(&self) -> bool {
        self.is_over.get()
    }

    /// Has the turn stop; the first reason counts, but that it is gone counts more.
    pub(in crate::session) fn stop(&self, why: Stop) {
        if self.stop.get().is_none() || why == Stop::Gone {
            self.stop.set(Some(why));
        }
        self.bell.ring();
    }

    /// Why it is to stop, if it is.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.stop.get()
    }

    /// Waits until it is to stop.
    pub(super) async fn until_stopped(&self) {
        self.bell.until(|| self.stop.get().is_some()).await;
    }

    /// Waits for the turn's end; what its caller is answered.
    pub(in crate::session) async fn reply(&self) -> Result<String> {
        self.until_over().await;
        self.reply.borrow().clone().unwrap_or_else(|| Err(Error::Internal("a turn ended without a reply".into())))
    }

    /// Waits for the turn's end.
    pub(in crate::session) async fn until_over(&self) {
        self.bell.until(|| self.is_over.get()).await;
    }

    /// The number of the last event so far.
    pub(in crate::session) fn last_sequence(&self) -> Option<u64> {
        self.events.borrow().last().map(|(sequence, _)| *sequence)
    }

    /// The first event after number `after`.
    fn next(&self, after: Option<u64>) -> Option<(u64, Rc<str>)> {
        let events = self.events.borrow();
        let seen = after.map_or(0, |after| events.partition_point(|(sequence, _)| *sequence <= after));
        events.get(seen).cloned()
    }
}

/// Follows a log, event by event.
#[derive(Clone)]
pub(in crate::session) struct Follower {
    log: Rc<Log>,
    after: Rc<Cell<Option<u64>>>,
}

impl Follower {
    /// From after event `after` on.
    pub(super) fn new(log: Rc<Log>, after: Option<u64>) -> Follower {
        Follower { log, after: Rc::new(Cell::new(after)) }
    }

    /// The next event as a line of JSON, an empty line when there is none for a while, `None` after the last.
    pub(in crate::session) async fn next(&self) -> Option<Rc<str>> {
        let Follower { log, after } = self;
        let has_news = || log.is_over() || log.next(after.get()).is_some();
        let (news, heartbeat) = (log.bell.until(has_news).boxed_local(), worker::Delay::from(HEARTBEAT));
        if !has_news() && matches!(select(news, heartbeat).await, Either::Right(_)) {
            return Some("\n".into());
        }
        let (sequence, line) = log.next(after.get())?;
        after.set(Some(sequence));
        Some(line)
    }
}
