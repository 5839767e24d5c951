//! How much of a session a model sees, unless a client wants it otherwise.

use std::collections::HashMap;

use super::misconfigured;
use crate::{
    domain::context::{ContextWishes, Strategy},
    error::{Error, Result},
};

/// The deployment's choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextChoice {
    strategy: Strategy,
    /// Most tokens of a prompt, by model.
    tokens: HashMap<String, u32>,
    default_tokens: u32,
}

/// What it comes to for one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContextSettings {
    /// How what does not fit is dealt with.
    pub strategy: Strategy,
    /// Most tokens of a prompt.
    pub budget_tokens: u32,
    /// Is the model told what is remembered, and may it remember more?
    pub uses_memory: bool,
}

/// Unless the deployment says otherwise: what small models take.
const TOKENS_DEFAULT: u32 = 16_000;
/// With fewer there is no room for anything but the new message.
const TOKENS_MIN: u32 = 500;
const TOKENS_MAX: u32 = 1_000_000;
/// The model that stands for all others in `CONTEXT_TOKENS`.
const DEFAULT: &str = "default";

impl ContextChoice {
    /// Reads the variables that begin with `CONTEXT`.
    ///
    /// # Errors
    /// `Misconfigured`, naming the variable and the rule.
    pub(super) fn parse(given: &impl Fn(&'static str) -> Option<String>) -> Result<ContextChoice> {
        let strategy = given("CONTEXT_STRATEGY").map_or(Some(Strategy::default()), |name| Strategy::from_name(&name));
        let strategy = strategy.ok_or_else(|| misconfigured("CONTEXT_STRATEGY must be truncate, summarize or hierarchical"))?;
        let rule = || {
            misconfigured(&format!(
                "CONTEXT_TOKENS must be a number from {TOKENS_MIN} to {TOKENS_MAX}, or a JSON object of them with a model's name each"
            ))
        };
        let text = given("CONTEXT_TOKENS").unwrap_or_else(|| TOKENS_DEFAULT.to_string());
        let tokens: HashMap<String, u32> = match text.trim().parse() {
            Ok(tokens) => HashMap::from([(DEFAULT.to_owned(), tokens)]),
            Err(_) => serde_json::from_str(&text).map_err(|_| rule())?,
        };
        if !tokens.values().all(|tokens| (TOKENS_MIN..=TOKENS_MAX).contains(tokens)) {
            return Err(rule());
        }
        let default_tokens = tokens.get(DEFAULT).copied().unwrap_or(TOKENS_DEFAULT);
        Ok(ContextChoice { strategy, tokens, default_tokens })
    }

    /// What holds for a turn that `model` answers.
    ///
    /// # Errors
    /// `Invalid` when the client wishes for too much or too little.
    pub(crate) fn settle(&self, wishes: ContextWishes, model: &str) -> Result<ContextSettings> {
        let most = self.tokens.get(model).copied().unwrap_or(self.default_tokens);
        let budget_tokens = wishes.budget_tokens.unwrap_or(most);
        if !(TOKENS_MIN..=most).contains(&budget_tokens) {
            return Err(Error::invalid("context.budget", format!("must be from {TOKENS_MIN} to {most} tokens for {model}")));
        }
        Ok(ContextSettings {
            strategy: wishes.strategy.unwrap_or(self.strategy),
            budget_tokens,
            uses_memory: wishes.uses_memory.unwrap_or(true),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(variables: &[(&str, &str)]) -> Result<ContextChoice> {
        ContextChoice::parse(&|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn budgets_are_by_model() {
        let choice = parse(&[("CONTEXT_TOKENS", r#"{"default":4000,"large":100000}"#), ("CONTEXT_STRATEGY", "summarize")]).unwrap();
        let wish = |tokens| ContextWishes { budget_tokens: tokens, ..ContextWishes::default() };
        let cases = [
            (None, "small", Some(4000)),
            (None, "large", Some(100_000)),
            (Some(5000), "large", Some(5000)),
            (Some(5000), "small", None),
            (Some(499), "large", None),
        ];
        for (tokens, model, expected) in cases {
            let settled = choice.settle(wish(tokens), model).ok();
            assert_eq!(settled.map(|settings| settings.budget_tokens), expected, "{tokens:?} of {model}");
            assert!(settled.is_none_or(|settings| settings.strategy == Strategy::Summarize && settings.uses_memory));
        }
        assert_eq!(parse(&[]).unwrap().settle(wish(None), "any").unwrap().budget_tokens, TOKENS_DEFAULT);
    }

    #[test]
    fn mistakes_are_refused() {
        for mistake in [
            ("CONTEXT_STRATEGY", "best"),
            ("CONTEXT_TOKENS", "499"),
            ("CONTEXT_TOKENS", "many"),
            ("CONTEXT_TOKENS", "1000001"),
            ("CONTEXT_TOKENS", r#"{"small":1}"#),
        ] {
            assert!(parse(&[mistake]).is_err(), "{mistake:?}");
        }
    }
}
