//! `GET /sessions/{id}/export`: a session as a file.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{json, jsonl, markdown};
use crate::{
    domain::{history::part::Part, id::SessionId, session::Session},
    error::{Error, Result},
    http::{problem::Problem, request::Request, response::Reply},
    session::client::SessionClient,
};

/// What is sent at a time, in bytes: a chunk for every message would take longer to send than to write.
const CHUNK_BYTES: usize = 64 * 1024;
/// The plain form of a file name has at most so many characters.
const NAME_CHARACTERS: usize = 64;

/// What an export looks like.
#[derive(Clone, Copy)]
enum Format {
    Json,
    Jsonl,
    Markdown,
}

/// Writes parts in a format.
enum Writer {
    Json(json::Writer),
    Jsonl,
    Markdown,
}

/// `GET /sessions/{id}/export?format=json|jsonl|markdown`: 200 with the session as a file. A body that ends without its
/// last chunk is no whole export: the session was lost or has changed meanwhile.
///
/// 1. Read and check. 2. Is there something? 3. Write parts as they come.
pub(crate) async fn export(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (id, format) = (request.id(0, "session_id")?, Format::parse(request.query().get("format"))?);
    let client = SessionClient::new(request.env(), request.caller(), &id);

    if request.is_head() {
        client.get().await?;
        return Ok(Reply::file(None, format.content_type(), disposition(&id, format)));
    }
    let export = client.export(matches!(format, Format::Json)).await?;

    let (mut writer, mut text) = Writer::begin(format, &export.session);
    let body = export.map(move |part| {
        match part {
            Some(part) => text.push_str(&writer.part(part)),
            None => text.push_str(&writer.end()),
        }
        if part.is_none() || text.len() >= CHUNK_BYTES { std::mem::take(&mut text) } else { String::new() }
    })?;
    Ok(Reply::file(Some(body), format.content_type(), disposition(&id, format)))
}

impl Format {
    fn parse(name: Option<&str>) -> Result<Format> {
        match name {
            None | Some("json") => Ok(Format::Json),
            Some("jsonl") => Ok(Format::Jsonl),
            Some("markdown") => Ok(Format::Markdown),
            Some(_) => Err(Error::invalid("format", "must be json, jsonl or markdown")),
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Jsonl => "application/jsonl",
            Format::Markdown => "text/markdown; charset=utf-8",
        }
    }

    const fn extension(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Jsonl => "jsonl",
            Format::Markdown => "md",
        }
    }
}

impl Writer {
    fn begin(format: Format, session: &Session) -> (Writer, String) {
        match format {
            Format::Json => {
                let (writer, text) = json::Writer::begin(session);
                (Writer::Json(writer), text)
            }
            Format::Jsonl => (Writer::Jsonl, String::new()),
            Format::Markdown => (Writer::Markdown, markdown::begin(session)),
        }
    }

    fn part(&mut self, part: &Part) -> String {
        match (self, part) {
            (Writer::Json(writer), part) => writer.part(part),
            (Writer::Jsonl, Part::Message(message)) => jsonl::encode(message),
            (Writer::Markdown, Part::Message(message)) => markdown::message(message),
            (Writer::Jsonl | Writer::Markdown, Part::Memory(_) | Part::Version { .. }) => String::new(),
        }
    }

    fn end(&mut self) -> String {
        match self {
            Writer::Json(writer) => writer.end(),
            Writer::Jsonl | Writer::Markdown => String::new(),
        }
    }
}

/// A file name that every system takes, and the real one for those that can (RFC 6266).
fn disposition(id: &SessionId, format: Format) -> String {
    let (id, extension) = (id.as_str(), format.extension());
    let is_plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let plain: String = id.chars().take(NAME_CHARACTERS).map(|character| if is_plain(character) { character } else { '_' }).collect();
    format!("attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{}.{extension}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}
