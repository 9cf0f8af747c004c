//! Text from outside the program, made storable.

/// The text without U+0000, which PostgreSQL can't hold. A model may write one; left in, it would keep a turn from
/// ever being finished. Dropped on both engines, so that both give back the same.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}
