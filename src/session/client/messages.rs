//! Messages as the edge asks for them: read, found, added, taken out and copied.

use super::SessionClient;
use crate::{
    domain::{
        message::{Message, NewMessage},
        session::{Precondition, Session},
    },
    error::Result,
    search::protocol::{Found, SearchCall},
    session::{
        protocol::{Appended, Call, Copied, PageRecord, PageRequest, Popped, Siblings},
        record::{MessageRecord, SessionRecord, version::encode_precondition},
    },
};

/// A page of messages.
pub(crate) struct Page {
    /// In the order asked for.
    pub messages: Vec<Message>,
    /// How many the session has.
    pub total: u64,
    /// The sequence number of its oldest, 0 when it has none.
    pub first_sequence: u64,
    /// The sequence number of its newest.
    pub last_sequence: u64,
}

impl SessionClient<'_> {
    /// Appends all of `messages` or none; gives what was stored.
    ///
    /// # Errors
    /// `UnpairedToolResult` when a result answers no open call.
    pub(crate) async fn append(&self, messages: Vec<NewMessage>) -> Result<(Session, Vec<Message>)> {
        let call = Call::Append { messages: messages.into_iter().map(Into::into).collect() };
        let appended: Appended = self.ask(call).await?;
        Ok((appended.session.try_into()?, decode_messages(appended.messages)?))
    }

    /// A page of its messages.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn messages(&self, page: PageRequest) -> Result<Page> {
        let page: PageRecord = self.ask(Call::Messages(page)).await?;
        Ok(Page {
            messages: decode_messages(page.messages)?,
            total: page.total,
            first_sequence: page.first_sequence,
            last_sequence: page.last_sequence,
        })
    }

    /// The versions of the place where message `sequence` stands, the newest first, each a stretch of messages; and whether
    /// earlier ones did not fit.
    ///
    /// # Errors
    /// `NotFound` when there is no such message.
    pub(crate) async fn siblings(&self, sequence: u64) -> Result<(Vec<Vec<Message>>, bool)> {
        let Siblings { versions, has_more } = self.ask(Call::Siblings { sequence }).await?;
        Ok((versions.into_iter().map(decode_messages).collect::<Result<_>>()?, has_more))
    }

    /// Messages of the session that the question finds.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn search(&self, call: SearchCall) -> Result<Found> {
        self.ask(Call::Search(call)).await
    }

    /// Removes what a message says. It keeps its place.
    ///
    /// # Errors
    /// `NotFound` when there is no such message, `TurnInProgress` while one runs, `Stale` when the precondition fails.
    pub(crate) async fn remove(&self, sequence: u64, precondition: Precondition) -> Result<Message> {
        let call = Call::Remove { sequence, if_match: encode_precondition(precondition) };
        self.ask::<MessageRecord>(call).await?.try_into()
    }

    /// Takes back what the user said last and everything after it; gives the session and the numbers of what was taken.
    ///
    /// # Errors
    /// `NotPossible` when the user has said nothing, `TurnInProgress` while a turn runs.
    pub(crate) async fn pop(&self) -> Result<(Session, Vec<u64>)> {
        let popped: Popped = self.ask(Call::Pop).await?;
        Ok((popped.session.try_into()?, popped.sequences))
    }

    /// Takes out all that was said and breaks off the turn that runs; what is remembered in the session goes with it. The
    /// session stays, and what it is like.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn empty(&self) -> Result<()> {
        self.ask::<SessionRecord>(Call::Empty).await.map(drop)
    }

    /// The session and its messages up to `through`, to make another session of.
    ///
    /// # Errors
    /// `NotFound` when there is no such message, `NotPossible` when it is too much.
    pub(crate) async fn copy(&self, through: Option<u64>) -> Result<(Session, Vec<Message>)> {
        let copied: Copied = self.ask(Call::Copy { through }).await?;
        Ok((copied.session.try_into()?, decode_messages(copied.messages)?))
    }
}

fn decode_messages(records: Vec<MessageRecord>) -> Result<Vec<Message>> {
    records.into_iter().map(Message::try_from).collect()
}
