"""The blocking shape of a prototype, for the record: both calls one after the other, nothing streamed, nothing stored."""

import json
import os

import httpx2 as httpx
from fastapi import FastAPI
from openai import OpenAI
from prompts import FEEDBACK_FORMAT, MODEL, chat_messages, tutor_messages
from pydantic import BaseModel

app = FastAPI()
model = OpenAI(
    base_url=os.environ["OPENAI_BASE_URL"], api_key="none", http_client=httpx.Client(timeout=120, trust_env=False)
)


class ChatRequest(BaseModel):
    message: str
    topic: str = "일반적인 주제"


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/api/v1/chat/chat")
def chat(request: ChatRequest) -> dict:
    answer = model.chat.completions.create(
        model=MODEL, messages=chat_messages(request.topic, request.message, []), max_tokens=1000, temperature=0.7
    )
    feedback = model.chat.completions.create(
        model=MODEL,
        messages=tutor_messages(request.topic, request.message, []),
        max_tokens=1200,
        temperature=0.7,
        response_format=FEEDBACK_FORMAT,
    )
    notes = json.loads(feedback.choices[0].message.content) | {"source": "model"}
    return {"response": answer.choices[0].message.content, "model": MODEL, "tutor_feedback": notes}
