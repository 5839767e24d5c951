//! How a user likes to be answered.

use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        speech::profile::{Depth, Profile, Tone, Verbosity},
        turn::named,
    },
    error::{Error, Result},
};

/// A [`Profile`] that is not the default.
#[derive(Serialize, Deserialize)]
pub(super) struct ProfileRecord {
    verbosity: String,
    tone: String,
    depth: String,
}

impl ProfileRecord {
    /// The default is left out.
    pub(super) fn of(profile: Profile) -> Option<ProfileRecord> {
        let Profile { verbosity, tone, depth } = profile;
        let record =
            || ProfileRecord { verbosity: verbosity.name().to_owned(), tone: tone.name().to_owned(), depth: depth.name().to_owned() };
        (profile != Profile::default()).then(record)
    }

    /// The profile, the default where there is no record.
    ///
    /// # Errors
    /// `Internal` when it names a degree that there is not.
    pub(super) fn read(record: Option<ProfileRecord>) -> Result<Profile> {
        record.map_or_else(|| Ok(Profile::default()), |record| profile_named(&record.verbosity, &record.tone, &record.depth))
    }
}

/// The profile with those names.
///
/// # Errors
/// `Internal` when there is none.
pub(crate) fn profile_named(verbosity: &str, tone: &str, depth: &str) -> Result<Profile> {
    let unknown = |name: &str| Error::Internal(format!("profile {name}"));
    Ok(Profile {
        verbosity: named(&Verbosity::ALL, Verbosity::name, verbosity).ok_or_else(|| unknown(verbosity))?,
        tone: named(&Tone::ALL, Tone::name, tone).ok_or_else(|| unknown(tone))?,
        depth: named(&Depth::ALL, Depth::name, depth).ok_or_else(|| unknown(depth))?,
    })
}
