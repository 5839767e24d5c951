//! A session: what is known of it apart from its messages.

use std::time::Duration;

use crate::{
    domain::{
        caller::Owner,
        deadline::{self, Deadlines, Life},
        id::{SessionId, UserId},
        speech::profile::{Profile, ProfilePatch},
        time::Timestamp,
        turn::{ModelFailure, tokens::Tally},
    },
    error::{Error, Result},
    limits,
};

/// A title that is made of words has at most so many characters, and the sign that there are more.
const TITLE_WORDS_CHARACTERS: usize = 60;
/// The persona of a session whose client names none.
pub(crate) const DEFAULT_PERSONA: &str = "default";
/// How sessions are created that say nothing else of it.
pub(crate) const CREATED_FROM_API: &str = "api";

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose it is: decides who may see it.
    pub owner: Owner,
    /// What its client calls the user: a label, decides nothing.
    pub user_id: Option<UserId>,
    /// Key of the persona that answers.
    pub persona: String,
    /// A person's name for it.
    pub title: Option<String>,
    /// The client's own data: a JSON object as text.
    pub metadata: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last written to.
    pub last_activity: Timestamp,
    /// How long it lives after its last activity.
    pub idle_timeout: Duration,
    /// How many messages it has.
    pub message_count: u64,
    /// The sequence number of its newest message, 0 when it has none.
    pub last_sequence: u64,
    /// Counts every write to it.
    pub revision: u64,
    /// How many turns it has had, the one that runs included.
    pub turn_count: u64,
    /// The one that runs.
    pub running_turn: Option<u64>,
    /// What they took.
    pub tally: Tally,
    /// How many of them the model failed.
    pub error_count: u64,
    /// The last failure.
    pub last_error: Option<LastError>,
    /// How its user likes to be talked to.
    pub profile: Profile,
    /// May models be told what is remembered, and remember more?
    pub uses_memory: bool,
    /// Was the title made of what was said first?
    pub is_title_made: bool,
    /// By which request it was created, e.g. `chat`; see [`SessionPatch::created_from`].
    pub created_from: String,
    /// How many questions its user has asked.
    pub query_count: u64,
    /// Key of the persona that answered last.
    pub last_persona: Option<String>,
}

/// How and when a model failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastError {
    /// How.
    pub failure: ModelFailure,
    /// When.
    pub at: Timestamp,
}

/// What a client chooses for a new session. It has passed the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSession {
    /// What its client calls the user.
    pub user_id: Option<UserId>,
    /// Key of the persona that answers.
    pub persona: String,
    /// A person's name for it.
    pub title: Option<String>,
    /// The client's own data: a JSON object as text.
    pub metadata: String,
    /// How long it lives after its last activity.
    pub idle_timeout: Duration,
    /// How its user likes to be talked to.
    pub profile: Profile,
    /// May models be told what is remembered, and remember more?
    pub uses_memory: bool,
    /// By which request it is created.
    pub created_from: String,
}

/// What a client changes in a session. `None` leaves a thing as it is. It has passed the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionPatch {
    /// `Some(None)` removes the title.
    pub title: Option<Option<String>>,
    /// Key of the persona that answers from now on.
    pub persona: Option<String>,
    /// A JSON merge patch (RFC 7396) of the metadata, as text.
    pub metadata: Option<String>,
    /// How long it lives after its last activity.
    pub idle_timeout: Option<Duration>,
    /// How its user likes to be talked to, as far as it changes.
    pub profile: ProfilePatch,
    /// May models be told what is remembered, and remember more?
    pub uses_memory: Option<bool>,
    /// By which request it counts as created, if `POST /sessions` has and nothing was said in it yet.
    pub created_from: Option<String>,
}

/// How many sessions a user may have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionLimit {
    /// So many; `None`: any number.
    pub most: Option<u64>,
    /// Does one more end the one that was idle longest? Otherwise it is refused.
    pub evicts: bool,
}

/// Names one state of one session: the source of its `ETag`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// When the session was created, Unix milliseconds: an id that is used again never repeats a version.
    pub created_at_ms: i64,
    /// Counts every write to the session.
    pub revision: u64,
}

/// What a client demands of the present version before it writes (`If-Match`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Nothing.
    None,
    /// That it is one of these.
    OneOf(Vec<Version>),
}

impl Precondition {
    /// Holds the present version against the demand.
    ///
    /// # Errors
    /// `Stale` when it does not meet it.
    pub(crate) fn check(&self, current: Version) -> Result<()> {
        match self {
            Precondition::None => Ok(()),
            Precondition::OneOf(versions) if versions.contains(&current) => Ok(()),
            Precondition::OneOf(_) => Err(Error::Stale { current: Some(current) }),
        }
    }
}

impl Session {
    /// A session that begins at `now`.
    pub(crate) fn begin(id: SessionId, owner: Owner, new: NewSession, now: Timestamp) -> Session {
        Session {
            id,
            owner,
            user_id: new.user_id,
            persona: new.persona,
            title: new.title,
            metadata: new.metadata,
            created_at: now,
            last_activity: now,
            idle_timeout: new.idle_timeout,
            message_count: 0,
            last_sequence: 0,
            revision: 1,
            turn_count: 0,
            running_turn: None,
            tally: Tally::default(),
            error_count: 0,
            last_error: None,
            profile: new.profile,
            uses_memory: new.uses_memory,
            is_title_made: false,
            created_from: new.created_from,
            query_count: 0,
            last_persona: None,
        }
    }

    /// Its deadlines at `now`. `indexed_at`: when its index copy was last written.
    pub(crate) fn deadlines(&self, indexed_at: Option<Timestamp>, now: Timestamp) -> Deadlines {
        deadline::deadlines(&Life { last_activity: self.last_activity, idle_timeout: self.idle_timeout, indexed_at }, now)
    }

    /// From this millisecond on it is absent.
    pub(crate) fn expires_at(&self) -> Timestamp {
        self.deadlines(None, self.last_activity).expires_at
    }

    /// Names its present state.
    pub(crate) fn version(&self) -> Version {
        Version { created_at_ms: self.created_at.millis(), revision: self.revision }
    }

    /// Notes that a model has failed at `now`.
    pub(crate) fn note_failure(&mut self, failure: ModelFailure, now: Timestamp) {
        self.error_count = self.error_count.saturating_add(1);
        self.last_error = Some(LastError { failure, at: now });
    }

    /// Notes a write to it at `now`.
    pub(crate) fn touch(&mut self, now: Timestamp) {
        self.last_activity = self.last_activity.max(now);
        self.revision = self.revision.saturating_add(1);
    }
}

/// A title for a session that begins with `text`: its first words. `None` when it has none.
pub(crate) fn title_of(text: &str) -> Option<String> {
    let mut title = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let characters = title.chars().count().saturating_add(word.chars().count());
        if characters >= TITLE_WORDS_CHARACTERS {
            // A word that is a sentence of its own is cut.
            if title.is_empty() {
                title.extend(word.chars().take(TITLE_WORDS_CHARACTERS));
            }
            title.push('\u{2026}');
            break;
        }
        if !title.is_empty() {
            title.push(' ');
        }
        title.push_str(word);
    }
    Some(title).filter(|title| !title.is_empty())
}

/// Holds a title against the rules.
///
/// # Errors
/// `Invalid`, naming `title`.
pub(crate) fn check_title(title: &str) -> Result<()> {
    limits::check_label("title", title, limits::TITLE_CHARACTERS)
}

/// Reads an idle timeout in seconds.
///
/// # Errors
/// `Invalid`, naming `field`, unless it is between 1 second and 30 days.
pub(crate) fn parse_idle_timeout(field: &str, seconds: u64) -> Result<Duration> {
    let timeout = Duration::from_secs(seconds);
    if (limits::IDLE_TIMEOUT_MIN..=limits::IDLE_TIMEOUT_MAX).contains(&timeout) {
        Ok(timeout)
    } else {
        Err(Error::invalid(
            field,
            format!("must be {} to {} seconds", limits::IDLE_TIMEOUT_MIN.as_secs(), limits::IDLE_TIMEOUT_MAX.as_secs()),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_first_words() {
        let (word, limit) = ("x".repeat(61), format!("{} tail", "y".repeat(54)));
        let cases = [
            ("Hi, my name is John", Some("Hi, my name is John".to_owned())),
            ("  two\n\tlines\u{7}here ", Some("two lines here".to_owned())),
            (word.as_str(), Some(format!("{}\u{2026}", "x".repeat(60)))),
            (limit.as_str(), Some(limit.clone())),
            ("", None),
            (" \n", None),
        ];
        for (text, expected) in cases {
            assert_eq!(title_of(text), expected, "{text:?}");
        }
        let long = title_of(&"word ".repeat(100)).unwrap();
        assert!(long.ends_with("word\u{2026}") && long.chars().count() <= 61, "{long}");
        assert!(check_title(&title_of(&"\u{1f980}".repeat(1000)).unwrap()).is_ok());
    }
}
