//! Entity tags (RFC 9110, 8.8.3): the version of a session or an entry, as `ETag` tells it and `If-Match` demands it.

use crate::{
    domain::session::{Precondition, Version},
    error::{Error, Result},
};

/// The tag of a version: `"<creation, hex ms>-<revision, hex>"`.
pub(super) fn etag(version: Version) -> String {
    format!("\"{:x}-{:x}\"", version.created_at_ms, version.revision)
}

/// What `If-Match` demands. Foreign and weak tags match nothing; `*` demands nothing beyond existence.
///
/// # Errors
/// `Invalid` when it is no list of entity tags.
pub(super) fn parse_if_match(header: &str) -> Result<Precondition> {
    if header.trim() == "*" {
        return Ok(Precondition::None);
    }
    let mut versions = Vec::new();
    for tag in header.split(',').map(str::trim) {
        let quoted = tag.strip_prefix("W/").unwrap_or(tag);
        let Some(opaque) = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return Err(Error::invalid("If-Match", "must be * or a list of quoted entity tags"));
        };
        if let Some((created, revision)) = opaque.split_once('-')
            && let (Ok(created_at_ms), Ok(revision)) = (i64::from_str_radix(created, 16), u64::from_str_radix(revision, 16))
            && quoted == tag
        {
            versions.push(Version { created_at_ms, revision });
        }
    }
    Ok(Precondition::OneOf(versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_is_a_list_of_tags() {
        let version = |created_at_ms, revision| Version { created_at_ms, revision };
        let cases = [
            ("*", Some(Precondition::None)),
            ("\"a-1\"", Some(Precondition::OneOf(vec![version(10, 1)]))),
            ("\"a-1\" , \"b-2\"", Some(Precondition::OneOf(vec![version(10, 1), version(11, 2)]))),
            ("W/\"a-1\"", Some(Precondition::OneOf(vec![]))),
            ("\"foreign\"", Some(Precondition::OneOf(vec![]))),
            ("a-1", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(parse_if_match(header).ok(), expected, "{header:?}");
        }
    }
}
