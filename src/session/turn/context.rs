//! What a model is told: gathered from the session in one burst, completed with what the user's object remembers.

use crate::{
    config::{Config, ContextSettings},
    domain::{
        caller::Owner,
        context::{self, Context, Material, Remembered, Strategy, words::Known},
        id::UserId,
        memory::{Entry, MemoryChange, Origin, Reminded, extract},
        message::{Message, NewMessage, Role},
        turn::{TurnKind, Wishes, tokens::Tally},
    },
    error::{Error, Result},
    limits,
    model::Settings,
    platform, search,
    session::{object::Object, protocol::PageRequest, storage::Stored, turn::tools},
};

/// Most passages that a search finds for a prompt.
const PASSAGES: u32 = 8;
/// With less room there is none for a message.
const ROOM_MIN: usize = 500;

/// What a session knows for a prompt. What its user's object knows is still to come.
pub(in crate::session) struct Gathered {
    pub(super) material: Material,
    /// How much of it is told.
    pub(super) settings: ContextSettings,
    /// How the model is to answer.
    pub(super) model: Settings,
    /// Whose memory is told, and learns; `None`: the session's own.
    pub(super) user: Option<UserId>,
    /// The message that the turn is about.
    pub(super) origin: Origin,
    /// What the user says in it, if something may be learned from that.
    said: Option<String>,
    /// May the user's object be told late what the turn says?
    may_be_late: bool,
    /// What that object remembers, if the session has just begun.
    reminded: Option<Reminded>,
    /// Could the model be offered tools to remember with?
    has_tools: bool,
    /// For the prompt, in bytes.
    pub(super) room: usize,
    pub(super) tally: Tally,
}

/// What a model is told, and what was learned on the way there.
pub(super) struct Complete {
    pub(super) context: Context,
    pub(super) changes: Vec<MemoryChange>,
    /// Is the model offered tools to remember with?
    pub(super) has_tools: bool,
}

impl Object {
    /// Gathers what the session knows for a turn about message `input`.
    ///
    /// # Errors
    /// `Invalid` when the wishes break a rule, `NotPossible` when there is nothing that could be answered.
    pub(super) fn gather(&self, stored: &mut Stored, input: u64, kind: TurnKind, wishes: Wishes) -> Result<Gathered> {
        let mut gathered = self.gather_past(stored, input, wishes)?;
        self.find_passages(stored, &mut gathered)?;
        gathered.material.goes_on = kind == TurnKind::Continue;
        gathered.may_be_late = stored.listed_revision > 0;
        gathered.reminded = self.reminded.take();
        let last = gathered.material.recent.last().map(|last| &last.body);
        let is_question = |last: &NewMessage| match last.role {
            Role::User => last.content.as_ref().is_some_and(|text| !text.is_empty()),
            Role::Tool => true,
            Role::Assistant => kind == TurnKind::Continue,
            Role::System => false,
        };
        if !last.is_some_and(is_question) {
            return Err(Error::NotPossible("There is nothing left that could be answered".into()));
        }
        let text = last.filter(|last| last.role == Role::User).and_then(|last| last.content.clone());
        gathered.said = text.filter(|_| kind == TurnKind::Reply);
        Ok(gathered)
    }

    /// Learns from what is said, and puts together what the model is told.
    pub(super) async fn complete(&self, gathered: &Gathered) -> Complete {
        let Gathered { settings, user, origin, said, room, .. } = gathered;
        let (mut material, mut uses_memory, is_of_user) = (gathered.material.clone(), settings.uses_memory, user.is_some());
        let mut learned = Vec::new();
        if uses_memory {
            let facts = said.as_deref().map(extract::extract).unwrap_or_default();
            let told = gathered.reminded.clone().filter(|_| facts.is_empty());
            let reminded = match (user, told) {
                // It has told when it gave the session a place, and there is nothing to learn.
                (Some(_), Some(told)) => Ok(told),
                (Some(user), None) => self.remind(user, (facts, origin.clone()), gathered.may_be_late).await,
                (None, _) => self.storage.remind(facts, Some(origin), platform::now()),
            };
            match reminded {
                Ok(reminded) => {
                    let memory = if is_of_user { &mut material.user_memory } else { &mut material.session_memory };
                    *memory = Remembered { latest: reminded.entries.iter().map(known).collect(), total: reminded.total };
                    (learned, uses_memory) = (reminded.learned, reminded.uses_memory);
                }
                Err(error) => {
                    worker::console_warn!("a turn without what is remembered: {error:?}");
                    uses_memory = false;
                }
            }
        }
        if !uses_memory {
            material.session_memory = Remembered::default();
        }
        let has_tools = uses_memory && gathered.has_tools;
        let room = room.saturating_sub(if has_tools { tools::DEFINITIONS.len().saturating_add(gathered.room_of_tools()) } else { 0 });
        let changes = learned.into_iter().map(|entry| MemoryChange::saved(entry, is_of_user)).collect();
        Complete { context: context::assemble(material, settings.strategy, room), changes, has_tools }
    }

    /// What the session knows up to message `input`.
    pub(super) fn gather_past(&self, stored: &mut Stored, input: u64, wishes: Wishes) -> Result<Gathered> {
        let config = Config::from_env(&self.env)?;
        let persona = config.personas.of_session(&stored.session.persona);
        let (model, mut settings, room) = settle(&config, &persona.id, &stored.session.tally, wishes)?;
        settings.uses_memory &= stored.session.uses_memory;

        let summary = match settings.strategy {
            Strategy::Truncate => None,
            Strategy::Summarize | Strategy::Hierarchical => self.storage.summary_before(input)?,
        };
        let after = summary.as_ref().map_or(0, |summary| summary.through);
        let (instructions, recent) = self.stretch(after, input)?;
        let (latest, total) = self.storage.recent_memory()?;
        let material = Material {
            persona: persona.instructions.trim().to_owned(),
            instructions: stored.session.profile.instruction().into_iter().chain(instructions).collect(),
            session_memory: Remembered { latest: latest.iter().map(known).collect(), total },
            summary,
            recent,
            ..Material::default()
        };
        let has_tools = config.model.has_memory_tools && tools::fit(&model, room);
        let user = match &stored.session.owner {
            Owner::User(user) => Some(user.clone()),
            Owner::Nobody => None,
        };
        let origin = Origin { session_id: stored.session.id.as_str().to_owned(), sequence: input };
        let gathered = Gathered {
            material,
            settings,
            model,
            has_tools,
            room,
            user,
            origin,
            said: None,
            may_be_late: false,
            reminded: None,
            tally: stored.session.tally,
        };
        Ok(gathered)
    }

    /// Finds what was said before about the same as the last message.
    pub(super) fn find_passages(&self, stored: &mut Stored, gathered: &mut Gathered) -> Result<()> {
        let last = gathered.material.recent.last();
        let expression = last.and_then(|last| search::any_word(last.body.content.as_deref()?));
        if let (Strategy::Hierarchical, Some(expression), Some(last)) = (gathered.settings.strategy, expression, last) {
            gathered.material.passages = self.storage.passages(stored, &expression, last.sequence, PASSAGES)?;
        }
        Ok(())
    }

    /// The messages after `after` up to `input`, as many of the newest as are looked back on; apart from them instructions, which hold
    /// wherever they stand.
    fn stretch(&self, after: u64, input: u64) -> Result<(Vec<String>, Vec<Message>)> {
        let page = PageRequest {
            after: Some(after),
            before: Some(input.saturating_add(1)),
            offset: 0,
            limit: limits::CONTEXT_MESSAGES,
            newest_first: false,
        };
        let mut stretch = self.storage.page(&page, u64::try_from(limits::CONTEXT_BYTES).unwrap_or(u64::MAX))?;
        if !stretch.is_empty() && stretch.iter().all(|message| message.body.role == Role::Tool) {
            // It is cut amid results: the calls belong to them.
            stretch = self.storage.calls_before(input)?;
        }
        let first = stretch.first().map_or(input, |first| first.sequence);
        let (within, said): (Vec<Message>, Vec<Message>) = stretch.into_iter().partition(|message| message.body.role == Role::System);
        let before = self.storage.instructions_before(first)?;
        let instructions = before.into_iter().chain(within).chain(self.storage.instructions_after(input)?);
        Ok((instructions.filter_map(|message| message.body.content).filter(|text| !text.is_empty()).collect(), said))
    }
}

/// How a model is asked, how much it is told, and in how many bytes.
fn settle(config: &Config, persona: &str, tally: &Tally, wishes: Wishes) -> Result<(Settings, ContextSettings, usize)> {
    let context = wishes.context;
    let model = config.model.settle(wishes, persona)?;
    let settings = config.context.settle(context, &model.model)?;
    let most = u64::try_from(limits::CONTEXT_BYTES).unwrap_or(u64::MAX);
    let bytes = tally.bytes_within(settings.budget_tokens.into()).min(most);
    let room = usize::try_from(bytes).unwrap_or(usize::MAX).checked_sub(model.tools.as_ref().map_or(0, String::len));
    let room = room
        .filter(|room| *room >= ROOM_MIN)
        .ok_or_else(|| Error::invalid("tools", format!("must leave room in the budget of {} tokens", settings.budget_tokens)))?;
    Ok((model, settings, room))
}

/// Could a session of `persona` begin with such a turn? Asked before one is given a place, for which another may have to end.
///
/// # Errors
/// `Invalid` when the wishes break a rule.
pub(in crate::session) fn check_first(config: &Config, persona: &str, wishes: Wishes) -> Result<()> {
    settle(config, &config.personas.of_session(persona).id, &Tally::default(), wishes).map(drop)
}

impl Gathered {
    /// How much of the room is kept for what tools of ours say, in bytes.
    pub(super) fn room_of_tools(&self) -> usize {
        self.room.checked_div(4).unwrap_or_default()
    }

    /// How much of the answer is there already, in bytes.
    pub(super) fn answer_bytes(&self) -> usize {
        let before = self.material.recent.last().filter(|_| self.material.goes_on);
        before.and_then(|before| before.body.content.as_ref()).map_or(0, String::len)
    }
}

/// An entry as a prompt tells it: a text as it is, everything else as JSON, on one line.
fn known(entry: &Entry) -> Known {
    let value = serde_json::from_str::<String>(&entry.value).unwrap_or_else(|_| entry.value.clone());
    Known { key: entry.key.as_str().to_owned(), value: value.split_whitespace().collect::<Vec<_>>().join(" ") }
}
