//! What a turn leaves to be done when nobody waits any more: a title for a new session, a summary of what is long ago.
//!
//! A summary that fails is tried again after the next turn, what it lacks is told by its first sentences meanwhile; a title
//! that fails stays the first words. Neither is counted in the session's tokens.

use std::{ops::ControlFlow, time::Duration};

use super::{Running, context::Gathered, log::Stop};
use crate::{
    config::Config,
    domain::{
        context::{self, Summary, shortened, words},
        message::{Message, NewMessage, Role},
        session::{check_title, title_of},
        turn::Finish,
    },
    error::{Error, Result},
    limits,
    model::{self, Completion, Provider, Settings},
    platform,
    session::{
        object::{Aftermath, Object},
        protocol::PageRequest,
        storage::Stored,
    },
};

const TITLE: &str = "Give this conversation a title of at most six words, in its language. Answer with the title alone.";
const SUMMARIZE: &str = "Write a summary of this conversation for yourself, to go on with it later: facts, decisions, open questions, \
  what the user wants and how. Keep what an earlier summary says. At most 300 words. Answer with the summary alone.";
const EARLIER: &str = "An earlier summary says:\n";
/// So many summaries are made after one turn; the next goes on.
const SUMMARIES: usize = 4;
/// Most of a summary, in bytes.
const SUMMARY_BYTES: usize = 4 * 1024;
/// Line breaks around what is to be summarized.
const JOINTS_BYTES: usize = 8;
/// Most of an answer that becomes a title, in bytes.
const TITLE_BYTES: usize = 400;
/// Nobody waits for it: then it need not take for ever either.
const PATIENCE: Duration = Duration::from_secs(60);

impl Object {
    /// Makes what is to be made of the session after a turn.
    pub(super) async fn look_back(&self, running: &Running, gathered: &Gathered) {
        if running.log.stopped() == Some(Stop::Gone) {
            return;
        }
        for outcome in [self.make_title(running, gathered).await, self.make_summaries(running, gathered).await] {
            if let Err(error) = outcome {
                worker::console_warn!("looking back failed: {error:?}");
            }
        }
    }

    /// Has the model make a title of the first exchange, in place of its first words.
    async fn make_title(&self, running: &Running, gathered: &Gathered) -> Result<()> {
        let config = Config::from_env(&self.env)?.model;
        let Some(stored) = self.stored_of(running)?.filter(|stored| stored.session.is_title_made) else { return Ok(()) };
        // Only once, and only of the first exchange.
        let words = self.storage.only_said()?.as_deref().and_then(title_of);
        if !config.makes_titles || words.is_none() || words != stored.session.title {
            return Ok(());
        }
        let changes = self.storage.changes();
        let first = self.messages_from(0, stored.session.last_sequence)?;
        let wish = format!(
            "{TITLE}\n\n{}",
            shortened(words::transcript(&first), gathered.room.saturating_sub(TITLE.len()).saturating_sub(JOINTS_BYTES)).0
        );
        let text = self.have_written(&config.provider, &gathered.model, wish, TITLE_BYTES).await?;
        let title: String = text.lines().next().unwrap_or_default().trim().trim_matches(['"', '\'', '*', '#', '.', ' ']).to_owned();
        if check_title(&title).is_err() {
            return Ok(());
        }
        self.context.atomically(|| {
            // What it is made of may have been taken back meanwhile.
            if self.storage.changes() != changes {
                return Ok(());
            }
            let Some(mut now) =
                self.stored_of(running)?.filter(|now| now.session.is_title_made && now.session.title == stored.session.title)
            else {
                return Ok(());
            };
            (now.session.title, now.indexed_at) = (Some(title), None);
            now.session.revision = now.session.revision.saturating_add(1);
            self.save(&mut now, Aftermath::Nothing)
        })?;
        self.update_list_copy().await;
        self.update_index_copy().await;
        Ok(())
    }

    /// Makes summaries until what is left takes no more than its share of the budget.
    async fn make_summaries(&self, running: &Running, gathered: &Gathered) -> Result<()> {
        if gathered.settings.strategy == context::Strategy::Truncate {
            return Ok(());
        }
        for _ in 0..SUMMARIES {
            if !self.make_summary(running, gathered).await? {
                break;
            }
        }
        Ok(())
    }

    /// Makes a summary of what takes too much of the budget. Was there something to make?
    async fn make_summary(&self, running: &Running, gathered: &Gathered) -> Result<bool> {
        let Some(stored) = self.stored_of(running)? else { return Ok(false) };
        let before = self.storage.summary_before(u64::MAX)?;
        let covered = before.as_ref().map_or(0, |summary| summary.through);
        let recent = self.messages_from(covered, stored.session.last_sequence)?;
        let Some(through) = context::summarize_through(&recent, gathered.room) else { return Ok(false) };
        let old: Vec<Message> = recent.into_iter().filter(|message| message.sequence <= through).collect();
        let from = before.as_ref().map(|summary| summary.from).or_else(|| old.first().map(|first| first.sequence)).unwrap_or(through);
        let earlier = before.map(|summary| summary.text).unwrap_or_default();

        let most = SUMMARY_BYTES.min(gathered.room.checked_div(4).unwrap_or_default());
        let (changes, provider) = (self.storage.changes(), Config::from_env(&self.env)?.model.provider);
        let (text, made_by) = if provider.is_language_model() {
            let earlier = if earlier.is_empty() { earlier } else { format!("{EARLIER}{earlier}\n\n") };
            let left = gathered.room.saturating_sub(SUMMARIZE.len()).saturating_sub(earlier.len()).saturating_sub(JOINTS_BYTES);
            let wish = format!("{SUMMARIZE}\n\n{earlier}{}", shortened(words::transcript(&old), left).0);
            (self.have_written(&provider, &gathered.model, wish, SUMMARY_BYTES).await?, gathered.model.model.as_str())
        } else {
            (words::extract(&earlier, &old, most), model::offline::NAME)
        };
        let text = shortened(text, most).0;
        // What it is made of may have been taken back meanwhile.
        if text.trim().is_empty() || self.storage.changes() != changes || self.stored_of(running)?.is_none() {
            return Ok(false);
        }
        self.context.atomically(|| self.storage.save_summary(&Summary { from, through, text }, made_by, platform::now()))?;
        Ok(true)
    }

    /// The session, if it is still the one that the turn was of.
    fn stored_of(&self, running: &Running) -> Result<Option<Stored>> {
        Ok(self.storage.load()?.filter(|stored| stored.session.created_at == running.session.created_at && !stored.is_ended))
    }

    /// The messages after `after` up to `through` but instructions, as many as are looked back on at once.
    fn messages_from(&self, after: u64, through: u64) -> Result<Vec<Message>> {
        // The first summary begins with what is looked back on; each that follows goes on where the one before ends.
        let page = PageRequest {
            after: Some(after),
            before: (after == 0).then(|| through.saturating_add(1)),
            offset: 0,
            limit: limits::CONTEXT_MESSAGES,
            newest_first: false,
        };
        let mut messages = self.storage.page(&page, u64::try_from(limits::CONTEXT_BYTES).unwrap_or(u64::MAX))?;
        messages.retain(|message| message.body.role != Role::System);
        Ok(messages)
    }

    /// What the model writes when it is told to.
    async fn have_written(&self, provider: &Provider, settings: &Settings, wish: String, most: usize) -> Result<String> {
        let prompt = [NewMessage::text(Role::User, wish)];
        let settings = Settings { tools: None, tool_choice: None, max_tokens: None, ..settings.clone() };
        let mut text = String::new();
        let mut take = |more: &str| {
            text.push_str(more);
            if text.len() > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let asked = model::ask::ask(provider, &self.env, &prompt, &settings, &mut take);
        let completion = platform::within(PATIENCE, asked).await.ok_or_else(|| Error::Unavailable("the model takes too long".into()))?;
        match completion {
            Ok(Completion { finish: Finish::Stop, .. }) => Ok(text.replace('\0', "")),
            Ok(_) => Err(Error::Unavailable("the model has not come to an end".into())),
            Err(failed) => Err(Error::Unavailable(failed.cause)),
        }
    }
}
