//! Saying something and waiting for the whole answer, whatever the dialect.
//!
//! Where it is said is the dialect's policy: in a session that must be there, in one that begins where there is none, or in a
//! new one. Clients of the dialects that come here cannot be told that a turn runs, so theirs waits for it.

use std::cell::RefCell;

use worker::Env;

use crate::{
    domain::{
        caller::Caller,
        id::{Repeatable, SessionId},
        message::NewMessage,
        session::{NewSession, Precondition, SessionPatch},
        turn::Wishes,
    },
    error::{Error, Result, Subject},
    http::{begin, problem::Problem, request::repeat::session_id_of},
    session::client::{Answer, Ask, Manner, SessionClient},
};

/// What is said, by whom, what that changes in a session that is there, and the session that begins with it if one is to begin.
pub(super) struct Saying<'a> {
    pub(super) env: &'a Env,
    pub(super) caller: &'a Caller,
    pub(super) message: NewMessage,
    pub(super) patch: Option<SessionPatch>,
    pub(super) new: NewSession,
    pub(super) repeatable: Option<Repeatable>,
}

/// How a session is refused that is not there for the caller.
const NOT_THERE: Error = Error::NotFound(Subject::Session);

impl Saying<'_> {
    /// Says it in a session that is there.
    ///
    /// # Errors
    /// `NotFound`; `Model`.
    pub(super) async fn in_session(&self, id: &SessionId) -> Result<Answer> {
        self.say(id, None).await
    }

    /// Says it in session `id`, which begins with it when it is not there and `check_new` lets it.
    ///
    /// # Errors
    /// `IdTaken` when it is somebody else's; `Model`; those of `check_new`.
    pub(super) async fn in_session_or_new(&self, id: &SessionId, check_new: impl FnOnce(&SessionId) -> Result<()>) -> Result<Answer> {
        match self.in_session(id).await {
            Err(NOT_THERE) => {}
            said => return said,
        }
        check_new(id)?;
        self.in_new(id).await
    }

    /// Says it in session `id`, which begins with it.
    ///
    /// # Errors
    /// `IdTaken` when it is somebody else's; `Model`.
    pub(super) async fn in_new(&self, id: &SessionId) -> Result<Answer> {
        match self.say(id, Some(self.new.clone())).await {
            // Begun by another request meanwhile, or somebody else's.
            Err(Error::IdTaken) => self.in_session(id).await.map_err(|error| if error == NOT_THERE { Error::IdTaken } else { error }),
            said => said,
        }
    }

    /// Says it in a new session under an id of our own.
    ///
    /// # Errors
    /// When the model has failed, it names the session, which is there all the same.
    pub(super) async fn in_new_session(&self) -> std::result::Result<Answer, Problem> {
        let begun = RefCell::new(String::new());
        let say = async |id: SessionId| {
            id.as_str().clone_into(&mut begun.borrow_mut());
            self.say(&id, Some(self.new.clone())).await
        };
        begin::with_own_id(self.repeatable.as_ref(), self.caller, say).await.map_err(|error| {
            let has_begun = matches!(error, Error::Model { .. });
            let problem = Problem::from(error);
            if has_begun { problem.in_session(&begun.borrow()) } else { problem }
        })
    }

    /// What was answered to this request before, in the session that it began under an id of our own. `None`: it began none.
    ///
    /// # Errors
    /// `Model`, `Unavailable`.
    pub(super) async fn again(&self) -> Result<Option<Answer>> {
        let Some(repeatable) = &self.repeatable else { return Ok(None) };
        // A key that can begin none has begun none.
        let Ok(id) = session_id_of(&repeatable.key, &self.caller.owner_of_new()) else { return Ok(None) };
        match SessionClient::new(self.env, self.caller, &id).once(Some(repeatable)).recall_answer().await {
            // There the key was used for something else, which says nothing about another session.
            Err(NOT_THERE | Error::KeyReused) => Ok(None),
            answered => answered.map(Some),
        }
    }

    async fn say(&self, id: &SessionId, create: Option<NewSession>) -> Result<Answer> {
        let ask = Ask::Chat { message: Some(self.message.clone()), results: Vec::new(), create, patch: self.patch.clone().map(Box::new) };
        let manner = Manner { wishes: Wishes::default(), waits: true, precondition: Precondition::None };
        SessionClient::new(self.env, self.caller, id).once(self.repeatable.as_ref()).answer(ask, manner).await
    }
}
