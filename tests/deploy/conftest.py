"""What the tests of deploy/ share: free ports, processes that end with their test, the program and its model server.

Everything runs for real on 127.0.0.1 and in temporary folders. What the tests need is installed by
scripts/install-test-deps.sh; a missing part is a failure.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = TARGET / "debug" / "llm-classroom"
FAKE_OPENAI = TARGET / "debug" / "examples" / "fake_openai"
PATIENCE = 60
"""Seconds that anything is waited for before a test counts as failed. No test waits that long when all is well."""


def pytest_configure(config):
    """Declares the markers, and lets SIGTERM clean up as Ctrl-C does."""
    config.addinivalue_line(
        "markers", "alone: runs the release within time limits of its own, so scripts/check.sh runs nothing beside it"
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def free_port():
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(what, ask):
    """Asks again and again until `ask` gives something. For what nobody announces."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def run(*command, check=True, **options):
    """Runs a command to its end; its output is in the failure's message when it doesn't succeed."""
    done = subprocess.run(
        [str(part) for part in command], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done


class Process:
    """A process that ends with its test. Its output goes to `log`."""

    def __init__(self, command, folder, environment=None, **options):
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        self.command = [str(part) for part in command]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, **options
            )

    def output(self):
        """Its output so far."""
        return self.log.read_text(errors="replace")

    def wait_for_output(self, words):
        """Waits for these words; fails when it ends without them."""

        def ask():
            assert words in self.output() or self.process.poll() is None, f"{self.command} ended:\n{self.output()}"
            return words in self.output()

        eventually(f"{words!r} from {self.command}", ask)

    def wait_until_ready(self, url, **options):
        """Waits for a 200."""

        def ask():
            assert self.process.poll() is None, f"{self.command} ended:\n{self.output()}"
            with contextlib.suppress(requests.RequestException):
                return requests.get(url, timeout=5, **options).status_code == 200

        eventually(f"{url} of {self.command}", ask)

    def end(self, how=signal.SIGTERM):
        """Ends it, and waits for that; gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command} doesn't end:\n{self.output()}") from None


@pytest.fixture
def start(tmp_path):
    """Starts a process: `start(command, environment=…)`."""
    with contextlib.ExitStack() as stack:
        count = 0

        def starting(command, environment=None, **options):
            nonlocal count
            count += 1
            process = Process(command, tmp_path / f"process-{count}", environment, **options)
            stack.callback(process.end)
            return process

        yield starting


@pytest.fixture
def openai(start):
    """A model server that speaks OpenAI's wire format; its address."""
    server = start([FAKE_OPENAI])
    server.wait_for_output("listening on")
    return server.output().split("listening on ")[1].split()[0]


@pytest.fixture
def classroom(start, openai):
    """Starts the program with a model: `classroom(APP_BASE_URL=…)`; its `url` is where it answers."""

    def starting(**settings):
        port = settings.pop("APP_PORT", None) or free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "APP_PORT": str(port),
            "OPENAI_BASE_URL": f"{openai}/v1",
            "OPENAI_MODEL": "gpt-4o-mini",
            "RATE_LIMIT": "off",
        } | settings
        program = start([PROGRAM], environment)
        program.url = f"http://127.0.0.1:{port}"
        program.wait_until_ready(f"{program.url}/ready")
        return program

    return starting
