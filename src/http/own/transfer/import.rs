//! `POST /sessions/import`: a session of a file.

use serde::Serialize;

use super::reading::{Reading, Shape};
use crate::{
    domain::{
        caller::Caller,
        history::part::Part,
        id::SessionId,
        memory::{Entry, Origin},
        session::{NewSession, Session},
    },
    error::{Error, Result},
    http::{
        begin::Choices,
        own::{SessionJson, etag, sessions::location},
        problem::Problem,
        request::{
            Query, Request, parse_number,
            repeat::{hex, session_id_of},
            upload::Upload,
        },
        response::Reply,
    },
    platform,
    session::{
        client::SessionClient,
        transfer::client::{Counts, Staging},
    },
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ImportedSession"))]
pub(in crate::http::own) struct ImportedJson<'a> {
    #[serde(flatten)]
    session: SessionJson<'a>,
    imported: CountsJson,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ImportCounts"))]
struct CountsJson {
    /// Stubs among them.
    messages: u64,
    memory: u64,
    versions: u64,
    /// What `repair=true` has done.
    results_dropped: u64,
    stubs_added: u64,
}

/// An import under way.
struct Import<'a> {
    request: &'a Request<'a>,
    reading: Reading,
    /// There once the session is known, before its first part.
    begun: Option<Begun<'a>>,
}

struct Begun<'a> {
    staging: Staging<'a>,
    new: NewSession,
    caller: Caller,
    /// What the session was called where it comes from.
    old_id: Option<String>,
}

/// Why reading ends early.
enum Stop {
    /// The id is in use; by what the same request has imported before, maybe.
    Taken(Caller, SessionId),
    Refused(Problem),
}

impl<E: Into<Problem>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop::Refused(error.into())
    }
}

/// `POST /sessions/import?format&repair&session_id&user_id&title&persona&ttl_seconds`: 201 with the session and what it
/// was made of. What the query says counts more than what the file says.
///
/// 1. Read what is wanted. 2. Read part by part, check, and store where nobody sees it. 3. Make a session of it. If
///    anything is wrong, nothing is left. 4. If the same request has made the session before, answer as then.
pub(crate) async fn import(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    let (shape, repairs) = (parse_shape(request)?, parse_repair(request.query())?);
    let mut upload = request.upload()?;
    let mut import = Import { request, reading: Reading::new(shape, repairs, platform::now()), begun: None };

    let outcome = match import.read(&mut upload).await {
        Ok(()) => import.finish(&upload).await,
        Err(stop) => Err(stop),
    };
    match outcome {
        Ok((session, counts)) => Ok(imported(&session, counts)),
        Err(Stop::Taken(caller, id)) if upload.key().is_some() => {
            upload.skip().await?;
            let repeatable = upload.repeatable();
            let client = SessionClient::new(request.env(), &caller, &id).once(repeatable.as_ref());
            match client.recall_imported().await {
                Ok((session, counts)) => Ok(imported(&session, counts)),
                Err(Error::NotFound(_)) => Err(Error::IdTaken.into()),
                Err(error) => Err(error.into()),
            }
        }
        Err(stop) => {
            if let Some(begun) = &import.begun
                && let Err(error) = begun.staging.abandon().await
            {
                worker::console_warn!("an import is left to its object: {error:?}");
            }
            upload.drain().await;
            Err(match stop {
                Stop::Taken(..) => Error::IdTaken.into(),
                Stop::Refused(problem) => problem,
            })
        }
    }
}

impl<'a> Import<'a> {
    async fn read(&mut self, upload: &mut Upload) -> std::result::Result<(), Stop> {
        loop {
            let chunk = upload.next().await?;
            let parts = match &chunk {
                Some(chunk) => self.reading.push(chunk)?,
                None => self.reading.finish()?,
            };
            if (self.begun.is_none() && !parts.is_empty()) || chunk.is_none() {
                self.begin(upload).await?;
            }
            for (part, size_bytes) in parts {
                self.add(part, size_bytes).await?;
            }
            if chunk.is_none() {
                return Ok(());
            }
        }
    }

    /// Chooses the id and has its object make room.
    async fn begin(&mut self, upload: &Upload) -> std::result::Result<(), Stop> {
        if self.begun.is_some() {
            return Ok(());
        }
        let query = self.request.query();
        let (old_id, said) = std::mem::take(self.reading.session()).choices()?;
        let asked = |name: &str, said: Option<String>| query.get(name).map(str::to_owned).or(said);
        let new = Choices {
            user_id: asked("user_id", said.user_id),
            persona: asked("persona", said.persona),
            title: asked("title", said.title),
            ttl_seconds: query.get("ttl_seconds").map(|text| parse_number("ttl_seconds", text)).transpose()?.or(said.ttl_seconds),
            ..said
        };
        let new = new.check(self.request, "import")?;
        let caller = self.request.caller().acting_for(new.user_id.as_ref())?;
        let id = match (query.get("session_id"), upload.key()) {
            (Some(chosen), _) => SessionId::parse_chosen("session_id", chosen)?,
            (None, Some(key)) => session_id_of(key, &caller.owner_of_new())?,
            (None, None) => SessionId::from_random(platform::random_bytes()?),
        };
        let token = hex(&platform::random_bytes()?);
        let staging = Staging::begin(self.request.env(), caller.clone(), id.clone(), token).await;
        let staging = staging.map_err(|error| stop(error, &caller, &id))?;
        self.begun = Some(Begun { staging, new, caller, old_id });
        Ok(())
    }

    async fn add(&mut self, part: Part, size_bytes: usize) -> std::result::Result<(), Stop> {
        let Some(begun) = &mut self.begun else { return Ok(()) };
        let part = match part {
            Part::Memory(entry) => {
                let origin = entry.origin.map(|origin| match &begun.old_id {
                    Some(old_id) if *old_id == origin.session_id => {
                        Origin { session_id: begun.staging.id().as_str().to_owned(), sequence: self.reading.moved(origin.sequence) }
                    }
                    _ => origin,
                });
                Part::Memory(Entry { origin, ..entry })
            }
            part @ (Part::Message(_) | Part::Version { .. }) => part,
        };
        begun.staging.add(part, size_bytes).await.map_err(|error| stop(error, &begun.caller, begun.staging.id()))
    }

    async fn finish(&mut self, upload: &Upload) -> std::result::Result<(Session, Counts), Stop> {
        let Some(begun) = &mut self.begun else { return Err(Error::Internal("an import without a beginning".into()).into()) };
        let (last_sequence, counts) = (self.reading.last_sequence(), self.reading.counts());
        let finished = begun.staging.finish(begun.new.clone(), last_sequence, counts, upload.repeatable().as_ref()).await;
        finished.map_err(|error| stop(error, &begun.caller, begun.staging.id()))
    }
}

fn stop(error: Error, caller: &Caller, id: &SessionId) -> Stop {
    if error == Error::IdTaken { Stop::Taken(caller.clone(), id.clone()) } else { Stop::Refused(error.into()) }
}

fn imported(session: &Session, counts: Counts) -> Reply {
    let Counts { messages, memory, versions, dropped, stubs } = counts;
    let imported = CountsJson { messages, memory, versions, results_dropped: dropped, stubs_added: stubs };
    Reply::json(201, &ImportedJson { session: SessionJson::from(session), imported })
        .with_header("etag", etag(session.version()))
        .with_header("location", location(&session.id))
}

/// What the query says, or else the content type.
fn parse_shape(request: &Request<'_>) -> std::result::Result<Shape, Problem> {
    match request.query().get("format") {
        Some("json") => Ok(Shape::Json),
        Some("jsonl") => Ok(Shape::Jsonl),
        Some(_) => Err(Error::invalid("format", "must be json or jsonl").into()),
        None if request.sends_json() => Ok(Shape::Json),
        None if request.sends_json_lines() => Ok(Shape::Jsonl),
        None => Err(Problem::no_import_format()),
    }
}

fn parse_repair(query: &Query) -> Result<bool> {
    match query.get("repair") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Error::invalid("repair", "must be true or false")),
    }
}
