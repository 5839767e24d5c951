//! What is remembered, of a session or of a user, and the user who is remembered.

use super::operation::{Operation, number, text};
use crate::{
    error::{Error, Subject},
    http::own::{
        memory::{EntryJson, ForgottenJson, PageJson, PutBody, UndoneJson},
        routes::MemoryOf,
        users::{ErasedJson, PatchBody, UserJson},
    },
    limits,
};

const TAG: &str = "Memory";

/// An operation that sessions and users have alike.
fn alike(of: MemoryOf, action: &str, summary: &str) -> Operation {
    let (name, whose) = match of {
        MemoryOf::Session => ("Session", "a session"),
        MemoryOf::User => ("User", "a user"),
    };
    Operation::new(TAG, format!("{action}Of{name}"), summary.replace("{}", whose))
}

pub(super) fn list(of: MemoryOf) -> Operation {
    alike(of, "listMemory", "What is remembered of {}")
        .about("In the order of the keys.")
        .query("prefix", text(), "Only keys that begin with this.")
        .query("limit", number(1..=limits::PAGE_ITEMS, limits::PAGE_ITEMS_DEFAULT), "Most entries of a page.")
        .query("cursor", text(), "The `next_cursor` of the page before.")
        .gives::<PageJson<'_>>(200, "A page.")
}

pub(super) fn clear(of: MemoryOf) -> Operation {
    alike(of, "clearMemory", "Forget everything of {}")
        .about("For good: it cannot be undone.")
        .gives::<ForgottenJson>(200, "How many entries went.")
}

pub(super) fn get(of: MemoryOf) -> Operation {
    alike(of, "getMemory", "One thing remembered of {}")
        .gives::<EntryJson<'_>>(200, "The entry: its value, who wrote it (`source`) and where it was learned (`message`).")
        .with_header("ETag")
        .fails(Error::NotFound(Subject::Memory))
}

pub(super) fn put(of: MemoryOf) -> Operation {
    alike(of, "putMemory", "Remember something of {}")
        .about("Any JSON value. No rule writes over what a client has written.")
        .takes::<PutBody>(r#"{"value": "John"}"#)
        .if_match()
        .header("If-None-Match", super::operation::one_of(["*"]), "`*` only creates.")
        .gives::<EntryJson<'_>>(200, "The entry, changed.")
        .with_header("ETag")
        .gives::<EntryJson<'_>>(201, "The new entry.")
        .with_header("ETag")
}

pub(super) fn delete(of: MemoryOf) -> Operation {
    alike(of, "deleteMemory", "Forget one thing of {}")
        .about("It can be undone for 10 minutes.")
        .if_match()
        .gives::<ForgottenJson>(200, "It went.")
        .fails(Error::NotFound(Subject::Memory))
}

pub(super) fn undo(of: MemoryOf) -> Operation {
    alike(of, "undoMemory", "Take back the last change to one thing of {}")
        .about("Once, within 10 minutes.")
        .repeatable()
        .gives::<UndoneJson<'_>>(200, "What is there now.")
        .fails(Error::NotFound(Subject::Memory))
        .fails(Error::NotPossible("There is no change that could be taken back".into()))
}

pub(super) fn user() -> Operation {
    Operation::new("Users", "getUser", "What a user wants").about("Every user exists.").gives::<UserJson<'_>>(200, "The user.")
}

pub(super) fn patch_user() -> Operation {
    Operation::new("Users", "patchUser", "Change what a user wants")
        .about("`\"memory\": false` has models neither told nor learn.")
        .takes::<PatchBody>(r#"{"memory": false}"#)
        .gives::<UserJson<'_>>(200, "What the user wants from now on.")
}

pub(super) fn erase_user() -> Operation {
    Operation::new("Users", "eraseUser", "Erase a user")
        .about("Everything of the user, sessions and all, for good.")
        .gives::<ErasedJson>(200, "What went. Nothing is left.")
        .gives::<ErasedJson>(202, "What went so far. It goes on by itself; ask again to wait for it.")
}
