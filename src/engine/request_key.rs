//! The key of a request that begins a conversation, and the learner's token that follows from it.
//!
//! If the response to a client without a cookie is lost, the client can't reach the conversation that it began. With a key
//! that can't be guessed, a repeated request finds it: the token of the new learner is derived from the key and a random salt that
//! is stored beside the conversation. A request can be repeated for [`REPEATABLE`]. After that the next new conversation
//! with a key or the hourly purge deletes the salt. Backups hold no salt. Neither the database nor the key alone is enough
//! to derive the token, nor are both together once the salt is deleted.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use domain::{LearnerId, conversation::Millis};

/// How long a request may be repeated. Pages stop retrying earlier.
pub const REPEATABLE: Millis = 10 * 60 * 1000;
/// Hexadecimal digits of a key that can't be guessed: 128 bits.
const SECRET_DIGITS: usize = 32;
/// Different digits that a random key of that length has: fewer come about once in ten million.
const DIFFERENT_DIGITS: usize = 7;

/// A key that can't be guessed: at least 32 hexadecimal digits, such as a random UUID's.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey(String);

impl SecretKey {
    /// Reads an idempotency key; `None` for one that could be guessed.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let digits: String = key.chars().filter(|&c| c != '-').collect();
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        let different = digits.to_ascii_lowercase().bytes().collect::<HashSet<_>>().len();
        (is_hex && digits.len() >= SECRET_DIGITS && different >= DIFFERENT_DIGITS).then(|| Self(key.to_owned()))
    }

    /// The hash under which the key of a client without a cookie is stored.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        digest("a newcomer's request", &[self.0.as_bytes()])
    }

    /// The token of the learner that the request creates.
    #[must_use]
    pub fn token(&self, salt: &[u8; 32]) -> [u8; 16] {
        let [token @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            digest("a newcomer's token", &[salt, self.0.as_bytes()]);
        token
    }
}

/// The hash under which the key of a learner's request is stored. It includes the learner, because two learners may choose
/// the same key.
#[must_use]
pub fn hash_of(learner: LearnerId, key: &str) -> [u8; 32] {
    digest("a learner's request", &[learner.0.as_bytes(), key.as_bytes()])
}

/// Every part except the last has a fixed length, so different parts never concatenate to the same bytes.
fn digest(purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix("llm-classroom: ");
    digest.update(purpose);
    digest.update([0]);
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_key_that_cannot_be_guessed_is_secret() {
        for key in [
            "0123456789abcdef0123456789abcdef",
            "9F86D081884C7D659A2FEAA0C55AD015",
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ] {
            assert!(SecretKey::parse(key).is_some(), "{key}");
        }
        for key in [
            "",
            "k",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdeg",
            "00000000-0000-0000-0000-000000000000",
            "11111111111111112222222222222222",
            "----------------------------------",
            "nobody-can-guess-this-key-of-mine-surely",
        ] {
            assert!(SecretKey::parse(key).is_none(), "{key}");
        }
    }

    #[test]
    fn a_token_follows_from_key_and_salt_together() {
        let (one, two) =
            (SecretKey::parse(&"0123456789abcdef".repeat(2)), SecretKey::parse(&"fedcba9876543210".repeat(2)));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.token(&[1; 32]), one.token(&[1; 32]));
        assert_ne!(one.token(&[1; 32]), one.token(&[2; 32]));
        assert_ne!(one.token(&[1; 32]), two.token(&[1; 32]));
        assert_ne!(one.hash(), two.hash());
    }
}
