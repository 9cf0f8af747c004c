//! Tokens with which programs call the stateless API.

use sha2::{Digest as _, Sha256};

/// What every token begins with, so that people and scanners for leaked secrets recognise one.
const PREFIX: &str = "lct_";

/// Makes a token of 256 random bits.
///
/// # Errors
/// When the system has no random numbers.
pub fn generate() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{PREFIX}{}", hex::encode(bytes)))
}

/// The hash that is stored. Random bits need no slow hash.
#[must_use]
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_so_do_their_hashes() {
        let (one, two) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.len(), PREFIX.len() + 64);
        assert_ne!(one, two);
        assert_ne!(hash(&one), hash(&two));
    }
}
