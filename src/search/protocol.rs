//! What may be asked of an index, and what it answers.

use serde::{Deserialize, Serialize};

/// A question.
#[derive(Serialize, Deserialize)]
pub(crate) struct SearchCall {
    /// In FTS5's syntax.
    pub(crate) expression: String,
    /// Only what this role said.
    pub(crate) role: Option<String>,
    /// Only in this session; of a user's index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
    /// Only what was said from then on, Unix milliseconds.
    pub(crate) since: Option<i64>,
    /// Only what was said before then.
    pub(crate) before: Option<i64>,
    /// Not in sessions of which models may know nothing; of a user's index.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_for_model: bool,
    pub(crate) limit: u32,
    pub(crate) offset: u32,
}

/// What was found, best first.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) hits: Vec<Hit>,
    pub(crate) total: u64,
}

/// A message that was found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hit {
    pub(crate) session_id: String,
    pub(crate) sequence: u64,
    pub(crate) role: String,
    pub(crate) created_at: i64,
    /// What is around the matches, see [`super::pieces`].
    pub(crate) snippet: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_formats_unchanged() {
        let call =
            r#"{"expression":"\"a\"","role":"user","session_id":"s","since":1,"before":null,"is_for_model":true,"limit":20,"offset":0}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<SearchCall>(call).unwrap()).unwrap(), call);
        let found = r#"{"hits":[{"session_id":"s","sequence":1,"role":"user","created_at":2,"snippet":"x"}],"total":1}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Found>(found).unwrap()).unwrap(), found);
    }
}
