//! What is said to the models.
