//! The `llm-classroom` program.
fn main() {}
