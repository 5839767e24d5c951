//! What each endpoint needs of its caller, on one page. Whose sessions and users these may be, is not decided here.

use crate::{
    domain::caller::Scope,
    http::{Endpoint, MemoryAction},
};

/// What a caller must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Need {
    /// Nothing: anybody may ask, whoever that is.
    Nothing,
    /// Any scope at all.
    AnyScope,
    /// This one, or one that covers it.
    Scope(Scope),
}

impl Need {
    /// Its name, for tests.
    pub(in crate::http) const fn name(self) -> &'static str {
        match self {
            Need::Nothing => "nothing",
            Need::AnyScope => "any",
            Need::Scope(scope) => scope.name(),
        }
    }
}

impl Endpoint {
    /// What its caller must have.
    pub(in crate::http) const fn need(self) -> Need {
        match self {
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
}
