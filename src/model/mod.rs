//! Who answers. What goes to a model and what comes back is decided by pure functions; `ask` alone does I/O.

pub(crate) mod ask;
pub(crate) mod offline;
pub(crate) mod openai;

use std::{fmt, ops::ControlFlow, time::Duration};

use crate::domain::{
    message::ToolCall,
    turn::{Finish, ModelFailure, tokens::Usage},
};

/// Where answers come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Provider {
    /// The responder that is built in: no key, no network, no language model.
    Offline,
    /// A server that speaks OpenAI's chat completions.
    OpenAi(Upstream),
    /// The Workers AI binding.
    WorkersAi(Timeouts),
}

/// A server that speaks OpenAI's chat completions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Upstream {
    /// Without `/chat/completions`.
    pub base_url: String,
    /// Sent as a bearer token, if there is one.
    pub key: Option<Secret>,
    /// Sent as they are.
    pub headers: Vec<(String, Secret)>,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// Text that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// How long to wait for a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// For the first byte.
    pub first: Duration,
    /// For each that follows.
    pub next: Duration,
    /// For everything together.
    pub total: Duration,
}

/// How a model is to answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// Its provider's name for it.
    pub model: String,
    /// 0 is always the same, 2 is wild; `None` leaves it to the provider.
    pub temperature: Option<f64>,
    /// Most tokens of an answer; `None` leaves it to the provider.
    pub max_tokens: Option<u32>,
    /// The tools it may call: a JSON array as text, in OpenAI's shape.
    pub tools: Option<String>,
    /// Which of them it must call: JSON as text, in OpenAI's shape.
    pub tool_choice: Option<String>,
}

/// How a model has completed its answer, and what it has said besides the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Completion {
    /// Why it ended.
    pub finish: Finish,
    /// The tools it wants called, complete and with ids that differ.
    pub tool_calls: Vec<ToolCall>,
    /// What it took, if the provider told.
    pub usage: Option<Usage>,
}

/// A model failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failed {
    /// How.
    pub failure: ModelFailure,
    /// Why, for the log. Never what the provider said in its own words: it may repeat what the user did.
    pub cause: String,
}

/// Takes an answer's text as it comes; breaks off when it wants no more.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&str) -> ControlFlow<()>;

impl Provider {
    /// Its name in `MODEL_PROVIDER`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Provider::Offline => "offline",
            Provider::OpenAi(_) => "openai",
            Provider::WorkersAi(_) => "workers-ai",
        }
    }

    /// Is there a language model behind it?
    pub(crate) const fn is_language_model(&self) -> bool {
        match self {
            Provider::Offline => false,
            Provider::OpenAi(_) | Provider::WorkersAi(_) => true,
        }
    }
}
