//! What the headers of a request demand: conditions on what is there, the kind of the answer, where it goes on.

use crate::{
    config::CorsOrigins,
    domain::session::Precondition,
    error::{Error, Result},
    http::{
        entity_tag::parse_if_match,
        request::{Request, query::parse_number},
    },
};

impl Request<'_> {
    /// `If-Match`. `*` demands nothing beyond existence, which every route demands.
    ///
    /// # Errors
    /// `Invalid` when it is no list of entity tags.
    pub(crate) fn precondition(&self) -> Result<Precondition> {
        match self.header("if-match") {
            None => Ok(Precondition::None),
            Some(header) => parse_if_match(&header),
        }
    }

    /// `If-Match: *` demands that there is something, `If-None-Match: *` that there is nothing.
    ///
    /// # Errors
    /// `Invalid` when `If-None-Match` is anything else.
    pub(crate) fn demands_existence(&self) -> Result<Option<bool>> {
        match (self.header("if-none-match").as_deref().map(str::trim), self.header("if-match").as_deref().map(str::trim)) {
            (Some("*"), _) => Ok(Some(false)),
            (Some(_), _) => Err(Error::invalid("If-None-Match", "must be *")),
            (None, Some("*")) => Ok(Some(true)),
            (None, _) => Ok(None),
        }
    }

    /// Is the answer to be a WebSocket?
    pub(crate) fn wants_socket(&self) -> bool {
        self.header("upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
    }

    /// Was it sent by a page of another origin, which is not named in the configuration?
    pub(crate) fn is_of_foreign_page(&self) -> bool {
        let Some(origin) = self.header("origin") else { return false };
        !is_same_host(&origin, &self.raw.url()) && !matches!(&self.config.cors, CorsOrigins::Listed(listed) if listed.contains(&origin))
    }

    /// Does the client want events?
    pub(crate) fn accepts_events(&self) -> bool {
        prefers_events(&self.header("accept").unwrap_or_default())
    }

    /// The number of the last event that the client has, from `?after=` or `Last-Event-ID`.
    ///
    /// # Errors
    /// `Invalid` when it is no number.
    pub(crate) fn last_event(&self) -> Result<Option<u64>> {
        let header = self.header("last-event-id").filter(|id| !id.is_empty());
        let given = self.query.get("after").map(|after| ("after", after.to_owned())).or(header.map(|id| ("Last-Event-ID", id)));
        given.map(|(field, text)| parse_number(field, &text)).transpose()
    }
}

/// Is the page's origin where `url` leads? The scheme does not matter: behind a proxy it may be another.
fn is_same_host(origin: &str, url: &str) -> bool {
    let host = |url: &str| url.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or_default().to_ascii_lowercase());
    host(origin).is_some_and(|own| host(url) == Some(own))
}

/// Events are only for those who name them, and JSON not before them.
fn prefers_events(accept: &str) -> bool {
    let quality_of = |wanted: &str| {
        let named = accept.split(',').find_map(|item| {
            let (kind, parameters) = item.split_once(';').unwrap_or((item, ""));
            kind.trim().eq_ignore_ascii_case(wanted).then_some(parameters)
        });
        let quality = named?.split(';').find_map(|parameter| parameter.trim().strip_prefix("q=")?.trim().parse::<f32>().ok());
        Some(quality.unwrap_or(1.0))
    };
    quality_of("text/event-stream").is_some_and(|events| events > 0.0 && events >= quality_of("application/json").unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_of_where_they_come_from() {
        let cases = [
            ("https://chat.example", "https://chat.example/ws/chat/a", true),
            ("https://chat.example", "http://Chat.example/ws", true),
            ("http://localhost:8000", "http://localhost:8000/?a", true),
            ("http://localhost:8000", "http://localhost:8787/", false),
            ("https://evil.example", "https://chat.example/", false),
            ("https://chat.example.evil", "https://chat.example/", false),
            ("null", "https://chat.example/", false),
        ];
        for (origin, url, expected) in cases {
            assert_eq!(is_same_host(origin, url), expected, "{origin} {url}");
        }
    }

    #[test]
    fn events_are_for_those_who_name_them() {
        let cases = [
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("application/json, text/event-stream", true),
            ("text/event-stream;q=0.5, application/json;q=0.4", true),
            ("application/json;q=1, text/event-stream;q=0.1", false),
            ("text/event-stream; q=0", false),
            ("*/*", false),
            ("text/*", false),
            ("", false),
        ];
        for (accept, expected) in cases {
            assert_eq!(prefers_events(accept), expected, "{accept:?}");
        }
    }
}
