//! What streams send, for the OpenAPI document alone.
//!
//! OpenAPI 3.1 has no word for the items of a stream, so the schema of a stream is that of each of its events, as readers
//! of server-sent events hand them over.
#![allow(dead_code, reason = "only the shapes are used")]

use utoipa::ToSchema;

use domain::Feedback;

/// An event of a turn's stream.
#[derive(ToSchema)]
pub(super) struct TurnEvent {
    /// Its number in this stream, from 0.
    #[schema(nullable = false)]
    id: Option<String>,
    event: TurnEventName,
    /// JSON: for `snapshot` a `SnapshotData`, for `block` a `BlockData`, for `delta` a `DeltaData`, for `thinking` a
    /// `ThinkingData`, for `feedback` a `Feedback`, for `state` a `StateData`, for `end` an empty object.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// What an event tells.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum TurnEventName {
    /// All there is so far; always first.
    Snapshot,
    /// A block that is new or has changed; an empty one is gone.
    Block,
    /// New text of the answer.
    Delta,
    /// The model began to think, or left off.
    Thinking,
    /// The tutor's notes came.
    Feedback,
    /// The state changed.
    State,
    /// Nothing more will come.
    End,
}

/// All there is of a turn so far.
#[derive(ToSchema)]
pub(super) struct SnapshotData {
    /// `accepted`, `answering`, `done`, `failed`, `cancelled` or `interrupted`.
    state: String,
    /// Why it ended so, where the state alone doesn't say.
    reason: Option<String>,
    /// The reason as a sentence in the reader's language.
    reason_text: Option<String>,
    /// Whether the answer of a turn that is still `answering` is whole and only the notes are missing.
    answered: bool,
    /// Whether the model thinks and writes nothing yet.
    thinking: bool,
    /// The answer, block by block, as safe HTML.
    blocks: Vec<String>,
    /// The tutor's notes.
    feedback: Option<Feedback>,
}

/// A block of an answer.
#[derive(ToSchema)]
pub(super) struct BlockData {
    /// Its place in the answer, from 0.
    index: u32,
    /// The whole block as safe HTML.
    html: String,
}

/// A piece of an answer.
#[derive(ToSchema)]
pub(super) struct DeltaData {
    /// As Markdown, as the model wrote it.
    text: String,
}

/// What a model does before it writes.
#[derive(ToSchema)]
pub(super) struct ThinkingData {
    /// Whether it thinks.
    thinking: bool,
}

/// Where a turn stands.
#[derive(ToSchema)]
pub(super) struct StateData {
    /// As in the snapshot.
    state: String,
    /// As in the snapshot.
    reason: Option<String>,
    /// As in the snapshot.
    reason_text: Option<String>,
    /// As in the snapshot.
    answered: bool,
}

/// An event of an answer to a call that carries its conversation along.
#[derive(ToSchema)]
pub(super) struct PieceEvent {
    /// JSON: `{"content":"…"}` for a piece, `{"content":"[DONE]"}` after the last; `{"error":"…"}` before that one, should
    /// the answer break off.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// An event of the stream to try the way with.
#[derive(ToSchema)]
pub(super) struct ProbeEvent {
    /// Always `piece`.
    event: String,
    /// Which piece, from 0.
    data: String,
}
