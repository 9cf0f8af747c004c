"""deploy/monitoring: a real Prometheus collects the figures of real runs, and whatever asks for them gets an answer.

One instance with SQLite, one with PostgreSQL and Redis; turns that are done, fail, are stopped and are refused;
retries, a fallback model, a tutor that can't be understood. Then every query of the dashboard and of the recording
rules must find something.
"""

import contextlib
import json
import math
import os
import pathlib
import pwd
import re
import shutil
import tempfile
import types
import uuid

import pytest
import requests
import yaml
from conftest import DEPLOY, FAKE_OPENAI, PROGRAM, ROOT, Process, eventually, free_port, run

MONITORING = DEPLOY / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TESTS = yaml.safe_load((MONITORING / "rules_test.yml").read_text())["tests"]
RECORDS, ALERTS = (
    [rule for group in yaml.safe_load((MONITORING / name).read_text())["groups"] for rule in group["rules"]]
    for name in ("rules.yml", "alerts.yml")
)
# What a student writes, which must be found nowhere.
MESSAGE = "비밀표지 zebra7391 하늘은 왜 파래요?"
TOPIC = "비밀주제 walrus7391"
SECRETS = ["비밀", "zebra7391", "walrus7391", "하늘은"]
# Figures of others: of the machine, of the backup's timer, of the built-in TLS.
OTHERS = re.compile("node_|backup_|tls_")


class Student:
    """A student's browser."""

    def __init__(self, url):
        self.url = url
        self.http = requests.Session()

    def begin(self):
        """Begins a conversation."""
        begun = self.http.post(f"{self.url}/api/v1/conversations", json={"topic": TOPIC}, timeout=30)
        begun.raise_for_status()
        self.conversation = begun.json()["id"]

    def ask(self):
        """Begins a conversation and asks; the response."""
        self.begin()
        return self.send()

    def send(self):
        """Asks once more."""
        address = f"{self.url}/api/v1/conversations/{self.conversation}/turns"
        return self.http.post(address, json={"message": MESSAGE}, timeout=30)

    def follow(self, turn):
        """Follows a turn to its end; its last state."""
        events = self.http.get(f"{self.url}/api/v1/turns/{turn}/events", timeout=60).text
        return re.findall(r'"state":"(\w+)"', events)[-1]

    def asked_and_answered(self):
        """Asks and follows; the last state."""
        reply = self.ask()
        assert reply.status_code == 202, reply.text
        return self.follow(reply.json()["turn_id"])


def script(openai, **queue):
    """What the next calls of each purpose get."""
    requests.post(f"{openai}/control", json={"queue": queue}, timeout=30).raise_for_status()


def waiting(openai):
    """How many calls stand at a gate."""
    return requests.get(f"{openai}/control/stats", timeout=30).json()["waiting"]


def lesson(openai, url):
    """A little of everything, at an instance that may run two turns at a time."""
    for _ in range(3):
        assert Student(url).asked_and_answered() == "done"
    # Tried again, then another model: two failures of the first, then the fallback answers.
    broken = {"status": 500, "body": "{}"}
    script(openai, chat=[broken, broken])
    assert Student(url).asked_and_answered() == "done"
    script(openai, chat=[{"status": 401, "body": "{}"}])
    assert Student(url).asked_and_answered() == "failed"
    script(openai, tutor=[{"chunks": ["읽을 수 없는 말"]}] * 2)
    assert Student(url).asked_and_answered() == "done"

    # Two turns stand at a gate, and a third finds no place.
    script(openai, chat=[{"gate": {"at": [0]}}] * 2)
    before = waiting(openai)
    stoppers = [Student(url), Student(url)]
    turns = [stopper.ask().json()["turn_id"] for stopper in stoppers]
    eventually("two calls at the gate", lambda: waiting(openai) >= before + 2)
    assert Student(url).ask().status_code == 503
    for stopper, turn in zip(stoppers, turns, strict=True):
        stopper.http.post(f"{url}/api/v1/turns/{turn}/cancel", timeout=30).raise_for_status()
        assert stopper.follow(turn) == "cancelled"

    hasty = Student(url)
    hasty.begin()
    hasty.conversation = uuid.uuid4()
    assert [hasty.send().status_code for _ in range(7)] == [404] * 6 + [429]
    stateless = {"message": MESSAGE, "topic": TOPIC, "conversation_history": []}
    answer = requests.post(f"{url}/api/v1/chat/chat/stream", json=stateless, timeout=30)
    assert "[DONE]" in answer.text


def postgresql(stack, folder):
    """A server of its own; the URL of its database."""
    programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    home = pathlib.Path(tempfile.mkdtemp(prefix="pg-"))
    stack.callback(shutil.rmtree, home)
    # It refuses to run as root.
    user = {}
    if os.geteuid() == 0:
        user = {"user": "postgres", "group": pwd.getpwnam("postgres").pw_gid, "extra_groups": []}
        shutil.chown(home, "postgres")
    options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
    run(programs / "initdb", f"--pgdata={home}/data", *options, cwd=home, **user)
    settings = ["-k", home, "-c", "listen_addresses=", "-c", "fsync=off"]
    server = Process([programs / "postgres", "-D", home / "data", *settings], folder / "postgresql", **user)
    stack.callback(server.end)
    server.wait_for_output("ready to accept connections")
    return f"postgres://postgres@localhost/postgres?host={home}"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The instances after two lessons, and the Prometheus that watched them."""
    folder = tmp_path_factory.mktemp("monitoring")
    with contextlib.ExitStack() as stack:

        def start(name, command, environment=None):
            process = Process(command, folder / name, environment)
            stack.callback(process.end)
            return process

        fake = start("openai", [FAKE_OPENAI])
        fake.wait_for_output("listening on")
        openai = fake.output().split("listening on ")[1].split()[0]
        database = postgresql(stack, folder)
        redis_port = free_port()
        redis = start("redis", ["redis-server", "--bind", "127.0.0.1", "--port", str(redis_port), "--save", ""])
        redis.wait_for_output("Ready to accept connections")

        def classroom(name, **settings):
            port = free_port()
            environment = {
                "PATH": os.environ["PATH"],
                "APP_PORT": str(port),
                "OPENAI_BASE_URL": f"{openai}/v1",
                "OPENAI_FALLBACK_MODELS": "gpt-4.1-mini",
                "MODEL_RETRIES": "1",
                "MAX_TURNS": "2",
                "RATE_LIMIT_LEARNER_PER_MINUTE": "6",
                "DAILY_TOKEN_BUDGET": "1000000",
            } | settings
            program = start(name, [PROGRAM], environment)
            program.url = f"http://127.0.0.1:{port}"
            program.wait_until_ready(f"{program.url}/ready")
            return program.url

        own = f"127.0.0.1:{free_port()}"
        urls = [classroom("one", METRICS_ADDR=own)]
        urls.append(classroom("two", DATABASE_URL=database, REDIS_URL=f"redis://127.0.0.1:{redis_port}"))
        targets = [own, urls[1].removeprefix("http://")]

        # As it is shipped, but for where the program is and for the pace.
        config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
        assert config["scrape_configs"][0]["static_configs"][0]["targets"] == ["127.0.0.1:8000"]
        config["scrape_configs"][0]["static_configs"][0]["targets"] = targets
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(MONITORING / name) for name in config["rule_files"]]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        address = f"127.0.0.1:{free_port()}"
        prometheus = start(
            "prometheus",
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
            ],
        )
        prometheus.wait_until_ready(f"http://{address}/-/ready")

        def ask(path, **parameters):
            answer = requests.get(f"http://{address}/api/v1/{path}", params=parameters, timeout=30).json()
            assert answer["status"] == "success", answer
            return answer["data"]

        def query(expression):
            """The values that an expression has now."""
            return [float(found["value"][1]) for found in ask("query", query=expression)["result"]]

        def pages():
            return [requests.get(f"http://{target}/metrics", timeout=30).text for target in targets]

        def seen():
            told = pages()
            for name in ("turns_total", "rate_limited_total", "llm_calls_total"):
                counts = [count for page in told for count in re.findall(rf"^{name}.* (\S+)$", page, re.M)]
                if query(f"sum({name})") != [sum(map(float, counts))]:
                    return False
            return True

        eventually("the first look", lambda: query('sum(up{job="llm-classroom"})') == [2])
        # What begins to be counted in the first lesson rises in the second.
        for _ in range(2):
            for url in urls:
                lesson(openai, url)
            eventually("what the lesson brought", seen)
        yield types.SimpleNamespace(ask=ask, query=query, pages=pages(), targets=targets)


def asked_for(expression):
    """The figures that an expression asks for."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|on|ignoring|without)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w.$])[a-z_:][a-z0-9_:]*\b(?!\s*\()", bare, re.I)
    return {re.sub("_(bucket|sum|count)$", "", word) for word in words} - {"and", "or", "unless"}


def dashboard_queries():
    return [(f"{panel['title']} {target['refId']}", target["expr"]) for panel in PANELS for target in panel["targets"]]


def filled_in(expression):
    """A query as Grafana sends it."""
    return expression.replace("$__rate_interval", "5m").replace("$instance", ".*")


@pytest.mark.parametrize("expression", [pytest.param(query, id=name) for name, query in dashboard_queries()])
def test_every_panel_shows_something(world, expression):
    eventually(expression, lambda: any(math.isfinite(value) for value in world.query(filled_in(expression))))


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule["record"]) for rule in RECORDS])
def test_every_recording_rule_records_something(world, rule):
    assert any(math.isfinite(value) for value in world.query(rule["expr"])), rule
    eventually(rule["record"], lambda: any(math.isfinite(value) for value in world.query(rule["record"])))


def test_what_prometheus_found_is_what_happened(world):
    def total(expression):
        return world.query(f"sum({expression})")

    assert total('turns_total{outcome="done"}') == [20]
    assert total('turns_total{outcome="failed"}') == total('turn_failures_total{reason="misconfigured"}') == [4]
    assert total('turns_total{outcome="cancelled"}') == [8]
    assert total("coach_fallbacks_total") == [4]
    assert total('llm_retries_total{reason="server"}') == total('llm_fallbacks_total{model="gpt-4.1-mini"}') == [4]
    assert total('turns_refused_total{reason="full"}') == total('rate_limited_total{limit="learner"}') == [4]
    assert total("first_piece_seconds_count") == total('turns_total{outcome="done"}')
    assert total("turns_limit") == [4]
    assert total("streams_in_flight") == total("turn_slots_in_use") == [0]
    # Ours is a part of the whole.
    assert total("turn_overhead_seconds_sum") < total("turn_seconds_sum")
    assert total("first_piece_overhead_seconds_sum") < total("first_piece_seconds_sum")


def test_the_cost_is_what_the_tokens_cost(world):
    for page in world.pages:
        tokens = {"prompt": 0.0, "cached": 0.0, "completion": 0.0}
        for kind, count in re.findall(r'^llm_tokens_total\{.*model="gpt-4o-mini",kind="(\w+)"\} (\S+)$', page, re.M):
            tokens[kind] += float(count)
        dollars = (tokens["prompt"] * 0.15 + tokens["cached"] * 0.075 + tokens["completion"] * 0.6) / 1e6
        # The other model has no price.
        [(model, told)] = re.findall(r'^llm_cost_usd_total\{model="(\S+)"\} (\S+)$', page, re.M)
        assert model == "gpt-4o-mini" and float(told) == pytest.approx(dollars) and dollars > 0


def test_no_figure_holds_a_word_of_a_student_or_an_id(world):
    series = world.ask("series", **{"match[]": '{job="llm-classroom", alertname=""}'})
    shown = json.dumps([world.pages, series], ensure_ascii=False)
    assert "turns_total" in shown
    for secret in SECRETS:
        assert secret not in shown
    assert not re.search("[0-9a-f]{8}-[0-9a-f]{4}-", shown), "an id makes a series each"
    labels = {"__name__", "job", "instance", "le", "outcome", "reason", "limit", "purpose", "model", "kind", "state"}
    assert {name for one in series for name in one} == labels | {"method", "route", "status", "version"}
    assert {one["model"] for one in series if "model" in one} == {"gpt-4o-mini", "gpt-4.1-mini"}


def test_promtool_finds_nothing_wrong_with_the_figures(world):
    for page in world.pages:
        assert not run("promtool", "check", "metrics", input=page).stdout.strip()
        kinds, helps = (set(re.findall(rf"^# {word} (\S+) ", page, re.M)) for word in ("TYPE", "HELP"))
        assert kinds == helps


def test_whatever_is_asked_for_is_told(world):
    told = {name for page in world.pages for name in re.findall(r"^# TYPE (\S+) ", page, re.M)}
    told |= {rule["record"] for rule in RECORDS} | {"up"}
    expressions = [rule["expr"] for rule in RECORDS + ALERTS] + [query for _, query in dashboard_queries()]
    asked = {name for expression in expressions for name in asked_for(expression)}
    assert len(asked) > 50
    assert {name for name in asked - told if not OTHERS.match(name)} == set()


def test_alerts_fire_for_real_and_say_what_to_do(world):
    def firing():
        groups = world.ask("rules", type="alert")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == len(ALERTS) and all(rule["health"] in ("ok", "unknown") for rule in rules), rules
        return {rule["name"]: rule["alerts"] for rule in rules if rule["state"] == "firing"}

    alerts = eventually("the alerts", lambda: firing().keys() >= {"ModelMisconfigured", "NoFreeTurns"} and firing())
    for alert in (alert for found in alerts.values() for alert in found):
        words = alert["annotations"]
        assert "<" not in words["summary"] + words["description"] and "%!" not in words["summary"]
    assert "misconfigured" in alerts["ModelMisconfigured"][0]["annotations"]["summary"]


def test_the_configuration_is_valid():
    run("promtool", "check", "config", MONITORING / "prometheus.yml")


def test_alerts_fire_when_they_should_and_only_then():
    run("promtool", "test", "rules", MONITORING / "rules_test.yml")


def test_every_alert_is_tested():
    expected = {}
    for one in (one for test in TESTS for question in test["promql_expr_test"] for one in question["exp_samples"]):
        if name := re.search('alertname="(\\w+)"', one["labels"]):
            expected.setdefault(name[1], set()).update(re.findall(r"(\w+)=", one["labels"]))
    assert expected.keys() == {alert["alert"] for alert in ALERTS}
    for alert in ALERTS:
        words = "".join(alert["annotations"].values())
        used = set(re.findall(r"\$labels\.(\w+)", words))
        assert used <= expected[alert["alert"]], f"{alert['alert']} names a label that it has not"
    # The day on which nothing fires knows every figure that alerts ask for.
    well = {series["series"].split("{")[0] for series in TESTS[0]["input_series"]}
    records = {rule["record"]: rule["expr"] for rule in RECORDS}
    asked = {name for alert in ALERTS for name in asked_for(alert["expr"])}
    asked |= {inner for name in asked & records.keys() for inner in asked_for(records[name])}
    assert asked - records.keys() - {re.sub("_(bucket|sum|count)$", "", name) for name in well} == set()


def test_every_alert_is_explained_in_korean():
    guide = (ROOT / "docs/ko/operations.md").read_text()
    headings = {line.lstrip("#").strip().lower() for line in guide.splitlines() if line.startswith("#")}
    for alert in ALERTS:
        words = alert["annotations"]
        assert words["runbook"] == f"docs/ko/operations.md#{alert['alert'].lower()}"
        assert alert["alert"].lower() in headings
        assert alert["labels"]["severity"] in ("critical", "warning")
        for text in (words["summary"], words["description"]):
            assert re.search("[가-힣]", text) and text.rstrip(".").endswith("요"), text


def test_the_dashboard_is_whole():
    assert DASHBOARD["uid"] == "llm-classroom" and DASHBOARD["schemaVersion"] >= 38
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == ["학생이 느끼는 것", "모델", "서버", "데이터베이스·Redis", "비용"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(column, row) for column in columns for row in rows}
        assert columns[-1] < 24 and not cells & taken, f"{panel['title']} covers another"
        taken |= cells
    for panel in PANELS:
        assert re.search("[가-힣]", panel["title"]) or panel["title"] in ("CPU", "Redis")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_the_dashboards_choices_and_marks_can_be_asked_for(world):
    datasource, instance = DASHBOARD["templating"]["list"]
    assert (datasource["type"], datasource["query"]) == ("datasource", "prometheus")
    figure, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", instance["definition"]).groups()
    assert world.ask(f"label/{label}/values", **{"match[]": figure}) == sorted(world.targets)
    for mark in DASHBOARD["annotations"]["list"]:
        world.query(filled_in(mark["expr"]))
