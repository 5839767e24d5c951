//! The edge's side of export and import.

use worker::Env;

use super::protocol::{CountsRecord, Exporting, Finish, ImportCall, Imported, PartRecord};
use crate::{
    domain::{
        caller::Caller,
        history::part::Part,
        id::{Repeatable, SessionId},
        session::{NewSession, Session},
    },
    error::{Error, Result},
    limits,
    platform::{self, lines::Lines},
    session::{client::SessionClient, protocol::Call},
};

/// A session on its way out.
pub(crate) struct Export {
    /// The session when it began.
    pub session: Session,
    parts: Lines,
}

/// What was imported.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Messages, stubs among them.
    pub messages: u64,
    /// Entries of the memory.
    pub memory: u64,
    /// Messages that others have taken the place of.
    pub versions: u64,
    /// Results without a call that were left out.
    pub dropped: u64,
    /// Stubs that stand for results that were missing.
    pub stubs: u64,
}

/// An import on its way in: what it has brought is seen by nobody before [`Staging::finish`].
pub(crate) struct Staging<'a> {
    env: &'a Env,
    caller: Caller,
    id: SessionId,
    token: String,
    parts: Vec<PartRecord>,
    size_bytes: usize,
}

impl Export {
    /// A stream of what `encode` makes of each part, and of `None` after the last. It breaks off when the export does.
    ///
    /// # Errors
    /// `Internal` when the platform cannot make it.
    pub(crate) fn map(self, mut encode: impl FnMut(Option<&Part>) -> String + 'static) -> Result<web_sys::ReadableStream> {
        let mut is_whole = false;
        self.parts.map(move |line| {
            let Some(line) = line else {
                return if is_whole { Ok(String::new()) } else { Err(Error::Unavailable("an export ended early".into())) };
            };
            let record: PartRecord = platform::decode("part", line)?;
            let part = record.into_part()?;
            is_whole = part.is_none();
            Ok(encode(part.as_ref()))
        })
    }
}

impl SessionClient<'_> {
    /// The session and its messages; with its memory and its versions when it is to be whole.
    ///
    /// # Errors
    /// As [`SessionClient::get`].
    pub(crate) async fn export(&self, is_whole: bool) -> Result<Export> {
        let (begun, parts) = self.ask_for_stream::<Exporting>(Call::Export { is_whole }).await?;
        let parts = parts.ok_or_else(|| Error::Internal("an export without parts".into()))?;
        Ok(Export { session: begun.exporting.try_into()?, parts })
    }

    /// What the request has imported before, under its key.
    ///
    /// # Errors
    /// `NotFound` when it has imported nothing.
    pub(crate) async fn recall_imported(&self) -> Result<(Session, Counts)> {
        decode(self.ask(Call::Recall).await?)
    }
}

impl<'a> Staging<'a> {
    /// Begins an import of session `id`. `token`: what nobody else has.
    ///
    /// # Errors
    /// `IdTaken` when there is a session of that id.
    pub(crate) async fn begin(env: &'a Env, caller: Caller, id: SessionId, token: String) -> Result<Staging<'a>> {
        let staging = Staging { env, caller, id, token, parts: Vec::new(), size_bytes: 0 };
        staging.step(ImportCall::Begin { token: staging.token.clone() }).await?;
        Ok(staging)
    }

    /// The session's id.
    pub(crate) fn id(&self) -> &SessionId {
        &self.id
    }

    /// Takes a part of `size_bytes`, as it is written.
    ///
    /// # Errors
    /// `IdTaken` when somebody else has the id now, `Invalid` when a part is in the place of another.
    pub(crate) async fn add(&mut self, part: Part, size_bytes: usize) -> Result<()> {
        self.parts.push(part.into());
        self.size_bytes = self.size_bytes.saturating_add(size_bytes);
        if self.size_bytes < limits::IMPORT_CALL_BYTES { Ok(()) } else { self.send().await }
    }

    /// Makes a session of the parts.
    ///
    /// # Errors
    /// As [`Staging::add`].
    pub(crate) async fn finish(
        &mut self,
        new: NewSession,
        last_sequence: u64,
        counts: Counts,
        repeatable: Option<&Repeatable>,
    ) -> Result<(Session, Counts)> {
        if !self.parts.is_empty() {
            self.send().await?;
        }
        let Counts { messages, memory, versions, dropped, stubs } = counts;
        let counts = CountsRecord { messages, memory, versions, dropped, stubs };
        let finish = Finish { token: self.token.clone(), id: self.id.as_str().to_owned(), session: new.into(), last_sequence, counts };
        let call = Call::Import(ImportCall::Finish(Box::new(finish)));
        decode(SessionClient::new(self.env, &self.caller, &self.id).once(repeatable).ask(call).await?)
    }

    /// Leaves nothing of it.
    ///
    /// # Errors
    /// When the object cannot be reached; it will find out by itself.
    pub(crate) async fn abandon(&self) -> Result<()> {
        self.step(ImportCall::Abandon { token: self.token.clone() }).await
    }

    async fn send(&mut self) -> Result<()> {
        self.size_bytes = 0;
        let parts = std::mem::take(&mut self.parts);
        self.step(ImportCall::Stage { token: self.token.clone(), parts }).await
    }

    async fn step(&self, step: ImportCall) -> Result<()> {
        SessionClient::new(self.env, &self.caller, &self.id).ask::<bool>(Call::Import(step)).await.map(drop)
    }
}

fn decode(imported: Imported) -> Result<(Session, Counts)> {
    let CountsRecord { messages, memory, versions, dropped, stubs } = imported.counts;
    Ok((imported.session.try_into()?, Counts { messages, memory, versions, dropped, stubs }))
}
