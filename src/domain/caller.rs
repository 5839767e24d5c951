//! Who asks, and whose a session is.
//!
//! Every use case takes a [`Caller`]. What may be seen depends on a session's [`Owner`] alone, never on the
//! `user_id` its client gave it, which is a label. How a caller is recognised is the HTTP edge's business.

use crate::domain::id::UserId;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// `AUTH_MODE=open`: anyone. May name the user it acts for; then it sees that user's sessions and nobody's.
    Open {
        /// The user it acts for.
        acting_for: Option<UserId>,
    },
}

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A user's: on that user's list.
    User(UserId),
    /// Nobody's: whoever knows its id.
    Nobody,
}

impl Caller {
    /// The same caller, acting for `user` if it names one.
    #[must_use]
    pub(crate) fn acting_for(&self, user: Option<&UserId>) -> Caller {
        match self {
            Caller::Open { acting_for } => Caller::Open { acting_for: user.or(acting_for.as_ref()).cloned() },
        }
    }

    /// May it see and change what belongs to `owner`?
    pub(crate) fn may_use(&self, owner: &Owner) -> bool {
        match (self, owner) {
            (Caller::Open { .. }, Owner::Nobody) | (Caller::Open { acting_for: None }, Owner::User(_)) => true,
            (Caller::Open { acting_for: Some(caller) }, Owner::User(owner)) => caller == owner,
        }
    }

    /// Whose a session is that it creates.
    pub(crate) fn owner_of_new(&self) -> Owner {
        match self {
            Caller::Open { acting_for: Some(user) } => Owner::User(user.clone()),
            Caller::Open { acting_for: None } => Owner::Nobody,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_caller_sees_everything_until_it_names_a_user() {
        let user = |name: &str| UserId::parse("user_id", name).unwrap();
        let anyone = Caller::Open { acting_for: None };
        let (ann, bob) = (anyone.acting_for(Some(&user("ann"))), anyone.acting_for(Some(&user("bob"))));
        let cases = [
            (&anyone, Owner::Nobody, true),
            (&anyone, Owner::User(user("ann")), true),
            (&ann, Owner::Nobody, true),
            (&ann, Owner::User(user("ann")), true),
            (&bob, Owner::User(user("ann")), false),
        ];
        for (caller, owner, expected) in cases {
            assert_eq!(caller.may_use(&owner), expected, "{caller:?} uses {owner:?}");
        }
        assert_eq!(ann.owner_of_new(), Owner::User(user("ann")));
        assert_eq!(anyone.owner_of_new(), Owner::Nobody);
    }
}
