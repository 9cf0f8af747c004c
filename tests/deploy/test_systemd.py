"""The units in deploy/systemd, run by a real systemd on a machine of its own; and the log's rotation."""

import json
import re
import shutil
import signal
import subprocess
import sys

import pytest
from conftest import DEPLOY, eventually, run
from machine import Machine
from packages import build

pytestmark = pytest.mark.alone
UNITS = DEPLOY / "systemd"
SERVICE = "llm-classroom.service"
SETTINGS = "/etc/llm-classroom/llm-classroom.env"
KEY = "/etc/llm-classroom/OPENAI_API_KEY"

VISITORS = """
import http.client, json, signal, sys, threading
done, answered, failed = threading.Event(), [], []
signal.signal(signal.SIGTERM, lambda *_: done.set())
def visit():
    while not done.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=30)
        try:
            connection.request("GET", "/health")
            response = connection.getresponse()
            json.load(response)
            (answered if response.status == 200 else failed).append(response.status)
        except Exception as error:
            failed.append(repr(error))
        finally:
            connection.close()
threads = [threading.Thread(target=visit) for _ in range(4)]
[thread.start() for thread in threads]
print("visiting", flush=True)
done.wait()
[thread.join() for thread in threads]
print(json.dumps({"answered": len(answered), "failed": failed}))
"""


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    yield build(folder, "0.9.0")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def machine(packaged, tmp_path_factory):
    """A machine on which the package was installed, and nothing else done."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    try:
        machine.install(packaged)
        yield machine
    finally:
        machine.end()


@pytest.fixture
def changed(machine):
    """Changes for one test: `changed(SETTING=…)`, and `changed.unit("[Service]…")`; undone after it."""
    settings = machine.path(SETTINGS).read_text()

    class Changed:
        def __call__(self, **values):
            lines = "".join(f"{name}={value}\n" for name, value in values.items())
            machine.path(SETTINGS).write_text(settings + lines)

        def unit(self, text, unit=SERVICE):
            machine.write(f"/run/systemd/system/{unit}.d/test.conf", text)
            machine.run("systemctl", "daemon-reload")

    yield Changed()
    machine.path(SETTINGS).write_text(settings)
    machine.path(KEY).write_text("")
    for folder in machine.path("/run/systemd/system").glob("*.d"):
        shutil.rmtree(folder)
    for folder in machine.path("/etc/systemd/system").glob("llm-classroom*.d"):
        shutil.rmtree(folder)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "stop", "llm-classroom.socket", "llm-classroom-redirect.socket", SERVICE)
    machine.run("systemctl", "start", "llm-classroom.socket", SERVICE)


def main_process(machine):
    """The program's number, as the machine counts; once it serves."""
    eventually("the service", lambda: machine.show(SERVICE, "ActiveState") == "active")
    return int(machine.show(SERVICE, "MainPID"))


def status_of(machine, process):
    """What the kernel says of a process."""
    lines = machine.path(f"/proc/{process}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


def test_systemd_finds_nothing_to_say_of_the_units(machine):
    units = [f"/lib/systemd/system/{path.name}" for path in UNITS.glob("llm-classroom*")]
    assert len(units) == 5
    assert machine.output_of("systemd-analyze", "verify", "--man=no", *units) == ""
    # That it would: the same service with a line that it can't know.
    wrong = UNITS.joinpath(SERVICE).read_text().replace("RestartSec=10", "RestartSec=10\nRestartSecs=10")
    machine.write("/root/llm-classroom.service", wrong)
    assert "RestartSecs" in machine.run("systemd-analyze", "verify", "--man=no", "/root/llm-classroom.service").stdout


@pytest.mark.parametrize("unit", [SERVICE, "llm-classroom-backup.service"])
def test_the_services_are_hardly_exposed(machine, unit):
    judged = machine.output_of("systemd-analyze", "security", "--no-pager", unit)
    exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", judged).group(1))
    assert exposure <= 2.0, judged
    # The same from the file alone, without a systemd that runs; the exit code says whether it is above 2.0.
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", UNITS / unit)


def test_every_restriction_states_its_reason():
    restrictions = UNITS.joinpath(SERVICE).read_text().split("# --- Restrictions")[1].split("[Install]")[0]
    explained, count = False, 0
    for line in restrictions.splitlines()[1:]:
        if line.startswith("#"):
            explained, since = True, 0
        elif line:
            since += 1
            count += 1
            # One sentence may explain a few that belong together.
            assert explained and since <= 6, line
    assert count > 25


def test_the_installed_service_serves_as_its_own_user_without_any_right(machine):
    process = main_process(machine)
    assert machine.show(SERVICE, "StatusText").startswith("serving at http://127.0.0.1:8000")
    assert json.loads(machine.get())["status"] == "healthy"
    status = status_of(machine, process)
    owner = machine.output_of("id", "--user", "llm-classroom")
    assert set(status["Uid"].split()) == {owner} != {"0"}
    assert {status[name] for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert machine.output_of("stat", "-c", "%a %U:%G", "/var/lib/llm-classroom") == "700 llm-classroom:llm-classroom"
    assert machine.output_of("stat", "-c", "%a %U", "/var/lib/llm-classroom/llm-classroom.db") == "600 llm-classroom"


def test_the_service_sees_no_homes_and_can_write_nowhere_but_to_its_data(machine):
    machine.write("/root/secret", "secret")
    within = ["nsenter", "--target", main_process(machine), "--mount"]
    assert machine.output_of(*within, "ls", "-A", "/root") == ""
    for place in ["/etc", "/usr", "/var/log", "/var/backups/llm-classroom"]:
        refused = machine.run(*within, "touch", f"{place}/mark", check=False)
        assert refused.returncode and "Read-only" in refused.stdout, place
    machine.run(*within, "touch", "/var/lib/llm-classroom/mark", "/tmp/mark")
    assert not machine.path("/tmp/mark").exists()
    devices = machine.output_of(*within, "ls", "/dev").split()
    assert "null" in devices and not {"kmsg", "mem", "vda"} & set(devices)


def test_the_units_have_the_terms_they_promise(machine):
    expected = {
        "Type": "notify",
        "Restart": "always",
        "RestartUSec": "10s",
        "WatchdogUSec": "30s",
        "TimeoutStopUSec": "40s",
        "StartLimitIntervalUSec": "0",
        "MemoryHigh": f"{500 * 2**20}",
        "MemoryMax": f"{600 * 2**20}",
        "LimitNOFILE": "65536",
    }
    assert {name: machine.show(SERVICE, name) for name in expected} == expected
    for unit in [SERVICE, "llm-classroom.socket", "llm-classroom-backup.timer"]:
        assert machine.output_of("systemctl", "is-enabled", unit) == "enabled"
        assert machine.output_of("systemctl", "is-active", unit) == "active"
    next_time = machine.output_of("systemctl", "list-timers", "--no-pager", "llm-classroom-backup.timer")
    assert re.search(r"18:[34]\d:\d\d UTC", next_time), next_time


def test_the_key_comes_as_a_credential_and_stands_nowhere_else(machine, changed):
    assert json.loads(machine.get("/ready"))["provider"] == "practice"
    machine.path(KEY).write_text("sk-of-this-test\n")
    machine.run("systemctl", "restart", SERVICE)
    assert json.loads(machine.get("/ready"))["provider"] == "ok"
    process = main_process(machine)
    for place in ["environ", "cmdline"]:
        assert "sk-of-this-test" not in machine.path(f"/proc/{process}/{place}").read_text()
    as_user = ["setpriv", "--reuid=llm-classroom", "--regid=llm-classroom", "--clear-groups"]
    assert "Permission denied" in machine.run(*as_user, "cat", KEY, check=False).stdout
    assert "sk-of-this-test" not in machine.output_of("systemctl", "show", SERVICE)
    # Without the file the unit would not start; that is why the package makes an empty one.
    machine.path(KEY).unlink()
    assert machine.run("systemctl", "restart", SERVICE, check=False).returncode
    machine.path(KEY).touch(mode=0o600)


def test_a_restart_refuses_no_visitor(machine):
    main_process(machine)
    visitors = subprocess.Popen(
        ["nsenter", "--target", str(machine.first), "--net", sys.executable, "-c", VISITORS],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert visitors.stdout.readline() == "visiting\n"
    processes = {main_process(machine)}
    for _ in range(4):
        machine.run("systemctl", "restart", SERVICE)
        processes.add(main_process(machine))
    visitors.send_signal(signal.SIGTERM)
    result = json.loads(visitors.communicate(timeout=60)[0])
    assert len(processes) == 5
    assert result["failed"] == []
    assert result["answered"] > 100


def test_a_program_that_was_killed_comes_back(machine, changed):
    changed.unit("[Service]\nRestartSec=1\n")
    before = main_process(machine)
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", SERVICE)
    eventually("another process", lambda: machine.show(SERVICE, "MainPID") not in {"0", str(before)})
    assert json.loads(machine.get())["status"] == "healthy"
    assert machine.show(SERVICE, "NRestarts") == "1"


def test_a_program_that_hangs_is_started_anew(machine, changed):
    changed.unit("[Service]\nRestartSec=100ms\nWatchdogSec=1\nTimeoutAbortSec=1\n")
    machine.run("systemctl", "restart", SERVICE)
    before = main_process(machine)
    machine.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", SERVICE)
    eventually("another process", lambda: machine.show(SERVICE, "MainPID") not in {"0", str(before)})
    assert json.loads(machine.get())["status"] == "healthy"
    assert "Watchdog timeout" in machine.output_of("journalctl", "--no-pager", "--unit", SERVICE)


def test_a_visitor_starts_a_program_that_was_stopped(machine):
    machine.run("systemctl", "stop", SERVICE)
    assert machine.show(SERVICE, "ActiveState") == "inactive"
    assert json.loads(machine.get())["status"] == "healthy"


def test_settings_that_cannot_work_are_named_and_after_the_mend_it_starts_by_itself(machine, changed):
    changed.unit("[Service]\nRestartSec=200ms\n")
    changed(MAX_TURNS="0")
    machine.run("systemctl", "restart", SERVICE, check=False)
    # Far more tries than systemd takes for a reason to give up, when it isn't told otherwise: five.
    eventually("many tries", lambda: int(machine.show(SERVICE, "NRestarts")) > 6)
    assert "MAX_TURNS must lie between" in machine.output_of("journalctl", "--no-pager", "--unit", SERVICE)
    waiting = subprocess.Popen(
        machine.inside("curl", "-sS", "--max-time", "60", "http://127.0.0.1:8000/health"),
        stdout=subprocess.PIPE,
        text=True,
    )
    changed(MAX_TURNS="50")
    # Who came in the meantime wasn't refused.
    assert json.loads(waiting.communicate(timeout=60)[0])["status"] == "healthy"


def test_a_full_disk_is_named_until_there_is_room_and_a_read_only_one_is_refused(machine):
    data = "/var/lib/llm-classroom"

    url = f"DATABASE_URL=sqlite://{data}/llm-classroom.db"
    program = ["env", url, "llm-classroom"]

    def failing():
        return json.loads(machine.get("/ready")).get("failing")

    def begin():
        body = ["-H", "content-type: application/json", "-d", '{"topic": "축구"}']
        return machine.run("curl", "-sS", *body, "http://127.0.0.1:8000/api/v1/conversations").stdout

    machine.run("systemctl", "stop", "llm-classroom.socket", SERVICE)
    machine.run("mount", "-t", "tmpfs", "-o", "size=3M,mode=0700", "tmpfs", data)
    machine.run("chown", "llm-classroom:", data)
    try:
        machine.run("systemctl", "start", "llm-classroom.socket", SERVICE)
        main_process(machine)
        assert failing() is None
        machine.run("dd", "if=/dev/zero", f"of={data}/filler", "bs=4k", check=False)
        eventually("a write to fail", lambda: begin() and failing() == "database-write")
        machine.run("rm", f"{data}/filler")
        eventually("room for writes", lambda: begin() and failing() is None)
        # A file system becomes read-only while nobody has its files open for writing.
        machine.run("systemctl", "stop", "llm-classroom.socket", SERVICE)
        machine.run("mount", "-o", "remount,ro", data)
        started = machine.run(*program, "serve", check=False)
        assert started.returncode and "the folder may be written to" in started.stdout, started.stdout
        assert "database-read-only" in machine.run(*program, "doctor", "--json", check=False).stdout
        machine.run("mount", "-o", "remount,rw", data)
        machine.run("systemctl", "start", "llm-classroom.socket", SERVICE)
        main_process(machine)
        assert failing() is None
    finally:
        machine.run("systemctl", "stop", "llm-classroom.socket", SERVICE)
        machine.run("umount", data)
        machine.run("systemctl", "start", "llm-classroom.socket", SERVICE)


def test_a_backup_is_made_behind_the_same_walls(machine):
    main_process(machine)
    machine.run("systemctl", "start", "llm-classroom-backup.service")
    made = machine.output_of("find", "/var/backups/llm-classroom", "-type", "f", "-printf", "%u %m\\n").splitlines()
    assert made and set(made) == {"llm-classroom 600"}
    machine.run("runuser", "-u", "llm-classroom", "--", "llm-classroom", "backup", "verify")


def test_ports_for_tls_without_nginx_come_from_systemd(machine, changed):
    for unit, drop_in in [(SERVICE, "tls.conf"), ("llm-classroom.socket", "tls-socket.conf")]:
        folder = machine.path(f"/etc/systemd/system/{unit}.d")
        folder.mkdir(parents=True)
        machine.run("cp", f"/usr/share/llm-classroom/systemd/{drop_in}", f"/etc/systemd/system/{unit}.d/tls.conf")
    machine.run("systemctl", "daemon-reload")
    assert machine.output_of("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{SERVICE}") == ""
    machine.run("systemctl", "stop", "llm-classroom.socket", SERVICE)
    machine.run("systemctl", "start", SERVICE)
    process = main_process(machine)
    environment = machine.path(f"/proc/{process}/environ").read_text()
    assert "LISTEN_FDS=2" in environment and "redirect" in environment
    assert "TLS_CACHE=/var/lib/llm-classroom/tls" in environment
    listening = machine.output_of("ss", "-Hltn").splitlines()
    assert sorted(line.split()[3].rsplit(":", 1)[1] for line in listening) == ["443", "80"]


def test_the_log_may_go_to_a_file_which_is_rotated(machine, changed):
    folder = machine.path(f"/etc/systemd/system/{SERVICE}.d")
    folder.mkdir(parents=True)
    machine.run("cp", "/usr/share/llm-classroom/systemd/file-log.conf", f"/etc/systemd/system/{SERVICE}.d/")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", SERVICE)
    log = machine.path("/var/log/llm-classroom/llm-classroom.log")
    eventually("the log", lambda: "LLM Classroom" in log.read_text())
    output = machine.run("logrotate", "--verbose", "--force", "/etc/logrotate.d/llm-classroom").stdout
    assert "error" not in output.lower(), output
    assert "LLM Classroom" in log.with_name("llm-classroom.log.1").read_text()
    assert log.read_text() == ""
    machine.run("systemctl", "restart", SERVICE)
    eventually("the log after it", lambda: "LLM Classroom" in log.read_text())


def test_rotation_keeps_a_week_and_every_line_outside_of_its_own_moment(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir(mode=0o750)
    rules = DEPLOY.joinpath("logrotate/llm-classroom").read_text().replace("/var/log/llm-classroom", str(logs))
    configuration = tmp_path / "logrotate.conf"
    configuration.write_text(rules)
    configuration.chmod(0o644)
    log = logs / "llm-classroom.log"
    written = 0
    # As systemd opens it: to append, and kept open.
    with log.open("a", buffering=1) as writer:
        for _ in range(10):
            for _ in range(100):
                writer.write(f"line {written}\n")
                written += 1
            run("/usr/sbin/logrotate", "--force", "--state", tmp_path / "state", configuration)
        writer.write(f"line {written}\n")
        # Nobody wrote while a file was copied and emptied, so nothing may be lost or doubled.
        assert log.read_text() == f"line {written}\n"
    kept = sorted(path.name for path in logs.iterdir())
    assert kept == sorted(
        ["llm-classroom.log", "llm-classroom.log.1"] + [f"llm-classroom.log.{n}.gz" for n in range(2, 8)]
    )
    lines = []
    for number in range(7, 1, -1):
        lines += run("gzip", "-dc", logs / f"llm-classroom.log.{number}.gz").stdout.splitlines()
    lines += logs.joinpath("llm-classroom.log.1").read_text().splitlines()
    assert lines == [f"line {number}" for number in range(300, 1000)]
    # An empty log makes no new file, and a missing one is no error.
    log.unlink()
    run("/usr/sbin/logrotate", "--force", "--state", tmp_path / "state", configuration)
