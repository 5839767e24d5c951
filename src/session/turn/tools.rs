//! The tools that a model is offered to remember with, and what they do. The client's own pass by them.
//!
//! Their calls are answered within the turn and are no part of the history: what they have done is in the memory.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{
    domain::{
        context::shortened,
        id::{Id, MemoryKey, UserId},
        memory::{Entry, MemoryChange, Origin, Source},
        message::ToolCall,
    },
    error::{Error, Result},
    limits,
    memory::protocol::{MemoryCall, NewEntryRecord, Page, Put},
    model::Settings,
    platform::{self, namespace::Reply},
    search::{
        self,
        protocol::{Found, Hit, SearchCall},
    },
    session::{object::Object, record::refusal::Refusal},
    user,
};

/// What the model reads of them, in OpenAI's shape.
pub(super) const DEFINITIONS: &str = r#"[{"type":"function","function":{"name":"save_memory","description":"Remember something lasting about the user, or change what is remembered.","parameters":{"type":"object","properties":{"key":{"type":"string","description":"a short name in snake_case, such as name or favourite_food"},"value":{"description":"any JSON value"}},"required":["key","value"]}}},{"type":"function","function":{"name":"delete_memory","description":"Forget something that is remembered about the user.","parameters":{"type":"object","properties":{"key":{"type":"string"}},"required":["key"]}}},{"type":"function","function":{"name":"recall","description":"Look for something in what is remembered and in earlier conversations.","parameters":{"type":"object","properties":{"query":{"type":"string","description":"a few words"}},"required":["query"]}}}]"#;
const NAMES: [&str; 3] = ["save_memory", "delete_memory", "recall"];
/// Most of a value that it tells, in bytes.
const VALUE_BYTES: usize = 1000;
/// Most that a call of `recall` finds, of memories and of messages.
const RECALLED: usize = 10;

#[derive(Deserialize)]
struct Save {
    key: String,
    value: Box<serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Delete {
    key: String,
}

#[derive(Deserialize)]
struct Recall {
    query: String,
}

/// What a turn remembers with.
pub(super) struct Memory<'a> {
    /// The session's object.
    pub(super) object: &'a Object,
    /// Whose memory it is; `None`: the session's own.
    pub(super) user: Option<&'a UserId>,
    /// The message that the turn is about.
    pub(super) origin: &'a Origin,
}

/// May they be offered beside what the client wants, in so much room?
pub(super) fn fit(settings: &Settings, room: usize) -> bool {
    // Who demands or forbids calls means those of their own tools; and a name can be there only once.
    let is_free = settings.tool_choice.as_deref().is_none_or(|choice| choice == "\"auto\"");
    let is_taken = |name: &&str| settings.tools.as_ref().is_some_and(|tools| tools.contains(&format!("\"{name}\"")));
    is_free && !NAMES.iter().any(is_taken) && room.checked_div(4).unwrap_or_default() >= DEFINITIONS.len()
}

/// `settings` with them.
pub(super) fn offered(settings: &Settings) -> Settings {
    let own = settings.tools.as_deref().and_then(|tools| tools.trim().strip_prefix('['));
    let tools = match own {
        Some(own) if own != "]" => format!("{},{own}", DEFINITIONS.strip_suffix(']').unwrap_or(DEFINITIONS)),
        Some(_) | None => DEFINITIONS.to_owned(),
    };
    Settings { tools: Some(tools), ..settings.clone() }
}

/// `settings` with them, none of which may be called any more: who has called some must know what they were.
pub(super) fn forbidden(settings: &Settings) -> Settings {
    Settings { tool_choice: Some("\"none\"".to_owned()), ..offered(settings) }
}

/// Is it one of these?
pub(super) fn is_ours(call: &ToolCall) -> bool {
    NAMES.contains(&call.name.as_str())
}

/// Does what `call` wants; what the model is answered, and what has changed.
pub(super) async fn run(memory: &Memory<'_>, call: &ToolCall) -> (String, Option<MemoryChange>) {
    match attempt(memory, call).await {
        Ok(done) => done,
        Err(Error::Invalid { field, rule }) => (json!({"error": format!("{field} {rule}")}).to_string(), None),
        Err(Error::TooLarge { field, .. }) => (json!({"error": format!("{field} is too large")}).to_string(), None),
        Err(Error::NotPossible(why)) => (json!({"error": why}).to_string(), None),
        Err(Error::NotFound(_)) => (json!({"error": "nothing is remembered under this key"}).to_string(), None),
        Err(error) => {
            worker::console_warn!("a tool has failed: {error:?}");
            (json!({"error": "the memory cannot be reached now"}).to_string(), None)
        }
    }
}

async fn attempt(memory: &Memory<'_>, call: &ToolCall) -> Result<(String, Option<MemoryChange>)> {
    memory.check_wanted().await?;
    match call.name.as_str() {
        "save_memory" => save(memory, read(call)?).await,
        "delete_memory" => delete(memory, read(call)?).await,
        "recall" => Ok((recall(memory, read(call)?).await?, None)),
        name => Err(Error::Internal(format!("tool {}", name.len()))),
    }
}

async fn save(memory: &Memory<'_>, Save { key, value }: Save) -> Result<(String, Option<MemoryChange>)> {
    let key: MemoryKey = Id::parse("key", &key)?;
    limits::check_body("value", value.get(), limits::MEMORY_BYTES)?;
    let new = NewEntryRecord {
        key: key.as_str().to_owned(),
        value: value.get().to_owned(),
        source: Source::Model.name().to_owned(),
        origin: Some(memory.origin.clone().into()),
        if_match: None,
        if_exists: None,
    };
    let put: Put = memory.ask(MemoryCall::Put(new)).await?;
    Ok((json!({"saved": true}).to_string(), Some(MemoryChange::saved(Entry::try_from(put.entry)?, memory.user.is_some()))))
}

async fn delete(memory: &Memory<'_>, Delete { key }: Delete) -> Result<(String, Option<MemoryChange>)> {
    memory.ask::<bool>(MemoryCall::Delete { key: key.clone(), if_match: None }).await?;
    let change = MemoryChange { is_of_user: memory.user.is_some(), key, value: None, source: Source::Model };
    Ok((json!({"deleted": true}).to_string(), Some(change)))
}

async fn recall(memory: &Memory<'_>, Recall { query }: Recall) -> Result<String> {
    let words: Vec<String> = query.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let entries = memory.entries().await?;
    let is_meant = |entry: &&Entry| {
        let text = format!("{} {}", entry.key.as_str(), entry.value).to_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    let meant = entries.iter().filter(is_meant).take(RECALLED);
    let memories: Vec<_> =
        meant.map(|entry| json!({"key": entry.key.as_str(), "value": shortened(entry.value.clone(), VALUE_BYTES).0})).collect();
    let found = match search::any_word(&query) {
        Some(expression) => memory.search(expression).await?,
        None => Found::default(),
    };
    let is_earlier = |hit: &&Hit| hit.session_id != memory.origin.session_id || hit.sequence < memory.origin.sequence;
    let messages: Vec<_> = found.hits.iter().filter(is_earlier).map(|hit| json!({"role": hit.role, "text": plain(&hit.snippet)})).collect();
    Ok(json!({"memories": memories, "messages": messages}).to_string())
}

impl Memory<'_> {
    /// It may have been switched off since the turn began.
    async fn check_wanted(&self) -> Result<()> {
        let is_wanted_here = self.object.storage.load()?.is_some_and(|stored| stored.session.uses_memory);
        let is_wanted = is_wanted_here
            && match self.user {
                Some(user) => user::client::uses_memory(&self.object.env, user).await?,
                None => true,
            };
        if is_wanted { Ok(()) } else { Err(Error::NotPossible("The user wants nothing remembered".into())) }
    }

    async fn ask<T: DeserializeOwned>(&self, call: MemoryCall) -> Result<T> {
        let Some(user) = self.user else {
            let json = self.object.context.atomically(|| self.object.storage.memory(call, platform::now()))?;
            return match platform::decode("memory", &json)? {
                Reply::<T, Refusal>::Ok(answer) => Ok(answer),
                Reply::Err(refusal) => Err(refusal.into()),
            };
        };
        user::client::memory(&self.object.env, user, None, call).await
    }

    /// Everything that is remembered.
    async fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map(|last| last.key.as_str().to_owned());
            let page: Page = self.ask(MemoryCall::List { prefix: String::new(), after, limit: limits::PAGE_ITEMS }).await?;
            let has_more = page.has_more && !page.entries.is_empty();
            entries.extend(page.entries.into_iter().map(Entry::try_from).collect::<Result<Vec<_>>>()?);
            if !has_more {
                return Ok(entries);
            }
        }
    }

    async fn search(&self, expression: String) -> Result<Found> {
        let limit = u32::try_from(RECALLED).unwrap_or(u32::MAX);
        let call = SearchCall { expression, role: None, session_id: None, since: None, before: None, is_for_model: true, limit, offset: 0 };
        match self.user {
            Some(user) => user::client::search(&self.object.env, user, call).await,
            None => match self.object.storage.load()? {
                Some(mut stored) => self.object.context.atomically(|| self.object.storage.search(&mut stored, &call)),
                None => Ok(Found::default()),
            },
        }
    }
}

fn plain(snippet: &str) -> String {
    search::pieces(snippet).into_iter().map(|(text, _)| text).collect()
}

fn read<'a, T: Deserialize<'a>>(call: &'a ToolCall) -> Result<T> {
    serde_json::from_str(&call.arguments).map_err(|_| Error::invalid("arguments", "are not those that the tool takes"))
}
