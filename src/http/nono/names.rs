//! What users are called, and whose their sessions are.
//!
//! A name never gives anybody what belongs to somebody else; that is decided where the sessions are.

use crate::{
    domain::{
        caller::{Caller, Owner},
        id::{SessionId, UserId},
    },
    error::{Error, Result},
    http::{
        begin::{NOBODY, is_nobody},
        request::Request,
    },
    user::client::{self, Filter, Listed},
};

/// A user as a client names it.
pub(super) struct Named {
    /// Who asks, acting for that user where it may choose.
    pub(super) caller: Caller,
    /// The name; `None`: nobody's.
    pub(super) label: Option<UserId>,
}

impl Named {
    /// The user that the client calls `name`.
    ///
    /// # Errors
    /// `Invalid`; `NotFound` when the caller may not act for that user.
    pub(super) fn of(request: &Request<'_>, name: &str) -> Result<Named> {
        let label = if is_nobody(name) { None } else { Some(UserId::parse("user_id", name)?) };
        let caller = request.caller();
        let acts_for = if caller.one_user().is_some() { None } else { label.as_ref() };
        Ok(Named { caller: caller.acting_for(acts_for)?, label })
    }

    /// Sessions that are called so. Who is one user alone has some under other names, and under none those that nobody named.
    pub(super) fn only(&self) -> Filter {
        let called = |own: &UserId| self.label.as_ref().unwrap_or(own).as_str().to_owned();
        Filter { user_id: self.caller.one_user().map(called), ..Filter::default() }
    }

    /// The same, but that who is one user alone means all that it has, by no name or its own.
    pub(super) fn or_all(&self) -> Filter {
        let is_all = self.label.is_none() || self.label.as_ref() == self.caller.one_user();
        if is_all { Filter::default() } else { self.only() }
    }

    /// Those of that user's sessions that `filter` lets through, the latest first. What is nobody's is on no list.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(super) async fn sessions(&self, request: &Request<'_>, limit: u32, filter: Filter) -> Result<Vec<Listed>> {
        let Owner::User(owner) = self.caller.owner_of_new() else { return Ok(Vec::new()) };
        client::list(request.env(), &owner, limit, None, filter).await
    }
}

/// A name with look-alikes of what would end a string, a tag, or a part of a URL.
pub(super) fn harmless(name: &str) -> String {
    let harmless = |c| match c {
        '<' => '\u{2039}',
        '>' => '\u{203a}',
        '\'' => '\u{2019}',
        '"' => '\u{201d}',
        '`' => '\u{2cb}',
        '&' => '\u{ff06}',
        '\\' => '\u{ff3c}',
        '/' => '\u{2215}',
        '?' => '\u{ff1f}',
        '#' => '\u{ff03}',
        '%' => '\u{ff05}',
        '+' => '\u{ff0b}',
        other => other,
    };
    name.chars().map(harmless).collect()
}

/// Can a page write it anywhere as it is?
pub(super) fn is_harmless(id: &str) -> bool {
    harmless(id) == id
}

/// The id of a session that is to begin.
///
/// # Errors
/// `Invalid` when no session may be called so.
pub(super) fn parse_new_id(text: &str) -> Result<SessionId> {
    if !is_harmless(text) {
        return Err(Error::invalid("session_id", "must not contain quotes or any of < > & \\ / ? # % +"));
    }
    SessionId::parse_chosen("session_id", text)
}

/// What a page calls the user of a session.
pub(super) fn shown(label: Option<&str>) -> String {
    harmless(label.unwrap_or(NOBODY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_readable_and_break_out_of_nothing() {
        let cases = [
            ("John Doe", "John Doe"),
            ("user_1697_b", "user_1697_b"),
            ("O'Neil", "O\u{2019}Neil"),
            ("<b>&\"`\\", "\u{2039}b\u{203a}\u{ff06}\u{201d}\u{2cb}\u{ff3c}"),
            ("a/b?c#d%e+f", "a\u{2215}b\u{ff1f}c\u{ff03}d\u{ff05}e\u{ff0b}f"),
            ("", ""),
            ("\u{fc}n\u{ef}", "\u{fc}n\u{ef}"),
        ];
        for (name, expected) in cases {
            assert_eq!(harmless(name), expected, "{name}");
            assert!(is_harmless(expected));
        }
        assert_eq!(shown(None), "default_user");
    }

    #[test]
    fn new_ids_are_harmless() {
        for (id, expected) in [("session_John Doe_1", true), ("a'b", false), ("a+b", false), ("active", false), ("", false)] {
            assert_eq!(parse_new_id(id).is_ok(), expected, "{id}");
        }
    }
}
