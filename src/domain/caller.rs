//! Who asks, what for, and whose a session is.
//!
//! Every use case takes a [`Caller`]. What may be seen depends on a session's [`Owner`] alone, never on the
//! `user_id` its client gave it, which is a label. How a caller is recognised is the HTTP edge's business.

use crate::{
    domain::id::UserId,
    error::{Error, Result, Subject},
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// `AUTH_MODE=open`: anyone. May name the user it acts for; then it sees that user's sessions and nobody's.
    Open {
        /// The user it acts for.
        acting_for: Option<UserId>,
    },
    /// A service with a key. The same, but for visitors.
    Service {
        /// The user it acts for.
        acting_for: Option<UserId>,
        /// May it reach what belongs to anonymous visitors?
        has_visitors: bool,
    },
    /// An end user or a visitor: acts for itself alone, and sees nothing that is nobody's.
    User(UserId),
}

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Read sessions, users and memory.
    Read,
    /// Everything with sessions, users and memory.
    Chat,
    /// What concerns all sessions at once, and nothing else.
    Admin,
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
    ///
    /// # Errors
    /// `NotFound` when it may not, whether there is such a user or not.
    pub(crate) fn acting_for(&self, user: Option<&UserId>) -> Result<Caller> {
        let Some(user) = user else { return Ok(self.clone()) };
        match self {
            Caller::Open { .. } => Ok(Caller::Open { acting_for: Some(user.clone()) }),
            Caller::Service { has_visitors, .. } if *has_visitors || !user.is_visitor() => {
                Ok(Caller::Service { acting_for: Some(user.clone()), has_visitors: *has_visitors })
            }
            Caller::User(own) if own == user => Ok(self.clone()),
            Caller::Service { .. } | Caller::User(_) => Err(Error::NotFound(Subject::User)),
        }
    }

    /// The user that it is, if it is one and no other.
    pub(crate) fn one_user(&self) -> Option<&UserId> {
        match self {
            Caller::User(user) => Some(user),
            Caller::Open { .. } | Caller::Service { .. } => None,
        }
    }

    /// May it see and change what belongs to `owner`?
    pub(crate) fn may_use(&self, owner: &Owner) -> bool {
        match (self, owner) {
            (Caller::User(_), Owner::Nobody) => false,
            (Caller::User(own), Owner::User(owner)) => own == owner,
            (Caller::Open { .. } | Caller::Service { .. }, Owner::Nobody) => true,
            (Caller::Service { has_visitors: false, .. }, Owner::User(owner)) if owner.is_visitor() => false,
            (Caller::Open { acting_for } | Caller::Service { acting_for, .. }, Owner::User(owner)) => {
                acting_for.as_ref().is_none_or(|user| user == owner)
            }
        }
    }

    /// Whose a session is that it creates.
    pub(crate) fn owner_of_new(&self) -> Owner {
        let user = match self {
            Caller::Open { acting_for } | Caller::Service { acting_for, .. } => acting_for.as_ref(),
            Caller::User(user) => Some(user),
        };
        user.map_or(Owner::Nobody, |user| Owner::User(user.clone()))
    }
}

impl Scope {
    /// All there are.
    pub(crate) const ALL: [Scope; 3] = [Scope::Read, Scope::Chat, Scope::Admin];

    /// Its name, for configuration and clients.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Chat => "chat",
            Scope::Admin => "admin",
        }
    }

    /// Does who has it have `needed`, too?
    pub(crate) fn covers(self, needed: Scope) -> bool {
        self == needed || (self == Scope::Chat && needed == Scope::Read)
    }
}

impl Owner {
    /// The user it is, if it is one.
    pub(crate) fn user(&self) -> Option<&UserId> {
        match self {
            Owner::User(user) => Some(user),
            Owner::Nobody => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::parse("user_id", name).unwrap()
    }

    #[test]
    fn callers_use_what_is_theirs() {
        let open = Caller::Open { acting_for: None };
        let service = Caller::Service { acting_for: None, has_visitors: false };
        let eraser = Caller::Service { acting_for: None, has_visitors: true };
        let (ann, visitor) = (Caller::User(user("ann")), Caller::User(user("visitor_1")));
        let for_bob = |caller: &Caller| caller.acting_for(Some(&user("bob"))).unwrap();
        let owners = [Owner::Nobody, Owner::User(user("ann")), Owner::User(user("bob")), Owner::User(user("visitor_1"))];
        let cases = [
            (open.clone(), [true, true, true, true]),
            (for_bob(&open), [true, false, true, false]),
            (service.clone(), [true, true, true, false]),
            (for_bob(&service), [true, false, true, false]),
            (eraser.clone(), [true, true, true, true]),
            (for_bob(&eraser), [true, false, true, false]),
            (ann, [false, true, false, false]),
            (visitor, [false, false, false, true]),
        ];
        for (caller, expected) in cases {
            assert_eq!(owners.each_ref().map(|owner| caller.may_use(owner)), expected, "{caller:?} uses {owners:?}");
        }
    }

    #[test]
    fn callers_act_for_whom_they_may_and_what_they_create_is_that_users() {
        let open = Caller::Open { acting_for: None };
        let service = |has_visitors| Caller::Service { acting_for: None, has_visitors };
        let missing = Err(Error::NotFound(Subject::User));
        let owned = |name: &str| Ok(Owner::User(user(name)));
        let cases = [
            (open.clone(), None, Ok(Owner::Nobody)),
            (open.clone(), Some("visitor_1"), owned("visitor_1")),
            (service(false), None, Ok(Owner::Nobody)),
            (service(false), Some("ann"), owned("ann")),
            (service(false), Some("visitor_1"), missing.clone()),
            (service(true), Some("visitor_1"), owned("visitor_1")),
            (Caller::User(user("ann")), None, owned("ann")),
            (Caller::User(user("ann")), Some("ann"), owned("ann")),
            (Caller::User(user("ann")), Some("bob"), missing),
        ];
        for (caller, named, expected) in cases {
            let named = named.map(user);
            let acting = caller.acting_for(named.as_ref());
            assert_eq!(acting.map(|acting| acting.owner_of_new()), expected, "{caller:?} for {named:?}");
        }
    }

    #[test]
    fn chat_covers_reading_and_admin_nothing_else() {
        let covered = Scope::ALL.map(|scope| Scope::ALL.map(|needed| scope.covers(needed)));
        assert_eq!(covered, [[true, false, false], [true, true, false], [false, false, true]]);
    }
}
