"""The program beside a model server of others: LiteLLM's proxy, which answers by itself (`mock_response`).

Both run for real on 127.0.0.1 and in temporary folders. scripts/install-test-deps.sh installs the proxy.
"""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "llm-classroom"
PATIENCE = 120
"""Seconds that anything is waited for before a test counts as failed. No test waits that long when all is well."""
KEY = "sk-right"
ANSWER = "광합성은 식물이 빛으로 양분을 만드는 일이에요."
QUESTION = "광합성이 무엇인지 중학생이 알 수 있게 설명해 주세요."
LEVELS = {"relevance": 2, "clarity": 2, "context": 2, "goal": 2, "structure": 2, "followup": None}
NOTES = {
    "dims": [
        {"id": name, "evidence": "광합성이", "why": "이 말에서 무엇이 궁금한지 보여요.", "level": level}
        for name, level in LEVELS.items()
    ],
    "topic": "on",
    "strengths": "궁금한 것을 한 문장으로 또렷하게 물었어요.",
    "improvements": "왜 궁금한지 한마디 덧붙이면 더 좋아요.",
    "next_steps": "다음에는 알고 있는 것을 먼저 적고 물어보세요.",
    "suggested_questions": [
        "광합성이 우리 생활에 어떤 영향을 주나요?",
        "비슷한 예를 두 가지만 비교해 줄래요?",
        "내가 직접 확인해 보려면 무엇부터 하면 될까요?",
    ],
}
MODELS = {
    "school": {"mock_response": ANSWER},
    "tutor": {"mock_response": json.dumps(NOTES, ensure_ascii=False)},
    "silent": {"mock_response": ANSWER, "mock_delay": 3600},
}
"""The proxy's models: one writes prose whatever it is asked for, one the tutor's notes, and one never begins."""


def free_port():
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, ask):
    """Asks again and again until `ask` gives something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


@contextlib.contextmanager
def running(command, folder, environment, url):
    """Runs a server until the block ends; the block begins when `url` answers 200."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def answers():
        assert process.poll() is None, f"{command} ended:\n{log.read_text(errors='replace')}"
        with contextlib.suppress(requests.RequestException):
            return requests.get(url, timeout=5).status_code == 200

    try:
        eventually(f"{url} of {command}", answers)
        yield process
    finally:
        # Neither server holds anything that outlives its folder.
        process.kill()
        process.wait()


class Proxy:
    """LiteLLM's proxy."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}/v1"

    def settings(self, model, key=KEY):
        """The program's settings for a model of this proxy."""
        return {"OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": key, "OPENAI_MODEL": model}


@pytest.fixture(scope="session")
def proxy(tmp_path_factory):
    """The proxy, which takes seconds to start and is therefore shared. It calls nobody."""
    folder = tmp_path_factory.mktemp("proxy")
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "none"} | answer}
        for name, answer in MODELS.items()
    ]
    config = folder / "config.yaml"
    # JSON is YAML too.
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": KEY}}))
    port = free_port()
    with socket.socket() as outside:
        # Calls to other machines would come here.
        outside.bind(("127.0.0.1", 0))
        outside.listen()
        outside.setblocking(False)
        way_out = f"http://127.0.0.1:{outside.getsockname()[1]}"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HTTP_PROXY": way_out,
            "HTTPS_PROXY": way_out,
            # The list of prices comes with the package.
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }
        program = pathlib.Path(sys.executable).with_name("litellm")
        command = [program, "--config", config, "--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        with running(command, folder, environment, f"http://127.0.0.1:{port}/health/liveliness"):
            yield Proxy(port)
        with pytest.raises(BlockingIOError):
            outside.accept()


class Learner:
    """A student at the program's HTTP API."""

    def __init__(self, url, process):
        self.url = url
        self.process = process
        self.http = requests.Session()

    def call(self, method, path, status, **options):
        """Calls the API and checks the status."""
        reply = self.http.request(method, f"{self.url}{path}", timeout=PATIENCE, **options)
        assert reply.status_code == status, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply

    def begin(self):
        """Begins a conversation; gives its id."""
        return self.call("POST", "/api/v1/conversations", 201, json={"topic": "과학 탐구"}).json()["id"]

    def ask(self, conversation):
        """Asks; gives the turn's id."""
        path = f"/api/v1/conversations/{conversation}/turns"
        return self.call("POST", path, 202, json={"message": QUESTION}).json()["turn_id"]

    def follow(self, turn):
        """Follows a turn to its end; gives the names of the events."""
        with self.call("GET", f"/api/v1/turns/{turn}/events", 200, stream=True) as reply:
            lines = reply.iter_lines(decode_unicode=True)
            return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]

    def stored(self, conversation):
        """The conversation's last turn."""
        return self.call("GET", f"/api/v1/conversations/{conversation}", 200).json()["turns"][-1]

    def asked(self):
        """Asks, and waits for the end: the stored turn and the names of the events."""
        conversation = self.begin()
        events = self.follow(self.ask(conversation))
        return self.stored(conversation), events


@pytest.fixture
def learner(proxy, tmp_path):
    """Starts the program with a model of the proxy and gives a student: `learner("school")`."""
    with contextlib.ExitStack() as stack:

        def starting(model, **options):
            port = free_port()
            environment = {"PATH": os.environ["PATH"], "APP_PORT": str(port), "RATE_LIMIT": "off"}
            environment |= proxy.settings(model, **options)
            url = f"http://127.0.0.1:{port}"
            return Learner(url, stack.enter_context(running([PROGRAM], tmp_path, environment, f"{url}/ready")))

        yield starting


@pytest.fixture
def examine(proxy, tmp_path):
    """Runs the doctor with a model of the proxy; gives the codes of its findings."""

    def examining(model, **options):
        environment = {"PATH": os.environ["PATH"], "APP_PORT": str(free_port())} | proxy.settings(model, **options)
        done = subprocess.run(
            [PROGRAM, "doctor", "--json"],
            cwd=tmp_path,
            env=environment,
            text=True,
            capture_output=True,
            timeout=PATIENCE,
        )
        return [finding["code"] for finding in json.loads(done.stdout)["findings"]]

    return examining
