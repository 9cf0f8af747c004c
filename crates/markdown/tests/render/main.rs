//! Rendering seen from outside: what the dialect looks like, that streaming changes nothing, that nothing hostile survives.

mod corpus;
mod dialect;
mod documented;
mod oracle;
mod safety;
mod sources;
mod streaming;

/// Settings for a property: failures are printed with their smallest input, and become examples in the tests by hand.
fn cases(cases: u32) -> proptest::prelude::ProptestConfig {
    proptest::prelude::ProptestConfig { cases, failure_persistence: None, ..Default::default() }
}
