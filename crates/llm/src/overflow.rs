//! Recognises refusals of a request that is larger than the model's context window, by the texts of common servers.

use super::error_body::ErrorBody;

/// A request did not fit the model's context window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow {
    /// The window's size in tokens, where the server states it.
    pub(super) window: Option<u32>,
}

/// Codes and types with no other meaning.
const CODES: [&str; 7] = [
    "context_length_exceeded",
    "exceed_context_size_error",
    "context_window_exceeded",
    "contextwindowexceedederror",
    "string_above_max_length",
    "model_context_window_exceeded",
    "request_too_large",
];

/// Phrases with no other meaning.
const PHRASES: [&str; 23] = [
    "context length",
    "context size",
    "context window",
    "context limit",
    "maximum model length",
    "maximum prompt length",
    "max_model_len",
    "max_seq_len",
    "prompt is too long",
    "prompt too long",
    "prompt has too many tokens",
    "input is too long",
    "too many tokens",
    "reduce the length of the messages",
    "reduce your message size",
    "request too large",
    "request body too large for",
    "exceeded model token limit",
    "exceeds the maximum number of tokens",
    "exceeds the limit of",
    "range of input length",
    "max_tokens must be at least 1",
    "max_completion_tokens must be at least 1",
];

/// Phrases directly before the size, the more exact ones first.
const BEFORE_SIZE: [&str; 21] = [
    "context length is only",
    "context length of only",
    "maximum context length is",
    "maximum context length of",
    "context length is",
    "context length of",
    "context length (",
    "context size (",
    "context size of",
    "context window of",
    "context window is",
    "context window (",
    "maximum model length of",
    "maximum prompt length is",
    "maximum number of tokens allowed (",
    "max_seq_len",
    "must be <=",
    "must have less than",
    "token limit:",
    "max size:",
    "cannot exceed",
];

/// The same, for phrases that may also precede other numbers.
const BEFORE_SIZE_LAST: [&str; 6] = ["while limit is", "the limit of", "limit of", "limit ", ">", "context limit:"];

/// The smallest context window in tokens; a smaller number is something else.
const MIN_WINDOW: u32 = 256;

/// Whether the refusal has a code with no other meaning.
pub(super) fn is_coded(error_body: &ErrorBody) -> bool {
    error_body.is(&CODES)
}

/// Parses a refusal; `None` if it is about anything else.
pub(super) fn of_error_body(error_body: &ErrorBody) -> Option<Overflow> {
    let text = error_body.message.to_lowercase();
    let counts_tokens = || {
        // TGI: "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and …".
        (text.contains("`inputs`") || text.contains("inputs tokens")) && text.contains("given:")
    };
    let is_known = is_coded(error_body) || PHRASES.iter().any(|phrase| text.contains(phrase)) || counts_tokens();
    if (!is_known && !is_too_long(&text) && !is_too_long_elsewhere(&text)) || is_rate_limit(&text) {
        return None;
    }
    let stated =
        error_body.window.or_else(|| size_in(&text)).or_else(|| limit_in(&text)).filter(|&size| size >= MIN_WINDOW);
    Some(Overflow { window: stated })
}

/// Whether a text says that the prompt has too many tokens, in any words.
fn is_too_long(text: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // The limit of an answer is something else.
    let is_of_answer = has(&["completion tokens", "output tokens", "max_tokens", "max_completion_tokens"]);
    // Z.AI says "Prompt exceeds max length" and counts nothing.
    let counts =
        text.contains("token") || has(&["max length", "max_length", "maximum length", "maximum allowed length"]);
    counts
        && has(&["prompt", "input", "context", "messages", "sequence", "conversation"])
        && has(&[
            "exceed",
            "longer than",
            "greater than",
            "more than",
            "more tokens",
            "larger than",
            "too long",
            "over the",
            "beyond",
        ])
        && has(&["max", "limit", "length", "allowed", "support"])
        && !is_of_answer
}

/// The same in Korean, Chinese and Japanese: a word for what is limited, and one that says that it is exceeded.
fn is_too_long_elsewhere(text: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    has(LIMITED_ELSEWHERE) && has(EXCEEDED_ELSEWHERE) && !has(&["max_tokens", "max_completion_tokens"])
}

const LIMITED_ELSEWHERE: &[&str] = &[
    "컨텍스트",
    "콘텍스트",
    "문맥",
    "프롬프트",
    "최대 길이",
    "최대 토큰",
    "토큰 수",
    "입력 길이",
    "上下文",
    "最大长度",
    "最大長度",
    "最大輸入",
    "最大输入",
    "输入长度",
    "輸入長度",
    "提示词",
    "コンテキスト",
    "プロンプト",
    "最大長",
    "トークン数",
    "入力長",
];
const EXCEEDED_ELSEWHERE: &[&str] = &[
    "초과",
    "넘었",
    "넘습",
    "넘어",
    "넘는",
    "너무 길",
    "너무 깁",
    "너무 많",
    "超过",
    "超出",
    "超過",
    "超限",
    "过长",
    "過長",
    "太长",
    "太長",
    "超え",
    "長すぎ",
    "オーバー",
];

/// Whether the tokens of a minute or a day are used up. (Groq uses the same text for a single large request.)
fn is_rate_limit(text: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    has(&["please wait", "rate limit", "per day", "retry after", "retry in"]) && !text.contains("too large")
}

/// The first number shortly after a word for a limit.
fn limit_in(text: &str) -> Option<u32> {
    ["maximum", "limit", "at most", "up to", "max ", "max_", "longer than", "exceeds"].iter().find_map(|word| {
        let behind = text.match_indices(word).find_map(|(at, _)| {
            let rest = &text[at + word.len()..];
            let digit = rest.find(|c: char| c.is_ascii_digit()).filter(|&digit| digit <= 40)?;
            number_at(&rest[digit..])
        });
        behind.filter(|&size| size >= MIN_WINDOW)
    })
}

fn size_in(text: &str) -> Option<u32> {
    let after = |words: &&str| text.match_indices(*words).find_map(|(at, _)| number_at(&text[at + words.len()..]));
    BEFORE_SIZE
        .iter()
        .find_map(after)
        // Mistral: "too large for model with 32768 maximum context length".
        .or_else(|| number_before(text, "maximum context length"))
        // Alibaba: "Range of input length should be [1, 30720]".
        .or_else(|| text.split_once("range of input length")?.1.split_once(',').and_then(|(_, rest)| number_at(rest)))
        .or_else(|| BEFORE_SIZE_LAST.iter().find_map(after))
}

/// The number at the start of a text, after punctuation: ` (4,096 tokens)`.
fn number_at(text: &str) -> Option<u32> {
    let text = text.trim_start_matches([' ', ':', '(', '`', '\'', '"', '=', '[']);
    let digits: String = text
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '_'))
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn number_before(text: &str, words: &str) -> Option<u32> {
    let before = text[..text.find(words)?].trim_end();
    let digits = before.len() - before.bytes().rev().take_while(u8::is_ascii_digit).count();
    before[digits..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Option<Option<u32>> {
        let error_body = ErrorBody { message: message.to_owned(), ..ErrorBody::default() };
        of_error_body(&error_body).map(|overflow| overflow.window)
    }

    #[test]
    fn the_window_is_read_from_the_refusals_of_the_servers_in_use() {
        for (message, window) in [
            (
                "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the \
                 messages, 1000 in the completion). Please reduce the length of the messages or completion.",
                Some(4096),
            ),
            (
                "'max_tokens' or 'max_completion_tokens' is too large: 1000. This model's maximum context length is \
                 4096 tokens and your request has 3500 input tokens (1000 > 4096 - 3500).",
                Some(4096),
            ),
            ("max_tokens must be at least 1, got -112.", None),
            (
                "The decoder prompt (length 5000) is longer than the maximum model length of 4096. Make sure that \
                 `max_model_len` is no smaller than the number of text tokens.",
                Some(4096),
            ),
            ("request (5012 tokens) exceeds the available context size (4096 tokens), try increasing it", Some(4096)),
            ("the request exceeds the available context size, try increasing it", None),
            ("Requested tokens (5000) exceed context window of 4096", Some(4096)),
            (
                "Trying to keep the first 5012 tokens when context the overflows. However, the model is loaded with \
                 context length of only 4096 tokens, which is not enough.",
                Some(4096),
            ),
            ("the input length exceeds the context length", None),
            (
                "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 1000 `max_new_tokens`",
                Some(4096),
            ),
            ("Input validation error: `inputs` must have less than 4095 tokens. Given: 5012", Some(4095)),
            (
                "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a \
                 total of 5000 tokens: 4000 tokens from the input messages and 1000 tokens for the completion.",
                Some(4096),
            ),
            ("The input (5012 tokens) is longer than the model's context length (4096 tokens).", Some(4096)),
            (
                "Request too large for model `llama-3.1-8b-instant` in organization `org_1` service tier `on_demand` \
                 on tokens per minute (TPM): Limit 6000, Requested 7012, please reduce your message size and try again.",
                Some(6000),
            ),
            ("Please reduce the length of the messages or completion.", None),
            (
                "Please reduce the length of the messages or completion. Current length is 9001 while limit is 8192",
                Some(8192),
            ),
            ("prompt is too long: 215012 tokens > 200000 maximum", Some(200_000)),
            (
                "input length and `max_tokens` exceed context limit: 190012 + 20000 > 200000, decrease input length",
                Some(200_000),
            ),
            (
                "This endpoint's maximum context length is 8,192 tokens. However, you requested about 9012 tokens \
                 (8012 of text input, 1000 in the output).",
                Some(8192),
            ),
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                Some(1_048_576),
            ),
            (
                "Prompt contains 40012 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
                Some(32_768),
            ),
            ("This model's maximum prompt length is 131072 but the request contains 200012 tokens.", Some(131_072)),
            ("too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5012.", Some(4081)),
            ("Invalid request: Your request exceeded model token limit: 8192 (requested: 9012)", Some(8192)),
            ("Range of input length should be [1, 30720]", Some(30_720)),
            ("prompt token count of 13012 exceeds the limit of 12288", Some(12_288)),
            ("Request body too large for gpt-4o-mini model. Max size: 8000 tokens.", Some(8000)),
            ("Input is too long for requested model.", None),
            (
                "Input length (5012 tokens) exceeds the maximum allowed length (4090 tokens). Use a shorter input or \
                 enable --allow-auto-truncate.",
                Some(4090),
            ),
            ("Prompt length 5012 tokens is greater than max_seq_len 4096", Some(4096)),
            ("the number of input tokens 5012 cannot exceed the total tokens limit 4096 for this model", Some(4096)),
            ("Number of prompt tokens: 5012 exceeds model max length: 4096", Some(4096)),
            ("The input token count exceeds the maximum number of tokens allowed 1048576.", Some(1_048_576)),
            ("Your messages have more tokens than this model supports (at most 8192).", Some(8192)),
            ("litellm.ContextWindowExceededError: context window exceeds limit", None),
            ("Prompt exceeds max length", None),
            ("Input exceeds the maximum length allowed", None),
            ("입력이 모델의 최대 컨텍스트 길이(4096 토큰)를 초과했습니다.", None),
            ("프롬프트가 너무 깁니다.", None),
            ("요청이 최대 토큰 수를 넘었습니다", None),
            ("输入超过了模型的最大上下文长度", None),
            ("输入长度超过最大长度限制", None),
            ("提示词过长", None),
            ("入力がモデルの最大コンテキスト長を超えています", None),
            ("プロンプトが長すぎます", None),
        ] {
            assert_eq!(read(message), Some(window), "{message}");
        }
    }

    #[test]
    fn a_code_or_a_field_is_enough() {
        let coded = ErrorBody { code: "context_length_exceeded".into(), ..ErrorBody::default() };
        assert_eq!(of_error_body(&coded), Some(Overflow { window: None }));
        let body = r#"{"error":{"code":400,"message":"too much","type":"exceed_context_size_error","n_prompt_tokens":5012,"n_ctx":4096}}"#;
        assert_eq!(of_error_body(&ErrorBody::of_body(body)), Some(Overflow { window: Some(4096) }));
    }

    #[test]
    fn other_refusals_are_about_something_else() {
        for message in [
            "",
            "max_tokens is too large: 5000. This model supports at most 4096 completion tokens",
            "Rate limit reached for gpt-4o-mini on tokens per min (TPM): Limit 200000, Used 199000, Requested 1200.",
            "Unsupported parameter: 'max_tokens' is not supported with this model.",
            "Invalid schema for response_format: too many states",
            "model not found",
            "API 키가 올바르지 않습니다.",
            "지원하지 않는 최대 길이 값입니다: max_tokens",
            "请求超过频率限制",
            "Too many tokens, please wait before trying again.",
            "max_tokens (9000) exceeds the maximum of 8192 output tokens that this model supports for any input",
            "Requests to the ChatCompletions_Create Operation under this API version have exceeded token rate limit of \
             your current OpenAI S0 pricing tier. The input has reached the limit. Please retry after 6 seconds.",
        ] {
            assert_eq!(read(message), None, "{message}");
        }
    }
}
