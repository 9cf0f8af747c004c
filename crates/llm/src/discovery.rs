//! Reads the size of a model's context window and the number of slots from the server, where it publishes them: on
//! `/v1/models` (llama.cpp, vLLM, Groq, OpenRouter, Mistral, LM Studio), `/props` (llama.cpp) and `/api/ps` (Ollama).

use super::client::Client;
use reqwest::Url;
use serde_json::Value;
use std::time::Duration;

/// The time limit of each page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(5);
/// A list of several hundred models has about 1 MB.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// The fields of a model's entry with the size of the window. The size that the server was started with comes before the
/// size that the model was trained for.
const WINDOW_FIELDS: [&str; 9] = [
    "/meta/n_ctx",
    "/max_model_len",
    "/loaded_context_length",
    "/top_provider/context_length",
    "/context_length",
    "/context_window",
    "/max_context_length",
    "/max_context_window_tokens",
    "/n_ctx",
];

impl Client {
    /// Reads the windows of these models and the number of slots from the server, and stores them. Returns `false` if the
    /// server could not be reached.
    pub async fn discover(&self, models: &[String]) -> bool {
        let endpoint = self.endpoint();
        let Some(list) = sibling(endpoint.url(), &["models"]) else { return false };
        let Ok(mut list) = self.page(list).await else { return false };
        // A base URL without `/v1` is noticed here, before the first question.
        if list.is_none()
            && let Some(other) = endpoint.other().and_then(|other| sibling(other, &["models"]))
        {
            list = self.page(other).await.ok().flatten();
            if list.as_ref().is_some_and(|list| list["data"].is_array()) {
                endpoint.use_other();
            }
        }
        let base = endpoint.url();
        for model in models {
            if let Some(window) = list.as_ref().and_then(|list| window_in(list, model)) {
                self.windows().set(model, window);
            }
        }
        let page = async |path: &str| self.page(at_root(base, path)?).await.ok().flatten();
        if let Some(props) = page("/props").await {
            // One window for each slot.
            if let Some(window) = number(&props, "/default_generation_settings/n_ctx") {
                models.iter().for_each(|model| self.windows().set(model, window));
            }
            if let Some(slots) = number(&props, "/total_slots") {
                self.windows().set_slots(slots);
            }
        } else if let Some(running) = page("/api/ps").await.filter(|running| running["models"].is_array()) {
            // Ollama processes one request at a time by default, and does not publish the number.
            self.windows().set_slots(1);
            for model in models {
                if let Some(window) = window_in(&running["models"], model) {
                    self.windows().set(model, window);
                }
            }
        }
        true
    }

    /// Reads a page as JSON. `None` if it does not exist or is not JSON. Fails if the server could not be reached.
    async fn page(&self, url: Url) -> Result<Option<Value>, reqwest::Error> {
        let mut response = self.http().get(url).timeout(PAGE_TIMEOUT).send().await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_PAGE_BYTES {
                return Ok(None);
            }
        }
        Ok(serde_json::from_slice(&body).ok())
    }
}

/// The URL of a page next to `chat/completions`.
fn sibling(endpoint: &Url, path: &[&str]) -> Option<Url> {
    let mut url = endpoint.clone();
    url.path_segments_mut().ok()?.pop().pop().extend(path);
    Some(url)
}

/// The URL of a page at the root of the server.
fn at_root(endpoint: &Url, path: &str) -> Option<Url> {
    let mut url = endpoint.clone();
    url.set_path(path);
    url.set_query(None);
    Some(url)
}

/// The window of a model in a list of models.
fn window_in(list: &Value, model: &str) -> Option<u32> {
    let entries = [list, &list["data"], &list["models"]].into_iter().find_map(Value::as_array)?;
    let is_named = |entry: &&Value| ["id", "name", "model"].iter().any(|key| entry[*key] == model);
    let tagged = format!("{model}:latest");
    let is_tagged = |entry: &&Value| ["id", "name", "model"].iter().any(|key| entry[*key] == tagged.as_str());
    // A llama.cpp server has one model and accepts any name. Only its list has this field.
    let only = || entries.first().filter(|entry| entries.len() == 1 && number(entry, "/meta/n_ctx").is_some());
    let entry = entries.iter().find(is_named).or_else(|| entries.iter().find(is_tagged)).or_else(only)?;
    WINDOW_FIELDS.iter().find_map(|field| number(entry, field))
}

fn number(value: &Value, pointer: &str) -> Option<u32> {
    let value = value.pointer(pointer)?;
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    number.try_into().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_window_is_read_from_the_lists_of_the_servers_in_use() {
        for (entry, window) in [
            (json!({ "id": "m", "meta": { "n_ctx": 4096, "n_ctx_train": 131_072 } }), Some(4096)),
            (json!({ "id": "m", "meta": { "n_ctx_train": 131_072 } }), None),
            (json!({ "id": "m", "max_model_len": 8192 }), Some(8192)),
            (json!({ "id": "m", "context_window": 131_072 }), Some(131_072)),
            (
                json!({ "id": "m", "context_length": 200_000, "top_provider": { "context_length": 128_000 } }),
                Some(128_000),
            ),
            (json!({ "id": "m", "context_length": null, "max_context_length": "32768" }), Some(32_768)),
            (json!({ "id": "m", "max_context_length": 131_072, "loaded_context_length": 4096 }), Some(4096)),
            (json!({ "name": "m:latest", "context_length": 4096 }), Some(4096)),
            (json!({ "id": "m" }), None),
            (json!({ "id": "m", "max_model_len": -1 }), None),
        ] {
            let other = json!({ "id": "other", "max_model_len": 1 });
            assert_eq!(window_in(&json!({ "data": [other, entry] }), "m"), window, "{entry}");
            assert_eq!(window_in(&json!([entry]), "m"), window, "{entry}");
        }
        let one = json!({ "models": [{ "id": "/models/any.gguf", "meta": { "n_ctx": 4096 } }] });
        assert_eq!(window_in(&one, "m"), Some(4096));
        let another = json!({ "data": [{ "id": "other", "max_model_len": 4096 }] });
        assert_eq!(window_in(&another, "m"), None, "another model's window says nothing of this one");
        let two = json!({ "data": [{ "id": "a", "max_model_len": 1 }, { "id": "b", "max_model_len": 2 }] });
        assert_eq!(window_in(&two, "m"), None);
        assert_eq!(window_in(&json!({ "error": "no" }), "m"), None);
    }

    #[test]
    fn the_pages_stand_beside_the_endpoint_and_at_the_root() {
        let endpoint = Url::parse("http://127.0.0.1:8080/v1/chat/completions?api-version=1").unwrap();
        assert_eq!(sibling(&endpoint, &["models"]).unwrap().as_str(), "http://127.0.0.1:8080/v1/models?api-version=1");
        assert_eq!(at_root(&endpoint, "/props").unwrap().as_str(), "http://127.0.0.1:8080/props");
    }
}
