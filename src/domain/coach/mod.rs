//! The built-in rules that read a question without any model.
