//! Refusals as servers in use send them. A body that isn't JSON is what the server in front sends.

use super::*;
use crate::arrange::Instructions;
use crate::quirks::{JsonMode, Quirks};
use crate::{Message, Request, Role, Schema};
use serde_json::json;

fn refusal(status: u16, body: &str) -> Refusal {
    Refusal { status, error_body: ErrorBody::of_body(body) }
}

const NGINX_404: &str = "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>";
const WINDOW: Subject = Subject::Window(Overflow { window: Some(4096) });

const SUBJECTS: &[(&str, u16, &str, Subject)] = &[
    // Keys.
    (
        "OpenAI",
        401,
        r#"{"error":{"message":"Incorrect API key provided: sk-1234. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        Subject::Key,
    ),
    (
        "OpenAI",
        401,
        r#"{"error":{"message":"You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth.","type":"invalid_request_error","param":null,"code":null}}"#,
        Subject::Key,
    ),
    (
        "OpenAI",
        403,
        r#"{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: model.request.","type":"invalid_request_error","param":null,"code":"missing_scope"}}"#,
        Subject::Key,
    ),
    (
        "Azure",
        401,
        r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}"#,
        Subject::Key,
    ),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]}}]"#,
        Subject::Key,
    ),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"API Key not found. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
        Subject::Key,
    ),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}]"#,
        Subject::Key,
    ),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"Missing or invalid Authorization header.","status":"INVALID_ARGUMENT"}}]"#,
        Subject::Key,
    ),
    (
        "Gemini",
        403,
        r#"[{"error":{"code":403,"message":"Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.","status":"PERMISSION_DENIED"}}]"#,
        Subject::Key,
    ),
    (
        "xAI",
        400,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***ab. You can obtain an API key from https://console.x.ai."}"#,
        Subject::Key,
    ),
    (
        "Groq",
        401,
        r#"{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        Subject::Key,
    ),
    ("Mistral", 401, r#"{"detail":"Unauthorized"}"#, Subject::Key),
    (
        "DeepSeek",
        401,
        r#"{"error":{"message":"Authentication Fails, Your api key: ****1234 is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}}"#,
        Subject::Key,
    ),
    (
        "Together",
        401,
        r#"{"id":"abc","error":{"message":"Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
        Subject::Key,
    ),
    (
        "Fireworks",
        403,
        r#"{"error":{"message":"The API key you provided is invalid.","code":"UNAUTHORIZED"}}"#,
        Subject::Key,
    ),
    ("OpenRouter", 401, r#"{"error":{"message":"No auth credentials found","code":401}}"#, Subject::Key),
    ("OpenRouter", 401, r#"{"error":{"message":"User not found.","code":401}}"#, Subject::Key),
    (
        "Anthropic",
        401,
        r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}"#,
        Subject::Key,
    ),
    (
        "LiteLLM",
        401,
        r#"{"error":{"message":"Authentication Error, Invalid proxy server token passed. Received API Key = sk-...1234, Key Hash (Token) =88dc. Unable to find token in cache or `LiteLLM_VerificationTokenTable`","type":"token_not_found_in_db","param":"key","code":"401"}}"#,
        Subject::Key,
    ),
    (
        "LiteLLM",
        400,
        r#"{"error":{"message":"Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.","type":"auth_error","param":"None","code":"400"}}"#,
        Subject::Key,
    ),
    (
        "LiteLLM",
        400,
        r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#,
        Subject::Key,
    ),
    (
        "llama.cpp",
        401,
        r#"{"error":{"code":401,"message":"Invalid API Key","type":"authentication_error"}}"#,
        Subject::Key,
    ),
    ("vLLM", 401, r#"{"error":"Unauthorized"}"#, Subject::Key),
    ("nginx", 401, "<html><head><title>401 Authorization Required</title></head></html>", Subject::Key),
    // Models.
    (
        "OpenAI",
        404,
        r#"{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        Subject::Model,
    ),
    (
        "OpenAI",
        403,
        r#"{"error":{"message":"Project `proj_1` does not have access to model `gpt-4o`","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
        Subject::Model,
    ),
    (
        "OpenAI",
        400,
        r#"{"error":{"message":"invalid model ID","type":"invalid_request_error","param":null,"code":null}}"#,
        Subject::Model,
    ),
    (
        "Azure",
        404,
        r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}"#,
        Subject::Model,
    ),
    (
        "Gemini",
        404,
        r#"[{"error":{"code":404,"message":"models/gemini-9 is not found for API version v1main, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.","status":"NOT_FOUND"}}]"#,
        Subject::Model,
    ),
    (
        "xAI",
        404,
        r#"{"code":"Some requested entity was not found","error":"The model grok-9 does not exist or your team 1 does not have access to it."}"#,
        Subject::Model,
    ),
    (
        "Groq",
        400,
        r#"{"error":{"message":"The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported. Please refer to https://console.groq.com/docs/deprecations","type":"invalid_request_error","code":"model_decommissioned"}}"#,
        Subject::Model,
    ),
    (
        "Mistral",
        400,
        r#"{"object":"error","message":"Invalid model: mistral-9","type":"invalid_model","param":null,"code":"1500"}"#,
        Subject::Model,
    ),
    (
        "DeepSeek",
        400,
        r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        Subject::Model,
    ),
    (
        "Together",
        404,
        r#"{"id":"abc","error":{"message":"Unable to access model x/y. Please visit https://api.together.ai/models to view the list of supported models.","type":"invalid_request_error","param":null,"code":"model_not_available"}}"#,
        Subject::Model,
    ),
    (
        "Fireworks",
        404,
        r#"{"error":{"object":"error","type":"invalid_request_error","code":"NOT_FOUND","message":"Model not found, inaccessible, and/or not deployed"}}"#,
        Subject::Model,
    ),
    (
        "OpenRouter",
        400,
        r#"{"error":{"message":"gpt-9 is not a valid model ID","code":400},"user_id":"u"}"#,
        Subject::Model,
    ),
    ("OpenRouter", 404, r#"{"error":{"message":"No endpoints found for openai/gpt-9.","code":404}}"#, Subject::Model),
    (
        "OpenRouter",
        404,
        r#"{"error":{"message":"No allowed providers are available for the selected model.","code":404}}"#,
        Subject::Model,
    ),
    (
        "Anthropic",
        404,
        r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}"#,
        Subject::Model,
    ),
    (
        "LiteLLM",
        400,
        r#"{"error":{"message":"{'error': '/chat/completions: Invalid model name passed in model=gpt-9. Call `/v1/models` to view available models for your key.'}","type":"None","param":"None","code":"400"}}"#,
        Subject::Model,
    ),
    (
        "LiteLLM",
        401,
        r#"{"error":{"message":"key not allowed to access model. This key can only access models=['a']. Tried to access b","type":"key_model_access_denied","param":"model","code":"401"}}"#,
        Subject::Model,
    ),
    (
        "vLLM",
        404,
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        Subject::Model,
    ),
    (
        "vLLM",
        404,
        r#"{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}"#,
        Subject::Model,
    ),
    (
        "Ollama",
        404,
        r#"{"error":{"message":"model \"gemma9\" not found, try pulling it first","type":"api_error","param":null,"code":null}}"#,
        Subject::Model,
    ),
    (
        "Ollama",
        404,
        r#"{"error":{"message":"model 'gemma9' not found","type":"not_found_error","param":null,"code":null}}"#,
        Subject::Model,
    ),
    (
        "LM Studio",
        404,
        r#"{"error":{"message":"No models loaded. Please load a model in the developer page or use the `lms load` command.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
        Subject::Model,
    ),
    (
        "Hugging Face",
        400,
        r#"{"error":{"message":"The requested model 'x' is not supported by any provider you have enabled.","type":"invalid_request_error","param":"model","code":"model_not_supported"}}"#,
        Subject::Model,
    ),
    (
        "Kimi",
        404,
        r#"{"error":{"message":"Not found the model kimi-9 or Permission denied","type":"resource_not_found_error"}}"#,
        Subject::Model,
    ),
    ("Z.ai", 400, r#"{"error":{"code":"1211","message":"模型不存在，请检查模型代码。"}}"#, Subject::Model),
    (
        "Perplexity",
        400,
        r#"{"error":{"message":"Invalid model 'sonar-9'. Permitted models can be found in the documentation.","type":"invalid_model","code":400}}"#,
        Subject::Model,
    ),
    // Paths.
    (
        "OpenAI",
        404,
        r#"{"error":{"message":"Invalid URL (POST /v1/v1/chat/completions)","type":"invalid_request_error","param":null,"code":null}}"#,
        Subject::Path,
    ),
    ("Azure", 404, r#"{"error":{"code":"404","message":"Resource not found"}}"#, Subject::Path),
    (
        "Groq",
        404,
        r#"{"error":{"message":"Unknown request URL: POST /openai/chat/completions. Please check the URL for typos, or see the docs at https://console.groq.com/docs/","type":"invalid_request_error","code":"unknown_url"}}"#,
        Subject::Path,
    ),
    ("Gemini", 404, "", Subject::Path),
    ("Mistral", 404, r#"{"message":"no Route matched with those values","request_id":"1"}"#, Subject::Path),
    ("FastAPI: vLLM, SGLang, LiteLLM", 404, r#"{"detail":"Not Found"}"#, Subject::Path),
    ("FastAPI", 405, r#"{"detail":"Method Not Allowed"}"#, Subject::Path),
    ("llama.cpp", 404, r#"{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}"#, Subject::Path),
    ("Ollama", 404, "404 page not found", Subject::Path),
    ("LM Studio", 400, r#"{"error":"Unexpected endpoint or method. (POST /chat/completions)"}"#, Subject::Path),
    ("nginx", 404, NGINX_404, Subject::Path),
    ("nginx", 405, "<html><head><title>405 Not Allowed</title></head></html>", Subject::Path),
    (
        "nginx",
        400,
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>",
        Subject::Path,
    ),
    (
        "Express",
        404,
        "<!DOCTYPE html><html><body><pre>Cannot POST /chat/completions</pre></body></html>",
        Subject::Path,
    ),
    // Accounts.
    (
        "OpenAI",
        429,
        r#"{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        Subject::Account,
    ),
    (
        "OpenAI",
        429,
        r#"{"error":{"message":"Your account is not active, please check your billing details on our website.","type":"billing_not_active","param":null,"code":"billing_not_active"}}"#,
        Subject::Account,
    ),
    (
        "DeepSeek",
        402,
        r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
        Subject::Account,
    ),
    (
        "Anthropic",
        400,
        r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}"#,
        Subject::Account,
    ),
    (
        "xAI",
        403,
        r#"{"code":"The caller does not have permission to execute the specified operation","error":"Your team has either used all available credits or reached its monthly spending limit."}"#,
        Subject::Account,
    ),
    (
        "OpenRouter",
        402,
        r#"{"error":{"message":"This request requires more credits, or fewer max_tokens. You requested up to 1000 tokens, but can only afford 12.","code":402}}"#,
        Subject::Account,
    ),
    (
        "Fireworks",
        412,
        r#"{"error":{"message":"Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.","code":"PRECONDITION_FAILED"}}"#,
        Subject::Account,
    ),
    (
        "LiteLLM",
        400,
        r#"{"error":{"message":"Budget has been exceeded! Current cost: 0.02, Max budget: 0.01","type":"budget_exceeded","param":null,"code":"400"}}"#,
        Subject::Account,
    ),
    // Too many requests.
    (
        "OpenAI",
        429,
        r#"{"error":{"message":"Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        Subject::Pace,
    ),
    (
        "Gemini",
        429,
        r#"[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 15\nPlease retry in 31.3s.","status":"RESOURCE_EXHAUSTED"}}]"#,
        Subject::Pace,
    ),
    (
        "Azure",
        429,
        r#"{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after 6 seconds."}}"#,
        Subject::Pace,
    ),
    ("TGI", 429, r#"{"error":"Model is overloaded","error_type":"overloaded"}"#, Subject::Pace),
    (
        "LiteLLM",
        429,
        r#"{"error":{"message":"No deployments available for selected model, Try again in 5 seconds. Passed model=x.","type":"None","param":"None","code":"429"}}"#,
        Subject::Pace,
    ),
    (
        "Ollama",
        503,
        r#"{"error":{"message":"server busy, please try again.  maximum pending requests exceeded","type":"api_error","param":null,"code":null}}"#,
        Subject::Pace,
    ),
    // Filters.
    (
        "Azure",
        400,
        r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
        Subject::Filter,
    ),
    (
        "OpenRouter",
        403,
        r#"{"error":{"message":"Your chosen model requires moderation and your input was flagged for \"violence\"","code":403}}"#,
        Subject::Filter,
    ),
    (
        "Alibaba",
        400,
        r#"{"error":{"message":"Input data may contain inappropriate content.","type":"data_inspection_failed","param":null,"code":"data_inspection_failed"}}"#,
        Subject::Filter,
    ),
    // Places and networks.
    (
        "OpenAI",
        403,
        r#"{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","param":null,"type":"request_forbidden"}}"#,
        Subject::Origin,
    ),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}]"#,
        Subject::Origin,
    ),
    (
        "OpenRouter",
        404,
        r#"{"error":{"message":"No endpoints found matching your data policy. Enable prompt training here: https://openrouter.ai/settings/privacy","code":404}}"#,
        Subject::Origin,
    ),
    (
        "Cloudflare",
        403,
        "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head></html>",
        Subject::Origin,
    ),
    // Windows.
    (
        "vLLM",
        400,
        r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion). Please reduce the length of the messages or completion.","type":"BadRequestError","param":null,"code":400}"#,
        WINDOW,
    ),
    // Failures.
    (
        "llama.cpp",
        503,
        r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        Subject::Failure,
    ),
    (
        "Ollama",
        500,
        r#"{"error":{"message":"model requires more system memory (8.4 GiB) than is available (3.9 GiB)","type":"api_error","param":null,"code":null}}"#,
        Subject::Failure,
    ),
    (
        "Anthropic",
        529,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
        Subject::Failure,
    ),
    (
        "LiteLLM",
        408,
        r#"{"error":{"message":"litellm.Timeout: APITimeoutError - Request timed out.","type":"None","param":"None","code":"408"}}"#,
        Subject::Failure,
    ),
    ("nginx", 502, "<html><head><title>502 Bad Gateway</title></head></html>", Subject::Failure),
    ("Cloudflare", 524, "error code: 524", Subject::Failure),
    // JSON that a model failed to write.
    (
        "Groq",
        400,
        r#"{"error":{"message":"Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details.","type":"invalid_request_error","code":"json_validate_failed","failed_generation":"{"}}"#,
        Subject::JsonReply,
    ),
    // A format that no provider takes.
    (
        "OpenRouter",
        404,
        r#"{"error":{"message":"No endpoints found that can handle the requested parameters. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing","code":404}}"#,
        Subject::SomeParameter,
    ),
    // Shorter ones of the same kinds.
    (
        "in use",
        400,
        r#"{"error":{"message":"maximum context length is 4096 tokens","code":"context_length_exceeded"}}"#,
        Subject::Window(Overflow { window: Some(4096) }),
    ),
    (
        "in use",
        400,
        r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
        Subject::Key,
    ),
    (
        "in use",
        400,
        r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xx***yy."}"#,
        Subject::Key,
    ),
    ("in use", 400, r#"{"error":{"message":"API key expired. Please renew the API key."}}"#, Subject::Key),
    ("in use", 401, "", Subject::Key),
    ("in use", 403, "<html>forbidden</html>", Subject::Key),
    ("in use", 402, "", Subject::Account),
    ("in use", 429, r#"{"error":{"code":"insufficient_quota","message":"quota"}}"#, Subject::Account),
    ("in use", 429, r#"{"error":{"message":"the schema cache is rate limited"}}"#, Subject::Pace),
    (
        "in use",
        404,
        r#"{"error":{"message":"model 'qwen' not found, try pulling it first","type":"api_error"}}"#,
        Subject::Model,
    ),
    (
        "in use",
        400,
        r#"{"error":{"message":"/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view available models for your key.","type":null,"param":null,"code":"400"}}"#,
        Subject::Model,
    ),
    ("in use", 400, r#"{"error":{"message":"x is not a valid model ID","code":400}}"#, Subject::Model),
    (
        "in use",
        404,
        r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}"#,
        Subject::Model,
    ),
    ("in use", 404, r#"{"error":{"message":"No endpoints found for a/b.","code":404}}"#, Subject::Model),
    (
        "in use",
        400,
        r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
        Subject::Model,
    ),
    ("in use", 404, "404 page not found", Subject::Path),
    ("in use", 404, "<html>nginx</html>", Subject::Path),
    ("in use", 404, "", Subject::Path),
    ("in use", 404, r#"{"detail":"Not Found"}"#, Subject::Path),
    ("in use", 404, r#"{"error":{"message":"Invalid URL (POST /chat/completions)"}}"#, Subject::Path),
    ("in use", 405, r#"{"detail":"Method Not Allowed"}"#, Subject::Path),
    // Cousins of the above in words of their own.
    ("LocalAI", 401, r#"{"error":{"code":401,"message":"An authentication key is required","type":""}}"#, Subject::Key),
    ("Hugging Face", 401, r#"{"error":"Invalid credentials in Authorization header"}"#, Subject::Key),
    ("Cohere", 401, r#"{"message":"invalid api token"}"#, Subject::Key),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"Bitte einen gültigen Schlüssel angeben.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}]"#,
        Subject::Key,
    ),
    ("a gateway", 400, r#"{"error":"The API token has been revoked."}"#, Subject::Key),
    ("a gateway", 422, r#"{"detail":"Secret key missing"}"#, Subject::Key),
    ("SiliconFlow", 401, r#""Invalid token""#, Subject::Key),
    (
        "Cloudflare",
        401,
        r#"{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}"#,
        Subject::Key,
    ),
    (
        "Azure",
        400,
        r#"{"error":{"code":"OperationNotSupported","message":"The chatCompletion operation does not work with the specified model, text-embedding-ada-002. Please choose different model and try again."}}"#,
        Subject::Model,
    ),
    (
        "GitHub",
        400,
        r#"{"error":{"code":"unknown_model","message":"Unknown model: gpt-9","details":"Unknown model: gpt-9"}}"#,
        Subject::Model,
    ),
    (
        "Gemini",
        400,
        r#"[{"error":{"code":400,"message":"* GenerateContentRequest.model: unexpected model name format\n","status":"INVALID_ARGUMENT"}}]"#,
        Subject::Model,
    ),
    (
        "Groq",
        400,
        r#"{"error":{"message":"The model `x` requires terms acceptance. Please have the org admin accept the terms.","type":"invalid_request_error","code":"model_terms_required"}}"#,
        Subject::Model,
    ),
    (
        "OpenAI",
        404,
        r#"{"error":{"message":"This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use v1/completions?","type":"invalid_request_error","param":"model","code":null}}"#,
        Subject::Model,
    ),
    (
        "OpenAI",
        400,
        r#"{"error":{"message":"you must provide a model parameter","type":"invalid_request_error","param":null,"code":null}}"#,
        Subject::Model,
    ),
    (
        "Ollama",
        400,
        r#"{"error":{"message":"registry.ollama.ai/library/all-minilm:latest does not support chat","type":"api_error","param":null,"code":null}}"#,
        Subject::Model,
    ),
    (
        "vLLM",
        400,
        r#"{"error":{"message":"The model does not support Chat Completions API","type":"BadRequestError","param":null,"code":400}}"#,
        Subject::Model,
    ),
    ("llama-swap", 400, r#"{"error":"could not find real modelID for gpt-9"}"#, Subject::Model),
    (
        "LM Studio",
        400,
        r#"{"error":{"message":"Invalid model identifier \"x\". Please specify a valid downloaded model.","type":"invalid_request_error","param":"model","code":"model_not_found"}}"#,
        Subject::Model,
    ),
    (
        "Cloudflare",
        400,
        r#"{"errors":[{"message":"AiError: No such model @cf/x","code":5007}],"success":false,"result":{},"messages":[]}"#,
        Subject::Model,
    ),
    (
        "SiliconFlow",
        400,
        r#"{"code":20012,"message":"Model does not exist. Please check it carefully.","data":null}"#,
        Subject::Model,
    ),
    (
        "Volcengine",
        404,
        r#"{"error":{"code":"InvalidEndpointOrModel.NotFound","message":"The model or endpoint x does not exist or you do not have access to it.","type":"NotFound"}}"#,
        Subject::Model,
    ),
    (
        "a web site",
        404,
        "<!DOCTYPE html><html><head><title>Our AI models</title></head><body><p>This page was not found. See billing.</p></body></html>",
        Subject::Path,
    ),
    (
        "Spring",
        404,
        r#"{"timestamp":"2026-01-01T00:00:00Z","status":404,"error":"Not Found","path":"/chat/completions"}"#,
        Subject::Path,
    ),
    (
        "Python's http.server",
        501,
        "<!DOCTYPE HTML>\n<html><body><p>Message: Unsupported method ('POST').</p></body></html>",
        Subject::Path,
    ),
    ("Go", 400, "Client sent an HTTP request to an HTTPS server.\n", Subject::Path),
    (
        "Cloudflare",
        404,
        r#"{"success":false,"errors":[{"code":7000,"message":"No route for that URI"}]}"#,
        Subject::Path,
    ),
    (
        "one-api",
        403,
        r#"{"error":{"message":"the user has nothing left","type":"new_api_error","param":"","code":"insufficient_user_quota"}}"#,
        Subject::Account,
    ),
    (
        "SiliconFlow",
        403,
        r#"{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}"#,
        Subject::Account,
    ),
    ("a gateway", 400, r#"{"error":{"message":"Your prepaid credits are depleted."}}"#, Subject::Account),
    (
        "xAI",
        403,
        r#"{"code":"The caller does not have permission to execute the specified operation","error":"Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO"}"#,
        Subject::Filter,
    ),
    (
        "DeepSeek",
        400,
        r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","code":"invalid_request_error"}}"#,
        Subject::Filter,
    ),
    ("Cloudflare", 403, "error code: 1010", Subject::Origin),
    ("a gateway", 429, r#"{"message":"Too many tokens in this minute."}"#, Subject::Pace),
    ("a gateway", 429, r#"{"message":"Your usage exceeds the limit of 60000 tokens."}"#, Subject::Pace),
    ("a gateway", 429, r#"{"error":"request too large for the context window of this minute"}"#, Subject::Pace),
    (
        "OpenAI",
        429,
        r#"{"error":{"message":"Request too large for gpt-4o in organization org-1 on tokens per min (TPM): Limit 4096, Requested 7012.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        WINDOW,
    ),
    (
        "vLLM",
        429,
        r#"{"error":{"message":"no","code":"context_length_exceeded"}}"#,
        Subject::Window(Overflow { window: None }),
    ),
    ("Bedrock", 429, r#"{"message":"Too many tokens, please wait before trying again."}"#, Subject::Pace),
    (
        "Mistral",
        429,
        r#"{"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"}"#,
        Subject::Pace,
    ),
    ("a proxy", 429, "<html><title>429 Too Many Requests</title></html>", Subject::Pace),
    (
        "SGLang",
        400,
        r#"{"object":"error","message":"Input length (5012 tokens) exceeds the maximum allowed length (4096 tokens). Use a shorter input or enable --allow-auto-truncate.","type":"BadRequestError","param":null,"code":400}"#,
        WINDOW,
    ),
    (
        "nginx",
        413,
        "<html><head><title>413 Request Entity Too Large</title></head></html>",
        Subject::Window(Overflow { window: None }),
    ),
    (
        "LocalAI",
        500,
        r#"{"error":{"code":500,"message":"could not load model - all backends returned error","type":""}}"#,
        Subject::Failure,
    ),
    ("a proxy", 503, "", Subject::Failure),
    (
        "Anthropic",
        400,
        r#"{"error":{"message":"`max_tokens` must be greater than `thinking.budget_tokens`."}}"#,
        Subject::Request,
    ),
    // Whatever else.
    (
        "vLLM",
        400,
        r#"{"object":"error","message":"As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one.","type":"BadRequestError","param":null,"code":400}"#,
        Subject::Request,
    ),
];

#[test]
fn a_refusal_is_about_what_its_server_means() {
    assert!(SUBJECTS.len() >= 100);
    let wrong: Vec<_> = SUBJECTS
        .iter()
        .map(|&(server, status, body, wanted)| (server, status, body, refusal(status, body).subject(), wanted))
        .filter(|(.., found, wanted)| found != wanted)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn tutor() -> Request {
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    Request {
        messages: vec![message(Role::System, "규칙"), message(Role::User, "질문")],
        max_tokens: 800,
        temperature: 0.7,
        schema: Some(Schema { name: "tutor_feedback", schema: json!({ "type": "object" }) }),
        model: None,
        purpose: "tutor",
    }
}

fn chat() -> Request {
    Request { schema: None, ..tutor() }
}

fn known() -> Quirks {
    Quirks::default()
}

#[test]
fn a_refused_schema_steps_down_whatever_the_words() {
    let object = Quirks { format: JsonMode::JsonObject, ..known() };
    let prompt = Quirks { format: JsonMode::Prompt, ..known() };
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.","type":"invalid_request_error","param":null,"code":null}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Invalid schema for response_format 'tutor_feedback': In context=(), 'additionalProperties' is required to be supplied and to be false.","type":"invalid_request_error","param":"response_format","code":null}}"#,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema': Cannot find field.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"The specified schema produces a constraint that has too many states for serving.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            400,
            r#"{"error":{"message":"This model does not support response format `json_schema`. See supported models at https://console.groq.com/docs/structured-outputs#supported-models","type":"invalid_request_error"}}"#,
        ),
        (422, r#"{"error":{"message":"structured outputs are not supported","type":"invalid_request_error"}}"#),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","response_format"],"msg":"Extra inputs are not permitted","input":{}}]}"#,
        ),
        (
            400,
            r#"{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        ),
        (400, r#"{"error":{"code":400,"message":"error parsing grammar","type":"invalid_request_error"}}"#),
        (500, r#"{"error":{"code":500,"message":"error parsing grammar: expecting name at","type":"server_error"}}"#),
        (
            400,
            r#"{"error":{"code":400,"message":"JSON schema conversion failed:\nUnrecognized schema: {}","type":"invalid_request_error"}}"#,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"Failed to initialize samplers: failed to parse grammar","type":"invalid_request_error"}}"#,
        ),
        (
            500,
            r#"{"error":{"message":"failed to load model vocabulary required for format","type":"api_error","param":null,"code":null}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"invalid format: \"\\\"json_schema\\\"\"; expected \"json\" or a valid JSON Schema object","type":"invalid_request_error"}}"#,
        ),
        (
            400,
            r#"{"object":"error","message":"The provided JSON schema contains features not supported by xgrammar.","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (501, r#"{"error":"guided decoding is not implemented for this backend"}"#),
        (501, "Not Implemented"),
        (404, r#"{"error":{"message":"No endpoints found that can handle the requested parameters.","code":404}}"#),
        (
            400,
            r#"{"error":{"message":"litellm.UnsupportedParamsError: ollama does not support parameters: ['response_format'], for model=x. To drop these, set `litellm.drop_params=True`","type":"None","param":null,"code":"400"}}"#,
        ),
        (400, "Bad Request"),
        (400, r#"{"error":{"message":"Input violates the constraints on a schema: additionalProperties"}}"#),
        (422, r#"{"error":"Input validation error: something odd","error_type":"validation"}"#),
    ] {
        let refusal = refusal(status, body);
        assert_eq!(known().after(&refusal, &tutor()), Some(object), "{body}");
        assert_eq!(object.after(&refusal, &tutor()), Some(prompt), "{body}");
        assert!(prompt.after(&refusal, &tutor()).is_none_or(|next| next.format == JsonMode::Prompt), "{body}");
    }
    let no_json = r#"{"error":{"message":"'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.","type":"invalid_request_error","param":"messages","code":null}}"#;
    assert_eq!(object.after(&refusal(400, no_json), &tutor()), Some(prompt));
}

#[test]
fn a_refusal_of_anything_else_leaves_the_schema() {
    for (server, status, body, subject) in SUBJECTS {
        if matches!(subject, Subject::Request | Subject::SomeParameter) {
            continue;
        }
        assert_eq!(known().after(&refusal(*status, body), &tutor()), None, "{server}: {body}");
        assert_eq!(known().after(&refusal(*status, body), &chat()), None, "{server}: {body}");
    }
}

#[test]
fn a_refused_stream_is_asked_for_whole() {
    let whole = Some(Quirks { stream: false, ..known() });
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Your organization must be verified to stream this model. Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just verified, it can take up to 15 minutes for access to propagate.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'stream' does not support true with this model. Supported values are: false.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#,
        ),
        (400, r#"{"error":{"message":"Streaming is not supported for this model"}}"#),
        (501, r#"{"error":{"message":"streaming not implemented; this server does not support streaming"}}"#),
        (422, r#"{"detail":[{"type":"literal_error","loc":["body","stream"],"msg":"stream must be false"}]}"#),
    ] {
        assert_eq!(known().after(&refusal(status, body), &chat()), whole, "{body}");
        assert_eq!(known().after(&refusal(status, body), &tutor()), whole, "{body}");
    }
}

#[test]
fn refused_stream_options_are_left_out_whatever_the_status() {
    let without = Some(Quirks { stream_options: false, ..known() });
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error"}}"#,
        ),
        (404, r#"{"error":{"message":"stream_options is not supported","code":404}}"#),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error","param":null,"code":null}"#,
        ),
        (500, r#"{"error":{"message":"got an unexpected keyword argument 'stream_options'"}}"#),
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"stream_options\": Cannot find field.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (400, r#"{"error":{"message":"Stream options can only be defined when `stream=True`: include_usage"}}"#),
    ] {
        assert_eq!(known().after(&refusal(status, body), &chat()), without, "{body}");
        assert_eq!(known().after(&refusal(status, body), &tutor()), without, "{body}");
    }
}

#[test]
fn refused_roles_move_the_instructions() {
    let with = |instructions| Some(Quirks { instructions, ..known() });
    for (status, body) in [
        (
            400,
            r#"{"object":"error","message":"System role not supported","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"System role not supported at row 1, column 40:\n{{ raise_exception('System role not supported') }}","type":"server_error"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","type":"invalid_request_error","param":"messages[0].role","code":"unsupported_value"}}"#,
        ),
        (
            400,
            r#"{"object":"error","message":"Conversation roles must alternate user/assistant/user/assistant/...","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (
            422,
            r#"{"error":"Template error: invalid operation: Conversation roles must alternate user/assistant/user/assistant/... (in <string>:1)","error_type":"template_error"}"#,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"Developer instruction is not enabled for models/gemma-3-27b-it","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (400, r#"{"error":{"message":"This model does not support system prompts"}}"#),
        (
            422,
            r#"{"detail":[{"type":"literal_error","loc":["body","messages",0,"role"],"msg":"Input should be 'user' or 'assistant'"}]}"#,
        ),
        (400, r#"{"error":{"message":"Expected role to be one of: user, assistant"}}"#),
        (400, r#"{"error":{"message":"messages: first message must use the \"user\" role"}}"#),
        (400, r#"{"error":{"message":"Invalid role: system. Only user and assistant roles are supported!"}}"#),
    ] {
        assert_eq!(known().after(&refusal(status, body), &tutor()), with(Instructions::FirstUser), "{body}");
        assert_eq!(known().after(&refusal(status, body), &chat()), with(Instructions::FirstUser), "{body}");
    }
    let developer = r#"{"error":{"message":"Unsupported value: 'system' is not a valid role for this model. Use 'developer' instead.","param":"messages[0].role"}}"#;
    assert_eq!(known().after(&refusal(400, developer), &chat()), with(Instructions::Developer));
    let neither = r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'developer' with this model.","param":"messages[0].role"}}"#;
    let asked = Quirks { instructions: Instructions::Developer, ..known() };
    assert_eq!(asked.after(&refusal(400, neither), &chat()), with(Instructions::FirstUser));
    // Roles that can't be put otherwise are no reason to ask again.
    let alternate = refusal(400, r#"{"error":{"message":"Conversation roles must alternate"}}"#);
    let alone = Request { messages: chat().messages.split_off(1), ..chat() };
    assert_eq!(known().after(&alternate, &alone), None);
}

#[test]
fn a_refusal_in_few_words_leads_to_the_next_form() {
    for (status, body, next) in [
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema'"}}]"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"The specified schema produces a constraint that has too many states for serving."}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            422,
            r#"{"detail":"structured outputs are not supported by this model"}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"error parsing grammar: unknown rule","type":"server_error"}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            500,
            r#"{"error":{"message":"failed to load model vocabulary required for format","type":"api_error"}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"This model does not support response format `json_schema`."}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            404,
            r#"{"error":{"message":"No endpoints found that can handle the requested parameters.","code":404}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            501,
            r#"{"error":"guided decoding is not built in"}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Your organization must be verified to stream this model.","param":"stream","code":"unsupported_value"}}"#,
            Some(Quirks { stream: false, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"streaming is not supported for this model"}}"#,
            Some(Quirks { stream: false, ..known() }),
        ),
        (
            404,
            r#"{"error":{"message":"unknown field stream_options"}}"#,
            Some(Quirks { stream_options: false, ..known() }),
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
            Some(Quirks { stream_options: false, ..known() }),
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"System role not supported at row 1","type":"server_error"}}"#,
            Some(Quirks { instructions: Instructions::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","param":"messages[0].role"}}"#,
            Some(Quirks { instructions: Instructions::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Developer instruction is not enabled for models/gemma-3-27b-it"}}"#,
            Some(Quirks { instructions: Instructions::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"role 'system' is not allowed, use 'developer' instead"}}"#,
            Some(Quirks { instructions: Instructions::Developer, ..known() }),
        ),
        (
            500,
            r#"{"error":{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}}"#,
            Some(Quirks { instructions: Instructions::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}"#,
            Some(Quirks { completion_limit: true, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"'temperature' does not support 0.7 with this model."}}"#,
            Some(Quirks { temperature: false, ..known() }),
        ),
        (400, r#"{"error":{"message":"max_tokens is too large: 5000"}}"#, None),
        (500, r#"{"error":{"message":"internal server error"}}"#, None),
        (503, r#"{"error":{"message":"the grammar server is away"}}"#, None),
    ] {
        let request = if next.is_none() { chat() } else { tutor() };
        assert_eq!(known().after(&refusal(status, body), &request), next, "{status} {body}");
    }
}

#[test]
fn other_parameters_are_switched_or_dropped() {
    let after = |message: &str| {
        let error_body = ErrorBody { message: message.into(), ..ErrorBody::default() };
        known().after(&Refusal { status: 400, error_body }, &chat())
    };
    let openai =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    assert_eq!(after(openai), Some(Quirks { completion_limit: true, ..known() }));
    let openai = "Unsupported value: 'temperature' does not support 0.7 with this model.";
    assert_eq!(after(openai), Some(Quirks { temperature: false, ..known() }));
    let strict = "Extra inputs are not permitted: stream_options";
    assert_eq!(after(strict), Some(Quirks { stream_options: false, ..known() }));
    for message in ["", "max_tokens is too large: 5000", "this model's maximum context length is 4096 tokens"] {
        assert_eq!(after(message), None, "{message}");
    }
}

#[test]
fn a_server_that_refuses_everything_is_asked_a_bounded_number_of_times() {
    let everything =
        "unknown: response_format, stream_options, 'stream', max_tokens, temperature, 'system' for 'developer'";
    let error_body = ErrorBody { message: everything.into(), ..ErrorBody::default() };
    let refusal = Refusal { status: 400, error_body };
    let steps = std::iter::successors(Some(known()), |quirks| quirks.after(&refusal, &tutor())).count();
    assert_eq!(steps, 9);
}
