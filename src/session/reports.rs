//! What a session reports to the counters: that it began and ended, at once; what was said and answered, at most once in
//! `STATS_LAG_SECONDS`.
//!
//! A report is stored in the burst that makes it due, with its number, and sent when nobody waits for it. It stays until it is
//! acknowledged; the counters know the last number that they have counted. So whatever is lost in between, it is counted once.

use std::mem;

use crate::{
    domain::{session::Session, stats::Ending, time::Timestamp},
    error::Result,
    fault::When,
    index::counters::{
        self,
        protocol::{EndedRecord, MessagesRecord, ReportRecord},
    },
    platform,
    session::{
        object::{Aftermath, Object},
        storage::{Reported, Stored, ended_turns},
    },
};

/// So many reports go in one call. There are seldom two.
const REPORTS_A_CALL: u32 = 100;

impl Object {
    /// Writes a report if one is due; gives when the alarm is to look after reports.
    pub(super) fn account(&self, stored: &Stored, now: Timestamp) -> Result<Option<Timestamp>> {
        let last = self.storage.reported()?;
        let Some(known) = last.as_ref().filter(|last| last.life == stored.session.created_at) else {
            self.add_report(stored, last, None, now)?;
            return Ok(Some(now.plus(self.stats_lag)));
        };
        let (is_behind, has_reports) = (known.is_behind(&stored.session), known.has_reports);
        let due = known.at.plus(self.stats_lag);
        // The persona was changed amid the turn that has just ended: what follows counts for another one.
        let has_other_persona = persona_since(known.turn, &stored.session) != stored.session.persona;
        // What the turn is about to say goes into the same report; and while one is not acknowledged, no other is written.
        if has_other_persona || (is_behind && !has_reports && due <= now && !self.is_amid_turn(&stored.session)) {
            self.add_report(stored, last, None, now)?;
            return Ok(Some(now.plus(self.stats_lag)));
        }
        Ok((is_behind || has_reports).then(|| if due > now { due } else { now.plus(self.stats_lag) }))
    }

    /// Ends the session, which had ended so at `at`: its contents go at once, the rest when everybody knows. Part of a burst.
    pub(super) fn end(&self, stored: &mut Stored, ending: Ending, at: Timestamp) -> Result<()> {
        self.end_turns(stored)?;
        self.add_report(stored, self.storage.reported()?, Some((ending, at)), platform::now())?;
        self.storage.delete_contents(stored)?;
        // The row stays until everybody knows; what it tells need not.
        (stored.session.title, stored.session.metadata) = (None, "{}".to_owned());
        stored.is_ended = true;
        self.save(stored, Aftermath::BeforeAnswer)
    }

    /// Has all that has happened reported before it is taken out of a session that goes on, though an earlier report may wait yet.
    /// Part of a burst.
    pub(super) fn report_all(&self, stored: &mut Stored) -> Result<()> {
        self.end_turns(stored)?;
        self.report_now(stored)
    }

    /// Has all that has happened reported, though an earlier report may wait yet; the turn that runs, when it has ended. Part of a
    /// burst.
    pub(super) fn report_now(&self, stored: &Stored) -> Result<()> {
        let last = self.storage.reported()?;
        let is_told = |last: &Reported| last.life == stored.session.created_at && !last.is_behind(&stored.session);
        if last.as_ref().is_some_and(is_told) { Ok(()) } else { self.add_report(stored, last, None, platform::now()) }
    }

    /// Has the turn that runs count as one that has ended.
    fn end_turns(&self, stored: &mut Stored) -> Result<()> {
        self.storage.write_running()?;
        stored.session.running_turn = None;
        Ok(())
    }

    /// Sends what is to be reported; then removes what is left of a session that has ended, once nobody lists it.
    pub(super) async fn send_reports(&self) -> Result<()> {
        let _in_order = self.reporting.lock().await;
        let sent = self.send_all().await;
        if self.is_over()? {
            self.clear().await?;
        }
        sent
    }

    /// Empties the database, but for what is still to be reported.
    pub(super) async fn clear(&self) -> Result<()> {
        let has_reports = self.storage.has_outbox()? && self.storage.reported()?.is_some_and(|last| last.has_reports);
        self.storage.forget_schema();
        if has_reports { self.context.atomically(|| self.storage.keep_outbox()) } else { self.context.delete_all().await }
    }

    async fn send_all(&self) -> Result<()> {
        while self.storage.has_outbox()? {
            let reports = self.storage.oldest_reports(REPORTS_A_CALL)?;
            let Some(last) = reports.last().map(|report| report.number) else {
                // What failed on the way is told last.
                if self.report_failures(platform::now())? { continue } else { break }
            };
            counters::client::report(&self.env, reports).await?;
            self.strike(When::Reporting);
            self.storage.delete_reports(last)?;
        }
        Ok(())
    }

    /// Is there nothing left here but reports?
    fn is_over(&self) -> Result<bool> {
        Ok(match self.storage.load()? {
            Some(stored) => stored.is_ended && self.buried.get() == Some(stored.session.created_at),
            // With tables, something is being imported.
            None => self.storage.has_outbox()? && !self.storage.has_remains(),
        })
    }

    fn is_amid_turn(&self, session: &Session) -> bool {
        session.running_turn.is_some() && (self.begin.borrow().is_some() || self.running().is_some())
    }

    /// Writes down what has happened since report `last`.
    fn add_report(&self, stored: &Stored, last: Option<Reported>, ending: Option<(Ending, Timestamp)>, now: Timestamp) -> Result<()> {
        let session = &stored.session;
        let number = last.as_ref().map_or(0, |last| last.number).saturating_add(1);
        let failures = last.as_ref().map(|last| last.failures.clone()).unwrap_or_default();
        let known = last.filter(|last| last.life == session.created_at);
        let (turn, messages) = match &known {
            Some(known) => (known.turn, session.last_sequence.saturating_sub(known.sequence)),
            // What it began with: the numbers of what was imported have gaps.
            None => (0, session.message_count),
        };
        let report = ReportRecord {
            session: counters::client::key_of(&session.id),
            life: session.created_at.millis(),
            number,
            persona: persona_since(turn, session).to_owned(),
            began: known.is_none().then(|| session.created_at.millis()),
            messages: (messages > 0).then(|| MessagesRecord { at: session.last_activity.millis(), count: messages }),
            turns: self.storage.turns_after(turn, session.running_turn.is_none())?,
            ended: ending.map(|(how, at)| EndedRecord { how: how.name().to_owned(), at: at.millis() }),
            failures,
        };
        self.storage.add_report(&report, ended_turns(session), session.last_sequence, now)
    }

    /// Writes down what has failed since the last report of a session that has ended; as long as it cannot be buried, when that
    /// is due. Was there anything?
    fn report_failures(&self, now: Timestamp) -> Result<bool> {
        let Some(mut last) = self.storage.reported()?.filter(|last| !last.failures.is_empty()) else { return Ok(false) };
        let is_over = self.is_over()?;
        let is_due = last.at.plus(self.stats_lag) <= now && self.storage.load()?.is_some_and(|stored| stored.is_ended);
        if !is_over && !is_due {
            return Ok(false);
        }
        // Repetitions of what is left are the rarer, the longer ago that is.
        let at = if is_over { last.at } else { now };
        let report = ReportRecord {
            session: mem::take(&mut last.session),
            life: last.life.millis(),
            number: last.number.saturating_add(1),
            persona: String::new(),
            began: None,
            messages: None,
            turns: Vec::new(),
            ended: None,
            failures: mem::take(&mut last.failures),
        };
        self.context.atomically(|| self.storage.add_report(&report, last.turn, last.sequence, at))?;
        Ok(true)
    }
}

/// Whom that counts for which has happened since turn `turn`: who has answered. All turns that are in no report yet have one persona,
/// since what there is is reported before another one answers.
fn persona_since(turn: u64, session: &Session) -> &str {
    session.last_persona.as_deref().filter(|_| turn < ended_turns(session)).unwrap_or(&session.persona)
}
