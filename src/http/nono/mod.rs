//! The dialect of the Nono chat bot's clients: its web page, its API and its WebSocket.
//!
//! Its other paths (`/chat`, `/personas`, `/health`) are our own dialect's, which takes and gives the fields that these
//! clients use; a `/chat` without `session_id` begins a session, whatever was started before. Policy, where the original
//! did otherwise or was broken, says so:
//!
//! | about | here |
//! |---|---|
//! | success | 200, also for what is new; bare objects; times in UTC with microseconds and `Z` (the original named no zone, so its page shifted them) |
//! | errors | `{"detail": text, "code", "request_id"}`, `detail` always a text: the page shows it as it is |
//! | what breaks a rule | 422, as by the original; its documents say 400. An unknown persona is 400: in `start` as there, in the rest, where the original took any word, too |
//! | pages of other origins | preflights are 204 and tell `*`, as everywhere: the origins and whether they may bring a visitor's cookie are `CORS_ORIGINS`' business. The original gave 200 and let every origin bring cookies. A page whose cookie does not come along is a new visitor with each call |
//! | unknown path, wrong method | 404 `Not Found`, 405 `Method Not Allowed`; a slash at the end leads nowhere, it is not redirected |
//! | `user_id` | what the user is called, 1 to 128 characters, no control characters, no `.` or `..` (422); `""` and `default_user` are nobody. Service keys and `AUTH_MODE=open` act for the user that it names. For visitors and end users it is a label: what they begin is theirs, whatever it says. In a path, or to start, it means those of their sessions that are called so; nobody, or their own id, those without such a name. Only the list, for these, has all |
//! | names on the page | the page writes names into HTML and URLs as they are, so answers have look-alikes of what would break out of those (`O'Neil` becomes `O’Neil`). A session id with such a character is refused where it would be a new one, and listed nowhere |
//! | session ids | ours, and the listed one is the created one (the original made up another for each list). A user has many sessions (the original had one, overwritten) |
//! | chat in an unknown session | begins it under that id, as there, also when it has ended: an idle page goes on. One that is somebody else's is 409 |
//! | too many sessions | the one of the user that was idle longest ends, as everywhere; the page begins one with each load, so `MAX_SESSIONS_PER_USER` should be large |
//! | the persona | the one of the session; the page always sends `default`, which changes nothing. Another `persona_name` is the session's from then on. The original kept none and took any word |
//! | a message without text | 422: models refuse it. A second message waits for the first one's answer |
//! | a model's failure | its own status (429, 502, 503, 504) instead of 500, and no words of the provider's. What the user said is kept |
//! | history | the newest 10 (`?limit=` up to 200) of what user and assistant said, oldest first; `message_count` is how many these are. Of an absent session: 200 without messages. `session_id` decides, then the path's name does not matter; without it, it is the latest session of that name |
//! | the list | of visitors and end users: their own; with `?user_id=`: that user's. Of nobody in particular: with a key 422, never everybody's; with `AUTH_MODE=open` a page of the KV index, whose entries tell no metadata. `message_count` is half the messages, as in the original, where the list was always empty |
//! | active users | who has sessions on that list (the original answered 500) |
//! | clear | always `success`. With `session_id` the session is emptied: nothing of what was said is left in it, a turn that runs is broken off, and it keeps its id, persona, user and metadata. Without, every session of that name is (the original had one, and removed its record: here it stays on the list) |
//! | start | resumes the latest session of that name with that persona, or begins one, and the same for all who start at the same time, but for nobody's (the original overwrote it); tells its `session_id` besides |
//! | the WebSocket | in `?session_id=`, or the latest session of that name, or a new one with the persona of `start` (the original demanded one, and answered in no order). One answer is made for each message (the original made two), one after another; a message for which eight already wait is an `error`. What is no `{"text"}` closes it with 1011, and what is said when the token that it was opened with has expired with 1008; everything else that goes wrong is an `error`, `Session not found` when the session has ended. Pages of foreign origins may not open one for a visitor: 403 |

mod chat;
mod history;
mod list;
mod names;
mod socket;
mod start;

use serde::Serialize;

use crate::{
    domain::{caller::Scope, id::SessionId},
    error,
    http::{
        Method::{Delete, Get, Post},
        auth::Need,
        dialect::{Dialect, Route, Sockets},
        problem::Problem,
        request::Request,
        response::{Reply, written_micros as iso},
    },
    limits,
};

/// The dialect.
pub(super) struct Nono;

/// What a path and a method stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Create,
    Chat,
    List,
    History,
    Clear,
    Start,
    Active,
    Socket,
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
}

/// The code of a persona that there is none of.
const UNKNOWN_PERSONA: &str = "UNKNOWN_PERSONA";

impl Dialect for Nono {
    type Endpoint = Endpoint;

    const ROUTES: &'static [Route<Endpoint>] = &[
        ("/api/session/create", &[(Post, Endpoint::Create)]),
        ("/api/chat", &[(Post, Endpoint::Chat)]),
        ("/api/sessions", &[(Get, Endpoint::List)]),
        ("/api/session/{}/history", &[(Get, Endpoint::History)]),
        ("/api/session/{}/clear", &[(Delete, Endpoint::Clear)]),
        ("/session/start", &[(Post, Endpoint::Start)]),
        ("/session/{}/history", &[(Get, Endpoint::History)]),
        ("/session/{}/clear", &[(Delete, Endpoint::Clear)]),
        ("/sessions/active", &[(Get, Endpoint::Active)]),
        ("/ws/chat/{}", &[(Get, Endpoint::Socket)]),
    ];
    const PREFIXES: &'static [&'static str] = &["/api/", "/session/", "/ws/"];

    const SOCKETS: Option<Sockets> = Some(socket::SOCKETS);

    fn need(endpoint: Endpoint) -> Need {
        match endpoint {
            Endpoint::List | Endpoint::History | Endpoint::Active => Need::Scope(Scope::Read),
            Endpoint::Create | Endpoint::Chat | Endpoint::Clear | Endpoint::Start | Endpoint::Socket => Need::Scope(Scope::Chat),
        }
    }

    async fn answer(endpoint: Endpoint, request: &Request<'_>) -> Result<Reply, Problem> {
        match endpoint {
            Endpoint::Create => start::create(request).await,
            Endpoint::Chat => chat::chat(request).await,
            Endpoint::List => list::list(request).await,
            Endpoint::History => history::read(request).await,
            Endpoint::Clear => history::clear(request).await,
            Endpoint::Start => start::start(request).await,
            Endpoint::Active => list::active(request).await,
            Endpoint::Socket => socket::open(request).await,
        }
    }

    fn refuse(problem: Problem, request_id: &str) -> Reply {
        let detail = match problem.code {
            "NOT_FOUND" => "Not Found",
            "METHOD_NOT_ALLOWED" => "Method Not Allowed",
            _ => &problem.detail,
        };
        let status = match problem.status {
            400 if problem.code != UNKNOWN_PERSONA => 422,
            415 => 422,
            status => status,
        };
        let reply = Reply::json(status, &ErrorJson { detail, code: problem.code, request_id });
        problem.headers.into_iter().fold(reply, |reply, (name, value)| reply.with_header(name, value))
    }
}

/// The persona that a client names.
///
/// # Errors
/// 400 when there is none of that name.
fn check_persona(request: &Request<'_>, persona: &str) -> Result<(), Problem> {
    if request.config().personas.has(persona) {
        return Ok(());
    }
    let shown: String = persona.chars().take(limits::NAME_CHARACTERS).collect();
    Err(Problem::new(400, UNKNOWN_PERSONA, format!("Unknown persona: {shown}")))
}

/// The session that the query names, if it names one.
///
/// # Errors
/// `Invalid` when no session can be called so.
fn named_session(request: &Request<'_>) -> error::Result<Option<SessionId>> {
    request.query().get("session_id").filter(|id| !id.is_empty()).map(|id| SessionId::parse("session_id", id)).transpose()
}
