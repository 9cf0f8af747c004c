"""scripts/check.sh with stubs for every program that it runs: how a run ends, and that no process outlives it."""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from conftest import ROOT, eventually

SUCCEEDS = "exit 0"
RUNS_ON = "sleep infinity & echo $! >>$PIDS; echo $$ >>$PIDS; wait"
"""A program with a child that doesn't end by itself."""
LEAVES_A_CHILD = "sleep infinity >/dev/null 2>&1 & echo $! >>$PIDS"
NOTED_KILL = '() { echo "$*" >>"$PIDS.signals"; builtin kill "$@"; }'
STUBS = ["cargo", "npm", "find", "shellcheck", *(f"target/venv/bin/{name}" for name in ["ruff", "pytest"])]
STUBS += ["target/foreign-venv/bin/pytest"]
STUBS += [f"scripts/{name}.sh" for name in ["install-test-deps", "dist", "schemathesis"]]


class Run:
    """A folder with the script and the stubs. Each stub that was given a body of its own runs it; others succeed."""

    def __init__(self, folder, **bodies):
        self.folder, self.pids = folder, folder / "pids"
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/check.sh", folder / "scripts")
        for stub in STUBS:
            path = folder / stub if "/" in stub else folder / "bin" / stub
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"#!/bin/bash\n{bodies.get(path.stem, SUCCEEDS)}\n")
            path.chmod(0o755)
        self.process = subprocess.Popen(
            [folder / "scripts/check.sh", "all"],
            # Bash reads functions from such variables: what the script ends is noted.
            env={"PATH": f"{folder}/bin:{os.environ['PATH']}", "PIDS": str(self.pids), "BASH_FUNC_kill%%": NOTED_KILL},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=stop_ignoring_signals,
        )

    def started(self):
        """The processes that the stubs started so far."""
        return self.pids.read_text().split() if self.pids.exists() else []

    def running(self):
        """Those that still run."""
        return [pid for pid in self.started() if is_running(pid)]

    def finish(self):
        """Waits for the end; gives the exit code and the output."""
        try:
            output, _ = self.process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            # It fails the test, and must not outlive it.
            for pid in [self.process.pid, *self.running()]:
                os.kill(int(pid), signal.SIGKILL)
            raise
        return self.process.returncode, output

    def terminated_groups(self):
        """The numbers of the process groups that the script sent SIGTERM to, in order."""
        signals = (self.folder / "pids.signals").read_text().splitlines()
        return [line.split(" -- -")[1] for line in signals if line.startswith("-TERM ")]


def stop_ignoring_signals():
    """A shell can't trap a signal that is ignored where it starts, as under nohup or in the background of a script."""
    for sent in [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]:
        signal.signal(sent, signal.SIG_DFL)


def in_rust_tests(body):
    """A stub of cargo that does this in the step that runs the Rust tests, and succeeds in others."""
    return f"[[ $* != *--no-fail-fast* ]] || {{ {body}; }}"


def is_running(pid):
    """Whether the process exists and is more than an entry that nobody has read."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")")[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_run_ends_with_the_seconds_of_each_step(tmp_path):
    code, output = Run(tmp_path).finish()
    assert code == 0, output
    summary = output.split("== Summary\n")[1]
    steps = [line.split(" s  ")[1] for line in summary.splitlines() if " s  " in line]
    assert {"Format", "Debug build", "Rust tests", "Release build", "Browser tests"} <= set(steps)
    assert {"Deployment tests beside others", "Deployment tests alone", "API by its document"} <= set(steps)


def test_a_failed_step_ends_the_run_and_the_release_build(tmp_path):
    # They fail as soon as the release build runs.
    fails = "until [[ -s $PIDS ]]; do sleep 0.02; done; exit 7"
    run = Run(tmp_path, dist=RUNS_ON, cargo=in_rust_tests(fails))
    code, output = run.finish()
    assert code == 7, output
    assert "Rust tests (failed)" in output and "== Browser tests" not in output
    assert len(run.started()) >= 1 and run.running() == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_ends_its_step_and_the_release_build(tmp_path, sent):
    run = Run(tmp_path, dist=RUNS_ON, cargo=in_rust_tests(RUNS_ON))
    eventually("both stubs and their children", lambda: len(run.started()) == 4)
    run.process.send_signal(sent)
    code, output = run.finish()
    assert code == 128 + sent, output
    assert run.running() == []


def test_a_step_that_succeeds_leaves_no_process_to_the_next(tmp_path):
    run = Run(tmp_path, npm=LEAVES_A_CHILD)
    code, output = run.finish()
    assert code == 0, output
    assert len(run.started()) >= 1 and run.running() == []


def test_a_failed_release_build_ends_the_run_and_the_rust_tests(tmp_path):
    # It fails as soon as the tests run.
    fails = "until [[ -s $PIDS ]]; do sleep 0.02; done; echo no space; exit 7"
    run = Run(tmp_path, dist=fails, cargo=in_rust_tests(RUNS_ON))
    code, output = run.finish()
    assert code == 7, output
    assert "no space" in output and "Release build (failed)" in output and "== Browser tests" not in output
    assert len(run.started()) >= 1 and run.running() == []


@pytest.mark.parametrize("rust_tests, code", [("true", 0), ("exit 7", 7)])
def test_the_group_of_an_ended_step_gets_no_second_signal(tmp_path, rust_tests, code):
    # Its number may belong to a stranger by then.
    run = Run(tmp_path, cargo=in_rust_tests(rust_tests))
    assert run.finish()[0] == code
    groups = run.terminated_groups()
    assert len(groups) >= 5
    assert len(set(groups)) == len(groups), groups
