//! How things look when they cross between Worker and objects: sessions in `session`, their profiles in `profile`, who asks in
//! `caller`, messages in `message`, turns in `turn`, failures in `refusal`, what is demanded of versions in `version`.
//!
//! Worker and objects may run different versions for some minutes after a deploy: fields are only ever added, with a
//! default. The formats are pinned by tests.

mod caller;
mod ending;
mod message;
mod profile;
pub(crate) mod refusal;
mod session;
pub(crate) mod turn;
pub(crate) mod version;
pub(crate) mod wish;

pub(crate) use caller::{CallerRecord, RepeatableRecord};
pub(crate) use ending::EndingRecord;
pub(crate) use message::{MessageRecord, NewMessageRecord, ToolCallRecord};
pub(crate) use profile::profile_named;
pub(crate) use session::{NewSessionRecord, SessionRecord};

use crate::{
    domain::{
        id::{Id, UserId},
        turn::{Cut, ModelFailure, named},
    },
    error::{Error, Result},
};

/// The failure of that code.
///
/// # Errors
/// `Internal` when there is none.
pub(crate) fn failure_named(code: &str) -> Result<ModelFailure> {
    named(&ModelFailure::ALL, ModelFailure::code, code).ok_or_else(|| Error::Internal(format!("failure {code}")))
}

/// The cut of that name.
///
/// # Errors
/// `Internal` when there is none.
pub(crate) fn cut_named(name: &str) -> Result<Cut> {
    named(&Cut::ALL, Cut::name, name).ok_or_else(|| Error::Internal(format!("cut {name}")))
}

/// The id of a user, where there is one.
fn user_id(text: Option<String>) -> Result<Option<UserId>> {
    text.map(|text| Id::parse("user_id", &text)).transpose()
}
