"""What the models are sent: the prompts of LLM Classroom, so that requests are as long as its own."""

import json
import os
from pathlib import Path

MODEL = "gpt-4o-mini"

_folder = Path(os.environ["PROMPTS"])
CHAT_RULES = (_folder / "chat.txt").read_text(encoding="utf-8")
TUTOR_RULES = (_folder / "tutor.txt").read_text(encoding="utf-8")


def _closed(properties: dict) -> dict:
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}


_TEXT = {"type": "string"}
_DIM = _closed({"evidence": _TEXT, "why": _TEXT, "level": {"type": ["integer", "null"]}})
_DIMS = ("relevance", "clarity", "context", "goal", "structure", "followup")
_SCHEMA = _closed(
    {
        "dims": _closed(dict.fromkeys(_DIMS, _DIM)),
        "strengths": _TEXT,
        "improvements": _TEXT,
        "next_steps": _TEXT,
        "suggested_questions": {"type": "array", "items": _TEXT},
    }
)
FEEDBACK_FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "tutor_feedback", "strict": True, "schema": _SCHEMA},
}


def chat_messages(topic: str, message: str, past: list[tuple[str, str]]) -> list[dict]:
    messages = [{"role": "system", "content": CHAT_RULES}]
    for question, answer in past:
        messages.append({"role": "user", "content": question})
        messages.append({"role": "assistant", "content": answer})
    messages.append({"role": "user", "content": f"주제: {json.dumps(topic, ensure_ascii=False)}\n\n{message}"})
    return messages


def tutor_messages(topic: str, message: str, past: list[tuple[str, str]]) -> list[dict]:
    recent = []
    for question, answer in past[-2:]:
        recent.append({"role": "student", "content": question})
        recent.append({"role": "assistant", "content": answer})
    asked = {"topic": topic, "is_first_message": not past, "recent_messages": recent, "newest_message": message}
    return [
        {"role": "system", "content": TUTOR_RULES},
        {"role": "user", "content": json.dumps(asked, ensure_ascii=False)},
    ]
