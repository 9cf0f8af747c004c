//! The tables as rows. Ids are plain UUIDs and enums plain words here; the methods of the store turn them into
//! domain types.

pub(super) mod api_tokens;
pub(super) mod conversation_requests;
pub(super) mod conversations;
pub(super) mod copies;
pub(super) mod feedback;
pub(super) mod guides;
pub(super) mod learners;
pub(super) mod leases;
pub(super) mod turns;
pub(super) mod usage;
