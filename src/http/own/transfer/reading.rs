//! The parts of a session as they come in, each held against every rule. Stores nothing.

use super::{
    json::{self, FORMAT, VERSION},
    jsonl,
    split::{Piece, Splitter},
};
use crate::{
    domain::{
        history::{
            intake::{Intake, Misfit},
            part::Part,
        },
        message::Message,
        time::Timestamp,
    },
    error::{Error, Result},
    http::{own::sessions::CreateBody, problem::Problem, request::body::parse_json_at},
    limits,
    platform::lines::LineBuffer,
    session::transfer::client::Counts,
};

/// What an import looks like.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// Our own.
    Json,
    /// OpenAI's messages, a line each.
    Jsonl,
}

/// The members of our JSON, in their order; those before the last two must be there.
const MEMBERS: [&str; 6] = ["format", "version", "session", "messages", "memory", "versions"];
const REQUIRED: usize = 4;

/// What has been read so far.
pub(super) struct Reading {
    source: Source,
    /// Of messages that say nothing of their own.
    now: Timestamp,
    intake: Intake,
    session: CreateBody,
    /// The highest number of a part.
    last_sequence: u64,
    /// That of the last version, as it was.
    last_version: u64,
    memory: u64,
    versions: u64,
}

/// What it is read from.
enum Source {
    Json {
        splitter: Splitter,
        /// How many of [`MEMBERS`] have been met, or passed over.
        met: usize,
        /// The array that is being read, and how many elements it has had.
        array: (Option<&'static str>, usize),
    },
    Jsonl {
        lines: LineBuffer,
        /// How many there were.
        count: usize,
    },
}

/// A part, and how many bytes it took to write.
pub(super) type SizedPart = (Part, usize);

impl Reading {
    /// Nothing yet.
    pub(super) fn new(shape: Shape, repairs: bool, now: Timestamp) -> Reading {
        let source = match shape {
            Shape::Json => Source::Json { splitter: Splitter::default(), met: 0, array: (None, 0) },
            Shape::Jsonl => Source::Jsonl { lines: LineBuffer::default(), count: 0 },
        };
        let (intake, session) = (Intake::new(repairs), CreateBody::default());
        Reading { source, now, intake, session, last_sequence: 0, last_version: 0, memory: 0, versions: 0 }
    }

    /// Takes a chunk; gives the parts that are whole now.
    ///
    /// # Errors
    /// 400, 413 or 422, naming the place; so below.
    pub(super) fn push(&mut self, chunk: &[u8]) -> std::result::Result<Vec<SizedPart>, Problem> {
        let mut parts = Vec::new();
        match &mut self.source {
            Source::Json { splitter, .. } => {
                for piece in splitter.push(chunk)? {
                    self.take_piece(piece, &mut parts)?;
                }
            }
            Source::Jsonl { lines, .. } => {
                lines.push(chunk);
                while let Some(line) = self.next_line() {
                    self.take_line(&line, &mut parts)?;
                }
            }
        }
        Ok(parts)
    }

    /// Takes the end; gives the last parts.
    pub(super) fn finish(&mut self) -> std::result::Result<Vec<SizedPart>, Problem> {
        let mut parts = Vec::new();
        match &mut self.source {
            Source::Json { splitter, met, .. } => {
                splitter.finish()?;
                if let Some(missing) = MEMBERS.get(*met).filter(|_| *met < REQUIRED) {
                    return Err(Error::invalid(*missing, "is required").into());
                }
            }
            Source::Jsonl { lines, .. } => {
                let rest = lines.take_rest();
                self.take_line(&rest, &mut parts)?;
            }
        }
        Ok(parts)
    }

    /// What was said of the session; known when there is a part.
    pub(super) fn session(&mut self) -> &mut CreateBody {
        &mut self.session
    }

    /// The number that message `sequence` of the file has now.
    pub(super) fn moved(&self, sequence: u64) -> u64 {
        self.intake.moved(sequence)
    }

    /// The highest number of a part.
    pub(super) fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// How much there was.
    pub(super) fn counts(&self) -> Counts {
        let Intake { count, dropped, stubs, .. } = self.intake;
        Counts { messages: count, memory: self.memory, versions: self.versions, dropped, stubs }
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        if let Source::Jsonl { lines, .. } = &mut self.source { lines.next_line() } else { None }
    }

    fn take_line(&mut self, line: &[u8], parts: &mut Vec<SizedPart>) -> std::result::Result<(), Problem> {
        let Source::Jsonl { count, lines } = &mut self.source else { return Ok(()) };
        *count = count.saturating_add(1);
        let place = format!("line {count}");
        if line.len().max(lines.waiting_bytes()) > limits::IMPORT_ITEM_BYTES {
            return Err(Error::TooLarge { field: place, limit_bytes: limits::IMPORT_ITEM_BYTES }.into());
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let body = jsonl::parse(&place, line)?;
        let sequence = self.intake.next_sequence();
        let message = Message { sequence, created_at: self.now, replaces: None, removed_at: None, body };
        self.take_message(&place, message, line.len(), parts)
    }

    fn take_message(
        &mut self,
        place: &str,
        message: Message,
        size_bytes: usize,
        parts: &mut Vec<SizedPart>,
    ) -> std::result::Result<(), Problem> {
        let taken = self.intake.take(message).map_err(|misfit| match misfit {
            Misfit::ResultWithoutCall => Problem::unpaired_result(place),
            Misfit::CallWithoutResult => Problem::open_call(place),
            Misfit::Place(error) => error.within(place).into(),
        })?;
        self.last_sequence = taken.last().map_or(self.last_sequence, |last| last.sequence);
        parts.extend(taken.into_iter().map(|message| (Part::Message(message), size_bytes)));
        Ok(())
    }

    fn take_piece(&mut self, piece: Piece, parts: &mut Vec<SizedPart>) -> std::result::Result<(), Problem> {
        match piece {
            Piece::Member(name, value) => match self.meet(&name)? {
                Some("format") if serde_json::from_slice::<String>(&value).is_ok_and(|format| format == FORMAT) => Ok(()),
                Some("format") => Err(Error::invalid("format", format!("must be \"{FORMAT}\"")).into()),
                Some("version") if serde_json::from_slice::<u64>(&value).is_ok_and(|version| version == VERSION) => Ok(()),
                Some("version") => Err(Error::invalid("version", format!("must be {VERSION}")).into()),
                Some("session") => parse_json_at("session", &value).map(|session| self.session = session),
                Some(array) => Err(Error::invalid(array, "must be an array").into()),
                None => parse_ignored(&value),
            },
            Piece::Array(name) => {
                let member = self.meet(&name)?;
                if let Some(single @ ("format" | "version" | "session")) = member {
                    return Err(Error::invalid(single, "must not be an array").into());
                }
                if let Source::Json { array, .. } = &mut self.source {
                    *array = (member, 0);
                }
                Ok(())
            }
            Piece::Element(value) => {
                let Source::Json { array: (name, count), .. } = &mut self.source else { return Ok(()) };
                let (name, index) = (*name, *count);
                *count = count.saturating_add(1);
                match name {
                    Some(name) => self.take_element(name, &format!("{name}[{index}]"), &value, parts),
                    None => parse_ignored(&value),
                }
            }
        }
    }

    fn take_element(&mut self, array: &str, place: &str, json: &[u8], parts: &mut Vec<SizedPart>) -> std::result::Result<(), Problem> {
        match array {
            "messages" => self.take_message(place, json::parse_message(place, json)?, json.len(), parts),
            "memory" => {
                let entry = json::parse_entry(place, json)?;
                self.memory = self.memory.saturating_add(1);
                if self.memory > limits::MEMORY_ENTRIES {
                    return Err(Error::invalid("memory", format!("must have at most {} items", limits::MEMORY_ENTRIES)).into());
                }
                parts.push((Part::Memory(entry), json.len()));
                Ok(())
            }
            _ => {
                let (replaced_by, message) = json::parse_version(place, json)?;
                self.check_version(replaced_by, &message).map_err(|error| error.within(place))?;
                let replaces = message.replaces.map(|replaced| self.moved(replaced));
                let message = Message { sequence: self.moved(message.sequence), replaces, ..message };
                parts.push((Part::Version { replaced_by: self.moved(replaced_by), message }, json.len()));
                self.versions = self.versions.saturating_add(1);
                Ok(())
            }
        }
    }

    /// Versions come in the order of their numbers, and none comes after what stands in its place.
    fn check_version(&mut self, replaced_by: u64, message: &Message) -> Result<()> {
        if message.sequence <= self.last_version {
            return Err(Error::invalid("sequence", "must be a positive number that grows from version to version"));
        }
        if self.moved(replaced_by) > self.last_sequence {
            return Err(Error::invalid("replaced_by", "must be the number of a message or a version"));
        }
        self.last_version = message.sequence;
        Ok(())
    }

    /// Meets a member. Which of ours is it?
    fn meet(&mut self, name: &[u8]) -> Result<Option<&'static str>> {
        let name: String = serde_json::from_slice(name).map_err(|_| Error::invalid("body", "must be a JSON object"))?;
        let Source::Json { met, .. } = &mut self.source else { return Ok(None) };
        let Some(place) = MEMBERS.iter().position(|member| *member == name) else { return Ok(None) };
        let expected = MEMBERS.get(*met).filter(|_| *met < REQUIRED && place != *met);
        if let Some(expected) = expected {
            return Err(Error::invalid(*expected, format!("must come before {name}, once, as in an export")));
        }
        if place < *met {
            return Err(Error::invalid(name, "must be there once, in the order of an export"));
        }
        *met = place.saturating_add(1);
        Ok(MEMBERS.get(place).copied())
    }
}

/// What is not ours must be JSON all the same.
fn parse_ignored(json: &[u8]) -> std::result::Result<(), Problem> {
    let parsed = serde_json::from_slice::<serde::de::IgnoredAny>(json);
    parsed.map(drop).map_err(|error| Problem::from_piece_error("", &error))
}
