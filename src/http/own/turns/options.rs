//! What every request for a turn may say about it, and the rules that it is held against. A model's own rules are not among
//! them: those only a provider knows.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    domain::{
        context::{ContextWishes, Strategy},
        id::Repeatable,
        session::Precondition,
        turn::Wishes,
    },
    error::{Error, Result},
    http::{
        own::one_of,
        request::{Request, body::Object, repeat::Asked},
    },
    limits,
    session::client::Manner,
};

/// What every request for a turn may say about it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "TurnRequest"))]
pub(in crate::http::own) struct RunBody {
    /// Answer with events?
    stream: Option<bool>,
    /// When another turn runs: `reject` (409) or `wait`.
    on_busy: Option<OnBusy>,
    /// Stands in for the header Idempotency-Key.
    client_message_id: Option<String>,
    /// Another model, of those that the deployment allows.
    model: Option<String>,
    /// From 0, always the same, to 2, wild.
    temperature: Option<f64>,
    /// Most tokens of the answer.
    max_tokens: Option<u32>,
    /// Functions that the model may call, in the shape that model providers use.
    tools: Option<Vec<Box<RawValue>>>,
    /// `none`, `auto`, `required`, or one of `tools`.
    tool_choice: Option<Box<RawValue>>,
    /// How much of the session the model sees.
    context: Option<Object<ContextBody>>,
}

/// How much of the session the model sees.
#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ContextRequest"))]
struct ContextBody {
    /// What is done with what does not fit.
    strategy: Option<String>,
    /// Most tokens of the prompt.
    budget: Option<u32>,
    /// Is the model told what is remembered, and may it remember more?
    memory: Option<bool>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OnBusy"))]
#[serde(rename_all = "lowercase")]
enum OnBusy {
    Reject,
    Wait,
}

/// What every provider demands of a tool; it goes to the model as it is.
#[derive(Deserialize)]
struct Tool {
    #[serde(rename = "type")]
    _kind: ToolKind,
    function: Object<FunctionBody>,
}

#[derive(Deserialize)]
struct FunctionBody {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ToolKind {
    Function,
}

/// The same, checked.
pub(in crate::http::own) struct Run {
    pub(in crate::http::own) repeatable: Option<Repeatable>,
    pub(super) manner: Manner,
    pub(super) streams: bool,
}

impl RunBody {
    /// Holds it against the rules.
    pub(in crate::http::own) fn check(self, request: &Request<'_>, asked: Asked) -> Result<Run> {
        let names = self.tools.iter().flatten().enumerate().map(|(index, tool)| check_tool(index, tool)).collect::<Result<Vec<_>>>()?;
        Ok(Run {
            repeatable: asked.repeatable(self.client_message_id.map(|id| ("client_message_id", id)))?,
            streams: self.stream.unwrap_or_else(|| request.accepts_events()),
            manner: Manner {
                waits: matches!(self.on_busy, Some(OnBusy::Wait)),
                precondition: request.precondition()?,
                wishes: Wishes {
                    model: self.model,
                    temperature: self.temperature,
                    max_tokens: self.max_tokens,
                    tool_choice: self.tool_choice.as_deref().map(|choice| check_tool_choice(choice, &names)).transpose()?,
                    tools: self.tools.map(|tools| encode_tools(&tools)).transpose()?,
                    context: self.context.map(|Object(context)| context.check()).transpose()?.unwrap_or_default(),
                },
            },
        })
    }
}

impl ContextBody {
    fn check(self) -> Result<ContextWishes> {
        let strategy = self.strategy.map(|name| one_of("context.strategy", &Strategy::ALL, Strategy::name, &name)).transpose()?;
        Ok(ContextWishes { strategy, budget_tokens: self.budget, uses_memory: self.memory })
    }
}

impl Run {
    /// Does it hold only for some state of a session?
    pub(in crate::http::own) fn has_precondition(&self) -> bool {
        self.manner.precondition != Precondition::None
    }
}

/// The name of a tool that every provider takes.
fn check_tool(index: usize, tool: &RawValue) -> Result<String> {
    let field = format!("tools[{index}]");
    let Object(Tool { function: Object(FunctionBody { name }), .. }) =
        serde_json::from_str(tool.get()).map_err(|e| Error::invalid(&field, format!("must be a function with a name: {e}")))?;
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if is_plain && (1..=limits::NAME_CHARACTERS).contains(&name.len()) {
        Ok(name)
    } else {
        let rule = format!("must have 1 to {} letters, digits, _ or -", limits::NAME_CHARACTERS);
        Err(Error::invalid(format!("{field}.function.name"), rule))
    }
}

fn encode_tools(tools: &[Box<RawValue>]) -> Result<String> {
    if tools.len() > limits::TOOL_CALLS {
        return Err(Error::invalid("tools", format!("must have at most {} items", limits::TOOL_CALLS)));
    }
    let json = serde_json::to_string(tools).map_err(|e| Error::Internal(format!("tools: {e}")))?;
    limits::check_body("tools", &json, limits::TOOLS_BYTES).map(|()| json)
}

/// `names`: of the tools there are.
fn check_tool_choice(choice: &RawValue, names: &[String]) -> Result<String> {
    let is_possible = match serde_json::from_str(choice.get()) {
        Ok(serde_json::Value::String(word)) => matches!(word.as_str(), "none" | "auto") || (word == "required" && !names.is_empty()),
        Ok(object @ serde_json::Value::Object(_)) => {
            let name = object.pointer("/function/name").and_then(serde_json::Value::as_str);
            name.is_some_and(|name| names.iter().any(|known| known == name))
        }
        Ok(_) | Err(_) => false,
    };
    if is_possible {
        Ok(choice.get().to_owned())
    } else {
        let rule = "must be none, auto, required, or {\"type\": \"function\", \"function\": {\"name\": ...}} with the name of one of tools";
        Err(Error::invalid("tool_choice", rule))
    }
}
