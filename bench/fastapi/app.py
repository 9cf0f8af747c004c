"""A strong FastAPI program of the same contract, as far as a turn needs it.

Both model calls run together and are streamed, a turn costs one commit, and the answer is followed by server-sent events.
The settings RENDER=0 and STREAM_TUTOR=0 make it do less than LLM Classroom does: no HTML, and no stream that nobody reads.
"""

import asyncio
import fcntl
import os
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx2 as httpx
import mistune
import nh3
import orjson
from fastapi import Cookie, FastAPI, HTTPException, Response
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from prompts import FEEDBACK_FORMAT, MODEL, chat_messages, tutor_messages
from pydantic import BaseModel, Field
from sqlalchemy import ForeignKey, event, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

RENDER = os.environ.get("RENDER", "1") == "1"
STREAM_TUTOR = os.environ.get("STREAM_TUTOR", "1") == "1"
# As the server does that it's compared with.
TICK_SECONDS = 0.04
HISTORY_TURNS = 5
STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

DATABASE = Path(os.environ["DATABASE"])
engine = create_async_engine(f"sqlite+aiosqlite:///{DATABASE}", connect_args={"timeout": 60})
Session = async_sessionmaker(engine, expire_on_commit=False)
model: AsyncOpenAI
to_html = mistune.create_markdown(plugins=["table", "strikethrough"])


@event.listens_for(engine.sync_engine, "connect")
def use_wal(connection, _record):
    connection.execute("PRAGMA journal_mode = WAL")


class Base(DeclarativeBase):
    pass


class Conversation(Base):
    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True)
    learner: Mapped[str] = mapped_column(index=True)
    topic: Mapped[str]


class StoredTurn(Base):
    __tablename__ = "turns"
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id"), index=True)
    message: Mapped[str]
    answer: Mapped[str]
    feedback: Mapped[str]
    created_at: Mapped[float]


class Topic(BaseModel):
    topic: str = Field(max_length=100)


class Question(BaseModel):
    message: str = Field(min_length=1, max_length=2000)


class ChatMessage(BaseModel):
    role: str
    content: str


class ChatRequest(BaseModel):
    message: str = Field(min_length=1, max_length=2000)
    topic: str = Field(default="일반적인 주제", max_length=100)
    conversation_history: list[ChatMessage] = []


class Dim(BaseModel):
    evidence: str
    why: str
    level: int | None


class Feedback(BaseModel):
    dims: dict[str, Dim]
    strengths: str
    improvements: str
    next_steps: str
    suggested_questions: list[str]
    source: str = "model"


class Turn:
    """A running turn: what is there so far, and who waits for more."""

    def __init__(self) -> None:
        self.state = "answering"
        self.text = ""
        self.feedback: bytes | None = None
        self.changed = asyncio.Event()

    def change(self) -> None:
        self.changed.set()


running: dict[str, Turn] = {}
tasks: set[asyncio.Task] = set()


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    global model
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=2000)
    http = httpx.AsyncClient(limits=limits, timeout=120, trust_env=False)
    model = AsyncOpenAI(base_url=os.environ["OPENAI_BASE_URL"], api_key="none", http_client=http)
    # The workers start together.
    with open(f"{DATABASE}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
    DATABASE.with_name(f"ready-{os.getpid()}").touch()
    yield
    await http.aclose()
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/api/v1/conversations", status_code=201)
async def create(topic: Topic, response: Response, learner: Annotated[str | None, Cookie()] = None) -> dict[str, str]:
    learner = learner or secrets.token_urlsafe(32)
    conversation = Conversation(id=str(uuid.uuid4()), learner=learner, topic=topic.topic)
    async with Session() as session:
        session.add(conversation)
        await session.commit()
    response.set_cookie("learner", learner, httponly=True, samesite="lax")
    return {"id": conversation.id}


@app.post("/api/v1/conversations/{id}/turns", status_code=202)
async def ask(id: str, question: Question, learner: Annotated[str, Cookie()]) -> dict[str, str]:
    async with Session() as session:
        conversation = await session.scalar(
            select(Conversation).where(Conversation.id == id, Conversation.learner == learner)
        )
        if conversation is None:
            raise HTTPException(404)
        newest = select(StoredTurn).where(StoredTurn.conversation == id).order_by(StoredTurn.created_at.desc())
        history = list(await session.scalars(newest.limit(HISTORY_TURNS)))[::-1]
    turn_id, turn = str(uuid.uuid4()), Turn()
    running[turn_id] = turn
    past = [(stored.message, stored.answer) for stored in history]
    task = asyncio.create_task(run(turn_id, turn, conversation, question.message, past))
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return {"turn_id": turn_id}


async def run(id: str, turn: Turn, conversation: Conversation, message: str, past: list[tuple[str, str]]) -> None:
    try:
        _, feedback = await asyncio.gather(
            write_answer(turn, chat_messages(conversation.topic, message, past)),
            write_feedback(turn, tutor_messages(conversation.topic, message, past)),
        )
        stored = StoredTurn(
            id=id,
            conversation=conversation.id,
            message=message,
            answer=turn.text,
            feedback=feedback.model_dump_json(),
            created_at=time.time(),
        )
        async with Session() as session:
            session.add(stored)
            await session.commit()
        turn.state = "done"
    except Exception:
        turn.state = "failed"
        raise
    finally:
        turn.change()
        running.pop(id, None)


async def write_answer(turn: Turn, messages: list[dict]) -> None:
    async for text in stream_text(messages, 1000):
        turn.text += text
        turn.change()


async def write_feedback(turn: Turn, messages: list[dict]) -> Feedback:
    if STREAM_TUTOR:
        reply = "".join([text async for text in stream_text(messages, 1200, FEEDBACK_FORMAT)])
    else:
        reply = await whole_text(messages, 1200, FEEDBACK_FORMAT)
    feedback = Feedback.model_validate_json(reply)
    turn.feedback = feedback.model_dump_json().encode()
    turn.change()
    return feedback


async def stream_text(messages: list[dict], max_tokens: int, response_format: dict | None = None) -> AsyncIterator[str]:
    extra = {"response_format": response_format} if response_format else {}
    stream = await model.chat.completions.create(
        model=MODEL,
        messages=messages,
        max_tokens=max_tokens,
        temperature=0.7,
        stream=True,
        stream_options={"include_usage": True},
        **extra,
    )
    async for piece in stream:
        if piece.choices and piece.choices[0].delta.content:
            yield piece.choices[0].delta.content


async def whole_text(messages: list[dict], max_tokens: int, response_format: dict | None = None) -> str:
    extra = {"response_format": response_format} if response_format else {}
    reply = await model.chat.completions.create(
        model=MODEL, messages=messages, max_tokens=max_tokens, temperature=0.7, **extra
    )
    return reply.choices[0].message.content or ""


@app.get("/api/v1/turns/{id}/events")
async def follow(id: str) -> StreamingResponse:
    # A student's connection stays with one worker, so that the turn is known here.
    turn = running.get(id)
    if turn is None:
        raise HTTPException(404)
    return StreamingResponse(events(turn), media_type="text/event-stream", headers=STREAM_HEADERS)


async def events(turn: Turn) -> AsyncIterator[bytes]:
    yield to_event("snapshot", b'{"state":"answering","reason":null,"blocks":[],"feedback":null}')
    sent, sent_feedback = 0, False
    while True:
        await turn.changed.wait()
        turn.changed.clear()
        state, text = turn.state, turn.text
        parts = []
        if len(text) > sent:
            parts.append(to_event("delta", orjson.dumps({"text": text[sent:]})))
            sent = len(text)
            if RENDER:
                html = nh3.clean(to_html(text))
                parts.append(to_event("block", orjson.dumps({"index": 0, "html": html})))
        if turn.feedback and not sent_feedback:
            parts.append(to_event("feedback", turn.feedback))
            sent_feedback = True
        if state != "answering":
            parts.append(to_event("state", orjson.dumps({"state": state, "reason": None})))
            parts.append(to_event("end", b"{}"))
        if parts:
            yield b"".join(parts)
        if state != "answering":
            return
        await asyncio.sleep(TICK_SECONDS)


def to_event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


@app.post("/api/v1/chat/chat")
async def chat(request: ChatRequest) -> dict:
    past = to_turns(request.conversation_history)
    answer, feedback = await asyncio.gather(
        whole_text(chat_messages(request.topic, request.message, past), 1000),
        whole_text(tutor_messages(request.topic, request.message, past), 1200, FEEDBACK_FORMAT),
    )
    return {"response": answer, "model": MODEL, "tutor_feedback": Feedback.model_validate_json(feedback).model_dump()}


@app.post("/api/v1/chat/chat/stream")
async def chat_stream(request: ChatRequest) -> StreamingResponse:
    messages = chat_messages(request.topic, request.message, to_turns(request.conversation_history))

    async def pieces() -> AsyncIterator[bytes]:
        async for text in stream_text(messages, 1000):
            yield b"data: " + orjson.dumps({"content": text}) + b"\n\n"
        yield b'data: {"content":"[DONE]"}\n\n'

    return StreamingResponse(pieces(), media_type="text/event-stream", headers=STREAM_HEADERS)


def to_turns(history: list[ChatMessage]) -> list[tuple[str, str]]:
    texts = [message.content for message in history]
    return list(zip(texts[::2], texts[1::2], strict=False))
