//! Every limit a client can run into, in one place, and the two rules that most texts share.

use std::time::Duration;

use crate::error::{Error, Result};

/// Largest request body, in bytes.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// How much of a body that is too large is read before the answer goes out, in bytes.
pub(crate) const BODY_DRAINED_BYTES: usize = 16 * 1024 * 1024;
/// Largest text of one message, and the most all arguments of its tool calls may take, in bytes of UTF-8 each.
pub(crate) const MESSAGE_BYTES: usize = 256 * 1024;
/// Largest metadata of a session or a message, in bytes of its JSON text.
pub(crate) const METADATA_BYTES: usize = 16 * 1024;
/// Longest id, of a session, a user or a tool call, in characters.
pub(crate) const ID_CHARACTERS: usize = 128;
/// Longest session title, in characters.
pub(crate) const TITLE_CHARACTERS: usize = 200;
/// Longest persona key or participant name, in characters.
pub(crate) const NAME_CHARACTERS: usize = 64;
/// Most personas of a deployment.
pub(crate) const PERSONAS: usize = 64;
/// Longest instructions of a persona, in bytes.
pub(crate) const PERSONA_BYTES: usize = 8 * 1024;
/// Most tags of a persona.
pub(crate) const PERSONA_TAGS: usize = 10;
/// Most messages in one append.
pub(crate) const APPEND_MESSAGES: usize = 1000;
/// Largest value of a memory, in bytes of its JSON text.
pub(crate) const MEMORY_BYTES: usize = 64 * 1024;
/// Most entries of a memory.
pub(crate) const MEMORY_ENTRIES: u64 = 1000;
/// Longest query of a search, in bytes.
pub(crate) const QUERY_BYTES: usize = 1024;
/// How far a search can be paged.
pub(crate) const SEARCH_OFFSET: u32 = 1000;
/// Most tool calls in one message.
pub(crate) const TOOL_CALLS: usize = 128;
/// Most items on one page.
pub(crate) const PAGE_ITEMS: u32 = 200;
/// Items on a page when the client names no limit.
pub(crate) const PAGE_ITEMS_DEFAULT: u32 = 50;
/// A page of messages ends early here, in bytes: a call between Worker and object carries 32 MiB at most, and a byte may
/// take twelve there.
pub(crate) const PAGE_BYTES: u64 = 2 * 1024 * 1024;
/// Largest stored message, in bytes. Durable Objects refuse rows of 2 MB; workerd on a laptop does not.
pub(crate) const ROW_BYTES: usize = 1_900_000;
/// Shortest idle timeout.
pub(crate) const IDLE_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// Longest idle timeout: 30 days.
pub(crate) const IDLE_TIMEOUT_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many of the newest messages a turn looks back on, and how many bytes of them.
pub(crate) const CONTEXT_MESSAGES: u32 = 1000;
/// See [`CONTEXT_MESSAGES`].
pub(crate) const CONTEXT_BYTES: usize = 1024 * 1024;
/// How many of the instructions before them it takes along.
pub(crate) const CONTEXT_INSTRUCTIONS: u32 = 20;
/// Most bytes that are read of a model's answer, its wire format included.
pub(crate) const MODEL_BYTES: usize = 16 * 1024 * 1024;
/// Most that a copy of a session begins with, in bytes of JSON: a call between Worker and object carries 32 MiB at most,
/// and a byte may take two there.
pub(crate) const COPY_BYTES: usize = 12 * 1024 * 1024;
/// What is read of a session at a time while it is exported, in messages and in bytes.
pub(crate) const EXPORT_PAGE: (u32, u64) = (1000, 256 * 1024);
/// Largest message, memory or member of an import, in bytes as it is written.
pub(crate) const IMPORT_ITEM_BYTES: usize = 4 * 1024 * 1024;
/// Largest import, in bytes.
pub(crate) const IMPORT_BYTES: usize = 256 * 1024 * 1024;
/// An import is sent to its object in calls of so many bytes, or a message more: they carry 32 MiB at most, and a byte
/// may take twelve there.
pub(crate) const IMPORT_CALL_BYTES: usize = 512 * 1024;
/// Largest list of tools for a turn, in bytes of its JSON text.
pub(crate) const TOOLS_BYTES: usize = 64 * 1024;
/// Longest token or key that a caller shows, in bytes.
pub(crate) const CREDENTIAL_BYTES: usize = 16 * 1024;
/// Largest set of keys that signatures of tokens are checked with, in bytes.
pub(crate) const KEY_SET_BYTES: usize = 256 * 1024;
/// Longest client-chosen request id, in characters.
pub(crate) const REQUEST_ID_CHARACTERS: usize = 128;

/// Accepts 1 to `max_characters` characters without control characters.
///
/// # Errors
/// `Invalid`, naming `field` and the rule.
pub(crate) fn check_label(field: &str, text: &str, max_characters: usize) -> Result<()> {
    if text.is_empty() || text.chars().count() > max_characters {
        return Err(Error::invalid(field, format!("must have 1 to {max_characters} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must not contain control characters"));
    }
    Ok(())
}

/// Accepts any text of up to `max_bytes` bytes that does not contain NUL, which SQLite's text functions stop at.
///
/// # Errors
/// `TooLarge` or `Invalid`, naming `field`.
pub(crate) fn check_body(field: &str, text: &str, max_bytes: usize) -> Result<()> {
    if text.len() > max_bytes {
        return Err(Error::TooLarge { field: field.to_owned(), limit_bytes: max_bytes });
    }
    if text.contains('\0') {
        return Err(Error::invalid(field, "must not contain NUL characters"));
    }
    Ok(())
}
