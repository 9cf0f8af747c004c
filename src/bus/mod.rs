//! Live events of running turns.
