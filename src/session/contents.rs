//! What a session holds and how it grows: pages, versions and copies of its messages, and what is appended to them.

use crate::{
    domain::{
        context::shortened,
        history::pairing::OpenCalls,
        message::{Message, NewMessage},
        session::Session,
        time::{Timestamp, millis},
    },
    error::{Error, Result, Subject},
    limits,
    session::{
        object::{Aftermath, Object, answer},
        protocol::{Appended, Copied, Overview, PageRecord, PageRequest, Siblings},
        record::MessageRecord,
        storage::Stored,
    },
};

/// Most of an answer that an overview shows, in bytes.
const LAST_RESPONSE_BYTES: usize = 500;

impl Object {
    /// The session, and what was said and done in it last.
    pub(super) fn overview(&self, stored: Stored) -> Result<Overview> {
        let message = |sequence: Option<u64>| -> Result<Option<NewMessage>> {
            let message = sequence.map(|sequence| self.storage.message(sequence)).transpose()?.flatten();
            Ok(message.map(|message| message.body))
        };
        let turns = stored.session.turn_count.saturating_sub(u64::from(stored.session.running_turn.is_some()));
        let last = self.storage.turn(turns)?.map(|last| last.turn);
        let last_execution_ms = last.as_ref().and_then(|last| Some(millis(last.ended_at?.since(last.started_at))));
        let last_response = message(last.and_then(|last| last.answer_sequence))?.and_then(|answer| answer.content);
        let said = message(self.storage.last_said(false)?)?;
        let (last_query, last_query_metadata) = said.map_or((None, None), |said| (said.content, said.metadata));
        Ok(Overview {
            last_query,
            last_query_metadata,
            last_response: last_response.map(|text| shortened(text, LAST_RESPONSE_BYTES).0),
            last_execution_ms,
            session: (&stored.session).into(),
        })
    }

    /// A page of messages.
    pub(super) fn page(&self, stored: &Stored, page: &PageRequest) -> Result<PageRecord> {
        let Session { message_count, last_sequence, .. } = stored.session;
        // Where sequence numbers have no gaps, an offset is a bound: what is skipped is not read.
        let offset = u64::from(page.offset);
        let bounded = match (offset, page.newest_first) {
            (0, _) => *page,
            (_, _) if message_count != last_sequence => *page,
            (_, false) => PageRequest { after: Some(offset), offset: 0, ..*page },
            (_, true) => PageRequest { before: Some(last_sequence.saturating_add(1).saturating_sub(offset)), offset: 0, ..*page },
        };
        let messages = self.storage.page(&bounded, limits::PAGE_BYTES)?;
        let (first_sequence, last_sequence) = (self.storage.first_sequence()?, self.storage.newest_sequence()?);
        Ok(PageRecord { messages: encode_messages(messages), total: message_count, first_sequence, last_sequence })
    }

    /// The versions of the place where message `sequence` stands, the newest first, as far as they fit on a page.
    pub(super) fn siblings(&self, sequence: u64) -> Result<Siblings> {
        let message = self.storage.message(sequence)?.ok_or(Error::NotFound(Subject::Message))?;
        let (mut versions, mut place, mut room, mut has_more) = (vec![vec![message]], Some(sequence), limits::PAGE_BYTES, false);
        while let Some(version) = place.map(|place| self.storage.replaced_by(place, room)).transpose()?.flatten() {
            if room == 0 {
                has_more = true;
                break;
            }
            place = version.messages.first().filter(|_| version.is_whole).map(|first| first.sequence);
            has_more = !version.is_whole;
            room = room.saturating_sub(version.size_bytes);
            versions.push(version.messages);
        }
        Ok(Siblings { versions: versions.into_iter().map(encode_messages).collect(), has_more })
    }

    /// The session and its messages up to `through`, for another session to begin with.
    pub(super) fn copy(&self, stored: &Stored, through: Option<u64>) -> Result<String> {
        let last = match through {
            Some(sequence) => self.storage.message(sequence)?.ok_or(Error::NotFound(Subject::Message))?.sequence,
            None => stored.session.last_sequence,
        };
        let all = PageRequest { after: None, before: Some(last.saturating_add(1)), offset: 0, limit: u32::MAX, newest_first: false };
        let messages = self.storage.page(&all, u64::try_from(limits::COPY_BYTES).unwrap_or(u64::MAX))?;
        let is_whole = messages.first().map_or(0, |first| first.sequence) == self.storage.first_sequence()?;
        let copied = answer(&Copied { session: (&stored.session).into(), messages: encode_messages(messages) })?;
        if is_whole && copied.len() <= limits::COPY_BYTES {
            Ok(copied)
        } else {
            Err(Error::NotPossible(format!("The messages take more than {} bytes, the most that can be copied", limits::COPY_BYTES)))
        }
    }

    /// Appends for a client.
    pub(super) fn append_call(&self, mut stored: Stored, messages: Vec<NewMessage>, now: Timestamp) -> Result<Appended> {
        self.check_idle()?;
        let messages = self.append(&mut stored, messages, None, now)?;
        self.save(&mut stored, Aftermath::BeforeAnswer)?;
        Ok(Appended { session: (&stored.session).into(), messages: encode_messages(messages) })
    }

    /// Puts `messages` at the end of the session, stubs for missing tool results before them, without saving its row. The
    /// last of them stands where message `replaces` stood.
    pub(super) fn append(
        &self,
        stored: &mut Stored,
        messages: Vec<NewMessage>,
        replaces: Option<u64>,
        now: Timestamp,
    ) -> Result<Vec<Message>> {
        let tail = self.storage.tail()?;
        let bodies = OpenCalls::at_end_of(tail.iter().map(|message| &message.body)).close(messages)?;
        let (session, count) = (&mut stored.session, bodies.len());
        session.touch(now);
        let mut appended = Vec::with_capacity(count);
        for (number, body) in (1..).zip(bodies) {
            session.message_count = session.message_count.saturating_add(1);
            session.last_sequence = session.last_sequence.saturating_add(1);
            let replaces = replaces.filter(|_| number == count);
            let message = Message { sequence: session.last_sequence, created_at: now, replaces, removed_at: None, body };
            self.storage.save_message(&message)?;
            appended.push(message);
        }
        Ok(appended)
    }
}

/// Messages on their way out.
fn encode_messages(messages: Vec<Message>) -> Vec<MessageRecord> {
    messages.into_iter().map(MessageRecord::from).collect()
}
