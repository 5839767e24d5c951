//! `/ws/chat/{user_id}`: a conversation over a WebSocket, `{"text"}` in, `{"type": "chunk" | "complete" | "error"}` out.
//!
//! The session's object holds the socket, so an idle one costs nothing. What comes over it is asked of the session as
//! every client asks, once for each message: what is streamed is what is stored. `entry.js` lets one message follow another.

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use worker::Env;

use super::{
    named_session,
    names::Named,
    start::{START_PERSONA, Wanted, begin_once},
};
use crate::{
    domain::{
        id::{SessionId, UserId},
        session::Precondition,
        turn::{Wishes, event::Event},
    },
    error::{Error, Result},
    http::{
        dialect::Sockets,
        own::chat::check_message,
        problem::Problem,
        rate,
        request::{Request, body::parse_json},
        response::Reply,
    },
    platform::{self, socket::Socket},
    session::client::{Ask, Manner, Seat, SessionClient, seated},
};

/// The close code for what cannot be read (RFC 6455: an unexpected condition), as the original's.
const UNREADABLE: u16 = 1011;
/// The one for who is known no more (RFC 6455: a policy is violated).
const UNKNOWN: u16 = 1008;

#[derive(Deserialize)]
struct SaidBody {
    #[serde(default)]
    text: String,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame<'a> {
    Chunk { content: &'a str },
    Complete { response: &'a str },
    Error { message: &'a str },
}

/// `GET /ws/chat/{user_id}?session_id` with `Upgrade: websocket`: 101.
///
/// 1. Is it a WebSocket, and of a page that may speak for its visitor? 2. Find the session, or begin one. 3. Hand over.
pub(super) async fn open(request: &Request<'_>) -> std::result::Result<Reply, Problem> {
    if !request.wants_socket() {
        let problem = Problem::new(426, "UPGRADE_REQUIRED", "This is a WebSocket: connect with Upgrade: websocket.");
        return Err(problem.with_header("upgrade", "websocket".to_owned()));
    }
    // Browsers send cookies along with the sockets of any page, and ask nobody.
    if request.caller().one_user().is_some_and(UserId::is_visitor) && request.is_of_foreign_page() {
        return Err(Problem::new(403, "FOREIGN_ORIGIN", "Pages of this origin may not speak for visitors. Name it in CORS_ORIGINS."));
    }
    let (named, counted_as) = (Named::of(request, request.segment(0)), rate::key_of(request));
    let client_end = match named_session(request)? {
        Some(id) => {
            let client = SessionClient::new(request.env(), request.caller(), &id);
            client.get().await?;
            client.seat(request.until(), counted_as).await?
        }
        None => {
            let named = named?;
            let id = latest_or_new(request, &named).await?;
            SessionClient::new(request.env(), &named.caller, &id).seat(request.until(), counted_as).await?
        }
    };
    Ok(Reply::socket(client_end))
}

async fn latest_or_new(request: &Request<'_>, named: &Named) -> Result<SessionId> {
    if let Some(latest) = named.sessions(request, 1, named.only()).await?.into_iter().next() {
        return Ok(latest.session.id);
    }
    let wanted = Wanted { persona: START_PERSONA.to_owned(), metadata: None };
    Ok(begin_once(request, named, wanted, request.asked()).await?.id)
}

/// How this dialect talks over them.
pub(super) const SOCKETS: Sockets = Sockets {
    hear: |env, socket, message| hear(env, socket, message).boxed_local(),
    refuse: |problem| encode(&Frame::Error { message: problem.words().1 }),
};

/// Answers what has come over `socket`.
async fn hear(env: Env, socket: Socket, message: JsValue) {
    let said = message.as_string().and_then(|text| parse_json::<SaidBody>(text.as_bytes()).ok());
    let Some(SaidBody { text }) = said else { return socket.close(UNREADABLE, "Send {\"text\": \"...\"}.") };
    if let Err(problem) = converse(&env, &socket, text).await {
        problem.log("socket");
        let (code, detail) = problem.words();
        send(&socket, &Frame::Error { message: if code == "SESSION_NOT_FOUND" { "Session not found" } else { detail } });
    }
}

async fn converse(env: &Env, socket: &Socket, text: String) -> std::result::Result<(), Problem> {
    let Seat { session, caller, until, counted_as } = seated(socket)?;
    if until.is_some_and(|until| platform::now() >= until) {
        socket.close(UNKNOWN, "The token has expired. Connect with a new one.");
        return Ok(());
    }
    if let Some(key) = counted_as {
        rate::count(env, &key).await?;
    }
    let message = Some(check_message(text, None)?);
    let manner = Manner { wishes: Wishes::default(), waits: true, precondition: Precondition::None };
    let client = SessionClient::new(env, &caller, &session);
    let ask = Ask::Chat { message, results: Vec::new(), create: None, patch: None };
    let events = client.stream(ask, manner).await?;
    let mut has_ended = false;
    let followed = events.for_each(|event| has_ended |= tell(socket, event)).await;
    if has_ended { Ok(()) } else { Ok(followed.and(Err(Error::Unavailable("a turn's events broke off".into())))?) }
}

/// Sends what an event says, if it says anything. Is it the last?
fn tell(socket: &Socket, event: &Event) -> bool {
    match event {
        Event::Delta(content) => send(socket, &Frame::Chunk { content }),
        Event::Done(ended) => {
            let response = ended.answer.as_ref().and_then(|answer| answer.body.content.as_deref()).unwrap_or_default();
            send(socket, &Frame::Complete { response });
        }
        Event::Failed(ended) => {
            let problem = ended.turn.failure.map_or_else(Problem::interrupted, Problem::of_model);
            send(socket, &Frame::Error { message: problem.words().1 });
        }
        Event::Accepted(_) | Event::ToolCall(_) | Event::Memory(_) | Event::Usage(_) => {}
    }
    matches!(event, Event::Done(_) | Event::Failed(_))
}

fn send(socket: &Socket, frame: &Frame<'_>) {
    socket.send(&encode(frame));
}

fn encode(frame: &Frame<'_>) -> String {
    // No type of ours can fail.
    serde_json::to_string(frame).unwrap_or_default()
}
