//! Sessions: begin, read, change, copy, carry elsewhere, end.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::operation::{Body, Content, JSON, Operation, number, one_of, text, time};
use crate::{
    error::{Error, Subject},
    http::{
        own::{
            MessageJson, SessionJson,
            lists::{ListedJson, SessionsJson},
            memory::EntryJson,
            sessions::{CreateBody, DeletedJson, ForkBody, OverviewJson, PatchBody},
            transfer::{import::ImportedJson, json::VersionJson},
        },
        problem::Problem,
    },
    limits,
};

const TAG: &str = "Sessions";

pub(super) fn create() -> Operation {
    Operation::new(TAG, "createSession", "Begin a session")
        .about("With a `session_id` that names a living session of yours, that one is the answer (200). A user has at most `MAX_SESSIONS_PER_USER` sessions: by the deployment's policy the one that was idle longest ends for it, or it is refused.")
        .takes::<CreateBody>(r#"{"user_id": "ann", "title": "Tea", "persona": "default", "metadata": {"source": "web"}}"#)
        .repeatable()
        .gives::<SessionJson<'_>>(201, "The new session.")
        .with_header("ETag")
        .with_header("Location")
        .gives::<SessionJson<'_>>(200, "The one that is there.")
        .with_header("ETag")
        .with_header("Location")
        .fails(Error::IdTaken)
        .fails(Error::SessionLimit { limit: 10 })
}

pub(super) fn get() -> Operation {
    Operation::new(TAG, "getSession", "Read a session")
        .about("Reading is no activity: it does not lengthen the session's life.")
        .gives::<OverviewJson<'_>>(200, "The session, and what was said in it last (`context`).")
        .with_header("ETag")
}

pub(super) fn patch() -> Operation {
    Operation::new(TAG, "patchSession", "Change a session")
        .about("Changes what is named and nothing else. `metadata` is merged ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)); `\"title\": null` removes the title.")
        .takes::<PatchBody>(r#"{"title": "Green tea", "ttl_seconds": 86400}"#)
        .if_match()
        .gives::<SessionJson<'_>>(200, "The changed session.")
        .with_header("ETag")
}

pub(super) fn delete() -> Operation {
    Operation::new(TAG, "deleteSession", "End a session")
        .about("Leaves nothing of it. With `undo` it is invisible at once, and gone after that time unless it is restored.")
        .query("undo", number(0..=3600, 0), "So many seconds it can be taken back.")
        .if_match()
        .gives::<DeletedJson<'_>>(200, "What went.")
}

pub(super) fn restore() -> Operation {
    Operation::new(TAG, "restoreSession", "Take a deletion back")
        .about("Until `restorable_until`. A turn that the deletion broke off is `interrupted`.")
        .repeatable()
        .gives::<SessionJson<'_>>(200, "The session.")
        .with_header("ETag")
        .fails(Error::SessionLimit { limit: 10 })
}

pub(super) fn renew() -> Operation {
    Operation::new(TAG, "renewSession", "Keep a session")
        .about("Activity without a message: its time begins again.")
        .repeatable()
        .gives::<SessionJson<'_>>(200, "The session.")
        .with_header("ETag")
}

/// What a copy may choose: also what `PATCH` takes.
#[derive(serde::Deserialize, JsonSchema)]
#[schemars(rename = "ForkSessionRequest")]
struct ForkSession {
    #[serde(flatten)]
    _fork: ForkBody,
    #[serde(flatten)]
    _changes: PatchBody,
}

pub(super) fn fork() -> Operation {
    Operation::new(TAG, "forkSession", "Copy a session")
        .about("A new session with the messages up to `through`, and what else is said of it here; the rest is as in the source. The copy is another session: it keeps what the source forgets later.")
        .may_take::<ForkSession>(r#"{"through": 4, "title": "Another way"}"#)
        .repeatable()
        .gives::<SessionJson<'_>>(201, "The new session.")
        .with_header("ETag")
        .with_header("Location")
        .fails(Error::NotFound(Subject::Message))
        .fails(Error::IdTaken)
        .fails(Error::SessionLimit { limit: 10 })
        .fails(Error::NotPossible("The session has more messages than can be copied".into()))
}

/// A session as a file, in the order in which it is written and read.
#[derive(JsonSchema, serde::Serialize)]
#[schemars(rename = "ExportedSession")]
struct ExportedJson<'a> {
    format: &'a str,
    version: u64,
    session: SessionJson<'a>,
    messages: Vec<MessageJson<'a>>,
    memory: Vec<EntryJson<'a>>,
    /// What has stood in the place of messages.
    versions: Vec<VersionJson<'a>>,
}

const JSONL: &str = "application/jsonl";
const JSONL_EXAMPLE: &str =
    "{\"role\":\"user\",\"content\":\"Hi, my name is John\"}\n{\"role\":\"assistant\",\"content\":\"Nice to meet you, John!\"}\n";

fn lines(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "description": "OpenAI's messages, one a line."})
}

fn page(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "description": "For people."})
}

pub(super) fn export() -> Operation {
    let json = Content { media_type: JSON, schema: SchemaGenerator::subschema_for::<ExportedJson<'_>>, example: None };
    let jsonl = Content { media_type: JSONL, schema: lines, example: Some(JSONL_EXAMPLE) };
    let markdown = Content { media_type: "text/markdown", schema: page, example: Some("# Tea\n\n**User**\n\nHi, my name is John\n") };
    Operation::new(TAG, "exportSession", "Export a session")
        .about("Streamed, whatever its size. A body that ends without its last chunk is no whole export: the session ended or was changed meanwhile.")
        .query("format", one_of(["json", "jsonl", "markdown"]), "`json` (default) is complete, `jsonl` is OpenAI's messages, `markdown` is for people.")
        .answers_with(200, "The session as a file.", vec![json, jsonl, markdown])
        .with_header("Content-Disposition")
}

pub(super) fn import() -> Operation {
    let json = Content {
        media_type: JSON,
        schema: |_| json_schema!({"$ref": "#/components/schemas/ExportedSession"}),
        example: Some(
            r#"{"format": "edge-sessions.session", "version": 1, "session": {"title": "Tea"}, "messages": [{"sequence": 1, "role": "user", "content": "Hi", "created_at": "2026-11-21T09:00:00Z"}]}"#,
        ),
    };
    let jsonl = Content { media_type: JSONL, schema: lines, example: Some(JSONL_EXAMPLE) };
    let mut operation = Operation::new(TAG, "importSession", "Import a session")
        .about("A new session of an export or of OpenAI's messages; all of it or nothing. The query counts more than the file. Members of the JSON must be in the order of an export. At most 256 MiB.")
        .query("format", one_of(["json", "jsonl"]), "What it is, where `Content-Type` does not say.")
        .query("repair", one_of(["true", "false"]), "`true` drops tool results without a call, and puts stubs where results are missing.")
        .query("session_id", text(), "Its id; a new one when absent.")
        .query("user_id", text(), "Whose it is.")
        .query("title", text(), "Its title.")
        .query("persona", text(), "Its persona.")
        .query("ttl_seconds", number(1..=2_592_000, None), "How long it lives without activity.")
        .repeatable()
        .gives::<ImportedJson<'_>>(201, "The new session, and what was imported.")
        .with_header("ETag")
        .with_header("Location")
        .fails(Error::IdTaken)
        .fails(Error::SessionLimit { limit: 10 })
        .fails(Problem::unpaired_result("messages[17]"))
        .fails(Problem::open_call("messages[17]"));
    operation.body = Some(Body { is_required: true, content: vec![json, jsonl] });
    operation
}

pub(super) fn of_user() -> Operation {
    Operation::new("Users", "listUserSessions", "List a user's sessions")
        .about("The living ones, latest activity first. Right in the call after a change.")
        .query("limit", number(1..=limits::PAGE_ITEMS, limits::PAGE_ITEMS_DEFAULT), "Most sessions of a page.")
        .query("cursor", text(), "The `next_cursor` of the page before.")
        .query("persona", text(), "Only those with this persona.")
        .query("title", text(), "Only those whose titles contain this.")
        .query("created_since", time(), "Only those that began then or later.")
        .query("created_before", time(), "Only those that began earlier.")
        .query("active_since", time(), "Only those with activity then or later.")
        .query("active_before", time(), "Only those without activity since.")
        .gives::<SessionsJson<ListedJson<'_>>>(200, "A page.")
}

pub(super) fn latest() -> Operation {
    Operation::new("Users", "getLatestSession", "The session a user was in last")
        .gives::<ListedJson<'_>>(200, "The session.")
        .with_header("ETag")
        .fails(Error::NotFound(Subject::Session))
}

/// Not every number is one that JSON schemas of types can tell.
pub(super) fn sequence() -> serde_json::Value {
    json!({"type": "integer", "minimum": 0})
}
