//! What is told of a turn that has ended to those who run the deployment: a line of JSON in the log, and a point in
//! Analytics Engine where a dataset is bound. No text of anybody's; nobody waits for it, and nothing depends on it.

use serde::Serialize;

use crate::{
    config::Config,
    domain::{
        session::Session,
        time::millis,
        turn::{
            Turn,
            event::{Event, Numbered},
            tokens::Usage,
        },
    },
    platform::{
        self,
        env::{self, Point},
    },
    session::object::Object,
    trace,
};

/// Where the dataset of Analytics Engine is.
const DATASET: &str = "ANALYTICS";
/// How a turn ends whose session is deleted meanwhile.
pub(super) const GONE: &str = "gone";

#[derive(Serialize)]
struct LineJson<'a> {
    session: &'a str,
    turn: u64,
    persona: Option<&'a str>,
    provider: Option<&'static str>,
    model: &'a str,
    ms: u64,
    tokens: Option<TokensJson>,
    outcome: &'a str,
}

#[derive(Serialize)]
struct TokensJson {
    prompt: u64,
    completion: u64,
}

impl Object {
    /// Reports the turn that `events` are the last of.
    pub(in crate::session) fn observe_end(&self, events: &[Numbered]) {
        if let Some(Numbered { event: Event::Done(ended) | Event::Failed(ended), .. }) = events.last()
            && let Some(session) = &ended.session
        {
            self.observe(session, &ended.turn, &ended.turn.outcome());
        }
    }

    /// Reports that `turn` has ended with `outcome`.
    pub(super) fn observe(&self, session: &Session, turn: &Turn, outcome: &str) {
        let config = Config::from_env(&self.env).ok();
        let took = turn.ended_at.unwrap_or_else(platform::now).since(turn.started_at);
        let line = LineJson {
            session: &trace::digest_of(&session.id),
            turn: turn.number,
            // Sessions may name a persona that there is no more, and once could name anything.
            persona: config.as_ref().map(|config| config.personas.of_session(&session.persona).id.as_str()),
            provider: config.as_ref().map(|config| config.model.provider.name()),
            model: &turn.model,
            ms: millis(took),
            tokens: turn
                .usage
                .map(|Usage { prompt_tokens, completion_tokens, .. }| TokensJson { prompt: prompt_tokens, completion: completion_tokens }),
            outcome,
        };
        match serde_json::to_string(&line) {
            Ok(line) => worker::console_log!("{line}"),
            // Only maps with keys that are no text can fail.
            Err(_) => worker::console_error!("a turn without its line"),
        }
        if let Err(cause) = env::write_point(&self.env, DATASET, &line.point()) {
            worker::console_warn!("a turn without its point: {cause}");
        }
    }
}

impl LineJson<'_> {
    /// Blobs and doubles are known by their places: new ones come after these.
    fn point(&self) -> Point<'_> {
        // Exact as a double, and more than a turn can have.
        let double = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let (prompt, completion) = self.tokens.as_ref().map_or((0, 0), |tokens| (tokens.prompt, tokens.completion));
        Point {
            index: self.session,
            blobs: [self.provider.unwrap_or_default(), self.model, self.persona.unwrap_or_default(), self.outcome],
            doubles: [double(self.ms), double(prompt), double(completion)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_their_values_in_these_places() {
        let tokens = Some(TokensJson { prompt: 2, completion: u64::MAX });
        let line = LineJson { session: "s", turn: 9, persona: Some("p"), provider: None, model: "m", ms: 1, tokens, outcome: "answered" };
        let Point { index, blobs, doubles } = line.point();
        assert_eq!((index, blobs, doubles), ("s", ["", "m", "p", "answered"], [1.0, 2.0, f64::from(u32::MAX)]));
    }
}
