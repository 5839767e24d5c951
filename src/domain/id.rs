//! Ids of sessions and users, keys of requests and memories: any text of 1 to 128 characters that can be part of a URL path.

use std::{fmt, marker::PhantomData};

use crate::{
    error::{Error, Result},
    limits,
};

/// An id that has passed the rules. `Kind` only keeps the kinds apart.
pub(crate) struct Id<Kind>(String, PhantomData<Kind>);

/// Marks ids of sessions.
pub(crate) enum OfSession {}
/// Marks ids of users.
pub(crate) enum OfUser {}

/// Marks keys of memories.
pub(crate) enum OfMemory {}

/// Marks keys of requests.
pub(crate) enum OfRequest {}

/// Names a session.
pub(crate) type SessionId = Id<OfSession>;
/// Names a user.
pub(crate) type UserId = Id<OfUser>;

/// Names something remembered.
pub(crate) type MemoryKey = Id<OfMemory>;

/// Names a request, so that it can be repeated without being done twice.
pub(crate) type RequestKey = Id<OfRequest>;

/// A request that its client may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeatable {
    /// The client's name for it.
    pub(crate) key: RequestKey,
    /// A digest of what it asks: a repetition asks the same.
    pub(crate) payload: String,
}

/// Words that stand in a path where a session id could: no session may be called so.
const RESERVED: [&str; 5] = ["active", "cleanup", "continue", "import", "stats"];

/// What the ids of visitors begin with.
const VISITOR: &str = "visitor_";

impl<Kind> Id<Kind> {
    /// Reads an id that came from outside. `field` is named in the error.
    ///
    /// # Errors
    /// `Invalid` when it is empty, longer than 128 characters, or cannot be part of a path.
    pub(crate) fn parse(field: &str, text: &str) -> Result<Id<Kind>> {
        limits::check_label(field, text, limits::ID_CHARACTERS)?;
        if matches!(text, "." | "..") {
            return Err(Error::invalid(field, "must not be \".\" or \"..\": no URL can name it"));
        }
        Ok(Id(text.to_owned(), PhantomData))
    }

    /// The id as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl SessionId {
    /// An id of our own: `session_` and 16 hexadecimal digits.
    pub(crate) fn from_random(random: [u8; 8]) -> SessionId {
        Id(format!("session_{:016x}", u64::from_be_bytes(random)), PhantomData)
    }

    /// Reads an id that a client chose for a new session.
    ///
    /// # Errors
    /// As [`Id::parse`]; also when the word is one of our paths.
    pub(crate) fn parse_chosen(field: &str, text: &str) -> Result<SessionId> {
        if RESERVED.contains(&text) {
            return Err(Error::invalid(field, format!("must not be one of {}: they are paths of this API", RESERVED.join(", "))));
        }
        Id::parse(field, text)
    }
}

impl UserId {
    /// The id of a visitor whom nobody has named: `visitor_` and 32 hexadecimal digits.
    pub(crate) fn from_random(random: [u8; 16]) -> UserId {
        Id(format!("{VISITOR}{:032x}", u128::from_be_bytes(random)), PhantomData)
    }

    /// Could it be a visitor's?
    pub(crate) fn is_visitor(&self) -> bool {
        self.0.starts_with(VISITOR)
    }
}

// Derives would ask the same of `Kind`, which has no values.
impl<Kind> Clone for Id<Kind> {
    fn clone(&self) -> Self {
        Id(self.0.clone(), PhantomData)
    }
}
impl<Kind> PartialEq for Id<Kind> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Kind> Eq for Id<Kind> {}
impl<Kind> fmt::Debug for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_1_to_128_characters_that_a_path_can_hold() {
        let long = "x".repeat(128);
        let wide = "🦀".repeat(128);
        for good in ["a", "John Doe", "a/b", "100%", "ünï", ".a", "...", long.as_str(), wide.as_str()] {
            assert!(SessionId::parse("session_id", good).is_ok(), "{good:?}");
        }
        let too_long = "x".repeat(129);
        for bad in ["", ".", "..", "a\nb", "\0", "\u{7f}", "\u{9f}", too_long.as_str()] {
            assert!(SessionId::parse("session_id", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_session_cannot_be_called_like_a_path() {
        for word in RESERVED {
            assert!(SessionId::parse_chosen("session_id", word).is_err(), "{word}");
            assert!(UserId::parse("user_id", word).is_ok(), "{word}");
        }
    }

    #[test]
    fn own_ids_are_session_and_16_hex_digits() {
        assert_eq!(SessionId::from_random([0, 0, 0, 0, 0, 0, 1, 0xab]).as_str(), "session_00000000000001ab");
        assert_eq!(SessionId::from_random([0xff; 8]).as_str(), "session_ffffffffffffffff");
    }

    #[test]
    fn visitors_are_told_by_their_ids() {
        let visitor = UserId::from_random([0xab; 16]);
        assert_eq!(visitor.as_str(), "visitor_abababababababababababababababab");
        for (id, expected) in [(visitor.as_str(), true), ("visitor_", true), ("visitor", false), ("Visitor_1", false), ("ann", false)] {
            assert_eq!(UserId::parse("user_id", id).unwrap().is_visitor(), expected, "{id}");
        }
    }
}
