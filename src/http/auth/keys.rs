//! Keys of services. Only their hashes are known here.

use std::hint::black_box;

use sha2::{Digest, Sha256};

use crate::config::ServiceKey;

/// The key that is shown. All are looked at, each to its end, so that time tells nothing.
pub(super) fn find<'a>(keys: &'a [ServiceKey], shown: &str) -> Option<&'a ServiceKey> {
    let hash: [u8; 32] = Sha256::digest(shown).into();
    keys.iter().fold(None, |found, key| found.or(is_same(&key.hash, &hash).then_some(key)))
}

fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |difference, (one, other)| black_box(difference | (one ^ other))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::caller::Scope;

    #[test]
    fn keys_are_found_by_their_hash_alone() {
        let key = |name: &str, text: &str| ServiceKey { name: name.into(), hash: Sha256::digest(text).into(), scopes: vec![Scope::Read] };
        let keys = [key("first", "a"), key("second", "b"), key("twin", "b")];
        let cases = [("a", Some("first")), ("b", Some("second")), ("c", None), ("", None), ("a ", None), ("A", None)];
        for (shown, expected) in cases {
            assert_eq!(find(&keys, shown).map(|key| key.name.as_str()), expected, "{shown:?}");
        }
        let mut near = keys[0].hash;
        near[31] ^= 1;
        assert!(!is_same(&keys[0].hash, &near));
    }
}
