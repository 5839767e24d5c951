//! Calls with a key: what was done under it is answered again, and not done again.

use crate::{
    error::{Error, Result, Subject},
    platform::{self, namespace::Reply},
    session::{
        object::{Aftermath, Asker, Object, Outcome, answer},
        protocol::{Answered, Begun, Call},
        record::refusal::Refusal,
        storage::{KeptOutcome, Stored},
    },
};

impl Object {
    /// Does what is asked; with a key, keeps the answer under it, or gives the answer that is kept there.
    pub(super) fn once(&self, asker: Asker<'_>, call: Call, alive: Option<Stored>) -> Result<Outcome> {
        let Some(repeatable) = asker.repeatable else { return self.dispatch(asker, call, alive) };
        let is_own = alive.as_ref().is_some_and(|stored| asker.caller.may_use(&stored.session.owner));
        if is_own && let Some(kept) = self.storage.kept(&repeatable.key)? {
            if kept.payload != repeatable.payload {
                return Err(Error::KeyReused);
            }
            return self.again(asker, kept.outcome, call, alive);
        }
        let outcome = self.dispatch(asker, call, alive)?;
        // A turn keeps its own.
        if let (Outcome::Answer(answer), None) = (&outcome, self.begin.borrow().as_ref()) {
            self.storage.keep_answer(repeatable, answer)?;
        }
        Ok(outcome)
    }

    /// Answers a request that was sent before.
    fn again(&self, asker: Asker<'_>, kept: KeptOutcome, call: Call, alive: Option<Stored>) -> Result<Outcome> {
        let options = call.into_turn_options();
        match (kept, alive) {
            (KeptOutcome::Answer(kept), _) if options.as_ref().is_some_and(|options| options.streams) => {
                replayed(&kept).map(Outcome::Answer)
            }
            (KeptOutcome::Answer(kept), _) => Ok(Outcome::Answer(kept)),
            (KeptOutcome::Turn(kept), Some(mut stored)) => {
                let outcome = self.take_up(&mut stored, kept, options.unwrap_or_default(), asker)?;
                if self.begin.borrow().is_some() {
                    self.save(&mut stored, Aftermath::Nothing)?;
                }
                Ok(outcome)
            }
            (KeptOutcome::Turn(_), None) => Err(Error::NotFound(Subject::Session)),
        }
    }
}

/// What a client that streams is answered when its turn has been answered before.
fn replayed(kept: &str) -> Result<String> {
    let kept = platform::decode::<Reply<Answered, Refusal>>("kept answer", kept)?;
    let turn = match kept {
        Reply::Ok(answered) => answered.turn.map(|turn| turn.number()),
        Reply::Err(_) => None,
    };
    let turn = turn.ok_or_else(|| Error::NotPossible("The answer to this request has no events".into()))?;
    answer(&Begun { turn, after: None })
}
