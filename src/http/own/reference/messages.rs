//! The history of a session, and what is found in it.

use super::{
    operation::{Operation, number, one_of, text, time},
    sessions::sequence,
};
use crate::{
    domain::message::Role,
    error::{Error, Subject},
    http::{
        own::{
            MessageJson,
            messages::{AppendBody, AppendedJson, PageJson, PoppedJson, VersionsJson},
            search::FoundJson,
        },
        problem::Problem,
    },
    limits,
};

const TAG: &str = "Messages";

pub(super) fn list() -> Operation {
    Operation::new(TAG, "listMessages", "Read the history")
        .about("A page, the oldest first. The newest page is `?strategy=recent`; its `before` is the cursor of what is older. A page ends early at 2 MiB.")
        .query("limit", number(1..=limits::PAGE_ITEMS, limits::PAGE_ITEMS_DEFAULT), "Most messages of a page.")
        .query("offset", sequence(), "So many are left out first.")
        .query("order", one_of(["asc", "desc"]), "`desc`: the newest first.")
        .query("before", text(), "A cursor of a page: older messages.")
        .query("after", text(), "A cursor of a page: newer messages.")
        .query("strategy", one_of(["recent"]), "`recent`: the newest, in their order.")
        .gives::<PageJson<'_>>(200, "A page, with the `total` of the session.")
}

pub(super) fn append() -> Operation {
    Operation::new(TAG, "appendMessages", "Append messages")
        .about("Without a model; all of them or none. A tool result must answer an open call. Calls that are left open are closed with a stub when the conversation goes on.")
        .takes::<AppendBody>(r#"{"messages": [{"role": "user", "content": "I live in Sofia"}, {"role": "assistant", "content": "A beautiful city."}]}"#)
        .repeatable()
        .gives::<AppendedJson<'_>>(201, "As stored.")
        .with_header("ETag")
        .fails(Problem::unpaired_result("messages[0]"))
        .fails(Error::TurnInProgress)
}

pub(super) fn remove() -> Operation {
    Operation::new(TAG, "removeMessage", "Remove what a message says")
        .about("Wherever it is kept: in the history, in searches, in a title made of it, in what was learned from it. Its place and the pairing of its tool calls stay (`removed_at`). A copy made before is another session.")
        .if_match()
        .gives::<MessageJson<'_>>(200, "What is left of it.")
        .fails(Error::NotFound(Subject::Message))
        .fails(Error::TurnInProgress)
}

pub(super) fn pop() -> Operation {
    Operation::new(TAG, "popTurn", "Take back the last exchange")
        .about("What the user said last, and everything after it, for good.")
        .repeatable()
        .gives::<PoppedJson<'_>>(200, "The numbers of what was taken out.")
        .with_header("ETag")
        .fails(Error::TurnInProgress)
        .fails(Error::NotPossible("The user has said nothing that could be taken back".into()))
}

pub(super) fn versions() -> Operation {
    Operation::new(TAG, "listVersions", "What stood here before")
        .about("What regenerating and editing have replaced.")
        .gives::<VersionsJson<'_>>(200, "Newest first, each a stretch of messages.")
        .fails(Error::NotFound(Subject::Message))
}

pub(super) fn search_session() -> Operation {
    Operation::new(TAG, "searchSession", "Search a session").searches().gives::<FoundJson<'_>>(200, "What was found.")
}

pub(super) fn search_user() -> Operation {
    Operation::new("Users", "searchUser", "Search all sessions of a user")
        .searches()
        .query("session_id", text(), "Only in this one.")
        .gives::<FoundJson<'_>>(200, "What was found.")
}

impl Operation {
    fn searches(self) -> Operation {
        self.about("Messages with every word of `q`, the last one perhaps not typed to its end; best first, with a `snippet` in pieces.")
            .required_query("q", text(), "Words.")
            .query("role", one_of(Role::ALL.map(Role::name)), "Only messages of this role.")
            .query("since", time(), "Only messages from then on.")
            .query("before", time(), "Only messages before.")
            .query("limit", number(1..=limits::PAGE_ITEMS, limits::PAGE_ITEMS_DEFAULT), "Most messages of a page.")
            .query("offset", number(0..=limits::SEARCH_OFFSET, 0), "So many are left out first.")
    }
}
