//! The reference of our dialect: `public/openapi.json`, made of the types that the handlers read and write.
//!
//! It is there for tests alone and costs the Worker nothing. A test fails when the committed document is not the one that the
//! code makes; `npm run openapi` writes it anew. Which operations there are, is the table of routes; what is said of each of
//! them is in the files below. `tests/browser/reference.test.mjs` holds real answers against it.

mod document;
mod objects;
mod operation;
mod rules;

mod memory;
mod messages;
mod service;
mod sessions;
mod turns;

use std::{fs, path::Path};

use operation::Operation;

use super::routes::{Endpoint, MemoryAction, MemoryOf};

/// What is said of an endpoint; nothing of those that are there for tests.
fn operation(endpoint: Endpoint) -> Option<Operation> {
    Some(match endpoint {
        Endpoint::Banner => service::banner(),
        Endpoint::Health => service::health(),
        Endpoint::Personas => service::personas(),
        Endpoint::GetStats => service::stats(),
        Endpoint::CleanUpSessions => service::clean_up(),
        Endpoint::ListAllSessions => service::all_sessions(),
        Endpoint::Chat => turns::chat(),
        Endpoint::Regenerate => turns::regenerate(),
        Endpoint::ContinueAnswer => turns::go_on(),
        Endpoint::EditMessage => turns::edit(),
        Endpoint::FollowEvents => turns::follow(),
        Endpoint::StopTurn => turns::stop(),
        Endpoint::GetTurn => turns::get(),
        Endpoint::GetContext => turns::context(),
        Endpoint::CreateSession => sessions::create(),
        Endpoint::GetSession => sessions::get(),
        Endpoint::PatchSession => sessions::patch(),
        Endpoint::DeleteSession => sessions::delete(),
        Endpoint::RestoreSession => sessions::restore(),
        Endpoint::RenewSession => sessions::renew(),
        Endpoint::ForkSession => sessions::fork(),
        Endpoint::ExportSession => sessions::export(),
        Endpoint::ImportSession => sessions::import(),
        Endpoint::ListUserSessions => sessions::of_user(),
        Endpoint::LatestUserSession => sessions::latest(),
        Endpoint::ListMessages => messages::list(),
        Endpoint::AppendMessages => messages::append(),
        Endpoint::RemoveMessage => messages::remove(),
        Endpoint::PopTurn => messages::pop(),
        Endpoint::ListVersions => messages::versions(),
        Endpoint::SearchSession => messages::search_session(),
        Endpoint::SearchUser => messages::search_user(),
        Endpoint::GetUser => memory::user(),
        Endpoint::PatchUser => memory::patch_user(),
        Endpoint::EraseUser => memory::erase_user(),
        Endpoint::Memory(of, action) => memory_of(of, action),
        Endpoint::Routes | Endpoint::Costs | Endpoint::WorkerFault | Endpoint::SessionFault => return None,
    })
}

fn memory_of(of: MemoryOf, action: MemoryAction) -> Operation {
    match action {
        MemoryAction::List => memory::list(of),
        MemoryAction::Clear => memory::clear(of),
        MemoryAction::Get => memory::get(of),
        MemoryAction::Put => memory::put(of),
        MemoryAction::Delete => memory::delete(of),
        MemoryAction::Undo => memory::undo(of),
    }
}

#[test]
fn the_committed_reference_is_the_one_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("public/openapi.json");
    let text = document::encode();
    if std::env::var_os("WRITE_OPENAPI").is_some() {
        fs::write(&file, &text).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    if let Some((line, (code, document))) = text.lines().zip(committed.lines()).enumerate().find(|(_, (code, document))| code != document) {
        panic!("public/openapi.json is old, run: npm run openapi\nline {}: {document}\nthe code: {code}", line + 1);
    }
    assert_eq!(text.len(), committed.len(), "public/openapi.json is old, run: npm run openapi");
}
