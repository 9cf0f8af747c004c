"""deploy/install.sh and deploy/update.sh, on machines of their own with a real systemd, nginx, certbot and ufw."""

import contextlib
import json
import re
import shutil
import subprocess

import pytest
from conftest import DEPLOY, ROOT, eventually, run
from machine import Machine
from packages import build, variant

pytestmark = pytest.mark.alone

DOMAIN = "class.test"
INSTALL, UPDATE = DEPLOY / "install.sh", DEPLOY / "update.sh"
SERVICE = "llm-classroom.service"
SETTINGS = "/etc/llm-classroom/llm-classroom.env"

CRASHES = "#!/bin/sh\necho 'this version falls over' >&2\nexit 1\n"
HANGS = "#!/bin/sh\ncase $1 in serve) exec sleep infinity ;; esac\nexit 1\n"
FALLS_LATER = """#!/bin/sh
case $1 in serve) (sleep 0.5; kill -9 $$) & ;; esac
exec /usr/bin/llm-classroom.real "$@"
"""

BACKS_UP = """#!/bin/sh
case "$1 $2" in
"help backup") exit 0 ;;
"backup ")
    if [ -e /var/lib/llm-classroom/no-backup ]; then exit 1; fi
    cp "${DATABASE_URL#sqlite://}" "$BACKUP_URL/before-$$"
    ;;
*) exec /usr/bin/llm-classroom.real "$@" ;;
esac
"""
"""Stands in for a program that can make backups, so that its failing can be tried."""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package from which others are made; version 0.9.0."""
    folder = tmp_path_factory.mktemp("packages")
    yield build(folder, "0.9.0")
    shutil.rmtree(folder)


def program(text):
    """A change of a package: its program is a script."""

    def change(files):
        path = files / "usr/bin/llm-classroom"
        if "llm-classroom.real" in text:
            path.rename(path.with_name("llm-classroom.real"))
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    return change


def state(machine):
    """Every file of the machine that scripts could change: whose, which mode and link, when written; for settings what is
    in them, since ufw writes its own anew without a change. Not what running services write."""
    busy = "/proc /sys /dev /run /tmp /var/tmp /var/log /var/lib/systemd /var/lib/llm-classroom /root /etc/machine-id"
    leaving_out = " -o ".join(f"-path {path}" for path in busy.split())
    files = f"find / -xdev \\( {leaving_out} \\) -prune -o ! -type d"
    outside = f"{files} ! -path '/etc/*' -printf '%p %m %u:%g %s %T@ %l\\n'"
    settings = f"{files} -path '/etc/*' -printf '%p %m %u:%g %l\\n'"
    settings += "; find /etc -type f ! -name machine-id -exec sha256sum {} +"
    return set(machine.output_of("bash", "-c", f"{outside}; {settings}").splitlines())


def put(machine, *files):
    """Files of this machine into /root of that one."""
    for file in files:
        shutil.copy(file, machine.path("/root"))


# --- install.sh ---


ROOT_OF_AUTHORITY = "/usr/local/share/ca-certificates/authority.crt"


@contextlib.contextmanager
def authority(machine, folder):
    """A certificate authority on the machine's network, which certbot takes for Let's Encrypt. The machine trusts it."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    signing = ["-subj", "/CN=root of the authority", "-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    run("openssl", "req", "-x509", *key, *signing, "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    serving = ["-subj", "/CN=authority", "-addext", "subjectAltName=IP:127.0.0.1"]
    serving += ["-addext", "basicConstraints=CA:FALSE", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"]
    run("openssl", "req", "-x509", *key, *serving, "-keyout", folder / "key.pem", "-out", folder / "cert.pem")
    places = {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000"}
    keys = {"certificate": str(folder / "cert.pem"), "privateKey": str(folder / "key.pem")}
    (folder / "pebble.json").write_text(json.dumps({"pebble": places | keys | {"httpPort": 80, "tlsPort": 443}}))
    inside = ["setpriv", "--pdeathsig", "KILL", "nsenter", "--target", str(machine.first), "--net"]
    names = ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", "127.0.0.1:15353"]
    others = ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:15001"]
    settings = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PATH": "/usr/bin:/bin"}
    pebble = ["pebble", "-config", folder / "pebble.json", "-dnsserver", "127.0.0.1:15353"]
    with (folder / "log").open("w") as log:
        running = [
            subprocess.Popen([*inside, *map(str, command)], env=settings, stdout=log, stderr=subprocess.STDOUT)
            for command in [names + others, pebble]
        ]
    try:
        ask = ["curl", "-s", "--insecure", "https://127.0.0.1:15000/roots/0"]
        root = eventually("the authority", lambda: machine.run(*ask, check=False).stdout)
        machine.write(ROOT_OF_AUTHORITY, root)
        machine.run("update-ca-certificates")
        machine.write("/etc/authority.pem", (folder / "ca.pem").read_text())
        machine.write("/root/.config/letsencrypt/cli.ini", "server = https://127.0.0.1:14000/dir\n")
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory, package):
    """Makes a fresh machine with scripts, package and key in root's home, a domain that leads to it, and an authority."""

    @contextlib.contextmanager
    def making(name):
        machine = Machine(tmp_path_factory.mktemp(name))
        try:
            put(machine, INSTALL, package, package.with_name(f"{package.name}.sha256"))
            machine.write("/etc/hosts", f"127.0.0.1 localhost {DOMAIN}\n")
            # There is no network: apt-get is to notice at once.
            machine.write("/etc/apt/apt.conf.d/90-no-network", 'Acquire::Retries "0";\n')
            machine.write("/root/key", "sk-of-this-test\n", 0o600)
            with authority(machine, tmp_path_factory.mktemp("authority")):
                yield machine
        finally:
            machine.end()

    return making


def install(machine, *words, check=True):
    """Runs install.sh on the machine."""
    return machine.run("env", "REQUESTS_CA_BUNDLE=/etc/authority.pem", "/root/install.sh", *words, check=check)


@pytest.fixture
def words(package):
    """The usual command line."""
    words = ["--package", f"/root/{package.name}", "--domain", DOMAIN, "--email", f"teacher@{DOMAIN}"]
    return [*words, "--key-file", "/root/key"]


def test_a_dry_run_then_the_run_itself_then_nothing_more_to_do(fresh, package, words):
    with fresh("nginx") as machine:
        before = state(machine)
        shown = install(machine, *words, "--dry-run").stdout
        assert state(machine) ^ before == set()
        steps = [line for line in shown.splitlines() if line.startswith("[dry-run]")]
        for step in ["nginx", "certbot certonly --webroot", "ufw", package.name, "OPENAI_API_KEY", f"https://{DOMAIN}"]:
            assert any(step in line for line in steps), f"{step}\n{shown}"

        # The model server isn't reached from here, which "doctor" tells by 3.
        done = install(machine, *words, check=False)
        assert done.returncode == 3 and "model-unreachable" in done.stdout, done.stdout
        assert f"https://{DOMAIN}" in done.stdout
        # A port that is open on this machine itself is none that is open to the world, and a backup is there already.
        assert "public-port-open" not in done.stdout and "시간 전의 백업이 있어요" in done.stdout, done.stdout
        assert "sk-of-this-test" not in shown + done.stdout
        serves_over_tls(machine)
        the_machine_is_set_up(machine)

        before, process = state(machine), machine.show(SERVICE, "MainPID")
        again = install(machine, *words, check=False)
        assert "바꾼 것이 없어요" in again.stdout, again.stdout
        assert state(machine) ^ before == set()
        assert machine.show(SERVICE, "MainPID") == process

        # What somebody changed by hand stays, and a lost piece is put back.
        changed = machine.path("/etc/nginx/conf.d/llm-classroom.conf")
        changed.write_text(changed.read_text() + "# our own line\n")
        lost = machine.path("/etc/nginx/snippets/llm-classroom-acme.conf")
        lost.unlink()
        # What nobody changed is renewed when a package brings it anew.
        renewed = "llm-classroom-headers.conf"
        newer = machine.path(f"/usr/share/llm-classroom/nginx/snippets/{renewed}")
        newer.write_text(newer.read_text() + "# of the next version\n")
        mended = install(machine, *words, "--no-firewall", check=False)
        assert "손으로 고친 파일" in mended.stdout and "바꾼 것이 없어요" not in mended.stdout
        assert changed.read_text().endswith("# our own line\n")
        assert lost.exists()
        assert machine.path(f"/etc/nginx/snippets/{renewed}").read_text().endswith("# of the next version\n")
        the_guides_commands_work(machine)


def commands(heading):
    """What the guide has the operator type below this heading, without what goes on until it's stopped."""
    text = (ROOT / "docs/ko/operations.md").read_text()
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ )", text, re.DOTALL | re.MULTILINE)[1]
    for block in re.findall(r"^```bash\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        yield "".join(line for line in block.splitlines(True) if not re.search(" -f( |$)|요청번호|key.txt", line))


def the_guides_commands_work(machine):
    # As on EC2: a user who may do nothing but ask for it, in a home that others can't enter, beside an old program's
    # settings.
    machine.run("useradd", "--create-home", "ubuntu")
    machine.write("/etc/sudoers.d/ubuntu", "ubuntu ALL=(ALL) NOPASSWD:ALL\n", 0o440)
    old = "OPENAI_API_KEY=sk-old\nDATABASE_URL=sqlite://old.db\nBACKUP_URL=old\n"
    machine.write("/home/ubuntu/old/.env", old, 0o644)
    machine.path("/home/ubuntu").chmod(0o750)
    ask = ["curl", "-sS", "--fail", "--cookie", "/root/cookies", "--cookie-jar", "/root/cookies"]
    conversations = "http://127.0.0.1:8000/api/v1/conversations"
    machine.run(*ask, "--json", '{"topic": "과학 탐구"}', conversations)
    kept = machine.output_of(*ask, conversations)
    assert "과학 탐구" in kept
    # The first takes the key away, so that nothing is left for "doctor" to find.
    for heading in ["무엇이 어디에 있나요?", "서비스 (systemd)", "더 들여다보기", "백업", "되살리기", "파일로 남기기"]:
        for block in commands(heading):
            script = f"cd /home/ubuntu/old\n{block}"
            machine.run(
                "setpriv", "--reuid=ubuntu", "--regid=ubuntu", "--init-groups", "bash", "-euo", "pipefail", "-c", script
            )
    eventually("the program", lambda: machine.get("/ready"))
    assert machine.output_of(*ask, conversations) == kept
    assert [file.name for file in machine.path("/home/ubuntu/old").iterdir()] == [".env"]
    (before,) = machine.path("/var/lib/llm-classroom").glob("before-*")
    assert (before / "llm-classroom.db").exists()
    refused = machine.run("llm-classroom", "backup", check=False)
    assert "run this as that user: sudo -u llm-classroom llm-classroom" in refused.stdout
    # Whoever looks without rights is told that much is hidden; and root sees what the service can't do.
    unprivileged = ["setpriv", "--reuid=ubuntu", "--regid=ubuntu", "--clear-groups"]
    assert "settings-hidden" in machine.run(*unprivileged, "llm-classroom", "doctor", check=False).stdout
    machine.run("chown", "root:", "/var/lib/llm-classroom/llm-classroom.db", "/var/backups/llm-classroom")
    seen = machine.run("llm-classroom", "doctor", check=False).stdout
    assert "[database-owner]" in seen and "[backup-owner]" in seen, seen


def serves_over_tls(machine):
    health = machine.output_of("curl", "-sS", "--fail", "--cacert", ROOT_OF_AUTHORITY, f"https://{DOMAIN}/health")
    assert json.loads(health)["status"] == "healthy"
    redirect = machine.output_of("curl", "-sSI", f"http://{DOMAIN}/health").replace("\r", "")
    assert f"\nlocation: https://{DOMAIN}/health\n" in redirect.lower() + "\n"


def the_machine_is_set_up(machine):
    assert json.loads(machine.get("/ready"))["provider"] == "ok", "the key was put"
    settings = machine.path(SETTINGS).read_text()
    for line in [f"APP_BASE_URL=https://{DOMAIN}", "APP_ENV=production", "TRUSTED_PROXIES=127.0.0.1"]:
        assert settings.count(f"\n{line}\n") == 1, settings
    assert machine.output_of("stat", "-c", "%a %U:%G", SETTINGS) == "640 root:llm-classroom"
    assert machine.output_of("stat", "-c", "%a %U:%G", "/etc/llm-classroom/OPENAI_API_KEY") == "600 root:root"
    firewall = machine.output_of("ufw", "status", "verbose")
    assert "80,443" in firewall and "8000" not in firewall and "Status: active" in firewall
    for unit in [SERVICE, "nginx.service", "certbot.timer", "llm-classroom-backup.timer"]:
        assert machine.output_of("systemctl", "is-enabled", unit) == "enabled"


def test_tls_without_nginx_and_back_again(fresh, package):
    with fresh("builtin") as machine:
        alone = ["--practice", "--no-nginx", "--no-firewall"]
        install(machine, "--package", f"/root/{package.name}", *alone)
        assert json.loads(machine.get())["status"] == "healthy"
        settings = machine.path(SETTINGS)
        of_the_test = "ACME_DIRECTORY_URL=https://127.0.0.1:14000/dir\nACME_CA_FILE=/etc/authority.pem\n"
        settings.write_text(settings.read_text() + of_the_test)

        public = ["--tls", "builtin", "--domain", DOMAIN, "--email", f"teacher@{DOMAIN}", "--practice", "--no-firewall"]
        done = install(machine, *public)
        assert f"열어 보세요: https://{DOMAIN}" in done.stdout, done.stdout
        serves_over_tls(machine)
        assert ports(machine) == {"80", "443"}
        process = machine.show(SERVICE, "MainPID")
        again = install(machine, *public).stdout
        assert "바꾼 것이 없어요" in again, again
        assert machine.show(SERVICE, "MainPID") == process

        # Nobody is at the public address now, which "doctor" tells by 3.
        assert install(machine, *alone, check=False).returncode == 3
        assert json.loads(machine.get())["status"] == "healthy"
        assert ports(machine) == {"8000"}


def ports(machine):
    """Where something of the classroom listens."""
    listening = {line.split()[3].rsplit(":", 1)[1] for line in machine.output_of("ss", "-Hltn").splitlines()}
    return listening & {"80", "443", "8000"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--domain", "https://class.example.kr"], "도메인 모양이 아니에요"),
        (["--domain", "class.example.kr"], "--email"),
        (["--tls", "nginx"], "--domain"),
        (["--tls", "some"], "--tls"),
        (["--domain", "a.kr", "--email", "a@b.kr", "--no-nginx", "--tls", "nginx"], "--no-nginx"),
        (["--practice", "--key-file", "key"], "--practice"),
        (["--sha256", "123"], "--sha256"),
        (["--package"], "--package"),
        (["--wrong"], "--wrong"),
    ],
)
def test_a_command_line_that_cannot_work_is_refused_with_the_mend(words, why):
    refused = run(INSTALL, *words, check=False)
    assert refused.returncode == 2
    assert why in refused.stdout and "--help" in refused.stdout


def test_help_names_every_option():
    for script in [INSTALL, UPDATE]:
        reading = script.read_text().split("while (($#)); do")[1].split("\ndone\n")[0]
        options = set(re.findall(r"^ +(--[a-z0-9-]+)\)", reading, flags=re.MULTILINE))
        usage = run(script, "--help").stdout
        assert len(options) >= 4 and all(option in usage for option in options), options
        assert "set -euo" not in usage


# --- update.sh ---


@pytest.fixture(scope="module")
def served(tmp_path_factory, package):
    """A machine on which version 0.9.0 was installed by install.sh, for this machine alone."""
    machine = Machine(tmp_path_factory.mktemp("served"))
    try:
        put(machine, INSTALL, package, package.with_name(f"{package.name}.sha256"))
        words = ["--practice", "--no-nginx", "--no-firewall"]
        machine.run("/root/install.sh", "--package", f"/root/{package.name}", *words)
        yield machine
    finally:
        machine.end()


@pytest.fixture
def update(served, package):
    """Updates to a variant of the package: `update(version, change, …)`."""

    def updating(version, change, *words):
        new = variant(package, version, change)
        put(served, new, new.with_name(f"{new.name}.sha256"))
        new.unlink()
        return served.run("/usr/share/llm-classroom/update.sh", "--package", f"/root/{new.name}", *words, check=False)

    return updating


def version(machine):
    """The installed version."""
    return machine.output_of("dpkg-query", "--show", "--showformat=${Version}", "llm-classroom")


def ask(machine, topic):
    """Stores something that has to be there afterwards: a conversation; its address and who may read it."""
    body = json.dumps({"topic": topic})
    jar = ["--cookie", "/root/jar", "--cookie-jar", "/root/jar"]
    made = machine.get("/api/v1/conversations", "http://127.0.0.1:8000", *jar, "--json", body)
    return f"/api/v1/conversations/{json.loads(made)['id']}", jar


def test_without_a_version_before_there_is_no_way_back(served):
    refused = served.run("/usr/share/llm-classroom/update.sh", "--rollback", check=False)
    assert refused.returncode == 1
    assert "되돌아갈 버전이 남아 있지 않아요" in refused.stdout


def test_an_update_keeps_data_and_settings(served, update):
    where, jar = ask(served, "광합성")
    settings = served.path(SETTINGS)
    settings.write_text(settings.read_text() + "MAX_TURNS=77\n")

    def with_other_settings(files):
        path = files / "etc/llm-classroom/llm-classroom.env"
        path.write_text(path.read_text() + "# a line that the new version brings\n")

    before = served.show(SERVICE, "MainPID")
    done = update("0.9.1", with_other_settings)
    assert done.returncode == 0, done.stdout
    assert "0.9.1 버전이 잘 돌아가요" in done.stdout
    assert version(served) == "0.9.1"
    assert served.show(SERVICE, "MainPID") != before
    assert "MAX_TURNS=77" in settings.read_text() and "brings" not in settings.read_text()
    assert "광합성" in served.get(where, "http://127.0.0.1:8000", *jar)
    again = served.run("/usr/share/llm-classroom/update.sh", "--package", "/root/llm-classroom_0.9.1_amd64.deb")
    assert "바꿀 것이 없어요" in again.stdout


@pytest.mark.parametrize(("what", "number"), [(CRASHES, "0.9.5"), (HANGS, "0.9.6"), (FALLS_LATER, "0.9.7")])
def test_a_version_that_does_not_come_up_is_taken_back(served, update, what, number):
    where, jar = ask(served, "화산")
    old = version(served)
    # So that a program that ends comes again within the few seconds that this test gives it.
    served.write(f"/run/systemd/system/{SERVICE}.d/test.conf", "[Service]\nRestartSec=1\nTimeoutStopSec=2\n")
    served.run("systemctl", "daemon-reload")
    failed = update(number, program(what), "--wait", "4")
    assert failed.returncode == 3, failed.stdout
    assert f"{old} 버전으로 되돌렸고" in failed.stdout
    if what == CRASHES:
        assert "this version falls over" in failed.stdout
    assert version(served) == old
    assert json.loads(served.get("/ready"))["status"] == "ready"
    assert "화산" in served.get(where, "http://127.0.0.1:8000", *jar)


def test_without_the_former_package_its_program_comes_back(served, update):
    for kept in served.path("/var/cache/llm-classroom").glob("*.deb"):
        kept.unlink()
    failed = update("0.9.8", program(CRASHES), "--wait", "4")
    assert failed.returncode == 3, failed.stdout
    assert "프로그램 파일만" in failed.stdout
    assert json.loads(served.get("/ready"))["status"] == "ready"


def test_a_package_that_is_not_the_release_is_refused_before_anything_is_changed(served, update):
    process, now = served.show(SERVICE, "MainPID"), version(served)
    refused = update("0.9.9", program(CRASHES), "--sha256", "0" * 64)
    assert refused.returncode == 1 and "sha256" in refused.stdout
    served.path("/root/llm-classroom_0.9.9_amd64.deb.sha256").unlink()
    unknown = served.run(
        "/usr/share/llm-classroom/update.sh", "--package", "/root/llm-classroom_0.9.9_amd64.deb", check=False
    )
    assert unknown.returncode == 1 and "--sha256" in unknown.stdout
    older = served.run(
        "/usr/share/llm-classroom/update.sh", "--package", "/root/llm-classroom_0.9.0_amd64.deb", check=False
    )
    assert older.returncode == 1 and "오래됐어요" in older.stdout
    assert (served.show(SERVICE, "MainPID"), version(served)) == (process, now)


def test_a_backup_is_made_first_and_without_it_nothing_is_changed(served, update):
    assert update("1.1.0", program(BACKS_UP)).returncode == 0
    kept = served.path("/var/backups/llm-classroom")
    before, process = set(kept.iterdir()), served.show(SERVICE, "MainPID")

    served.path("/var/lib/llm-classroom/no-backup").touch()
    stopped = update("1.2.0", program(BACKS_UP))
    assert stopped.returncode == 1 and "백업하지 못해서" in stopped.stdout
    assert (version(served), served.show(SERVICE, "MainPID")) == ("1.1.0", process)
    served.path("/var/lib/llm-classroom/no-backup").unlink()

    words = ["--package", "/root/llm-classroom_1.2.0_amd64.deb"]
    done = served.run("/usr/share/llm-classroom/update.sh", *words)
    assert "먼저 백업해요" in done.stdout
    assert version(served) == "1.2.0"
    (made,) = set(kept.iterdir()) - before
    assert served.output_of("stat", "-c", "%U %a", f"/var/backups/llm-classroom/{made.name}") == "llm-classroom 600"


def test_the_version_before_comes_back_on_demand(served):
    script = "/usr/share/llm-classroom/update.sh"
    back = served.run(script, "--rollback")
    assert "1.2.0 → 1.1.0" in back.stdout
    assert version(served) == "1.1.0"
    assert json.loads(served.get("/ready"))["status"] == "ready"
    served.run(script, "--rollback")
    assert version(served) == "1.2.0"


def test_a_release_is_taken_from_where_the_settings_say(served, package, tmp_path):
    update = ["env", "CURL_CA_BUNDLE=/root/releases.pem", "/usr/share/llm-classroom/update.sh"]
    unknown = served.run(*update, "1.3.0", check=False)
    assert unknown.returncode == 1 and "RELEASES_URL" in unknown.stdout

    folder = tmp_path / "v1.3.0"
    folder.mkdir()
    made = variant(package, "1.3.0", lambda files: None)
    made.rename(folder / made.name)
    made.with_name(f"{made.name}.sha256").rename(folder / f"{made.name}.sha256")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    run(
        *["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
        *["-subj", "/CN=releases", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
    )
    served.write("/root/releases.pem", certificate.read_text())
    settings = served.path(SETTINGS)
    settings.write_text(settings.read_text() + "RELEASES_URL=https://127.0.0.1:9443\n")
    inside = ["nsenter", "--target", str(served.first), "--net"]
    server = ["openssl", "s_server", "-accept", "9443", "-cert", str(certificate), "-key", str(key), "-WWW", "-quiet"]
    serving = subprocess.Popen([*inside, *server], cwd=tmp_path, stdin=subprocess.DEVNULL)
    try:
        eventually("the releases", lambda: ":9443" in served.output_of("ss", "-Hltn"))
        done = served.run(*update, "1.3.0", check=False)
        missing = served.run(*update, "1.4.0", check=False)
    finally:
        serving.kill()
        serving.wait()
    shutil.rmtree(folder)
    assert done.returncode == 0, done.stdout
    # What isn't a release, here a server's words of regret, changes nothing.
    assert missing.returncode == 1, missing.stdout
    assert version(served) == "1.3.0"


HOLDS_DPKG = """
import fcntl, pathlib, time
with open("/var/lib/dpkg/lock-frontend", "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    pathlib.Path("/run/held").touch()
    while pathlib.Path("/run/held").exists():
        time.sleep(0.02)
"""


def test_an_update_waits_for_the_systems_own_and_for_no_second_one(served, package):
    new = variant(package, "1.4.0", lambda files: None)
    put(served, new, new.with_name(f"{new.name}.sha256"))
    new.unlink()
    command = ["/usr/share/llm-classroom/update.sh", "--package", f"/root/{new.name}"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    holding = subprocess.Popen(served.inside("python3", "-c", HOLDS_DPKG), **quiet)
    eventually("the lock", lambda: served.path("/run/held").exists())
    updating = subprocess.Popen(served.inside(*command), **quiet)
    eventually(
        "dpkg's refusal", lambda: served.run("grep", "-rqs", "locked by another", "/tmp", check=False).returncode == 0
    )
    second = served.run(*command, check=False)
    assert second.returncode == 1 and "진행되고 있어요" in second.stdout
    assert "진행되고 있어요" in install(served, "--practice", check=False).stdout
    served.path("/run/held").unlink()
    assert updating.wait(timeout=120) == 0
    assert holding.wait(timeout=60) == 0
    assert version(served) == "1.4.0"


def test_an_update_that_was_cut_off_is_finished(served, package):
    new = variant(package, "1.5.0", lambda files: None)
    put(served, new, new.with_name(f"{new.name}.sha256"))
    new.unlink()
    # Killed between dpkg and the restart.
    served.run("env", "LLM_CLASSROOM_RESTART_LATER=1", "dpkg", "--force-confold", "--install", f"/root/{new.name}")
    served.path("/var/cache/llm-classroom/former").write_text("1.4.0")
    before = served.show(SERVICE, "MainPID")
    command = ["/usr/share/llm-classroom/update.sh", "--package", f"/root/{new.name}"]
    assert "잘 돌아가요" in served.run(*command).stdout
    assert served.show(SERVICE, "MainPID") != before
    # Killed while dpkg was at it.
    status = served.path("/var/lib/dpkg/status")
    text = status.read_text()
    ours = text.index("\nPackage: llm-classroom\n")
    status.write_text(text[:ours] + text[ours:].replace("install ok installed", "install ok half-configured", 1))
    assert "잘 돌아가요" in served.run(*command).stdout
    assert served.output_of("dpkg-query", "--show", "--showformat=${db:Status-Status}", "llm-classroom") == "installed"
    # The way back is the version that served before all this.
    served.run("/usr/share/llm-classroom/update.sh", "--rollback")
    assert version(served) == "1.4.0"


def test_a_dry_run_of_an_update_changes_nothing(served, update):
    before, process = state(served), served.show(SERVICE, "MainPID")
    shown = update("2.0.0", program(CRASHES), "--dry-run")
    assert shown.returncode == 0 and "[dry-run] dpkg --install" in shown.stdout
    assert state(served) ^ before == set()
    assert served.show(SERVICE, "MainPID") == process
