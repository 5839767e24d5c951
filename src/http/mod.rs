//! The HTTP edge: which paths there are, and the way of a request through them.
//!
//! Alone knows status codes and headers. Decides nothing about sessions.

mod request;
mod auth;
mod body;
mod repeat;
mod upload;
mod own;
mod response;
mod log;
mod problem;

use std::fmt;

use wasm_bindgen::JsValue;
use worker::Env;

use crate::{
    config::Config,
    http::{
        auth::Known,
        log::{Summary, Timed},
        problem::Problem,
        request::Request,
        response::{Exchange, Reply},
    },
    trace,
};

/// The methods we answer; HEAD is GET without the body, OPTIONS is answered for every path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Reads.
    Get,
    /// Does something.
    Post,
    /// Puts something in a place.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        })
    }
}

/// Whose memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryOf {
    /// A session's.
    Session,
    /// A user's.
    User,
}

/// What is done with a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryAction {
    /// A page of entries.
    List,
    /// Forget everything.
    Clear,
    /// One entry.
    Get,
    /// Remember.
    Put,
    /// Forget.
    Delete,
    /// Take back the last change.
    Undo,
}

/// What a path and a method stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Banner,
    Health,
    Personas,
    Chat,
    CreateSession,
    ListAllSessions,
    GetStats,
    CleanUpSessions,
    GetSession,
    PatchSession,
    DeleteSession,
    RestoreSession,
    RenewSession,
    ListMessages,
    AppendMessages,
    ListVersions,
    RemoveMessage,
    PopTurn,
    FollowEvents,
    StopTurn,
    Regenerate,
    ContinueAnswer,
    EditMessage,
    GetTurn,
    ForkSession,
    ExportSession,
    ImportSession,
    Memory(MemoryOf, MemoryAction),
    GetContext,
    SearchSession,
    GetUser,
    PatchUser,
    EraseUser,
    SearchUser,
    ListUserSessions,
    LatestUserSession,
    Routes,
    Costs,
    WorkerFault,
    SessionFault,
}

use Method::{Delete, Get, Patch, Post, Put};

/// Every path. `{}` stands for one segment, percent-encoded. The first pattern that fits decides, so literal
/// segments stand before `{}`.
const ROUTES: &[(&str, &[(Method, Endpoint)])] = &[
    ("/", &[(Get, Endpoint::Banner)]),
    ("/health", &[(Get, Endpoint::Health)]),
    ("/personas", &[(Get, Endpoint::Personas)]),
    ("/chat", &[(Post, Endpoint::Chat)]),
    ("/sessions", &[(Post, Endpoint::CreateSession), (Get, Endpoint::ListAllSessions)]),
    ("/sessions/stats", &[(Get, Endpoint::GetStats)]),
    ("/sessions/cleanup", &[(Post, Endpoint::CleanUpSessions)]),
    ("/sessions/import", &[(Post, Endpoint::ImportSession)]),
    ("/sessions/{}", &[(Get, Endpoint::GetSession), (Patch, Endpoint::PatchSession), (Delete, Endpoint::DeleteSession)]),
    ("/sessions/{}/restore", &[(Post, Endpoint::RestoreSession)]),
    ("/sessions/{}/renew", &[(Post, Endpoint::RenewSession)]),
    ("/sessions/{}/messages", &[(Get, Endpoint::ListMessages), (Post, Endpoint::AppendMessages)]),
    ("/sessions/{}/messages/{}", &[(Delete, Endpoint::RemoveMessage)]),
    ("/sessions/{}/pop", &[(Post, Endpoint::PopTurn)]),
    ("/sessions/{}/messages/{}/versions", &[(Get, Endpoint::ListVersions)]),
    ("/sessions/{}/events", &[(Get, Endpoint::FollowEvents)]),
    ("/sessions/{}/stop", &[(Post, Endpoint::StopTurn)]),
    ("/sessions/{}/regenerate", &[(Post, Endpoint::Regenerate)]),
    ("/sessions/{}/continue", &[(Post, Endpoint::ContinueAnswer)]),
    ("/sessions/{}/edit", &[(Post, Endpoint::EditMessage)]),
    ("/sessions/{}/turns/{}", &[(Get, Endpoint::GetTurn)]),
    ("/sessions/{}/fork", &[(Post, Endpoint::ForkSession)]),
    ("/sessions/{}/context", &[(Get, Endpoint::GetContext)]),
    ("/sessions/{}/search", &[(Get, Endpoint::SearchSession)]),
    ("/sessions/{}/export", &[(Get, Endpoint::ExportSession)]),
    ("/sessions/{}/memory", MEMORY_OF_SESSION),
    ("/sessions/{}/memory/{}", ENTRY_OF_SESSION),
    ("/sessions/{}/memory/{}/undo", &[(Post, Endpoint::Memory(MemoryOf::Session, MemoryAction::Undo))]),
    ("/users/{}", &[(Get, Endpoint::GetUser), (Patch, Endpoint::PatchUser), (Delete, Endpoint::EraseUser)]),
    ("/users/{}/search", &[(Get, Endpoint::SearchUser)]),
    ("/users/{}/sessions", &[(Get, Endpoint::ListUserSessions)]),
    ("/users/{}/sessions/latest", &[(Get, Endpoint::LatestUserSession)]),
    ("/users/{}/memory", MEMORY_OF_USER),
    ("/users/{}/memory/{}", ENTRY_OF_USER),
    ("/users/{}/memory/{}/undo", &[(Post, Endpoint::Memory(MemoryOf::User, MemoryAction::Undo))]),
    // Only where TEST_FAULTS is set.
    ("/__test/routes", &[(Get, Endpoint::Routes)]),
    ("/__test/costs", &[(Get, Endpoint::Costs)]),
    ("/__test/worker/{}", &[(Post, Endpoint::WorkerFault)]),
    ("/__test/sessions/{}/{}", &[(Post, Endpoint::SessionFault)]),
];

const fn memory(of: MemoryOf) -> [(Method, Endpoint); 2] {
    [(Get, Endpoint::Memory(of, MemoryAction::List)), (Delete, Endpoint::Memory(of, MemoryAction::Clear))]
}

const fn entry(of: MemoryOf) -> [(Method, Endpoint); 3] {
    [
        (Get, Endpoint::Memory(of, MemoryAction::Get)),
        (Put, Endpoint::Memory(of, MemoryAction::Put)),
        (Delete, Endpoint::Memory(of, MemoryAction::Delete)),
    ]
}

const MEMORY_OF_SESSION: &[(Method, Endpoint)] = &memory(MemoryOf::Session);
const MEMORY_OF_USER: &[(Method, Endpoint)] = &memory(MemoryOf::User);
const ENTRY_OF_SESSION: &[(Method, Endpoint)] = &entry(MemoryOf::Session);
const ENTRY_OF_USER: &[(Method, Endpoint)] = &entry(MemoryOf::User);

/// Answers a request, whatever becomes of it.
///
/// # Errors
/// Only when the platform cannot even make a response.
pub(crate) async fn serve(request: &web_sys::Request, env: &Env) -> Result<web_sys::Response, JsValue> {
    let (exchange, timed) = (Exchange::new(request), Timed::begin());
    let config = Config::from_env(env);
    let reply = match &config {
        Ok(config) => {
            let answered = timed.run(answer(request, env, config)).await;
            answered.unwrap_or_else(|problem| problem.into_reply(exchange.request_id()))
        }
        Err(error) => Problem::from(error.clone()).into_reply(exchange.request_id()),
    };
    let (config, status) = (config.as_ref().ok(), reply.status());
    let response = exchange.finish(reply.with_header("server-timing", timed.header()), config.map(|config| &config.cors))?;
    let provider = config.map(|config| config.model.provider.name());
    timed.log(&Summary { request_id: exchange.request_id(), method: &request.method(), status, provider });
    Ok(response)
}

/// 1. Find the path. 2. Find the method. 3. Find out who asks. 4. Do it.
async fn answer(raw: &web_sys::Request, env: &Env, config: &Config) -> Result<Reply, Problem> {
    let url = raw.url();
    let (path, query) = request::split_url(&url);
    let (pattern, endpoints, segments) = find(path, config.has_test_faults).ok_or_else(|| Problem::no_such_path(path))?;
    trace::note(|trace| trace.route.set(Some(pattern)));
    let method = raw.method();
    if method == "OPTIONS" {
        return Ok(Reply::options(endpoints.iter().map(|(method, _)| *method)));
    }
    let wanted = if method == "HEAD" { "GET" } else { &method };
    let (_, endpoint) = endpoints
        .iter()
        .find(|(method, _)| method.to_string() == wanted)
        .ok_or_else(|| Problem::method_not_allowed(&method, endpoints.iter().map(|(method, _)| *method)))?;
    let Known { caller, cookie } = auth::admit(*endpoint, raw, config).await?;
    let answered = match Request::new(raw, env, config, caller, &segments, query) {
        Ok(request) => dispatch(*endpoint, &request).await,
        Err(error) => Err(error.into()),
    };
    match cookie {
        // Whatever the answer: something may be this visitor's now.
        Some(cookie) => {
            answered.map(|reply| reply.with_header(COOKIE, cookie.clone())).map_err(|problem| problem.with_header(COOKIE, cookie))
        }
        None => answered,
    }
}

/// Tells a visitor who he is.
const COOKIE: &str = "set-cookie";

async fn dispatch(endpoint: Endpoint, request: &Request<'_>) -> Result<Reply, Problem> {
    match endpoint {
        Endpoint::Banner => Ok(own::service::banner()),
        Endpoint::Health => own::service::health(request).await,
        Endpoint::Personas => Ok(own::personas::list(request)),
        Endpoint::Chat => own::chat::chat(request).await,
        Endpoint::CreateSession => own::sessions::create(request).await,
        Endpoint::ListAllSessions => own::lists::all_sessions(request).await,
        Endpoint::GetStats => own::stats::get(request).await,
        Endpoint::CleanUpSessions => own::cleanup::clean_up(request).await,
        Endpoint::GetSession => own::sessions::get(request).await,
        Endpoint::PatchSession => own::sessions::patch(request).await,
        Endpoint::DeleteSession => own::sessions::delete(request).await,
        Endpoint::RestoreSession => own::sessions::restore(request).await,
        Endpoint::RenewSession => own::sessions::renew(request).await,
        Endpoint::ListMessages => own::messages::list(request).await,
        Endpoint::AppendMessages => own::messages::append(request).await,
        Endpoint::RemoveMessage => own::messages::remove(request).await,
        Endpoint::PopTurn => own::messages::pop(request).await,
        Endpoint::ListVersions => own::messages::versions(request).await,
        Endpoint::FollowEvents => own::turns::follow(request).await,
        Endpoint::StopTurn => own::turns::stop(request).await,
        Endpoint::Regenerate => own::turns::regenerate(request).await,
        Endpoint::ContinueAnswer => own::turns::go_on(request).await,
        Endpoint::EditMessage => own::turns::edit(request).await,
        Endpoint::GetTurn => own::turns::get(request).await,
        Endpoint::ForkSession => own::sessions::fork(request).await,
        Endpoint::ExportSession => own::transfer::export::export(request).await,
        Endpoint::ImportSession => own::transfer::import::import(request).await,
        Endpoint::Memory(of, action) => own::memory::answer(request, of, action).await,
        Endpoint::GetContext => own::context::get(request).await,
        Endpoint::SearchSession => own::search::in_session(request).await,
        Endpoint::GetUser => own::users::get(request).await,
        Endpoint::PatchUser => own::users::patch(request).await,
        Endpoint::EraseUser => own::users::erase(request).await,
        Endpoint::SearchUser => own::search::of_user(request).await,
        Endpoint::ListUserSessions => own::lists::user_sessions(request).await,
        Endpoint::LatestUserSession => own::lists::latest(request).await,
        Endpoint::Routes => Ok(own::service::routes(routes())),
        Endpoint::Costs => Ok(own::service::costs()),
        Endpoint::WorkerFault => own::service::worker_fault(request).await,
        Endpoint::SessionFault => own::service::session_fault(request).await,
    }
}

/// Every method of every path, and what it needs.
fn routes() -> impl Iterator<Item = (Method, &'static str, &'static str)> {
    let of_path = |(path, endpoints): &'static (&str, &[(Method, Endpoint)])| {
        endpoints.iter().map(|(method, endpoint)| (*method, *path, endpoint.need().name()))
    };
    ROUTES.iter().flat_map(of_path)
}

/// Where the routes that break things begin.
const TEST_ROUTES: &str = "/__test/";

type Found<'a> = (&'static str, &'static [(Method, Endpoint)], Vec<&'a str>);

/// The pattern that fits `path`, its endpoints, and what stands in the places of `{}`, still percent-encoded.
fn find(path: &str, has_test_faults: bool) -> Option<Found<'_>> {
    let exists = |pattern: &str| has_test_faults || !pattern.starts_with(TEST_ROUTES);
    ROUTES.iter().filter(|(pattern, _)| exists(pattern)).find_map(|(found, endpoints)| {
        let (mut pattern, mut path) = (found.split('/'), path.split('/'));
        let mut segments = Vec::new();
        loop {
            match (pattern.next(), path.next()) {
                (None, None) => return Some((*found, *endpoints, segments)),
                (Some("{}"), Some(segment)) if !segment.is_empty() => segments.push(segment),
                (Some(literal), Some(segment)) if literal == segment => {}
                _ => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_with_their_segments() {
        let cases: [(&str, Option<&[&str]>); 10] = [
            ("/", Some(&[])),
            ("/health", Some(&[])),
            ("/sessions", Some(&[])),
            ("/sessions/a%2Fb", Some(&["a%2Fb"])),
            ("/sessions/a/messages", Some(&["a"])),
            ("/sessions/", None),
            ("/sessions/a/", None),
            ("/sessions//messages", None),
            ("/nothing", None),
            ("", None),
        ];
        for (path, expected) in cases {
            assert_eq!(find(path, true).map(|(.., segments)| segments).as_deref(), expected, "{path:?}");
        }
    }

    #[test]
    fn literals_stand_before_placeholders() {
        for (index, (pattern, _)) in ROUTES.iter().enumerate() {
            let example = pattern.replace("{}", "x");
            let (_, endpoints, _) = find(&example, true).unwrap();
            assert_eq!(endpoints, ROUTES[index].1, "{pattern} is hidden by an earlier pattern");
        }
    }
}
