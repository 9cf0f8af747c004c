//! Export of a conversation as a file.

use std::{convert::Infallible, fmt::Write as _};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use rust_i18n::t;
use serde::Deserialize;
use time::{OffsetDateTime, UtcOffset, macros::format_description};
use utoipa::{IntoParams, ToSchema};

use super::{PathId, Query};
use crate::http::{AppState, error::ApiError, learner::Learner, locale::RequestLocale};
use domain::{Conversation, ConversationId, Locale, turn::Turn};

/// The bytes of a chunk of the body.
const CHUNK_BYTES: usize = 16 * 1024;

/// The format of an export.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// Markdown, for people.
    #[default]
    Md,
    /// JSON, for programs.
    Json,
}

/// The query of an export.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `md` (default) or `json`.
    #[serde(default)]
    format: ExportFormat,
}

/// Exports a conversation as a file
#[utoipa::path(get, path = "/api/v1/conversations/{id}/export", tag = "conversations",
    params(("id" = Uuid, Path), ExportQuery),
    responses((status = 200, description = "The file", content((String = "text/markdown"), (serde_json::Value = "application/json")))))]
pub async fn export(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    PathId(id): PathId<ConversationId>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, ApiError> {
    let guard = state.rendered.lock_reader(learner).await;
    let conversation = state.store.conversation(learner, id).await?.ok_or(ApiError::NotFound)?;
    let turns = state.store.turns(learner, id).await?;
    let (kind, extension) = match query.format {
        ExportFormat::Md => ("text/markdown; charset=utf-8", "md"),
        ExportFormat::Json => ("application/json", "json"),
    };
    let practice = state.pages.practice;
    // Writing a long conversation would block the async runtime.
    let text = tokio::task::spawn_blocking(move || match query.format {
        ExportFormat::Md => to_markdown(&conversation, &turns, locale, practice),
        ExportFormat::Json => to_json(&conversation, &turns).to_string(),
    });
    let text = text.await.map_err(|error| ApiError::internal(&error))?;
    drop(guard);
    let mut response = ([(header::CONTENT_TYPE, kind)], chunked_body(text)).into_response();
    let name = format!("attachment; filename=\"llm-classroom-{id}.{extension}\"");
    let name = HeaderValue::try_from(name).map_err(|error| ApiError::internal(&error))?;
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// A body in chunks, so that compressing a large one does not block the async runtime.
fn chunked_body(text: String) -> Body {
    let mut rest = Bytes::from(text);
    let chunks = std::iter::from_fn(move || {
        let length = rest.len().min(CHUNK_BYTES);
        (length > 0).then(|| Ok::<_, Infallible>(rest.split_to(length)))
    });
    Body::from_stream(stream::iter(chunks))
}

fn to_json(conversation: &Conversation, turns: &[Turn]) -> serde_json::Value {
    let turns: Vec<_> = turns
        .iter()
        .map(|turn| {
            serde_json::json!({
                "seq": turn.seq,
                "message": turn.message,
                "state": turn.state.as_str(),
                "answer": turn.answer,
                "feedback": turn.feedback,
                "created_at": turn.created_at,
            })
        })
        .collect();
    serde_json::json!({
        "id": conversation.id,
        "topic": conversation.topic.as_str(),
        "created_at": conversation.created_at,
        "turns": turns,
    })
}

/// The conversation as the page shows it. In practice mode the pages name the practice partner as the one who wrote.
fn to_markdown(conversation: &Conversation, turns: &[Turn], locale: Locale, practice: bool) -> String {
    let tag = locale.tag();
    let (answer, notice) = match practice {
        true => ("chat.partner", "chat.partner_label"),
        false => ("export.answer", "export.ai_notice"),
    };
    let mut text = format!("# {}\n\n{}\n", conversation.topic, korean_date(conversation.created_at));
    for turn in turns {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {}. {}\n\n", turn.seq, t!("export.question", locale = tag));
        for line in turn.message.lines() {
            let _ = writeln!(text, "> {line}");
        }
        if !turn.answer.is_empty() {
            let _ = write!(text, "\n### {}\n\n{}\n", t!(answer, locale = tag), turn.answer.trim());
        }
        if let Some(feedback) = &turn.feedback {
            let _ = write!(text, "\n### {}\n\n{}\n", t!("export.note", locale = tag), feedback.raw_feedback.trim());
        }
    }
    let _ = write!(text, "\n---\n{}\n", t!(notice, locale = tag));
    text
}

/// The date in Korea.
fn korean_date(millis: i64) -> String {
    let korea = UtcOffset::from_hms(9, 0, 0).unwrap_or(UtcOffset::UTC);
    OffsetDateTime::from_unix_timestamp(millis / 1000)
        .ok()
        .and_then(|time| time.to_offset(korea).format(format_description!("[year]-[month]-[day]")).ok())
        .unwrap_or_default()
}
