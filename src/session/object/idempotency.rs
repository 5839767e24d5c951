//! Calls with a key: what was done under it is answered again, and not done again.

use crate::{
    domain::{caller::Caller, id::Repeatable, time::Timestamp},
    error::{Error, Result, Subject},
    platform::{self, namespace::Reply},
    session::{
        object::{Aftermath, Object, Outcome, answer},
        protocol::{Answered, Begun, Call},
        record::refusal::Refusal,
        storage::{Kept, KeptOutcome, Stored},
    },
};

impl Object {
    /// Does what is asked and keeps the answer under the request's key, or gives the answer that is kept there.
    pub(super) fn once(
        &self,
        repeatable: &Repeatable,
        caller: &Caller,
        call: Call,
        alive: Option<Stored>,
        now: Timestamp,
    ) -> Result<Outcome> {
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
            (KeptOutcome::Turn(kept), Some(mut stored)) => {
                let outcome = self.take_up(&mut stored, kept, options.unwrap_or_default(), repeatable, now)?;
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
    let kept = serde_json::from_str::<Reply<Answered, Refusal>>(kept)
        .map_err(|e| Error::Internal(format!("kept answer: {}", platform::fault_of(&e))))?;
    let turn = match kept {
        Reply::Ok(answered) => answered.turn.map(|turn| turn.number()),
        Reply::Err(_) => None,
    };
    let turn = turn.ok_or_else(|| Error::NotPossible("The answer to this request has no events".into()))?;
    answer(&Begun { turn, after: None })
}
