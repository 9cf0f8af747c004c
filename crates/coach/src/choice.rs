//! Which of several phrasings to use. It depends on the message alone, so the same message reads the same again, and
//! different ones seldom do.

/// The hash of a text: FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
pub(super) fn hash(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of FNV mix poorly, and a choice uses only those.
    hash ^ (hash >> 29) ^ (hash >> 47)
}

/// One of `options`, of which there must be some.
pub(super) fn pick<'a>(options: &[&'a str], salt: u64) -> &'a str {
    let count = options.len().max(1) as u64;
    options.get((salt % count) as usize).copied().unwrap_or("")
}
