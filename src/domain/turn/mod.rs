//! Turns: one answer of a model, from the moment it is asked for to its end, whatever that is.

pub(crate) mod event;
pub(crate) mod tokens;

use std::time::Duration;

use crate::domain::{context::ContextWishes, time::Timestamp, turn::tokens::Usage};

/// What a turn does with the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnKind {
    /// Answers what was said last.
    Reply,
    /// Answers it anew; the old answer becomes a sibling.
    Regenerate,
    /// Goes on with an answer that was cut.
    Continue,
}

/// How far a turn has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnState {
    /// The model is at it.
    Running,
    /// It has answered.
    Done,
    /// Somebody stopped it.
    Stopped,
    /// The model failed.
    Failed,
    /// The process that ran it is gone.
    Interrupted,
}

/// Why a model ended its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// It had said everything.
    Stop,
    /// It had used up its tokens, or our limit of bytes.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// A filter of the provider's cut it off.
    Filtered,
}

/// Why the text of an answer ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Tokens or bytes were used up.
    Length,
    /// Somebody stopped it.
    Stopped,
    /// The model or the process failed in the middle.
    Interrupted,
}

/// How a model failed, sorted by what the client can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelFailure {
    /// It took too long.
    Timeout,
    /// It has too much to do; worth trying again after a while.
    RateLimited {
        /// How long a while, if the provider told.
        retry_after: Option<Duration>,
    },
    /// It will not answer this: trying again does not help.
    Refused,
    /// It cannot be reached, or answers nonsense.
    Unavailable,
}

/// What a client wishes of the model that answers; `None` leaves it to the deployment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wishes {
    /// Which one.
    pub model: Option<String>,
    /// From 0, always the same, to 2, wild.
    pub temperature: Option<f64>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// The tools it may call: a JSON array as text.
    pub tools: Option<String>,
    /// Which of them it must call: JSON as text.
    pub tool_choice: Option<String>,
    /// How much of the session it sees.
    pub context: ContextWishes,
}

/// Everything known of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Its number in the session, from 1.
    pub number: u64,
    /// What it does.
    pub kind: TurnKind,
    /// How far it has come.
    pub state: TurnState,
    /// The message it answers.
    pub input_sequence: u64,
    /// The message that holds its answer, once there is one.
    pub answer_sequence: Option<u64>,
    /// Who answers.
    pub model: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why the model ended, if it did.
    pub finish: Option<Finish>,
    /// How the model failed, if it did.
    pub failure: Option<ModelFailure>,
    /// What it took, once it has ended.
    pub usage: Option<Usage>,
}

impl Turn {
    /// The turn as it was when it began.
    pub(crate) fn at_its_beginning(&self) -> Turn {
        Turn { state: TurnState::Running, answer_sequence: None, ended_at: None, finish: None, failure: None, usage: None, ..self.clone() }
    }

    /// It ended without an answer that is good, and may be run again.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state, TurnState::Failed | TurnState::Interrupted)
    }

    /// How it ended, in a word for statistics; that of a failure has its code behind a colon.
    pub(crate) fn outcome(&self) -> String {
        match (self.state, self.failure) {
            (TurnState::Done, _) => "answered".to_owned(),
            (TurnState::Failed, Some(failure)) => failure.outcome(),
            (TurnState::Failed, None) | (TurnState::Running | TurnState::Stopped | TurnState::Interrupted, _) => {
                self.state.name().to_owned()
            }
        }
    }
}

impl TurnKind {
    /// Every kind.
    pub(crate) const ALL: [TurnKind; 3] = [TurnKind::Reply, TurnKind::Regenerate, TurnKind::Continue];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            TurnKind::Reply => "reply",
            TurnKind::Regenerate => "regenerate",
            TurnKind::Continue => "continue",
        }
    }
}

impl TurnState {
    /// Every state.
    pub(crate) const ALL: [TurnState; 5] =
        [TurnState::Running, TurnState::Done, TurnState::Stopped, TurnState::Failed, TurnState::Interrupted];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            TurnState::Running => "running",
            TurnState::Done => "done",
            TurnState::Stopped => "stopped",
            TurnState::Failed => "failed",
            TurnState::Interrupted => "interrupted",
        }
    }
}

impl Finish {
    /// Every reason.
    pub(crate) const ALL: [Finish; 4] = [Finish::Stop, Finish::Length, Finish::ToolCalls, Finish::Filtered];

    /// Its name, in storage and on every wire: OpenAI's words.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Finish::Stop => "stop",
            Finish::Length => "length",
            Finish::ToolCalls => "tool_calls",
            Finish::Filtered => "content_filter",
        }
    }
}

impl Cut {
    /// Every reason.
    pub(crate) const ALL: [Cut; 3] = [Cut::Length, Cut::Stopped, Cut::Interrupted];

    /// Its name, in storage and on every wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Cut::Length => "length",
            Cut::Stopped => "stopped",
            Cut::Interrupted => "interrupted",
        }
    }
}

impl ModelFailure {
    /// Every kind of failure.
    pub(crate) const ALL: [ModelFailure; 4] =
        [ModelFailure::Timeout, ModelFailure::RateLimited { retry_after: None }, ModelFailure::Refused, ModelFailure::Unavailable];

    /// Its name, in storage and in what clients read. Never changes its meaning.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            ModelFailure::Timeout => "MODEL_TIMEOUT",
            ModelFailure::RateLimited { .. } => "MODEL_RATE_LIMITED",
            ModelFailure::Refused => "MODEL_REFUSED",
            ModelFailure::Unavailable => "MODEL_UNAVAILABLE",
        }
    }

    /// That of a turn, see [`Turn::outcome`].
    pub(crate) fn outcome(self) -> String {
        format!("{}:{}", TurnState::Failed.name(), self.code())
    }
}

/// The value whose name is `name`.
pub(crate) fn named<T: Copy>(all: &[T], name_of: impl Fn(T) -> &'static str, name: &str) -> Option<T> {
    all.iter().copied().find(|value| name_of(*value) == name)
}
