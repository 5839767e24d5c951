//! What a session tells its user's object of itself and of what is said in it: at once, or late.
//!
//! A session asks that object for a place before it begins, and a turn what it remembers. With that the object may mark the session as behind: whoever wants to know what
//! is said there will have it share then, and the turn need not tell it at its end. The session's row says that the list has
//! it (`listed_revision`), which is as good; up to which message the text is there, it says as ever (`shared_sequence`).

use std::time::Duration;

use crate::{
    domain::{
        id::UserId,
        memory::{Origin, Reminded, extract::Fact},
        session::Session,
        time::Timestamp,
    },
    error::Result,
    session::{object::Object, storage::Stored},
    user::{
        self,
        client::{Admission, News},
    },
};

/// After so much is shared, it is written down at once how far: it would go again if the process were lost.
const REPEATED: usize = 20;

/// When the user's object is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    /// When it does not know what it should.
    Due,
    /// When it, or whoever needs it to know, has asked.
    Asked,
}

/// That a user's object has a place for a session.
pub(super) struct Admitted {
    pub(super) user: UserId,
    /// When it was asked for,
    pub(super) asked_at: Timestamp,
    /// and how often a session was to end here before.
    pub(super) ends: u64,
    pub(super) admission: Admission,
}

/// A place that was asked for before may have been given up.
const ADMITTED_WITHIN: Duration = Duration::from_secs(30);

impl Object {
    /// Takes note of what the session that begins now was told with its place, if it needs one: will the user's object ask for
    /// what it says? Not if it may have given up the place since.
    pub(super) fn take_place(&self, admitted: Option<Admitted>, now: Timestamp) {
        let is_late = |Admitted { asked_at, ends, admission, .. }: &Admitted| {
            admission.is_late && *ends == self.ends.get() && now.since(*asked_at) < ADMITTED_WITHIN
        };
        self.is_late.set(admitted.as_ref().is_some_and(is_late));
        self.place_asked_at.set(admitted.as_ref().map(|admitted| admitted.asked_at));
        self.reminded.replace(admitted.and_then(|admitted| admitted.admission.reminded));
    }

    /// What a turn of the session is to know of `user`, who has said `facts` in message `origin`. `may_be_late`: the session is
    /// on the list, so that the turn's end may be told late.
    pub(super) async fn remind(&self, user: &UserId, said: (Vec<Fact>, Origin), may_be_late: bool) -> Result<Reminded> {
        // What is being shared must not take back the mark that is set now.
        let _in_order = if may_be_late { Some(self.listing.lock().await) } else { None };
        let (reminded, is_late) = user::client::remind(&self.env, user, said, may_be_late).await?;
        // Else it may be a client that wants to see a prompt, amid a turn that is late.
        if may_be_late {
            self.is_late.set(is_late);
        }
        Ok(reminded)
    }

    /// Notes, before the session is saved, that its beginning, or the end of its turn, need not be told now. What is to be forgotten is not put
    /// off: who asks what is remembered has no session share.
    pub(super) fn put_off_sharing(&self, stored: &mut Stored) -> Result<()> {
        if self.is_late.get() && !self.storage.has_unforgotten()? {
            stored.listed_revision = stored.session.revision;
        }
        Ok(())
    }

    /// Tells `user`'s object of the session and of all that is new in it. To be called in order.
    pub(super) async fn share(&self, user: &UserId, stored: &Stored, sharing: Sharing) -> Result<()> {
        // A list cannot know when a lost process ends a turn.
        let listed = Session { running_turn: None, ..stored.session.clone() };
        while self.share_some(user, &listed, sharing).await? {}
        Ok(())
    }

    /// Tells the user's object of the session as it is to be listed, and of a part of what is new in it. Is there more?
    async fn share_some(&self, user: &UserId, listed: &Session, sharing: Sharing) -> Result<bool> {
        let Some(stored) = self.storage.load()?.filter(|now| now.session.created_at == listed.created_at) else { return Ok(false) };
        let (unshared, changes) = (self.storage.unshared(&stored)?, self.storage.changes());
        let is_amid_late_turn = self.is_late.get() && stored.session.running_turn.is_some();
        let news = News {
            after: stored.shared_sequence,
            messages: &unshared.messages,
            forgotten: &unshared.forgotten,
            stays_behind: unshared.has_more || is_amid_late_turn,
        };
        if !user::client::share(&self.env, user, listed, news).await? {
            // Most likely nobody needs to know any more. One that is spared tells it with the next call, or when it is asked.
            return Ok(false);
        }
        let Some(now) = self.storage.load()?.filter(|now| now.session.created_at == listed.created_at && !now.is_ended) else {
            return Ok(false);
        };
        // A turn that has ended meanwhile may have put off more.
        let listed_revision = now.listed_revision.max(if unshared.has_more { 0 } else { listed.revision });
        if self.storage.changes() != changes {
            self.storage.set_heard(listed, listed_revision, now.shared_sequence);
            return Ok(false);
        }
        self.storage.set_forgotten(&unshared)?;
        let shared_sequence = unshared.messages.last().map_or(now.shared_sequence, |last| last.sequence);
        self.storage.set_heard(listed, listed_revision, shared_sequence);
        if sharing == Sharing::Asked || unshared.messages.len() >= REPEATED {
            self.storage.write_heard()?;
        }
        Ok(unshared.has_more)
    }
}
