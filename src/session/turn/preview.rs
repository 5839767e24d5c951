//! What a model would be told if the user said something now, for clients that want to see that. Nothing is said or learned.

use crate::{
    domain::{
        context::Context,
        history::{pairing::OpenCalls, prompt},
        message::{Message, NewMessage, Role},
    },
    error::Result,
    platform,
    session::{
        object::{Object, Outcome, answer},
        protocol::{LeftOutRecord, PartRecord, Told, TurnOptions},
        storage::Stored,
        turn::context::{Complete, Gathered},
    },
};

impl Object {
    /// Gathers what the session knows for a turn in which the user said `message`, or for another answer to what was said last.
    pub(in crate::session) fn gather_for_client(
        &self,
        mut stored: Stored,
        message: Option<String>,
        options: TurnOptions,
    ) -> Result<Outcome> {
        if let Some(text) = &message {
            stored.session.profile = stored.session.profile.moved_by(text);
        }
        // What is not said yet comes after everything.
        let input = stored.session.last_sequence.saturating_add(u64::from(message.is_some()));
        let mut gathered = self.gather_past(&mut stored, input, options.wishes.into())?;
        let (after, first) = (gathered.material.summary.as_ref().map_or(0, |summary| summary.through), gathered.material.recent.first());
        let between = self.storage.count_said(after, first.map_or(u64::MAX, |first| first.sequence))?;
        if let Some(summary) = &gathered.material.summary {
            gathered.material.summarized = self.storage.count_said(summary.from.saturating_sub(1), summary.through.saturating_add(1))?;
            gathered.material.unread = self.storage.count_said(0, summary.from)?.saturating_add(between);
        } else {
            gathered.material.unread = between;
        }
        if let Some(text) = message {
            let body = NewMessage::text(Role::User, text);
            body.check()?;
            let tail = self.storage.tail()?;
            let bodies = OpenCalls::at_end_of(tail.iter().map(|message| &message.body)).close(vec![body])?;
            let (first, created_at) = (stored.session.last_sequence.saturating_add(1), platform::now());
            let said = (first..).zip(bodies);
            let said = said.map(|(sequence, body)| Message { sequence, created_at, replaces: None, removed_at: None, body });
            gathered.material.recent.extend(said);
        }
        self.find_passages(&mut stored, &mut gathered)?;
        Ok(Outcome::Told(Box::new(gathered)))
    }

    /// What a turn would be told.
    pub(in crate::session) async fn told(&self, gathered: Gathered) -> Result<String> {
        let (settings, model, tally) = (gathered.settings, gathered.model.model.clone(), gathered.tally);
        let Complete { context, .. } = self.complete(&gathered).await;
        let tokens = |bytes| tally.estimate(bytes, 0).prompt_tokens;
        let Context { prompt, parts, left_out } = context;
        answer(&Told {
            tokens: tokens(prompt::size_bytes(&prompt)),
            prompt: prompt.into_iter().map(Into::into).collect(),
            parts: parts
                .into_iter()
                .map(|part| PartRecord {
                    kind: part.kind.name().to_owned(),
                    count: part.count,
                    tokens: tokens(part.bytes),
                    span: part.span,
                    text: part.text,
                })
                .collect(),
            left_out: left_out
                .into_iter()
                .map(|left| LeftOutRecord {
                    kind: left.kind.name().to_owned(),
                    count: left.count,
                    span: left.span,
                    why: left.why.name().to_owned(),
                })
                .collect(),
            strategy: settings.strategy.name().to_owned(),
            model,
            budget_tokens: settings.budget_tokens.into(),
        })
    }
}
