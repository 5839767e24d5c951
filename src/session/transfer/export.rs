//! A session read part by part.
//!
//! Each step is one synchronous burst, taken when the reader wants more, so nothing piles up. Between two steps the session
//! may change. What is appended belongs to no export that has begun; an answer that goes on is given out as it was. A
//! message that is removed meanwhile is not given out any more. Anything else that changes the history (regenerate, edit,
//! pop, the session's end) breaks the export off: then [`PartRecord::End`] is missing, and nobody can take it for whole.

use std::{cell::RefCell, rc::Rc};

use super::protocol::{Exporting, PartRecord};
use crate::{
    domain::{history::part::Part, message::Message, session::Session},
    error::{Error, Result},
    limits, platform,
    session::{
        object::Object,
        protocol::PageRequest,
        storage::{Storage, Stored},
    },
};

/// How many entries of a memory are read at a time: each may have 64 KiB.
const MEMORY_PAGE: u32 = 16;

/// An export that has begun.
pub(in crate::session) struct Export {
    object: Rc<Object>,
    /// The session as it was then.
    session: Session,
    is_whole: bool,
    /// Its newest message as it was then: the only one that may grow.
    newest: Option<Message>,
    place: RefCell<Place>,
}

/// What comes next.
#[derive(Clone)]
enum Place {
    MessagesAfter(u64),
    MemoryAfter(String),
    VersionsAfter(u64),
    Over,
}

impl Stored {
    /// The beginning of an export.
    pub(in crate::session) fn exporting(&self, is_whole: bool) -> Exporting {
        Exporting { exporting: (&self.session).into(), is_whole }
    }
}

impl Export {
    /// The export that an object has promised.
    pub(in crate::session) fn new(object: Rc<Object>, begun: Exporting) -> Result<Export> {
        let session = Session::try_from(begun.exporting)?;
        let newest = object.storage.message(session.last_sequence)?;
        Ok(Export { object, session, is_whole: begun.is_whole, newest, place: RefCell::new(Place::MessagesAfter(0)) })
    }

    /// The next lines; `None` after the last, or when it breaks off.
    pub(in crate::session) fn next(&self) -> Option<String> {
        let place = self.place.replace(Place::Over);
        match self.read(place) {
            Ok((lines, next)) => {
                *self.place.borrow_mut() = next;
                lines
            }
            Err(error) => {
                worker::console_warn!("an export breaks off: {error:?}");
                None
            }
        }
    }

    fn read(&self, mut place: Place) -> Result<(Option<String>, Place)> {
        self.check_unchanged()?;
        loop {
            let (parts, next) = match place {
                Place::MessagesAfter(after) => self.messages(after)?,
                Place::MemoryAfter(after) => memory(&self.object.storage, &after)?,
                Place::VersionsAfter(after) => self.versions(after)?,
                Place::Over => return Ok((None, Place::Over)),
            };
            if matches!(next, Place::Over) {
                return PartRecord::End.encode().map(|end| (Some(end), next));
            }
            if !parts.is_empty() {
                let lines = parts.into_iter().map(|part| PartRecord::from(part).encode()).collect::<Result<String>>()?;
                return Ok((Some(lines), next));
            }
            place = next;
        }
    }

    /// Is what was there at the beginning still there, apart from what was removed message by message?
    fn check_unchanged(&self) -> Result<()> {
        let now = platform::now();
        let stored = self.object.storage.load()?.filter(|stored| !self.object.is_dead(stored, now));
        let is_same = stored.is_some_and(|stored| {
            let (then, now) = (&self.session, &stored.session);
            let missing = |session: &Session| session.last_sequence.saturating_sub(session.message_count);
            then.created_at == now.created_at && missing(then) == missing(now)
        });
        if is_same { Ok(()) } else { Err(Error::NotPossible("The session has changed meanwhile".into())) }
    }

    fn messages(&self, after: u64) -> Result<(Vec<Part>, Place)> {
        let (limit, max_bytes) = limits::EXPORT_PAGE;
        let page = PageRequest { after: Some(after), before: None, offset: 0, limit, newest_first: false };
        let mut messages = self.object.storage.page(&page, max_bytes)?;
        messages.retain(|message| message.sequence <= self.session.last_sequence);
        let Some(last) = messages.last() else {
            return Ok((Vec::new(), if self.is_whole { Place::MemoryAfter(String::new()) } else { Place::Over }));
        };
        let next = Place::MessagesAfter(last.sequence);
        Ok((messages.into_iter().map(|message| Part::Message(self.as_it_was(message))).collect(), next))
    }

    fn as_it_was(&self, message: Message) -> Message {
        let newest = self.newest.as_ref().filter(|newest| newest.sequence == message.sequence && message.removed_at.is_none());
        newest.cloned().unwrap_or(message)
    }

    fn versions(&self, after: u64) -> Result<(Vec<Part>, Place)> {
        let (limit, max_bytes) = limits::EXPORT_PAGE;
        let versions = self.object.storage.siblings_after(after, limit, max_bytes)?;
        let next = versions.last().map_or(Place::Over, |(_, last)| Place::VersionsAfter(last.sequence));
        Ok((versions.into_iter().map(|(replaced_by, message)| Part::Version { replaced_by, message }).collect(), next))
    }
}

fn memory(storage: &Storage, after: &str) -> Result<(Vec<Part>, Place)> {
    let entries = storage.memory_after(after, MEMORY_PAGE)?;
    let next = entries.last().map_or(Place::VersionsAfter(0), |last| Place::MemoryAfter(last.key.as_str().to_owned()));
    Ok((entries.into_iter().map(Part::Memory).collect(), next))
}
