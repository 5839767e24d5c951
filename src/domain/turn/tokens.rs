//! Counting tokens: what providers report is the truth; before that, an estimate from the session's own experience.

/// How many tokens an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    /// Of what the model was sent.
    pub prompt_tokens: u64,
    /// Of what it answered.
    pub completion_tokens: u64,
    /// Reckoned by us, because the provider did not tell.
    pub is_estimate: bool,
}

/// What a session's turns have taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    /// Of what models were sent.
    pub prompt_tokens: u64,
    /// Of what they answered.
    pub completion_tokens: u64,
    /// Is some of it an estimate?
    pub has_estimates: bool,
    /// How many bytes of text the provider has counted, and how many tokens that were.
    pub observed_bytes: u64,
    /// See `observed_bytes`.
    pub observed_tokens: u64,
}

/// More than any model can take or give: who reports more is not believed.
const TOKENS_MAX: u64 = 1 << 32;
/// Totals stay below this, where a number is exact everywhere.
const TOTAL_MAX: u64 = 1 << 53;
/// Bytes of text a token stands for until the session has its own experience: English in the usual vocabularies.
const BYTES_PER_TOKEN: u64 = 4;
/// And at most.
const BYTES_PER_TOKEN_MAX: u64 = 16;

impl Tally {
    /// What so much text takes, as far as can be known before the provider says.
    pub(crate) fn estimate(&self, prompt_bytes: u64, answer_bytes: u64) -> Usage {
        let (observed_tokens, observed_bytes) = self.experience();
        let estimate = |bytes: u64| bytes.saturating_mul(observed_tokens).div_ceil(observed_bytes).min(TOKENS_MAX);
        Usage { prompt_tokens: estimate(prompt_bytes), completion_tokens: estimate(answer_bytes), is_estimate: true }
    }

    /// The most text that takes no more than `tokens`.
    pub(crate) fn bytes_within(&self, tokens: u64) -> u64 {
        let (observed_tokens, observed_bytes) = self.experience();
        tokens.saturating_mul(observed_bytes).checked_div(observed_tokens).unwrap_or_default()
    }

    /// So many tokens for so many bytes. A token is at least a byte, and seldom a long word: short messages, of which the
    /// provider counts what is around them, teach nothing.
    fn experience(&self) -> (u64, u64) {
        match (self.observed_tokens, self.observed_bytes) {
            (0, _) | (_, 0) => (1, BYTES_PER_TOKEN),
            (tokens, bytes) if tokens >= bytes => (1, 1),
            (tokens, bytes) if tokens.saturating_mul(BYTES_PER_TOKEN_MAX) < bytes => (1, BYTES_PER_TOKEN_MAX),
            observed => observed,
        }
    }

    /// Adds a turn that took `usage` for so much text.
    pub(crate) fn add(&mut self, usage: Usage, text_bytes: u64) {
        let grow = |total: &mut u64, by: u64| *total = total.saturating_add(by).min(TOTAL_MAX);
        grow(&mut self.prompt_tokens, usage.prompt_tokens);
        grow(&mut self.completion_tokens, usage.completion_tokens);
        if usage.is_estimate {
            self.has_estimates = true;
        } else {
            grow(&mut self.observed_bytes, text_bytes);
            grow(&mut self.observed_tokens, usage.total());
        }
    }
}

impl Usage {
    /// What a provider reports, unless it cannot be true.
    pub(crate) fn reported(prompt_tokens: u64, completion_tokens: u64) -> Option<Usage> {
        let is_plausible = prompt_tokens.max(completion_tokens) <= TOKENS_MAX;
        is_plausible.then_some(Usage { prompt_tokens, completion_tokens, is_estimate: false })
    }

    /// What both took.
    pub(crate) const fn plus(self, other: Usage) -> Usage {
        Usage {
            prompt_tokens: self.prompt_tokens.saturating_add(other.prompt_tokens),
            completion_tokens: self.completion_tokens.saturating_add(other.completion_tokens),
            is_estimate: self.is_estimate || other.is_estimate,
        }
    }

    /// Of both directions.
    pub(crate) const fn total(&self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_follow_what_the_provider_has_counted() {
        let estimate = |tally: &Tally| {
            let usage = tally.estimate(400, 41);
            assert!(usage.is_estimate);
            (usage.prompt_tokens, usage.completion_tokens)
        };
        let mut tally = Tally::default();
        assert_eq!(estimate(&tally), (100, 11));
        tally.add(Usage { prompt_tokens: 150, completion_tokens: 50, is_estimate: false }, 400);
        assert_eq!(estimate(&tally), (200, 21));
        // An estimate counts in the totals and teaches nothing.
        tally.add(tally.estimate(400, 0), 400);
        assert_eq!(estimate(&tally), (200, 21));
        assert_eq!((tally.prompt_tokens, tally.completion_tokens, tally.has_estimates), (350, 50, true));
        let absurd = Tally { observed_tokens: u64::MAX, ..Tally::default() };
        assert_eq!(absurd.estimate(u64::MAX, 0).prompt_tokens, TOKENS_MAX);
        let mut full = Tally { prompt_tokens: TOTAL_MAX, ..Tally::default() };
        full.add(Usage { prompt_tokens: TOKENS_MAX, ..Usage::default() }, u64::MAX);
        assert_eq!((full.prompt_tokens, full.observed_bytes), (TOTAL_MAX, TOTAL_MAX));
        assert_eq!(Usage::reported(TOKENS_MAX + 1, 0), None);
    }
}
