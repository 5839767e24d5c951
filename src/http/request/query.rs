//! What a URL says: its path, its query and the numbers in them.

use crate::error::{Error, Result};

/// A whole number that storage can hold.
///
/// # Errors
/// `Invalid`, naming `field`.
pub(crate) fn parse_number(field: &str, text: &str) -> Result<u64> {
    let number = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
    number.ok_or_else(|| Error::invalid(field, "must be a whole number"))
}

/// Path and query of an absolute URL.
pub(crate) fn split_url(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|start| after_scheme.get(start..)).unwrap_or("/");
    path.split_once('?').unwrap_or((path, ""))
}

/// The parameters of a query, decoded. Of parameters with the same name the first counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL after `?`.
    pub(crate) fn parse(query: &str) -> Query {
        Query(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The parameter `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The whole number `name`, or `default` when it is absent.
    ///
    /// # Errors
    /// `Invalid` when it is no whole number from `min` to `max`.
    pub(crate) fn number(&self, name: &str, default: u32, min: u32, max: u32) -> Result<u32> {
        let Some(text) = self.get(name) else { return Ok(default) };
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| Error::invalid(name, format!("must be a whole number from {min} to {max}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split() {
        let cases = [
            ("http://h/", ("/", "")),
            ("http://h", ("/", "")),
            ("https://h:1/a/b?c=d?e", ("/a/b", "c=d?e")),
            ("http://h/a%2Fb?", ("/a%2Fb", "")),
        ];
        for (url, expected) in cases {
            assert_eq!(split_url(url), expected, "{url}");
        }
    }

    #[test]
    fn numbers_in_the_query_have_bounds() {
        let cases = [
            ("", Some(5)),
            ("n=1", Some(1)),
            ("n=9", Some(9)),
            ("n=10", None),
            ("n=0", None),
            ("n=", None),
            ("n=-1", None),
            ("n=1.0", None),
            ("n=x", None),
        ];
        for (query, expected) in cases {
            assert_eq!(Query::parse(query).number("n", 5, 1, 9).ok(), expected, "{query:?}");
        }
    }
}
