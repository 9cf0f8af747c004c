//! Model servers: an OpenAI-compatible client, and the practice partner that stands in when none is connected.
