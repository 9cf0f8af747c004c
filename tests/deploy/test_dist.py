"""What `make dist` makes: a program that needs nothing of its machine, and papers that say what it is."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import release
import requests
from conftest import DEPLOY, FAKE_OPENAI, ROOT, free_port, run
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

pytestmark = pytest.mark.alone

LARGEST = 40_000_000
"""Bytes that the program may have: with a backup of itself it must fit small disks and quick updates."""
MODEL_HOST = "model.school.test"


@pytest.fixture(scope="session")
def dist():
    return release.build()


@pytest.fixture
def empty_root(dist, tmp_path):
    """A folder with the program and nothing else."""
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy2(dist / "llm-classroom", root)
    return root


@pytest.fixture
def own_network(start):
    """A network namespace, in which port 53 is free; gives the words that run a command in it."""
    holder = start(
        ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up; echo up; exec cat"],
        {"PATH": os.environ["PATH"] + ":/usr/sbin"},
        stdin=subprocess.PIPE,
    )
    holder.wait_for_output("up")
    return ["nsenter", f"--target={holder.process.pid}", "--user", "--net", "--preserve-credentials", "--"]


def test_the_program_is_static_and_small(dist):
    program = dist / "llm-classroom"
    headers = run("readelf", "--program-headers", "--dynamic", "--wide", program).stdout
    assert "INTERP" not in headers and "NEEDED" not in headers
    # Its addresses are still random: position-independent, nothing both writable and executable.
    assert "Position-Independent Executable" in headers
    assert "RWE" not in headers
    assert program.stat().st_size <= LARGEST


def test_the_program_names_no_folder_of_who_built_it(dist):
    program = (dist / "llm-classroom").read_bytes()
    for folder in {str(ROOT), str(release.TARGET), os.path.expanduser("~/.cargo")}:
        assert folder.encode() not in program


def test_in_an_empty_root_it_finds_its_model_by_name_and_answers(empty_root, own_network, start):
    # A machine of another glibc would have it load this library, and end.
    (empty_root / "lib/x86_64-linux-gnu").mkdir(parents=True)
    run(
        "cc",
        "-shared",
        "-nostdlib",
        "-fPIC",
        "-Wl,-soname,libnss_foreign.so.2",
        "-x",
        "c",
        "-",
        "-o",
        empty_root / "lib/x86_64-linux-gnu/libnss_foreign.so.2",
        input="__attribute__((constructor)) static void loaded(void) { __builtin_trap(); }",
    )
    (empty_root / "etc").mkdir()
    (empty_root / "etc/nsswitch.conf").write_text("passwd: foreign\nhosts: foreign files dns\n")
    (empty_root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    name_server = start([*own_network, sys.executable, pathlib.Path(__file__).with_name("name_server.py"), MODEL_HOST])
    name_server.wait_for_output("listening")
    model = start([*own_network, FAKE_OPENAI, "--port", "8080"])
    model.wait_for_output("listening on")
    start(
        [*own_network, "chroot", empty_root, "/llm-classroom"],
        {"PATH": os.environ["PATH"], "OPENAI_BASE_URL": f"http://{MODEL_HOST}:8080/v1"},
    ).wait_for_output("open ")

    def asked(path, *more):
        return run(
            *own_network,
            "curl",
            "--silent",
            "--fail",
            "--retry",
            "20",
            "--retry-connrefused",
            "--retry-delay",
            "1",
            f"http://127.0.0.1:8000{path}",
            *more,
        ).stdout

    assert "<html" in asked("/topic-selection.html")
    question = {"message": "물은 왜 끓어요?", "topic": "물의 상태 변화", "conversation_history": []}
    answer = json.loads(asked("/api/v1/chat/chat", "--json", json.dumps(question)))
    assert answer["response"]
    seen = json.loads(run(*own_network, "curl", "--silent", "http://127.0.0.1:8080/control/stats").stdout)
    assert seen["by_purpose"]["chat"] == 1 and seen["by_purpose"]["tutor"] == 1
    assert (empty_root / "data/llm-classroom.db").stat().st_size > 0


class TlsFront(ThreadingHTTPServer):
    """The model server behind TLS, with a certificate that only its own authority vouches for."""

    def __init__(self, folder, behind):
        new = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ]
        run(*new, "-subj", "/CN=A school's own authority", "-keyout", "ca.key", "-out", "ca.pem", cwd=folder)
        run(
            *new,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-subj",
            "/CN=model",
            "-keyout",
            "key.pem",
            "-out",
            "model.pem",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:false",
            cwd=folder,
        )

        class Passing(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = requests.post(behind + self.path, body, headers={"Content-Type": "application/json"})
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.end_headers()
                self.wfile.write(answer.content)

        super().__init__(("127.0.0.1", 0), Passing)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "model.pem", folder / "key.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.authority = folder / "ca.pem"
        self.url = f"https://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def over_tls(openai, tmp_path):
    with TlsFront(tmp_path, openai) as server:
        yield server
        server.shutdown()


@pytest.fixture
def rooted(empty_root, start):
    """Starts the program in the empty root."""

    def starting(**settings):
        port = free_port()
        command = ["unshare", "--user", "--map-root-user", "chroot", empty_root, "/llm-classroom"]
        program = start(command, {"PATH": os.environ["PATH"], "APP_PORT": str(port)} | settings)
        program.url = f"http://127.0.0.1:{port}"
        return program

    return starting


def ask(program):
    question = {"message": "물은 왜 끓어요?", "topic": "물의 상태 변화", "conversation_history": []}
    return requests.post(f"{program.url}/api/v1/chat/chat", json=question, timeout=60)


def test_over_tls_it_believes_an_authority_that_it_is_told(rooted, empty_root, over_tls):
    shutil.copy(over_tls.authority, empty_root)
    program = rooted(OPENAI_BASE_URL=over_tls.url, SSL_CERT_FILE="/ca.pem")
    program.wait_until_ready(f"{program.url}/ready")
    assert ask(program).json()["response"]


def test_without_a_root_certificate_of_the_machine_it_has_its_own_and_believes_no_stranger(rooted, over_tls):
    program = rooted(OPENAI_BASE_URL=over_tls.url, MODEL_RETRIES="0", RUST_LOG="info,llm=debug")
    program.wait_until_ready(f"{program.url}/ready")
    assert ask(program).status_code == 502
    assert "UnknownIssuer" in program.output()


def test_a_missing_file_of_authorities_is_told_at_the_start(rooted):
    program = rooted(OPENAI_BASE_URL="https://127.0.0.1:1/v1", SSL_CERT_FILE="/absent.pem")
    assert program.process.wait(60) == 1
    assert "SSL_CERT_FILE must name a file with certificates" in program.output()


def test_the_archive_is_whole_ordered_and_the_same_when_packed_again(dist):
    archive = dist / f"{release.NAME}.tar.gz"
    run("sha256sum", "--check", f"{archive.name}.sha256", cwd=dist)
    with tarfile.open(archive) as packed:
        members = packed.getmembers()
    names = [member.name for member in members]
    assert names == sorted(names, key=lambda name: name.split("/"))
    for needed in ["llm-classroom", "LICENSE", "README.ko.md", "deploy/docker/Dockerfile"]:
        assert f"{release.NAME}/{needed}" in names
    # Those that nginx's configuration names, as in the package, and not their template.
    statuses = {"400", "414", "429", "502", "503", "504"}
    errors = {name for name in names if "error" in name.removeprefix(release.NAME) and name.endswith(".html")}
    assert errors == {f"{release.NAME}/deploy/nginx/errors/{status}.html" for status in statuses}
    assert not [name for name in names if "__pycache__" in name or name.endswith("/.env") or "/secrets/" in name]
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {(0, 0, "", "")}
    assert len({member.mtime for member in members}) == 1
    assert {oct(member.mode) for member in members} <= {"0o755", "0o644"}
    before = archive.read_bytes()
    # As an operator who tries compose.yaml in the sources leaves it behind.
    secret = DEPLOY / "docker/secrets/of-a-test"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text("not to be passed on")
    try:
        run("make", "--no-print-directory", "dist", cwd=ROOT)
    finally:
        secret.unlink()
        with contextlib.suppress(OSError):
            secret.parent.rmdir()
    assert archive.read_bytes() == before


def test_the_bill_of_materials_is_valid_and_lists_what_is_linked(dist):
    text = (dist / f"{release.NAME}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256((dist / "llm-classroom").read_bytes()).hexdigest()}
    ]
    components = {component["bom-ref"]: component for component in bill["components"]}
    tree = run(
        "cargo",
        "tree",
        "--locked",
        "--package=llm-classroom",
        "--edges=normal,no-proc-macro",
        "--target=x86_64-unknown-linux-gnu",
        "--prefix=none",
        "--format={p}",
        cwd=ROOT,
    ).stdout
    linked = {
        f"pkg:cargo/{name}@{version.replace('+', '%2B')}" for name, version in re.findall(r"^(\S+) v(\S+)", tree, re.M)
    }
    linked.remove(f"pkg:cargo/llm-classroom@{release.VERSION}")
    assert {reference for reference in components if reference.startswith("pkg:cargo/")} == linked
    assert {"glibc", "rust-std", "sqlite"} <= {component["name"] for component in components.values()}
    own = {folder.name for folder in (ROOT / "crates").iterdir()}
    for component in components.values():
        assert component["licenses"], component["name"]
        # The crates of this workspace come from no registry, which would know a checksum.
        if component["purl"].startswith("pkg:cargo/") and component["name"] not in own:
            assert component["hashes"], component["name"]
    depended_on = {reference for dependency in bill["dependencies"] for reference in dependency["dependsOn"]}
    assert depended_on == set(components)
