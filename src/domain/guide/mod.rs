//! The tutor's introduction to a topic.
