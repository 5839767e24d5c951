//! The dialect of the GenAI platform's Session Service: its RPCs as unary calls of the Connect protocol, over HTTP/1.1.
//!
//! Service and messages are those of its proto file, under both names that it has had: `sessions.SessionService`, and
//! `proto.SessionService`, whose `GetOrCreateSession` answers a flat session and which has no `ListSessions`. gRPC itself
//! needs trailers of HTTP/2, which a Worker cannot send. No streams, no `GET`, no compression.
//!
//! | where dialects differ | here |
//! |---|---|
//! | bodies | `application/json` or `application/proto`; the answer is like the call. Errors are JSON always |
//! | errors | `{"code", "message", "details"}` with Connect's statuses, not `INTERNAL` for everything; `reason` in the details is the code of our own dialect (`status`). A lost instance answers 503 in our own words, which clients take for `unavailable` |
//! | `GetOrCreateSession` | an unknown id is created; a known one is the caller's, or `already_exists`: never somebody else's. Ids of ours are `session_` and 16 hex digits, not UUIDs |
//! | ids that break our rules, empty ones where one is needed | `invalid_argument` |
//! | user `""` or `default_user` | nobody, or the caller itself where that is one user. Nobody has no list, and no memory but of sessions: reading gives nothing, `SaveMemory` is `invalid_argument` |
//! | unknown session | `GetMessages` and `GetMemory` give nothing, `DeleteSession` and `DeleteMemory` `success: false`, `AddMessages` `not_found`; `SaveMemory` creates it for its user |
//! | somebody else's | as unknown; `SaveMemory` in it is `already_exists`. A user whom the caller may not act for is `not_found`, also where an unknown one has nothing |
//! | times | `int64`, Unix milliseconds in UTC. `updated_at` is the last write. A message's `timestamp` is when it was taken; what a client says there is ignored |
//! | messages | roles are checked, `name` is kept, `content` null and `""` are different. Null, and `""` of users and systems, are refused where every provider would refuse them. A result without an open call is `failed_precondition`; a call without its result is closed with a stub, which counts in `total_count` |
//! | `limit`, `offset` | oldest first, from the oldest; 0 is no limit, negative `invalid_argument`. An answer ends at 8 MiB; `total_count` tells that there is more |
//! | `strategy` | `recent`: counted from the newest, in their order. `truncate`, `summarize`, `hierarchical`: what a model would be told (`history/reading`). Others are `invalid_argument` |
//! | lists | latest activity first, at most 1,000 |
//! | memory without session | the user's alone. Its values are JSON, or `invalid_argument`; more than 8 MiB in one answer is `resource_exhausted` |
//! | `DeleteSession` | also what is remembered in the session |
//! | `ClearUserMemory` | the user's memory, and that of each living session of the user, which is a write to it. Calls for each, so it takes as long as there are sessions |
//! | repeated calls | with `Idempotency-Key` `GetOrCreateSession`, `AddMessages`, `SaveMemory` and `DeleteMemory` are done once and answered the same; without it nothing tells a repeated `AddMessages` from another one. `DeleteSession` and `ClearUserMemory` take no key: again they find nothing |
//! | expiry, most sessions of a user | the deployment's |

mod codec;
mod json;
mod wire;
mod status;
mod sessions;
mod history;
mod memory;

use crate::{
    domain::{
        caller::Scope,
        id::{Id, UserId},
    },
    error,
    http::{
        Method::{self, Post},
        auth::Need,
        begin::is_nobody,
        dialect::{Dialect, Route},
        problem::Problem,
        request::Request,
        response::Reply,
    },
};

/// The dialect.
pub(super) struct Connect;

/// An RPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rpc {
    GetOrCreateSession,
    GetOrCreateFlatSession,
    ListSessions,
    AddMessages,
    GetMessages,
    DeleteSession,
    SaveMemory,
    GetMemory,
    DeleteMemory,
    ClearUserMemory,
}

/// Every path; of the new generation, then of the old.
const ROUTES: &[Route<Rpc>] = &[
    ("/sessions.SessionService/GetOrCreateSession", &[(Post, Rpc::GetOrCreateSession)]),
    ("/sessions.SessionService/ListSessions", &[(Post, Rpc::ListSessions)]),
    ("/sessions.SessionService/AddMessages", ADD_MESSAGES),
    ("/sessions.SessionService/GetMessages", GET_MESSAGES),
    ("/sessions.SessionService/DeleteSession", DELETE_SESSION),
    ("/sessions.SessionService/SaveMemory", SAVE_MEMORY),
    ("/sessions.SessionService/GetMemory", GET_MEMORY),
    ("/sessions.SessionService/DeleteMemory", DELETE_MEMORY),
    ("/sessions.SessionService/ClearUserMemory", CLEAR_USER_MEMORY),
    ("/proto.SessionService/GetOrCreateSession", &[(Post, Rpc::GetOrCreateFlatSession)]),
    ("/proto.SessionService/AddMessages", ADD_MESSAGES),
    ("/proto.SessionService/GetMessages", GET_MESSAGES),
    ("/proto.SessionService/DeleteSession", DELETE_SESSION),
    ("/proto.SessionService/SaveMemory", SAVE_MEMORY),
    ("/proto.SessionService/GetMemory", GET_MEMORY),
    ("/proto.SessionService/DeleteMemory", DELETE_MEMORY),
    ("/proto.SessionService/ClearUserMemory", CLEAR_USER_MEMORY),
];

const ADD_MESSAGES: &[(Method, Rpc)] = &[(Post, Rpc::AddMessages)];
const GET_MESSAGES: &[(Method, Rpc)] = &[(Post, Rpc::GetMessages)];
const DELETE_SESSION: &[(Method, Rpc)] = &[(Post, Rpc::DeleteSession)];
const SAVE_MEMORY: &[(Method, Rpc)] = &[(Post, Rpc::SaveMemory)];
const GET_MEMORY: &[(Method, Rpc)] = &[(Post, Rpc::GetMemory)];
const DELETE_MEMORY: &[(Method, Rpc)] = &[(Post, Rpc::DeleteMemory)];
const CLEAR_USER_MEMORY: &[(Method, Rpc)] = &[(Post, Rpc::ClearUserMemory)];

impl Dialect for Connect {
    type Endpoint = Rpc;

    const ROUTES: &'static [Route<Rpc>] = ROUTES;
    const PREFIXES: &'static [&'static str] = &["/sessions.SessionService/", "/proto.SessionService/"];

    fn need(rpc: Rpc) -> Need {
        match rpc {
            Rpc::ListSessions | Rpc::GetMessages | Rpc::GetMemory => Need::Scope(Scope::Read),
            Rpc::GetOrCreateSession
            | Rpc::GetOrCreateFlatSession
            | Rpc::AddMessages
            | Rpc::DeleteSession
            | Rpc::SaveMemory
            | Rpc::DeleteMemory
            | Rpc::ClearUserMemory => Need::Scope(Scope::Chat),
        }
    }

    async fn answer(rpc: Rpc, request: &Request<'_>) -> Result<Reply, Problem> {
        match rpc {
            Rpc::GetOrCreateSession => codec::unary(request, sessions::get_or_create).await,
            Rpc::GetOrCreateFlatSession => codec::unary(request, sessions::get_or_create_flat).await,
            Rpc::ListSessions => codec::unary(request, sessions::list).await,
            Rpc::AddMessages => codec::unary(request, history::add).await,
            Rpc::GetMessages => codec::unary(request, history::get).await,
            Rpc::DeleteSession => codec::unary(request, sessions::delete).await,
            Rpc::SaveMemory => codec::unary(request, memory::save).await,
            Rpc::GetMemory => codec::unary(request, memory::get).await,
            Rpc::DeleteMemory => codec::unary(request, memory::delete).await,
            Rpc::ClearUserMemory => codec::unary(request, memory::clear).await,
        }
    }

    fn refuse(problem: Problem, _request_id: &str) -> Reply {
        status::refuse(problem)
    }
}

/// Whom a client names: nobody, or the caller itself where that is one user.
///
/// # Errors
/// `Invalid` when the id breaks a rule; `NotFound` when the caller may not act for that user.
fn user_of(request: &Request<'_>, user_id: &str) -> error::Result<Option<UserId>> {
    if is_nobody(user_id) {
        return Ok(request.caller().one_user().cloned());
    }
    let user = Id::parse("user_id", user_id)?;
    request.caller().acting_for(Some(&user)).map(|_| Some(user))
}

/// A number as the messages have them.
fn count(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
