//! Which model answers, and what clients may choose about it.

use std::{collections::HashMap, time::Duration};

use serde::Deserialize;

use super::{misconfigured, parse_json};
use crate::{
    domain::turn::Wishes,
    error::{Error, Result},
    model::{Provider, Secret, Settings, Timeouts, Upstream, offline},
};

/// The deployment's choice of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelChoice {
    /// Where answers come from.
    pub provider: Provider,
    /// The models that clients may name; the first answers those that name none.
    pub allowed: Vec<String>,
    /// Is the model offered tools to remember things with?
    pub has_memory_tools: bool,
    /// Does the model make titles?
    pub makes_titles: bool,
    /// Most tokens of an answer, unless a client wants fewer.
    max_tokens: Option<u32>,
    personas: HashMap<String, PersonaModel>,
}

/// What a persona wants of its model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonaModel {
    model: Option<String>,
    temperature: Option<f64>,
    max_tokens: Option<u32>,
}

const OPENAI_URL: &str = "https://api.openai.com/v1";
/// The wildest temperature that providers take.
const TEMPERATURE_MAX: f64 = 2.0;
/// No wait for a model is longer than this, in seconds: a call of an object's lasts 15 minutes at most.
const TIMEOUT_MAX_SECONDS: u64 = 840;

impl ModelChoice {
    /// Reads the variables that begin with `MODEL`, and `PERSONA_MODELS`.
    ///
    /// # Errors
    /// `Misconfigured`, naming the variable and the rule.
    pub(super) fn parse(given: &impl Fn(&'static str) -> Option<String>) -> Result<ModelChoice> {
        let provider = match given("MODEL_PROVIDER").as_deref() {
            None | Some("offline") => Provider::Offline,
            Some("openai") => Provider::OpenAi(parse_upstream(given)?),
            Some("workers-ai") => Provider::WorkersAi(parse_timeouts(given)?),
            Some(_) => return Err(misconfigured("MODEL_PROVIDER must be offline, openai or workers-ai")),
        };
        let allowed = match (&provider, given("MODEL_NAME")) {
            (Provider::Offline, _) => vec![offline::NAME.to_owned()],
            (Provider::OpenAi(_) | Provider::WorkersAi(_), None) => return Err(misconfigured("MODEL_NAME must name a model")),
            (Provider::OpenAi(_) | Provider::WorkersAi(_), Some(name)) => {
                let others = given("MODELS_ALLOWED").unwrap_or_default();
                let others = others.split(',').map(str::trim).filter(|other| !other.is_empty() && *other != name).map(str::to_owned);
                [name.clone()].into_iter().chain(others).collect()
            }
        };
        let max_tokens = given("MODEL_MAX_TOKENS").map(|text| {
            let tokens = text.parse().ok().filter(|tokens| *tokens > 0);
            tokens.ok_or_else(|| misconfigured("MODEL_MAX_TOKENS must be a number of tokens"))
        });
        let is_on = |name: &'static str| match given(name).as_deref() {
            None | Some("on") => Ok(provider.is_language_model()),
            Some("off") => Ok(false),
            Some(_) => Err(misconfigured(&format!("{name} must be on or off"))),
        };
        let (has_memory_tools, makes_titles) = (is_on("MODEL_TOOLS")?, is_on("MODEL_TITLES")?);
        let choice = ModelChoice {
            provider,
            allowed,
            has_memory_tools,
            makes_titles,
            max_tokens: max_tokens.transpose()?,
            personas: parse_json(given, "PERSONA_MODELS")?,
        };
        // A mistake shows at once, not when somebody picks the persona.
        for persona in choice.personas.keys() {
            choice.settle(Wishes::default(), persona).map_err(|error| misconfigured(&format!("PERSONA_MODELS of {persona}: {error:?}")))?;
        }
        Ok(choice)
    }

    /// The personas that want something of their model.
    pub(super) fn personas(&self) -> impl Iterator<Item = &str> {
        self.personas.keys().map(String::as_str)
    }

    /// Temperature and most tokens of an answer of that persona, where the deployment has chosen them.
    pub(crate) fn chosen_for(&self, persona: &str) -> (Option<f64>, Option<u32>) {
        let wanted = self.personas.get(persona);
        (wanted.and_then(|wanted| wanted.temperature), wanted.and_then(|wanted| wanted.max_tokens).or(self.max_tokens))
    }

    /// How the model is to answer in a session with that persona.
    ///
    /// # Errors
    /// `Invalid` when the client wishes what the deployment does not allow.
    pub(crate) fn settle(&self, wishes: Wishes, persona: &str) -> Result<Settings> {
        let persona = self.personas.get(persona).cloned().unwrap_or_default();
        let model = wishes.model.or(persona.model).or_else(|| self.allowed.first().cloned()).unwrap_or_default();
        if !self.allowed.contains(&model) {
            return Err(Error::invalid("model", format!("must be one of {}", self.allowed.join(", "))));
        }
        let temperature = wishes.temperature.or(persona.temperature);
        if temperature.is_some_and(|temperature| !(0.0..=TEMPERATURE_MAX).contains(&temperature)) {
            return Err(Error::invalid("temperature", format!("must be from 0 to {TEMPERATURE_MAX}")));
        }
        let most = self.max_tokens.unwrap_or(u32::MAX);
        let max_tokens = wishes.max_tokens.or(persona.max_tokens).or(self.max_tokens);
        if max_tokens.is_some_and(|tokens| !(1..=most).contains(&tokens)) {
            return Err(Error::invalid("max_tokens", format!("must be from 1 to {most}")));
        }
        Ok(Settings { model, temperature, max_tokens, tools: wishes.tools, tool_choice: wishes.tool_choice })
    }
}

fn parse_upstream(given: &impl Fn(&'static str) -> Option<String>) -> Result<Upstream> {
    let base_url = given("MODEL_BASE_URL").unwrap_or_else(|| OPENAI_URL.to_owned());
    if !is_base_url(&base_url) {
        return Err(misconfigured("MODEL_BASE_URL must be an https:// or http:// URL without user, query or fragment"));
    }
    let headers: HashMap<String, String> = parse_json(given, "MODEL_HEADERS")?;
    if !headers.iter().all(|(name, value)| is_header_name(name) && is_header_value(value)) {
        return Err(misconfigured("MODEL_HEADERS must have names and values that are HTTP headers"));
    }
    let key = given("MODEL_API_KEY").map(|key| key.trim().to_owned());
    if !key.as_deref().is_none_or(is_header_value) {
        return Err(misconfigured("MODEL_API_KEY must be one line of ASCII"));
    }
    Ok(Upstream {
        base_url,
        key: key.map(Secret),
        headers: headers.into_iter().map(|(name, value)| (name, Secret(value))).collect(),
        timeouts: parse_timeouts(given)?,
    })
}

fn is_base_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let (host, _) = rest.split_once('/').unwrap_or((rest, ""));
    !host.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"?#@[]\\\"<>^`{|}".contains(c))
}

fn is_header_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn is_header_value(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() || c == ' ')
}

fn parse_timeouts(given: &impl Fn(&'static str) -> Option<String>) -> Result<Timeouts> {
    let seconds = |name, default| {
        let seconds =
            given(name).map_or(Some(default), |text| text.parse().ok()).filter(|seconds| (1..=TIMEOUT_MAX_SECONDS).contains(seconds));
        let rule = || misconfigured(&format!("{name} must be a number of seconds from 1 to {TIMEOUT_MAX_SECONDS}"));
        seconds.map(Duration::from_secs).ok_or_else(rule)
    };
    Ok(Timeouts {
        first: seconds("MODEL_FIRST_BYTE_SECONDS", 60)?,
        next: seconds("MODEL_NEXT_BYTE_SECONDS", 60)?,
        total: seconds("MODEL_TOTAL_SECONDS", 600)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: [(&str, &str); 3] = [("MODEL_PROVIDER", "openai"), ("MODEL_NAME", "small"), ("MODELS_ALLOWED", "small, large")];

    fn parse(variables: &[(&str, &str)]) -> Result<ModelChoice> {
        ModelChoice::parse(&|name| variables.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn clients_choose_within_what_is_allowed() {
        let personas = ("PERSONA_MODELS", r#"{"poet":{"model":"large","temperature":1.5,"max_tokens":50}}"#);
        let choice = parse(&[&SERVER[..], &[("MODEL_MAX_TOKENS", "100"), personas]].concat()).unwrap();
        let wish = |model: Option<&str>, temperature, max_tokens| Wishes {
            model: model.map(Into::into),
            temperature,
            max_tokens,
            ..Wishes::default()
        };
        let cases = [
            (wish(None, None, None), "x", Ok(("small", None, Some(100)))),
            (wish(Some("large"), Some(0.0), Some(1)), "x", Ok(("large", Some(0.0), Some(1)))),
            (wish(None, None, None), "poet", Ok(("large", Some(1.5), Some(50)))),
            (wish(Some("small"), Some(2.0), Some(100)), "poet", Ok(("small", Some(2.0), Some(100)))),
            (wish(Some("huge"), None, None), "x", Err("model")),
            (wish(None, Some(2.1), None), "x", Err("temperature")),
            (wish(None, Some(f64::NAN), None), "x", Err("temperature")),
            (wish(None, None, Some(0)), "x", Err("max_tokens")),
            (wish(None, None, Some(101)), "x", Err("max_tokens")),
        ];
        for (wishes, persona, expected) in cases {
            let settled = match choice.settle(wishes.clone(), persona) {
                Ok(settings) => Ok((settings.model, settings.temperature, settings.max_tokens)),
                Err(Error::Invalid { field, .. }) => Err(field),
                Err(other) => panic!("{other:?}"),
            };
            let expected =
                expected.map(|(model, temperature, max_tokens)| (model.to_owned(), temperature, max_tokens)).map_err(str::to_owned);
            assert_eq!(settled, expected, "{wishes:?} of {persona}");
        }
    }

    #[test]
    fn providers_and_their_defaults_are_read() {
        assert_eq!(parse(&[]).unwrap().allowed, [offline::NAME]);
        let Provider::OpenAi(upstream) =
            parse(&[&SERVER[..], &[("MODEL_API_KEY", "hush"), ("MODEL_HEADERS", r#"{"x-a":"hush"}"#)]].concat()).unwrap().provider
        else {
            panic!("not a server");
        };
        assert_eq!((upstream.base_url.as_str(), upstream.timeouts.first.as_secs()), (OPENAI_URL, 60));
        assert!(!format!("{upstream:?}").contains("hush"), "{upstream:?}");
    }

    #[test]
    fn mistakes_are_refused() {
        for mistake in [
            ("MODEL_PROVIDER", "x"),
            ("MODEL_NAME", ""),
            ("MODEL_BASE_URL", "localhost:11434"),
            ("MODEL_BASE_URL", "http://"),
            ("MODEL_BASE_URL", "https://user:hush@example.com/v1"),
            ("MODEL_BASE_URL", "https://example.com/v1?api-version=1"),
            ("MODEL_API_KEY", "two\nlines"),
            ("MODEL_HEADERS", "x-a: b"),
            ("MODEL_HEADERS", r#"{"x a":"b"}"#),
            ("MODEL_HEADERS", r#"{"x-a":"b\n"}"#),
            ("MODEL_MAX_TOKENS", "0"),
            ("MODEL_TOTAL_SECONDS", "0"),
            ("MODEL_FIRST_BYTE_SECONDS", "841"),
            ("PERSONA_MODELS", r#"{"poet":{"model":"huge"}}"#),
            ("PERSONA_MODELS", r#"{"poet":{"modle":"small"}}"#),
            ("MODEL_TOOLS", "yes"),
            ("MODEL_TITLES", "1"),
        ] {
            let variables = [&SERVER[..], &[mistake]].concat();
            let given = |name: &'static str| {
                variables.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()).filter(|value| !value.is_empty())
            };
            assert!(ModelChoice::parse(&given).is_err(), "{mistake:?}");
        }
    }
}
