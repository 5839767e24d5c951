//! Requests that may be repeated: their key, what they ask, and the id of the session they begin.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::{
    domain::{
        caller::Owner,
        id::{Id, Repeatable, RequestKey, SessionId, UserId},
    },
    error::{Error, Result},
};

/// What a request that writes asks, and under which key.
pub(crate) struct Asked {
    key: Option<String>,
    path: String,
    body: Vec<u8>,
}

/// A key that names a session of nobody's has at least this many characters: who guesses it has the session.
const SECRET_CHARACTERS: usize = 16;

impl Asked {
    /// `key` as the header has it.
    pub(super) fn new(key: Option<String>, path: &str, body: Vec<u8>) -> Asked {
        Asked { key, path: path.to_owned(), body }
    }

    /// The request as one that may be repeated, if it has a key: `Idempotency-Key`, or else `other_key` of its body.
    ///
    /// # Errors
    /// `Invalid` when the key breaks a rule.
    pub(crate) fn repeatable(self, other_key: Option<(&str, String)>) -> Result<Option<Repeatable>> {
        let key = match (&self.key, other_key) {
            (Some(key), _) => Id::parse("Idempotency-Key", key)?,
            (None, Some((field, key))) => Id::parse(field, &key)?,
            (None, None) => return Ok(None),
        };
        Ok(Some(Repeatable { key, payload: self.digest() }))
    }

    /// Two requests ask the same when path and body are the same.
    fn digest(&self) -> String {
        hex(&Sha256::new().chain_update(&self.path).chain_update([0]).chain_update(&self.body).finalize())
    }
}

/// The id of the session that a request with a key begins: the same each time it is repeated.
///
/// # Errors
/// `Invalid` when the session would be nobody's and its key can be guessed.
pub(crate) fn session_id_of(key: &RequestKey, owner: &Owner) -> Result<SessionId> {
    let key = key.as_str();
    let hash = match owner {
        Owner::User(user) => Sha256::new().chain_update("user").chain_update([0]).chain_update(user.as_str()),
        Owner::Nobody if key.chars().count() < SECRET_CHARACTERS => {
            let rule = format!("must have at least {SECRET_CHARACTERS} characters to begin a session without user_id, such as a UUID");
            return Err(Error::invalid("Idempotency-Key", rule));
        }
        Owner::Nobody => Sha256::new().chain_update("nobody"),
    };
    Ok(derived_id(hash, key))
}

/// The id of the session that `owner` has one of under `name`: whoever begins it at the same time begins the same.
pub(crate) fn only_id_of(owner: &UserId, name: &str) -> SessionId {
    derived_id(Sha256::new().chain_update("only").chain_update([0]).chain_update(owner.as_str()), name)
}

/// The id of the copy that a request with a key makes of session `source`: the same each time it is repeated.
pub(crate) fn fork_id_of(request: &Repeatable, source: &SessionId) -> SessionId {
    derived_id(Sha256::new().chain_update("fork").chain_update([0]).chain_update(source.as_str()), request.key.as_str())
}

fn derived_id(hash: Sha256, key: &str) -> SessionId {
    let digest = hash.chain_update([0]).chain_update(key).finalize();
    let mut random = [0; 8];
    random.iter_mut().zip(digest.iter()).for_each(|(random, byte)| *random = *byte);
    SessionId::from_random(random)
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
