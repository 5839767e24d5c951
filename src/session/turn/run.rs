//! Running a turn: asks the model, lets everybody have what it says, stores that now and then, and ends the turn.
//!
//! It runs beside the object's calls and does not depend on any client.

use std::{mem, ops::ControlFlow, rc::Rc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
};

use super::{
    Begin,
    ending::{Concluded, End, Outcome},
    log::Stop,
};
use crate::{
    config::Config,
    domain::{
        history::prompt,
        time::Timestamp,
        turn::{
            ModelFailure,
            event::{Event, Numbered},
        },
    },
    error::{Error, Result, Subject},
    limits,
    model::{self, Ending, Failed},
    platform,
    session::object::{Aftermath, Object},
};

/// What clients have and storage has not is never more than this: so much text,
const UNSTORED_BYTES: usize = 2048;
/// so many events, fewer than the gap that `ending` leaves,
const UNSTORED_EVENTS: usize = 500;
/// so old, as soon as more comes.
const UNSTORED_AGE: Duration = Duration::from_secs(1);

/// Runs the turn that `begin` describes to its end.
pub(in crate::session) async fn run(object: Rc<Object>, begin: Begin) {
    let log = Rc::clone(&begin.log);
    let outcome = ask(&object, &begin).await;
    let text = outcome.text.clone();
    if let Err(error) = end(&object, &begin, outcome) {
        worker::console_error!("a turn could not be ended: {error:?}");
        let interrupted = Outcome::interrupted(text, log.last_sequence());
        if let Err(error) = end(&object, &begin, interrupted) {
            // In storage it still runs: the next call finds that nobody runs it.
            worker::console_error!("nor as interrupted: {error:?}");
            object.log.borrow_mut().take();
            log.end(Err(error));
        }
    }
    object.update_list_copy().await;
    object.update_index_copy().await;
}

/// Asks the model until it has answered, failed, or is to stop.
async fn ask(object: &Object, begin: &Begin) -> Outcome {
    let mut draft = Draft::new(object, begin);
    let provider = match Config::from_env(&object.env) {
        Ok(config) => config.model.provider,
        Err(error) => return draft.into_outcome(End::Failed(Failed { failure: ModelFailure::Unavailable, cause: format!("{error:?}") })),
    };
    let mut take = |text: &str| draft.take(text);
    let asked = model::ask::ask(&provider, &object.env, &begin.prompt, &begin.settings, &mut take).boxed_local();
    let stopped = begin.log.until_stopped().boxed_local();
    let end = match select(stopped, asked).await {
        Either::Left(_) => End::Stopped,
        Either::Right((Ok(Ending { finish, tool_calls, usage }), _)) => End::Answered { finish, tool_calls, usage },
        Either::Right((Err(failed), _)) => End::Failed(failed),
    };
    draft.into_outcome(end)
}

/// Ends the turn: first in storage, then for everybody who follows.
fn end(object: &Object, begin: &Begin, outcome: Outcome) -> Result<()> {
    let log = &begin.log;
    if log.stopped() == Some(Stop::Gone) {
        log.end(Err(Error::NotFound(Subject::Session)));
        return Ok(());
    }
    let Concluded { events, reply } = object.context.atomically(|| {
        let stored = object.storage.load()?;
        let is_ours = |stored: &crate::session::storage::Stored| {
            stored.session.created_at == begin.session_created_at && stored.session.running_turn == Some(log.turn) && !stored.is_ended
        };
        let mut stored = stored.filter(is_ours).ok_or(Error::NotFound(Subject::Session))?;
        let concluded = object.conclude(&mut stored, outcome, platform::now())?;
        object.save(&mut stored, Aftermath::Nothing)?;
        Ok(concluded)
    })?;
    events.iter().try_for_each(|event| log.push(event))?;
    log.end(reply);
    Ok(())
}

/// An answer while it comes.
struct Draft<'a> {
    object: &'a Object,
    begin: &'a Begin,
    text: String,
    next_sequence: u64,
    unstored: Vec<Numbered>,
    unstored_bytes: usize,
    stored_at: Timestamp,
    touched_at: Timestamp,
}

impl<'a> Draft<'a> {
    fn new(object: &'a Object, begin: &'a Begin) -> Draft<'a> {
        let now = platform::now();
        Draft {
            object,
            begin,
            text: String::new(),
            next_sequence: 1,
            unstored: Vec::new(),
            unstored_bytes: 0,
            stored_at: now,
            touched_at: now,
        }
    }

    /// Takes more text; breaks off when there is no room for more.
    fn take(&mut self, text: &str) -> ControlFlow<()> {
        let room = limits::MESSAGE_BYTES.saturating_sub(self.begin.answer_bytes).saturating_sub(self.text.len());
        // NUL would end the text for SQLite's functions.
        let clean = text.replace('\0', "\u{fffd}");
        let taken = clean.get(..clean.floor_char_boundary(room)).unwrap_or_default();
        if !taken.is_empty() {
            self.text.push_str(taken);
            self.emit(Event::Delta(taken.to_owned()));
        }
        if taken.len() < clean.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn emit(&mut self, event: Event) {
        let numbered = Numbered { sequence: self.next_sequence, event };
        self.next_sequence = self.next_sequence.saturating_add(1);
        if let Event::Delta(text) = &numbered.event {
            self.unstored_bytes = self.unstored_bytes.saturating_add(text.len());
        }
        if let Err(error) = self.begin.log.push(&numbered) {
            worker::console_error!("an event is lost: {error:?}");
        }
        self.unstored.push(numbered);
        let age = platform::now().since(self.stored_at);
        if self.unstored_bytes >= UNSTORED_BYTES || self.unstored.len() >= UNSTORED_EVENTS || age >= UNSTORED_AGE {
            self.store();
        }
    }

    /// Stores what is not stored yet. What cannot be stored now is stored with what comes next.
    fn store(&mut self) {
        if self.begin.log.stopped() == Some(Stop::Gone) {
            return;
        }
        let now = platform::now();
        let stored = self.object.storage.insert_events(self.begin.log.turn, &self.unstored);
        // A turn that lasts is activity, also for those who only see the session's row.
        let touches = now.since(self.touched_at) >= self.begin.idle_timeout.checked_div(4).unwrap_or_default();
        match stored.and_then(|()| if touches { self.object.storage.set_last_activity(now) } else { Ok(()) }) {
            Ok(()) => {
                mem::take(&mut self.unstored);
                (self.unstored_bytes, self.stored_at) = (0, now);
                self.touched_at = if touches { now } else { self.touched_at };
            }
            Err(error) => worker::console_warn!("events are stored later: {error:?}"),
        }
    }

    fn into_outcome(self, end: End) -> Outcome {
        Outcome {
            text: self.text,
            next_sequence: self.next_sequence,
            unstored: self.unstored,
            prompt_bytes: Some(prompt::size_bytes(&self.begin.prompt)),
            end,
        }
    }
}
