"""The image, built by buildah and run by podman: confined as compose.yaml confines it."""

import json
import os
import pathlib
import re
import subprocess
import sys

import compose_spec
import pytest
import release
import requests
import yaml
from conftest import DEPLOY, ROOT, eventually, free_port, run

pytestmark = pytest.mark.alone

COMPOSE = DEPLOY / "docker/compose.yaml"
IMAGE = "llm-classroom:test"
TOOLS = pathlib.Path(sys.executable).parent
# No more than the tests themselves may have: a machine that is a container itself can't raise limits.
OWN_LIMITS = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
tmp_dir = "{folder}/tmp"
"""
STORAGE = """
[storage]
driver = "vfs"
graphroot = "{folder}/store"
runroot = "{folder}/run"
"""


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """The environment of buildah and podman, with images and containers in a folder of their own."""
    folder = tmp_path_factory.mktemp("containers")
    (folder / "containers.conf").write_text(OWN_LIMITS.format(folder=folder))
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    return os.environ | {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "BUILDAH_ISOLATION": "chroot",
        "IMAGE": IMAGE,
    }


@pytest.fixture(scope="module")
def podman(engine):
    """Runs podman; gives what it says on its standard output. It warns of a systemd that isn't there."""

    def running(*arguments, check=True):
        command = ["podman", *(str(argument) for argument in arguments)]
        done = subprocess.run(command, env=engine, text=True, capture_output=True)
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
        return done.stdout.strip()

    yield running
    # The folder's file systems must be free before pytest removes it.
    running("rm", "--all", "--force", "--time", "0")
    running("volume", "rm", "--all", "--force")


@pytest.fixture(scope="module")
def image(podman, engine):
    """The image's settings."""
    release.build()
    run("scripts/image.sh", cwd=ROOT, env=engine)
    return json.loads(podman("image", "inspect", IMAGE))[0]


@pytest.fixture
def contained(podman, image, openai):
    """Starts the program in a container as compose.yaml does: `contained(name, SETTING=…)`; gives its address."""

    def starting(name, *arguments, **settings):
        port = free_port()
        settings = {"APP_PORT": port, "OPENAI_BASE_URL": f"{openai}/v1", "RATE_LIMIT": "off"} | settings
        environment = [f"--env={variable}={value}" for variable, value in settings.items()]
        podman(
            "run",
            "--detach",
            "--name",
            name,
            "--network=host",
            "--read-only",
            "--cap-drop=all",
            "--security-opt=no-new-privileges",
            "--memory=512m",
            "--pids-limit=256",
            *environment,
            *arguments,
            IMAGE,
        )
        url = f"http://127.0.0.1:{port}"

        def ready():
            assert podman("inspect", name, "--format={{.State.Running}}") == "true", podman("logs", name)
            try:
                return requests.get(f"{url}/ready", timeout=5).status_code == 200
            except requests.RequestException:
                return False

        eventually(f"{url}/ready", ready)
        return url

    return starting


def question_and_answer(url, session):
    """Asks in a conversation of a new student; gives the conversation as the program shows it afterwards."""
    conversation = session.post(f"{url}/api/v1/conversations", json={"topic": "물의 상태 변화"}).json()
    turn = session.post(
        f"{url}/api/v1/conversations/{conversation['id']}/turns", json={"message": "물은 왜 끓어요?"}
    ).json()
    # Follows the turn to its end.
    events = session.get(f"{url}/api/v1/turns/{turn['turn_id']}/events", timeout=60).text
    assert "done" in events
    return f"/api/v1/conversations/{conversation['id']}"


def test_the_image_holds_the_program_and_nobody_is_root_in_it(image, podman, tmp_path):
    assert image["Config"]["User"] == "65532:65532"
    assert image["Config"]["Volumes"] == {"/data": {}}
    assert image["Config"]["StopSignal"] == "SIGTERM"
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == release.VERSION
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    container = podman("create", IMAGE)
    podman("export", "--output", tmp_path / "image.tar", container)
    podman("rm", container)
    listed = run("tar", "--list", "--verbose", "--numeric-owner", "--file", tmp_path / "image.tar").stdout.splitlines()
    files = {line.split()[-1]: line.split() for line in listed}
    own = {
        name for name in files if not re.match(r"(dev|proc|sys|run|etc/(hosts|hostname|resolv.conf|mtab))(/|$)", name)
    }
    assert own == {"llm-classroom", "data/", "etc/", "etc/ssl/", "etc/ssl/certs/", "etc/ssl/certs/ca-certificates.crt"}
    assert files["data/"][1] == "65532/65532"
    assert files["llm-classroom"][:2] == ["-rwxr-xr-x", "0/0"]


def test_it_serves_on_a_file_system_that_it_cannot_write_and_says_its_health(contained, podman):
    url = contained("healthy")
    assert "<html" in requests.get(f"{url}/topic-selection.html").text
    assert podman("healthcheck", "run", "healthy", check=False) == ""
    assert podman("inspect", "healthy", "--format={{.State.Health.Status}}") == "healthy"
    podman("stop", "--time=30", "healthy")
    assert podman("inspect", "healthy", "--format={{.State.ExitCode}}") == "0"


def test_a_program_that_does_not_answer_is_not_called_healthy(image, podman):
    podman("run", "--detach", "--name=deaf", "--network=host", f"--env=APP_PORT={free_port()}", IMAGE, "--app-port=0")
    assert podman("healthcheck", "run", "deaf", check=False) == "unhealthy"


def test_the_key_comes_in_a_file(contained, openai, tmp_path):
    key = tmp_path / "openai_api_key"
    key.write_text("sk-of-a-school\n")
    mounted = "/run/secrets/openai_api_key"
    url = contained("keyed", f"--volume={key}:{mounted}:ro", OPENAI_API_KEY_FILE=mounted)
    question_and_answer(url, requests.Session())
    asked = requests.get(f"{openai}/control/requests").json()
    assert {request["headers"]["authorization"] for request in asked} == {"Bearer sk-of-a-school"}


def test_what_students_wrote_outlives_their_container(contained, podman):
    session = requests.Session()
    url = contained("before", "--volume=school:/data")
    conversation = question_and_answer(url, session)
    wrote = session.get(url + conversation).json()
    podman("stop", "--time=30", "before")
    podman("rm", "before")
    url = contained("after", "--volume=school:/data")
    assert session.get(url + conversation).json() == wrote
    assert "물은 왜 끓어요?" in json.dumps(wrote, ensure_ascii=False)


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    """compose.yaml with its settings filled in, as podman-compose reads it."""
    folder = tmp_path_factory.mktemp("compose")
    (folder / "compose.yaml").write_text(COMPOSE.read_text())
    example = (DEPLOY / "docker/.env.example").read_text()
    pinned = f"CLASSROOM_IMAGE=registry.example/llm-classroom@sha256:{'0' * 64}"
    (folder / ".env").write_text(re.sub("(?m)^CLASSROOM_IMAGE=.*$", pinned, example))
    filled = folder / "filled.yaml"
    filled.write_text(run(TOOLS / "podman-compose", "config", cwd=folder).stdout)
    return filled


def test_the_compose_file_is_valid_and_confines_each_service(composed):
    compose_spec.PyCompose.from_yaml(composed.read_text()).validate()
    run(TOOLS / "compose-lint", "check", "--fail-on", "low", composed)


def test_the_compose_file_opens_one_port_to_this_machine_alone_and_keeps_secrets_in_files(composed):
    services = yaml.safe_load(composed.read_text())["services"]
    assert {name: service.get("ports", []) for name, service in services.items()} == {
        "classroom": ["127.0.0.1:8000:8000"],
        "postgres": [],
        "redis": [],
    }
    assert [name for name, service in services.items() if "outside" in service["networks"]] == ["classroom"]
    for name, service in services.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["user"].split(":")[0] != "0", name
        for variable, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD|KEY|DATABASE_URL", variable)
            assert not secret or (variable.endswith("_FILE") and value.startswith("/run/secrets/")), variable


def test_what_compose_says_of_the_image_is_so(composed, image):
    classroom = yaml.safe_load(composed.read_text())["services"]["classroom"]
    assert classroom["user"] == image["Config"]["User"]
    assert classroom["volumes"] == ["data:/data"]
    assert image["Healthcheck"]["Test"][1:] == ["/llm-classroom", "doctor", "--health"]
