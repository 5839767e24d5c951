//! What may be asked of a session object about export and import, and how the parts of a session travel.

use serde::{Deserialize, Serialize};

use crate::{
    domain::history::part::Part,
    error::Result,
    memory::protocol::EntryRecord,
    platform,
    session::record::{MessageRecord, NewSessionRecord, SessionRecord},
};

/// A session whose parts follow, a line each, [`PartRecord::End`] last.
#[derive(Serialize, Deserialize)]
pub(crate) struct Exporting {
    pub(crate) exporting: SessionRecord,
    /// Memory and versions too?
    pub(crate) is_whole: bool,
}

/// A [`Part`], or that there is none any more.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PartRecord {
    Message(MessageRecord),
    Memory(EntryRecord),
    Version { replaced_by: u64, message: MessageRecord },
    End,
}

/// A step of an import. All steps of one carry the same token.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ImportCall {
    /// Answers `true`. Another import that is under way is over.
    Begin { token: String },
    /// Stores parts; answers `true`. `IdTaken` when the id belongs to a session or another import now.
    Stage { token: String, parts: Vec<PartRecord> },
    /// Makes a session of the parts; answers [`Imported`].
    Finish(Box<Finish>),
    /// Answers `true`: nothing is left of it, or will be soon.
    Abandon { token: String },
}

/// The end of an import.
#[derive(Serialize, Deserialize)]
pub(crate) struct Finish {
    pub(crate) token: String,
    pub(crate) id: String,
    pub(crate) session: NewSessionRecord,
    /// No part has a higher number.
    pub(crate) last_sequence: u64,
    pub(crate) counts: CountsRecord,
}

/// What was imported. It is also what is kept under the request's key.
#[derive(Serialize, Deserialize)]
pub(crate) struct Imported {
    pub(crate) session: SessionRecord,
    pub(crate) counts: CountsRecord,
}

/// `client::Counts`.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct CountsRecord {
    pub(crate) messages: u64,
    pub(crate) memory: u64,
    pub(crate) versions: u64,
    pub(crate) dropped: u64,
    pub(crate) stubs: u64,
}

impl From<Part> for PartRecord {
    fn from(part: Part) -> Self {
        match part {
            Part::Message(message) => PartRecord::Message(message.into()),
            Part::Memory(entry) => PartRecord::Memory(entry.into()),
            Part::Version { replaced_by, message } => PartRecord::Version { replaced_by, message: message.into() },
        }
    }
}

impl PartRecord {
    /// The part; `None` for the end.
    pub(crate) fn into_part(self) -> Result<Option<Part>> {
        Ok(Some(match self {
            PartRecord::Message(message) => Part::Message(message.try_into()?),
            PartRecord::Memory(entry) => Part::Memory(entry.try_into()?),
            PartRecord::Version { replaced_by, message } => Part::Version { replaced_by, message: message.try_into()? },
            PartRecord::End => return Ok(None),
        }))
    }

    /// The part as a line.
    pub(crate) fn encode(&self) -> Result<String> {
        let mut line = platform::encode("part", self)?;
        line.push('\n');
        Ok(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_format_unchanged() {
        let message = r#"{"sequence":1,"created_at":2,"role":"user","content":"hi"}"#;
        let parts = [
            format!(r#"{{"message":{message}}}"#),
            r#"{"memory":{"key":"k","value":"[1]","created_at":1,"updated_at":2,"revision":3,"source":"model"}}"#.to_owned(),
            format!(r#"{{"version":{{"replaced_by":3,"message":{message}}}}}"#),
            r#""end""#.to_owned(),
        ];
        for written in parts {
            let record: PartRecord = serde_json::from_str(&written).unwrap();
            assert_eq!(record.encode().unwrap(), format!("{written}\n"));
            let part = record.into_part().unwrap();
            let again = part.map_or(PartRecord::End, PartRecord::from);
            assert_eq!(again.encode().unwrap(), format!("{written}\n"));
        }
    }
}
