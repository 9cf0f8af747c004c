"""The nginx site, as shipped, in front of the program."""

import base64
import contextlib
import hashlib
import json
import pathlib
import queue
import re
import shutil
import socket
import ssl
import subprocess
import threading
import warnings

import pytest
import requests
from conftest import DEPLOY, PATIENCE, ROOT, eventually, free_port, run
from nginx_site import ERROR_PAGES, Site

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "0",
    "Referrer-Policy": "strict-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
QUESTION = {"message": "하늘은 왜 파래요?", "topic": "과학 탐구"}
HTML = {"Accept": "text/html"}


@pytest.fixture
def site(tmp_path, start, classroom):
    """Starts nginx with the program behind it; `site(edit=…, RATE_LIMIT="on")`."""

    def starting(kind="llm-classroom.conf", edit=lambda text: text, **settings):
        port = free_port()
        here = Site(tmp_path / "machine", f"127.0.0.1:{port}", edit=edit)
        here.certify()
        here.enable(kind)
        settings = {"TRUSTED_PROXIES": "127.0.0.1", "APP_BASE_URL": here.https} | settings
        here.classroom = classroom(APP_PORT=port, **settings)
        return here.serve(start)

    return starting


def browser(site, address="127.0.0.1", connection="keep-alive"):
    """Somebody at this address, who keeps cookies and trusts the site's certificate."""
    session = requests.Session()
    session.headers["Connection"] = connection
    # Or a certificate bundle named in the environment would count more than this one.
    session.trust_env = False
    session.verify = str(site.certificate)
    for scheme in ("http://", "https://"):
        session.mount(scheme, FromAddress(address))
    return session


class FromAddress(requests.adapters.HTTPAdapter):
    """Connects from an address of this machine."""

    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *arguments, **options):
        super().init_poolmanager(*arguments, source_address=(self.address, 0), **options)


def problem(response, status, kind):
    """The problem in an answer, which has to be one in Korean."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    body = response.json()
    assert body["type"] == f"/problems/{kind}" and body["status"] == status
    assert re.search("[가-힣]", body["title"]) and re.search("[가-힣]", body["detail"])
    assert body["request_id"] == response.headers["X-Request-Id"]
    return body


def values(response, name):
    """Every value with which a header was sent."""
    return response.raw.headers.getlist(name)


def script(openai, **words):
    """Tells the model server what to do."""
    requests.post(f"{openai}/control", json=words, timeout=PATIENCE).raise_for_status()


def release(openai):
    """Lets every answer go on that stands at a gate."""
    requests.post(f"{openai}/control/release", json={}, timeout=PATIENCE).raise_for_status()


def waiting(openai):
    """How many answers stand at a gate."""
    return requests.get(f"{openai}/control/stats", timeout=PATIENCE).json()["waiting"]


def ask(client, address):
    """Begins a conversation and asks a question; the path of its events."""
    made = client.post(f"{address}/api/v1/conversations", json={"topic": "과학 탐구"})
    assert made.status_code == 201, made.text
    asked = client.post(
        f"{address}/api/v1/conversations/{made.json()['id']}/turns", json={"message": QUESTION["message"]}
    )
    assert asked.status_code == 202, asked.text
    return f"/api/v1/turns/{asked.json()['turn_id']}/events"


@pytest.mark.parametrize("kind", ["llm-classroom.conf", "llm-classroom-http.conf"])
def test_nginx_takes_the_files_without_a_complaint(tmp_path, kind):
    site = Site(tmp_path, "127.0.0.1:8000")
    site.certify()
    site.enable(kind)
    output = run(*site.command(), "-t").stdout
    # From 1.25.1 there is another way to say it, which 1.18 doesn't know.
    complaints = [line for line in output.splitlines() if "[warn]" in line or "[alert]" in line]
    assert all('"listen ... http2" directive is deprecated' in line for line in complaints), output


def test_every_address_is_answered_by_whom_it_should_be(site):
    here = site()
    client = browser(here)

    def get(path, **options):
        return client.get(here.https + path, allow_redirects=False, **options)

    root = get("/")
    assert (root.status_code, root.headers["Location"]) == (301, "/topic-selection.html")
    page = get("/topic-selection.html", headers=HTML)
    assert page.status_code == 200 and "LLM 교실" in page.text
    for path in ("/chat.html?topic=%EA%B3%BC%ED%95%99", "/conversations.html", "/help.html", "/docs/", "/openapi.json"):
        assert get(path).status_code == 200, path
    assert get("/health").json()["status"] == "healthy"
    assert get("/api").json()["message"]
    assert client.post(f"{here.https}/api/v1/chat/chat", json=QUESTION).json()["tutor_feedback"]
    missing = get("/nothing.html", headers=HTML)
    assert missing.status_code == 404 and "이 쪽은 공책에 없어요" in missing.text
    problem(get("/api/v1/nothing"), 404, "not-found")
    for hidden in ("/metrics", "/ready", "/%6detrics", "//ready"):
        refused = get(hidden)
        problem(refused, 404, "not-found")
        assert here.logged(request_id=refused.headers["X-Request-Id"])["upstream_status"] == ""
    assert get("/llm-classroom-errors/502.html").status_code == 404

    # What the program says about keeping a file reaches the browser unchanged.
    style = re.search(r"/static/\w+/css/base\.css", page.text)[0]
    for path in (style, "/static/0123456789abcdef/css/base.css"):
        direct = requests.get(here.classroom.url + path, timeout=PATIENCE)
        assert values(get(path), "Cache-Control") == values(direct, "Cache-Control") != []
        assert get(path).headers["ETag"] == direct.headers["ETag"]
        assert get(path, headers={"If-None-Match": direct.headers["ETag"]}).status_code == 304


def test_without_tls_only_the_way_to_tls_is_served(site):
    here = site()
    challenge = here.path("/var/www/letsencrypt/.well-known/acme-challenge/token")
    challenge.parent.mkdir(parents=True)
    challenge.write_text("the proof")
    client = browser(here)
    moved = client.get(f"{here.http}/chat.html?topic=a%26b", allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (301, "https://localhost/chat.html?topic=a%26b")
    assert "Strict-Transport-Security" not in moved.headers
    proof = client.get(f"{here.http}/.well-known/acme-challenge/token", allow_redirects=False)
    assert (proof.status_code, proof.text) == (200, "the proof")
    assert client.get(f"{here.http}/.well-known/acme-challenge/other").status_code == 404


def test_a_machine_without_a_domain_is_served_by_its_address(site):
    here = site("llm-classroom-http.conf", APP_BASE_URL="http://127.0.0.1")
    client = browser(here)
    address = f"http://127.0.0.1:{here.ports['80']}"
    page = client.get(f"{address}/")
    assert page.url.endswith("/topic-selection.html") and page.status_code == 200
    assert "Strict-Transport-Security" not in page.headers
    with client.get(address + ask(client, address), stream=True) as events:
        assert "event: end" in events.text


def test_whoever_asks_for_another_name_gets_no_answer(site):
    here = site()
    for address in (here.http, here.https):
        with pytest.raises(requests.ConnectionError, match=r"closed|aborted|Disconnected"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                requests.get(address.replace("localhost", "127.0.0.1"), verify=False, timeout=PATIENCE)
    assert browser(here).get(f"{here.https}/health").status_code == 200


def test_each_header_is_there_exactly_once_whoever_answers(site):
    here = site()
    client = browser(here)
    page = client.get(f"{here.https}/topic-selection.html")
    answers = {
        "page": page,
        "redirect": client.get(f"{here.https}/", allow_redirects=False),
        "style": client.get(here.https + re.search(r"/static/\w+/css/base\.css", page.text)[0]),
        "docs": client.get(f"{here.https}/docs/"),
        "answer": client.post(f"{here.https}/api/v1/chat/chat", json=QUESTION),
        "stream": client.post(f"{here.https}/api/v1/chat/chat/stream", json=QUESTION),
        "program's problem": client.get(f"{here.https}/api/v1/nothing"),
        "program's options": client.options(f"{here.https}/help.html"),
        "hidden": client.get(f"{here.https}/metrics"),
        "too large": client.post(f"{here.https}/api/v1/chat/chat", data=b"a" * 70_000),
    }
    here.classroom.end()
    answers["error page"] = client.get(f"{here.https}/help.html", headers=HTML)
    answers["nginx's problem"] = client.post(f"{here.https}/api/v1/chat/chat", json=QUESTION)
    for name, answer in answers.items():
        for header, value in SECURITY.items():
            assert values(answer, header) == [value], f"{header} of {name}"
        assert len(values(answer, "Content-Security-Policy")) == 1, name
        assert len(values(answer, "X-Request-Id")) == 1, name
        assert len(values(answer, "Cache-Control")) <= 1, name
        assert "/" not in answer.headers["Server"], name
    for name in ("answer", "stream", "too large", "nginx's problem"):
        assert values(answers[name], "Access-Control-Allow-Origin") == ["*"], name
    for name in answers.keys() - {"answer", "stream", "too large", "nginx's problem"}:
        assert values(answers[name], "Access-Control-Allow-Origin") == [], name


def test_pages_of_other_sites_may_call_the_stateless_api_and_nothing_else(site):
    here = site(CORS_ALLOW_ORIGINS="https://school.example")

    def preflight(path, origin):
        asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        asks["Access-Control-Request-Headers"] = "authorization,content-type"
        return browser(here).options(here.https + path, headers=asks)

    allowed = preflight("/api/v1/chat/chat", "https://school.example")
    assert allowed.status_code == 200
    assert values(allowed, "Access-Control-Allow-Origin") == ["https://school.example"]
    assert values(allowed, "Access-Control-Allow-Methods") == ["POST"]
    # Browsers don't count Authorization as part of *.
    assert values(allowed, "Access-Control-Allow-Headers") == ["authorization,content-type"]
    stranger = preflight("/api/v1/chat/chat", "https://elsewhere.example")
    assert "Access-Control-Allow-Origin" not in stranger.headers
    own = preflight("/api/v1/conversations", "https://school.example")
    assert "Access-Control-Allow-Origin" not in own.headers


def test_what_is_text_is_compressed_once_and_a_stream_never(site):
    here = site()
    client = browser(here)
    only_gzip = {"Accept-Encoding": "gzip", "Accept": "text/html"}
    page = client.get(f"{here.https}/help.html", headers=only_gzip)
    assert values(page, "Content-Encoding") == ["gzip"] and "잘 묻는 법" in page.text
    stream = client.post(f"{here.https}/api/v1/chat/chat/stream", json=QUESTION, headers=only_gzip)
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert "Content-Encoding" not in stream.headers and "[DONE]" in stream.text
    events = client.get(here.https + ask(client, here.https), headers=only_gzip)
    assert "Content-Encoding" not in events.headers and "event: end" in events.text
    answer = client.post(f"{here.https}/api/v1/chat/chat", json=QUESTION, headers=only_gzip)
    assert values(answer, "Content-Encoding") == ["gzip"] and answer.json()["response"]


def test_the_first_piece_arrives_before_the_model_says_the_second(site, openai):
    here = site()
    client = browser(here)
    gated = {"chunks": ["첫째 ", "둘째"], "gap_ms": 0, "gate": {"at": [1]}}
    script(openai, default={"chat": gated})

    # HTTP/1.1, a turn's events.
    with client.get(here.https + ask(client, here.https), stream=True) as events:
        lines = events.iter_lines(chunk_size=1, decode_unicode=False)
        assert any("첫째" in line.decode() for line in lines)
        assert waiting(openai) == 1
        release(openai)
        rest = b"\n".join(lines).decode()
        assert "둘째" in rest and "event: end" in rest

    # HTTP/2, the stateless stream. A released gate stays open until it is reset.
    script(openai, reset=True, default={"chat": gated})
    question = json.dumps(QUESTION)
    curl = subprocess.Popen(
        ["curl", "--silent", "--no-buffer", "--http2", "--cacert", here.certificate, "--include",
         "--json", question, f"{here.https}/api/v1/chat/chat/stream"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with curl:
        assert curl.stdout.readline().startswith(b"HTTP/2 200")
        assert any("첫째" in line.decode() for line in iter(curl.stdout.readline, b""))
        assert waiting(openai) == 1
        release(openai)
        rest = curl.stdout.read().decode()
        assert "둘째" in rest and "[DONE]" in rest
    assert curl.returncode == 0


def test_browsers_get_http_2_and_modern_tls_alone(site):
    here = site()

    def shake(version, ciphers="DEFAULT:@SECLEVEL=0"):
        context = ssl.create_default_context(cafile=here.certificate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.maximum_version = context.minimum_version = version
        context.set_ciphers(ciphers)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", here.ports["443"]), PATIENCE) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as secure:
                return secure.version(), secure.selected_alpn_protocol(), secure.session.has_ticket

    assert shake(ssl.TLSVersion.TLSv1_2) == ("TLSv1.2", "h2", False)
    assert shake(ssl.TLSVersion.TLSv1_3)[:2] == ("TLSv1.3", "h2")
    # The refusal is the server's: it is its alert that arrives.
    with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
        shake(ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="ALERT_HANDSHAKE_FAILURE"):
        shake(ssl.TLSVersion.TLSv1_2, "AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")


def test_nginx_keeps_its_connection_to_the_program(site):
    here = site()
    client = browser(here)
    port = f":{int(here.program.split(':')[1]):04X}"
    kept = set()
    for _ in range(20):
        assert client.get(f"{here.https}/help.html").status_code == 200
        sockets = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()]
        # 01 is an established connection.
        kept.update(local for _, local, remote, state, *_ in sockets if remote.endswith(port) and state == "01")
    assert len(kept) == 1


def test_too_large_a_body_is_refused_in_words(site):
    here = site()
    client = browser(here)

    def pieces():
        yield from [b"a" * 1024] * 80

    for body in (b"a" * 70_000, pieces()):
        # Not kept open: nginx doesn't read what it refused.
        refused = client.post(f"{here.https}/api/v1/chat/chat", data=body, headers={"Connection": "close"})
        problem(refused, 413, "body-too-large")
        # nginx says it, so that nothing of it reaches the program.
        assert here.logged(request_id=refused.headers["X-Request-Id"])["upstream_status"] == ""
    fits = client.post(f"{here.https}/api/v1/chat/chat", data=b"a" * 65_536)
    problem(fits, 415, "not-json")


def test_nobody_passes_for_another_address(site):
    here = site(RATE_LIMIT="on", RATE_LIMIT_LEARNER_PER_MINUTE="2", RATE_LIMIT_ADDRESS_PER_MINUTE="2")
    one, other = browser(here), browser(here, "127.0.0.2")

    def asked(client, claimed):
        claims = {"X-Forwarded-For": claimed, "X-Real-IP": claimed, "Forwarded": f"for={claimed}"}
        return client.post(f"{here.https}/api/v1/chat/chat", json=QUESTION, headers=claims)

    for last in (1, 2):
        assert asked(other, f"198.51.100.{last}").status_code == 200
    refused = asked(other, "198.51.100.3")
    problem(refused, 429, "too-many")
    assert len(values(refused, "Retry-After")) == 1 and int(refused.headers["Retry-After"]) > 5
    # Another address is another one to the program too.
    assert asked(one, "127.0.0.2").status_code == 200


def test_who_floods_is_told_to_wait_and_streams_are_counted(site, openai):
    def small(text):
        text = re.sub(r"rate=\d+r/s", "rate=1r/m", text)
        text = re.sub(r"burst=\d+", "burst=2", text)
        return re.sub(r"classroom_connections \d+", "classroom_connections 2", text)

    here = site(edit=small)
    first, second, third, fourth = (browser(here, f"127.0.0.{last}") for last in range(1, 5))
    for _ in range(3):
        assert first.get(f"{here.https}/api/v1/nothing").status_code == 404
        assert first.get(f"{here.https}/help.html").status_code == 200
    refused = first.get(f"{here.https}/api/v1/nothing")
    problem(refused, 429, "too-many")
    assert values(refused, "Retry-After") == ["5"] and values(refused, "Cache-Control") == ["no-store"]
    page = first.get(f"{here.https}/help.html", headers=HTML)
    assert page.status_code == 429 and "한꺼번에" in page.text and 'http-equiv="refresh"' in page.text
    here.logged(path="/help.html", status=429, limit_req="REJECTED", address="127.0.0.1")
    assert second.get(f"{here.https}/help.html").status_code == 200

    script(openai, default={"chat": {"chunks": ["첫째 ", "둘째"], "gate": {"at": [1]}}})
    with contextlib.ExitStack() as stack:
        held = []
        for client in (third, third):
            stream = client.post(f"{here.https}/api/v1/chat/chat/stream", json=QUESTION, stream=True)
            held.append(stack.enter_context(stream))
            assert stream.status_code == 200
        problem(third.post(f"{here.https}/api/v1/chat/chat/stream", json=QUESTION), 429, "too-many")
        here.logged(status=429, limit_conn="REJECTED", address="127.0.0.3")
        assert fourth.get(f"{here.https}/help.html").status_code == 200
        release(openai)
        assert all("[DONE]" in stream.text for stream in held)
    assert "help.html" not in here.errors()


def test_the_limits_let_a_school_through(site):
    here = site()
    # Three hundred who open a page at the same moment, and whose page asks the API.
    addresses = "\n".join(
        f'url = "{here.https}/{path}"\noutput = /dev/null' for path in ("help.html", "api") for _ in range(300)
    )
    config = here.path("/school")
    config.write_text(addresses)
    done = run("curl", "--no-progress-meter", "--http1.1", "--parallel", "--parallel-max", "60", "--cacert", here.certificate,
               "--write-out", "%{http_code}\n", "--config", config)  # fmt: skip
    assert done.stdout.split() == ["200"] * 600


def test_the_access_log_is_json_and_keeps_no_topic(site):
    here = site()
    client = browser(here)
    topic = "%EA%B8%B8%EA%B3%A0%EC%96%91%EC%9D%B4"
    client.get(f"{here.https}/chat.html?topic={topic}", headers={"User-Agent": 'a "browser" \\ of \t mine'})
    line = here.logged(path="/chat.html", status=200, protocol="HTTP/1.1", method="GET", address="127.0.0.1")
    assert line["user_agent"] == 'a "browser" \\ of \t mine'
    assert line["tls"].startswith("TLSv1.") and line["upstream_status"] == "200" and line["seconds"] >= 0
    answer = client.post(
        f"{here.https}/api/v1/chat/chat?lang=en",
        json=QUESTION,
        headers={"Referer": f"{here.https}/chat.html?topic={topic}"},
    )
    assert here.logged(path="/api/v1/chat/chat")["request_id"] == answer.headers["X-Request-Id"]
    refused = client.get(f"{here.https}/metrics?secret=1")
    assert here.logged(path="/metrics")["request_id"] == refused.headers["X-Request-Id"]
    here.classroom.end()
    client.get(f"{here.https}/chat.html?topic={topic}")
    assert here.logged(path="/chat.html", status=502)["upstream_status"] == "502"
    text = here.path("/var/log/nginx/llm-classroom.access.log").read_text()
    assert "?" not in text and "topic" not in text and "secret" not in text and "%EA" not in text.upper()


def test_the_error_log_keeps_no_topic_of_an_old_address(site):
    here = site()
    client = browser(here)
    own = client.post(f"{here.https}/own-topic.html", data={"own": "우리 집 강아지"}, headers=HTML)
    assert own.status_code == 200 and "우리 집 강아지" in own.text
    here.classroom.end()
    for page in ("chat", "index"):
        assert client.get(f"{here.https}/{page}.html?topic=secret", headers=HTML).status_code == 502
        assert client.head(f"{here.https}/{page}.html?topic=secret&c=1").status_code == 502
        here.logged(path=f"/{page}.html", status=502, method="HEAD")
    assert client.post(f"{here.https}/own-topic.html", data={"own": "secret"}, headers=HTML).status_code == 502
    assert client.get(f"{here.https}/help.html", headers=HTML).status_code == 502
    eventually("other failures in the error log", lambda: "/help.html" in here.errors())
    assert "secret" not in here.errors()


def test_what_nginx_cannot_read_is_told_in_korean(site):
    here = site("llm-classroom-http.conf")
    client = browser(here)
    page = client.get(f"{here.http}/{'a' * 40_000}")
    assert page.status_code == 414 and "주소가 너무 길어요" in page.text
    page = client.get(f"{here.http}/help.html", headers={"Cookie": "a" * 40_000})
    assert page.status_code == 400 and "알아듣지 못했어요" in page.text
    assert values(page, "Content-Type") == ["text/html; charset=utf-8"]
    assert values(page, "Cache-Control") == ["no-store"]
    for garbage in (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"):
        host, port = here.http.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(garbage)
            response = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        assert response.startswith("HTTP/1.1 400 ") and "알아듣지 못했어요" in response, response


def test_while_the_program_is_away_people_and_scripts_are_told(site):
    here = site()
    client = browser(here)
    here.classroom.end()
    page = client.get(f"{here.https}/help.html", headers=HTML)
    assert page.status_code == 502 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "저절로 다시 열어 볼게요" in page.text and '<meta http-equiv="refresh" content="5">' in page.text
    assert values(page, "Retry-After") == ["5"] and values(page, "Cache-Control") == ["no-store"]
    posted = client.post(f"{here.https}/help.html", headers=HTML)
    assert posted.status_code == 502 and "저절로" in posted.text
    response = client.post(f"{here.https}/api/v1/chat/chat", json=QUESTION, headers=HTML)
    assert "쓴 글은 그대로" in problem(response, 502, "unreachable")["detail"]
    assert values(response, "Retry-After") == ["5"]
    # As the scripts of the pages ask whether the server is back.
    assert client.head(f"{here.https}/health").status_code == 502
    assert client.get(f"{here.https}/metrics").status_code == 404


def test_a_program_that_does_not_answer_in_time_is_told_too(site):
    def hasty(text):
        return text.replace("proxy_read_timeout 660s", "proxy_read_timeout 100ms").replace(
            "proxy_connect_timeout 5s", "proxy_connect_timeout 100ms"
        )

    here = site(edit=hasty)
    here.classroom.end()
    # Takes connections and says nothing.
    with socket.create_server(("127.0.0.1", int(here.program.split(":")[1]))):
        client = browser(here)
        page = client.get(f"{here.https}/help.html", headers=HTML)
        assert page.status_code == 504 and "제때 대답하지 못했어요" in page.text
        problem(client.post(f"{here.https}/api/v1/conversations", json={}), 504, "timed-out")


def test_the_error_page_opens_the_page_by_itself_when_the_program_is_back(site, start, classroom, tmp_path):
    here = site("llm-classroom-http.conf")
    here.classroom.end()
    start(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-port=0", f"--user-data-dir={tmp_path / 'browser'}", f"{here.http}/topic-selection.html"]
    )  # fmt: skip
    here.logged(path="/topic-selection.html", status=502)
    classroom(APP_PORT=int(here.program.split(":")[1]))
    here.logged(path="/topic-selection.html", status=200)
    # It is the page that came, with all that belongs to it.
    eventually("the page's scripts", lambda: [line for line in here.log() if line["path"].endswith("/js/topics.js")])


@pytest.mark.parametrize("status", [400, 414, 429, 502, 503, 504])
def test_an_error_page_needs_nothing_but_itself(status, tmp_path):
    run(ERROR_PAGES, tmp_path)
    page = (tmp_path / f"{status}.html").read_text()
    style = re.search("<style>(.*?)</style>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # The content security policy allows this style sheet and nothing else.
    assert f"style-src 'sha256-{digest}'" in (DEPLOY / "nginx/conf.d/llm-classroom.conf").read_text()
    assert not re.search(r"<script|<link|<img|\bstyle=|url\(|https?:|@[A-Z]+@", page)
    assert f'<p class="number">{status}</p>' in page and '<html lang="ko">' in page


def test_the_files_may_come_from_the_disk(site):
    def from_the_disk(text):
        return re.sub(
            r"(location /static/ {\n *)(include [^;]*-proxy\.conf;)(.*?)#(include [^;]*-static-disk\.conf;)",
            r"\1#\2\3\4", text, flags=re.DOTALL,
        )  # fmt: skip

    here = site(edit=from_the_disk)
    client = browser(here)
    style = re.search(r"/static/(\w+)/css/base\.css", client.get(f"{here.https}/topic-selection.html").text)
    folder = here.path(f"/usr/share/llm-classroom/static/{style[1]}")
    shutil.copytree(ROOT / "static", folder)
    kinds = {"css/base.css": "text/css", "js/api.js": "text/javascript", "img/icon.svg": "image/svg+xml"}
    kinds["app.webmanifest"] = "application/manifest+json"
    for path, kind in kinds.items():
        file = client.get(f"{here.https}/static/{style[1]}/{path}", headers={"Accept-Encoding": "gzip"})
        assert file.status_code == 200 and file.headers["Content-Type"] == kind
        assert values(file, "Cache-Control") == ["public, max-age=31536000, immutable"]
        assert file.text == (ROOT / "static" / path).read_text()
        for header, value in SECURITY.items():
            assert values(file, header) == [value], f"{header} of {path}"
        here.logged(path=f"/static/{style[1]}/{path}", upstream_status="")
    assert values(client.get(here.https + style[0], headers={"Accept-Encoding": "gzip"}), "Content-Encoding") == [
        "gzip"
    ]
    # Another version's are not there, and the program has them.
    other = client.get(f"{here.https}/static/0123456789abcdef/css/base.css")
    assert other.status_code == 200 and values(other, "Cache-Control") == ["no-cache"]


def test_nginx_takes_new_files_under_load_and_nobody_notices(site, openai):
    here = site()
    streams = 12
    client = browser(here)
    gated = {"chunks": ["첫째 ", "둘째"], "gap_ms": 0, "gate": {"at": [1]}}
    script(openai, queue={"chat": [gated] * streams})
    over = threading.Event()
    trouble, pages, turns, news = [], [], [], queue.Queue()

    def visit():
        # Each a new visitor: a browser that finds its idle connection closed opens another by itself.
        while not over.is_set():
            try:
                page = browser(here, connection="close").get(f"{here.https}/help.html", timeout=PATIENCE)
                assert page.status_code == 200 and "</html>" in page.text
                pages.append(page)
            except Exception as error:
                trouble.append(error)
            news.put(None)

    def talk():
        while not over.is_set():
            try:
                student = browser(here, connection="close")
                with student.get(here.https + ask(student, here.https), stream=True, timeout=PATIENCE) as events:
                    assert "event: end" in events.text
                turns.append(events)
            except Exception as error:
                trouble.append(error)
            news.put(None)

    with contextlib.ExitStack() as stack:
        held = []
        for _ in range(streams):
            events = stack.enter_context(client.get(here.https + ask(client, here.https), stream=True))
            lines = events.iter_lines(chunk_size=1)
            assert any("첫째".encode() in line for line in lines)
            held.append(lines)
        load = [threading.Thread(target=work) for work in [visit] * 8 + [talk] * 4]
        for thread in load:
            thread.start()
        try:
            for _ in range(5):
                more_pages, more_turns = len(pages) + 8, len(turns) + 4
                here.reload()
                while not trouble and (len(pages) < more_pages or len(turns) < more_turns):
                    news.get(timeout=PATIENCE)
        finally:
            over.set()
            for thread in load:
                thread.join(PATIENCE)
        assert trouble == []
        # Those that began before the first reload go on through the workers of then.
        release(openai)
        for lines in held:
            rest = b"\n".join(lines).decode()
            assert "둘째" in rest and "event: end" in rest
    assert not re.search(r"\[(error|crit|alert|emerg)\]", here.errors()), here.errors()
