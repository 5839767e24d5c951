//! The paths of our own dialect, on one page: what each stands for, what its caller needs, and who answers.

use super::{
    chat, context, lists, memory, messages, personas, search,
    service::{self, cleanup, stats, testing},
    sessions, transfer, turns, users,
};
use crate::{
    domain::caller::Scope,
    http::{
        Method::{self, Delete, Get, Patch, Post, Put},
        auth::Need,
        dialect::{Dialect, Route},
        problem::Problem,
        request::Request,
        response::Reply,
    },
};

/// Our own dialect. Every path that no other dialect claims is its.
pub(in crate::http) struct Own;

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
pub(crate) enum Endpoint {
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

/// Every path. `{}` stands for one segment, percent-encoded. The first pattern that fits decides, so literal
/// segments stand before `{}`.
const ROUTES: &[Route<Endpoint>] = &[
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

impl Dialect for Own {
    type Endpoint = Endpoint;

    const ROUTES: &'static [Route<Endpoint>] = ROUTES;
    const PREFIXES: &'static [&'static str] = &[""];

    fn need(endpoint: Endpoint) -> Need {
        match endpoint {
            // It tells nothing about anybody.
            Endpoint::Health => Need::Nothing,
            // They are there for tests alone.
            Endpoint::Routes | Endpoint::Costs | Endpoint::WorkerFault | Endpoint::SessionFault => Need::Nothing,
            Endpoint::Banner | Endpoint::Personas => Need::AnyScope,
            Endpoint::ListAllSessions | Endpoint::GetStats | Endpoint::CleanUpSessions => Need::Scope(Scope::Admin),
            Endpoint::GetSession
            | Endpoint::ListMessages
            | Endpoint::ListVersions
            | Endpoint::FollowEvents
            | Endpoint::GetTurn
            | Endpoint::ExportSession
            | Endpoint::Memory(_, MemoryAction::List | MemoryAction::Get)
            | Endpoint::GetContext
            | Endpoint::SearchSession
            | Endpoint::GetUser
            | Endpoint::SearchUser
            | Endpoint::ListUserSessions
            | Endpoint::LatestUserSession => Need::Scope(Scope::Read),
            Endpoint::Chat
            | Endpoint::CreateSession
            | Endpoint::PatchSession
            | Endpoint::DeleteSession
            | Endpoint::RestoreSession
            | Endpoint::RenewSession
            | Endpoint::AppendMessages
            | Endpoint::RemoveMessage
            | Endpoint::PopTurn
            | Endpoint::StopTurn
            | Endpoint::Regenerate
            | Endpoint::ContinueAnswer
            | Endpoint::EditMessage
            | Endpoint::ForkSession
            | Endpoint::ImportSession
            | Endpoint::Memory(_, MemoryAction::Clear | MemoryAction::Put | MemoryAction::Delete | MemoryAction::Undo)
            | Endpoint::PatchUser
            | Endpoint::EraseUser => Need::Scope(Scope::Chat),
        }
    }

    async fn answer(endpoint: Endpoint, request: &Request<'_>) -> Result<Reply, Problem> {
        match endpoint {
            Endpoint::Banner => Ok(service::banner()),
            Endpoint::Health => service::health(request).await,
            Endpoint::Personas => Ok(personas::list(request)),
            Endpoint::Chat => chat::chat(request).await,
            Endpoint::CreateSession => sessions::create(request).await,
            Endpoint::ListAllSessions => lists::all_sessions(request).await,
            Endpoint::GetStats => stats::get(request).await,
            Endpoint::CleanUpSessions => cleanup::clean_up(request).await,
            Endpoint::GetSession => sessions::get(request).await,
            Endpoint::PatchSession => sessions::patch(request).await,
            Endpoint::DeleteSession => sessions::delete(request).await,
            Endpoint::RestoreSession => sessions::restore(request).await,
            Endpoint::RenewSession => sessions::renew(request).await,
            Endpoint::ListMessages => messages::list(request).await,
            Endpoint::AppendMessages => messages::append(request).await,
            Endpoint::RemoveMessage => messages::remove(request).await,
            Endpoint::PopTurn => messages::pop(request).await,
            Endpoint::ListVersions => messages::versions(request).await,
            Endpoint::FollowEvents => turns::follow(request).await,
            Endpoint::StopTurn => turns::stop(request).await,
            Endpoint::Regenerate => turns::regenerate(request).await,
            Endpoint::ContinueAnswer => turns::go_on(request).await,
            Endpoint::EditMessage => turns::edit(request).await,
            Endpoint::GetTurn => turns::get(request).await,
            Endpoint::ForkSession => sessions::fork(request).await,
            Endpoint::ExportSession => transfer::export::export(request).await,
            Endpoint::ImportSession => transfer::import::import(request).await,
            Endpoint::Memory(of, action) => memory::answer(request, of, action).await,
            Endpoint::GetContext => context::get(request).await,
            Endpoint::SearchSession => search::in_session(request).await,
            Endpoint::GetUser => users::get(request).await,
            Endpoint::PatchUser => users::patch(request).await,
            Endpoint::EraseUser => users::erase(request).await,
            Endpoint::SearchUser => search::of_user(request).await,
            Endpoint::ListUserSessions => lists::user_sessions(request).await,
            Endpoint::LatestUserSession => lists::latest(request).await,
            Endpoint::Routes => Ok(testing::routes(crate::http::routes())),
            Endpoint::Costs => Ok(testing::costs()),
            Endpoint::WorkerFault => testing::worker_fault(request).await,
            Endpoint::SessionFault => testing::session_fault(request).await,
        }
    }

    fn refuse(problem: Problem, request_id: &str) -> Reply {
        problem.into_reply(request_id)
    }
}
