//! How what a client wants changed in a session, or wishes of a turn, looks when it crosses between Worker and objects.

use serde::{Deserialize, Serialize};

use crate::domain::{
    context::{ContextWishes, Strategy},
    session::SessionPatch,
    speech::profile::{Depth, ProfilePatch, Tone, Verbosity},
    time::millis,
    turn::{Wishes, named},
};

/// [`Wishes`].
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WishesRecord {
    model: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
    tools: Option<String>,
    tool_choice: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strategy: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget_tokens: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses_memory: Option<bool>,
}

/// A [`SessionPatch`]. Absent: unchanged.
#[derive(Serialize, Deserialize)]
pub(crate) struct PatchRecord {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<TitleRecord>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persona: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verbosity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses_memory: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_from: Option<String>,
}

/// What becomes of the title.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TitleRecord {
    Set(String),
    Remove,
}

impl From<Wishes> for WishesRecord {
    fn from(wishes: Wishes) -> Self {
        let Wishes { model, temperature, max_tokens, tools, tool_choice, context } = wishes;
        let ContextWishes { strategy, budget_tokens, uses_memory } = context;
        let strategy = strategy.map(|strategy| strategy.name().to_owned());
        WishesRecord { model, temperature, max_tokens, tools, tool_choice, strategy, budget_tokens, uses_memory }
    }
}

impl From<WishesRecord> for Wishes {
    fn from(record: WishesRecord) -> Self {
        let WishesRecord { model, temperature, max_tokens, tools, tool_choice, strategy, budget_tokens, uses_memory } = record;
        let context = ContextWishes { strategy: strategy.as_deref().and_then(Strategy::from_name), budget_tokens, uses_memory };
        Wishes { model, temperature, max_tokens, tools, tool_choice, context }
    }
}

impl From<SessionPatch> for PatchRecord {
    fn from(patch: SessionPatch) -> Self {
        PatchRecord {
            title: patch.title.map(|title| title.map_or(TitleRecord::Remove, TitleRecord::Set)),
            persona: patch.persona,
            metadata: patch.metadata,
            idle_timeout_ms: patch.idle_timeout.map(millis),
            verbosity: patch.profile.verbosity.map(|verbosity| verbosity.name().to_owned()),
            tone: patch.profile.tone.map(|tone| tone.name().to_owned()),
            depth: patch.profile.depth.map(|depth| depth.name().to_owned()),
            uses_memory: patch.uses_memory,
            created_from: patch.created_from,
        }
    }
}

impl From<PatchRecord> for SessionPatch {
    fn from(record: PatchRecord) -> Self {
        SessionPatch {
            title: record.title.map(|title| match title {
                TitleRecord::Set(title) => Some(title),
                TitleRecord::Remove => None,
            }),
            persona: record.persona,
            metadata: record.metadata,
            idle_timeout: record.idle_timeout_ms.map(std::time::Duration::from_millis),
            profile: ProfilePatch {
                verbosity: record.verbosity.and_then(|name| named(&Verbosity::ALL, Verbosity::name, &name)),
                tone: record.tone.and_then(|name| named(&Tone::ALL, Tone::name, &name)),
                depth: record.depth.and_then(|name| named(&Depth::ALL, Depth::name, &name)),
            },
            uses_memory: record.uses_memory,
            created_from: record.created_from,
        }
    }
}
