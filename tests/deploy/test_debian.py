"""The Debian package: installed, upgraded, removed and purged on a fresh system on which no systemd runs, as when an
image is built. test_systemd.py and test_install.py have it on systems with one."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT, eventually, run
from machine import Machine
from packages import build, variant

pytestmark = pytest.mark.alone

SETTINGS = "/etc/llm-classroom/llm-classroom.env"
KEY = "/etc/llm-classroom/OPENAI_API_KEY"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    # lintian finds fault with packages that aren't compressed.
    yield build(folder, "0.9.0", "-Zgzip -z1")
    shutil.rmtree(folder)


@pytest.fixture
def system(tmp_path):
    """A fresh system without an init."""
    machine = Machine(tmp_path / "system", first=("/bin/sleep", "infinity"))
    try:
        yield machine
    finally:
        machine.end()


def owner_and_mode(system, path):
    return system.output_of("stat", "-c", "%U:%G %a", path)


def test_lintian_finds_no_mistake(package):
    run("lintian", "--fail-on", "error,warning", "--allow-root", package)


def test_the_same_program_gives_the_same_package(package, tmp_path):
    again = tmp_path / "another-folder"
    build(again, "0.9.0", "-Zgzip -z1")
    digests = [run("sha256sum", folder / package.name).stdout.split()[0] for folder in [package.parent, again]]
    assert digests[0] == digests[1]
    assert (again / f"{package.name}.sha256").read_text() == f"{digests[0]}  {package.name}\n"
    shutil.rmtree(again)


def test_everything_in_it_is_roots_and_nothing_is_writable_by_others(package):
    for line in run("dpkg-deb", "--contents", package).stdout.splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode[5] != "w" and mode[8] != "w", line
    assert run("dpkg-deb", "--field", package, "Version").stdout.strip() == "0.9.0"
    needed = run("dpkg-deb", "--field", package, "Depends").stdout.strip().split(", ")
    # A static program needs no libraries; one from a developer's desk does.
    assert needed[:2] == ["adduser", "ca-certificates"]
    assert needed[2:] in ([], ["libc6", "libgcc-s1"])


def test_a_life_from_installing_to_purging(system, package):
    # Installed: user, folders, empty key, units to be started by the next systemd; nothing runs.
    output = system.install(package).stdout
    assert "http://127.0.0.1:8000" in output
    user = system.output_of("getent", "passwd", "llm-classroom").split(":")
    assert (user[5], user[6]) == ("/var/lib/llm-classroom", "/usr/sbin/nologin")
    assert owner_and_mode(system, "/var/lib/llm-classroom") == "llm-classroom:llm-classroom 700"
    assert owner_and_mode(system, "/var/backups/llm-classroom") == "llm-classroom:llm-classroom 700"
    assert owner_and_mode(system, "/var/log/llm-classroom") == "root:adm 750"
    assert owner_and_mode(system, SETTINGS) == "root:llm-classroom 640"
    assert owner_and_mode(system, KEY) == "root:root 600"
    assert system.path(KEY).read_text() == ""
    assert owner_and_mode(system, "/usr/bin/llm-classroom") == "root:root 755"
    wanted = system.path("/etc/systemd/system")
    links = {str(path.relative_to(wanted)) for path in wanted.glob("*.wants/llm-classroom*")}
    assert links == {
        "multi-user.target.wants/llm-classroom.service",
        "sockets.target.wants/llm-classroom.socket",
        "timers.target.wants/llm-classroom-backup.timer",
    }
    assert "llm-classroom" not in system.output_of("ps", "-eo", "comm")
    for part in ["install.sh", "update.sh", "nginx/llm-classroom.conf", "firewall/ufw.sh", "systemd/tls.conf"]:
        assert system.path(f"/usr/share/llm-classroom/{part}").exists()
    assert not list(system.path("/etc/nginx").glob("*")), "a running site is nobody's to replace"
    system.run("test", "-s", "/usr/share/man/man1/llm-classroom.1.gz")

    # It serves as its user, with the settings as the unit has them.
    serves(system)
    data = system.path("/var/lib/llm-classroom/llm-classroom.db")
    assert data.stat().st_size > 0

    # Upgraded: what was edited stays, also where the new version brings another file.
    settings = system.path(SETTINGS)
    settings.write_text(settings.read_text().replace("TRUSTED_PROXIES=127.0.0.1", "TRUSTED_PROXIES=10.0.0.1"))
    system.path(KEY).write_text("sk-of-this-test")

    def other_settings(files):
        path = files / SETTINGS.lstrip("/")
        path.write_text(path.read_text() + "# new in this version\n")

    newer = variant(package, "0.9.1", other_settings)
    shutil.copy(newer, system.path("/root"))
    system.run("dpkg", "--force-confold", "--install", f"/root/{newer.name}")
    assert system.output_of("dpkg-query", "--show", "--showformat=${Version}", "llm-classroom") == "0.9.1"
    assert "TRUSTED_PROXIES=10.0.0.1" in settings.read_text() and "new in this" not in settings.read_text()
    assert "new in this version" in system.path(f"{SETTINGS}.dpkg-dist").read_text()
    assert owner_and_mode(system, SETTINGS) == "root:llm-classroom 640"
    assert system.path(KEY).read_text() == "sk-of-this-test"
    assert data.exists()

    # What an administrator switched off stays off.
    system.run("systemctl", "disable", "llm-classroom-backup.timer")
    system.run("dpkg", "--force-confold", "--install", f"/root/{newer.name}")
    assert not (wanted / "timers.target.wants/llm-classroom-backup.timer").exists()

    # Removed: program and units go, data and settings stay. Installed again, it is as before.
    system.run("dpkg", "--remove", "llm-classroom")
    assert not system.path("/usr/bin/llm-classroom").exists()
    assert data.exists() and settings.exists() and system.path(KEY).exists()
    system.run("dpkg", "--force-confold", "--install", f"/root/{newer.name}")
    assert system.output_of("systemctl", "is-enabled", "llm-classroom.service") == "enabled"
    assert "TRUSTED_PROXIES=10.0.0.1" in settings.read_text()
    serves(system)

    # Purged: everything goes but backups.
    system.write("/var/backups/llm-classroom/a-backup", "data")
    output = system.run("dpkg", "--purge", "llm-classroom").stdout
    assert "백업은" in output
    left = system.output_of(
        "find", "/", "-xdev", "-path", "/proc", "-prune", "-o", "-iname", "*llm-classroom*", "-print"
    )
    kept = {"/var/backups/llm-classroom"} | {f"/root/{path.name}" for path in system.path("/root").glob("*.deb")}
    assert set(left.splitlines()) == kept
    assert system.output_of("ls", "-A", "/var/backups/llm-classroom") == "a-backup"


def serves(system):
    """Runs the program as the unit would, and asks it."""
    lines = system.path("/lib/systemd/system/llm-classroom.service").read_text().splitlines()
    command = next(line for line in lines if line.startswith("ExecStart=")).removeprefix("ExecStart=").split()
    values = [line.removeprefix("Environment=") for line in lines if line.startswith("Environment=")]
    values += [line for line in system.path(SETTINGS).read_text().splitlines() if line and not line.startswith("#")]
    passed = system.path("/run/credentials")
    passed.mkdir(exist_ok=True)
    shutil.copy(system.path(KEY), passed / "OPENAI_API_KEY")
    system.run("chown", "-R", "llm-classroom", "/run/credentials")
    values.append("CREDENTIALS_DIRECTORY=/run/credentials")
    as_user = ["setpriv", "--reuid=llm-classroom", "--regid=llm-classroom", "--clear-groups", "--pdeathsig", "KILL"]
    running = subprocess.Popen(
        system.inside(*as_user, "env", "--chdir=/var/lib/llm-classroom", *values, *command),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        health = eventually(
            "the program", lambda: system.run("curl", "-s", "127.0.0.1:8000/health", check=False).stdout
        )
        assert '"status":"healthy"' in health
    finally:
        running.terminate()
        running.wait()


def test_without_a_built_program_the_script_says_how_to_build_one(tmp_path):
    environment = os.environ | {"CARGO_TARGET_DIR": str(tmp_path)}
    failed = run(ROOT / "scripts/deb.sh", check=False, env=environment)
    assert failed.returncode == 1 and "make dist" in failed.stdout
