//! What an endpoint can need of its caller. What each needs is said beside its path; whose sessions and users these may be
//! is not decided here.

use crate::domain::caller::Scope;

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
