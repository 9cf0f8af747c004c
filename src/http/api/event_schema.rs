//! Schemas of events, only for the OpenAPI document.
//!
//! OpenAPI 3.1 cannot describe the items of a stream, so the schema of a stream is the schema of each event, with the fields
//! of a server-sent event.
#![allow(dead_code, reason = "only the schemas are used")]

use utoipa::ToSchema;

use domain::Feedback;

/// An event of a turn.
#[derive(ToSchema)]
pub(super) struct TurnEvent {
    /// The number of the event in this stream, from 0.
    #[schema(nullable = false)]
    id: Option<String>,
    event: TurnEventName,
    /// JSON: for `snapshot` a `SnapshotData`, for `block` a `BlockData`, for `delta` a `DeltaData`, for `thinking` a
    /// `ThinkingData`, for `feedback` a `Feedback`, for `state` a `StateData`, for `end` an empty object.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// The type of an event.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub(super) enum TurnEventName {
    /// The turn so far; always the first event.
    Snapshot,
    /// A new or changed block; an empty one is removed.
    Block,
    /// New text of the answer.
    Delta,
    /// The model began or stopped thinking.
    Thinking,
    /// The feedback of the tutor.
    Feedback,
    /// A new state.
    State,
    /// The last event.
    End,
}

/// A turn so far.
#[derive(ToSchema)]
pub(super) struct SnapshotData {
    /// `accepted`, `answering`, `done`, `failed`, `cancelled` or `interrupted`.
    state: String,
    /// Why the turn ended in this state, if there is more to say.
    reason: Option<String>,
    /// The reason as a sentence in the language of the request.
    reason_text: Option<String>,
    /// Whether the answer of a turn in the state `answering` is complete and only the feedback is missing.
    answered: bool,
    /// Whether the model thinks and has written nothing yet.
    thinking: bool,
    /// The blocks of the answer, as sanitised HTML.
    blocks: Vec<String>,
    /// The feedback of the tutor.
    feedback: Option<Feedback>,
}

/// A block of an answer.
#[derive(ToSchema)]
pub(super) struct BlockData {
    /// The index of the block in the answer, from 0.
    index: u32,
    /// The whole block as sanitised HTML.
    html: String,
}

/// A piece of an answer.
#[derive(ToSchema)]
pub(super) struct DeltaData {
    /// The Markdown that the model wrote.
    text: String,
}

/// Whether the model thinks before it writes.
#[derive(ToSchema)]
pub(super) struct ThinkingData {
    /// Whether the model thinks.
    thinking: bool,
}

/// The state of a turn.
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

/// An event of the answer to a stateless call.
#[derive(ToSchema)]
pub(super) struct PieceEvent {
    /// JSON: `{"content":"…"}` for a piece, `{"content":"[DONE]"}` at the end. If the answer fails, `{"error":"…"}` comes
    /// before the end. `{"withdrawn":true}` means that the pieces so far are withdrawn and the answer begins anew.
    #[schema(content_media_type = "application/json")]
    data: String,
}

/// An event of the test stream.
#[derive(ToSchema)]
pub(super) struct ProbeEvent {
    /// Always `piece`.
    event: String,
    /// The number of the event, from 0.
    data: String,
}
