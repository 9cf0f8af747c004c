"""Certificates by certbot, from a certificate authority of our own: Debian's pebble, which speaks what Let's Encrypt speaks."""

import json
import os
import shutil
import socket
import ssl
import threading

import pytest
import requests
from conftest import DEPLOY, PATIENCE, eventually, free_port, run
from nginx_site import DOMAIN, Site

HOOK = DEPLOY / "nginx/certbot-deploy-hook.sh"


@pytest.fixture
def authority(tmp_path, start):
    """A running certificate authority that finds every name at 127.0.0.1: `authority(http_port)`."""
    folder = tmp_path / "authority"
    folder.mkdir()
    return lambda http_port: Authority(folder, start, http_port)


class Authority:
    """pebble: `url` is where certbot asks it, `ca` whom certbot trusts to be it, `root` who signs the certificates."""

    def __init__(self, folder, start, http_port):
        port, management, dns = free_port(), free_port(), free_port()
        self.url, self.ca, self.root = f"https://127.0.0.1:{port}/dir", folder / "ca.pem", folder / "root.pem"
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=authority", "-addext", "subjectAltName=IP:127.0.0.1",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
            "-keyout", folder / "key.pem", "-out", self.ca,
        )  # fmt: skip
        settings = {
            "listenAddress": f"127.0.0.1:{port}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(self.ca),
            "privateKey": str(folder / "key.pem"),
            "httpPort": http_port,
            "tlsPort": free_port(),
        }
        config = folder / "pebble.json"
        config.write_text(json.dumps({"pebble": settings}))
        # The other roles of this program are switched off.
        names = start(
            ["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}",
             "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{free_port()}"]
        )  # fmt: skip
        names.wait_for_output("Starting management server")
        environment = {"PATH": os.environ["PATH"], "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        pebble = start(["pebble", "-config", config, "-dnsserver", f"127.0.0.1:{dns}"], environment)
        pebble.wait_until_ready(self.url, verify=self.ca)
        root = requests.get(f"https://127.0.0.1:{management}/roots/0", verify=self.ca, timeout=PATIENCE)
        self.root.write_text(root.text)


def certbot(site, authority, *words, **environment):
    """Runs certbot on the site's folders."""
    folder = site.folder
    places = [
        "--config-dir",
        site.path("/etc/letsencrypt"),
        "--work-dir",
        folder / "work",
        "--logs-dir",
        folder / "logs",
    ]
    environment = os.environ | {"REQUESTS_CA_BUNDLE": str(authority.ca)} | environment
    return run("certbot", *words, "--non-interactive", *places, env=environment)


def issue(site, authority):
    """The first certificate, as docs/ko/operations.md has it issued."""
    return certbot(
        site, authority, "certonly", "--webroot", "-w", site.path("/var/www/letsencrypt"), "-d", site.domain,
        "--server", authority.url, "--email", f"admin@{site.domain}", "--agree-tos", "--no-eff-email",
    )  # fmt: skip


def served(site, trusted):
    """The serial number of the certificate that a browser gets, which has to be good for the domain."""
    context = ssl.create_default_context(cafile=trusted)
    with socket.create_connection(("127.0.0.1", site.ports["443"]), PATIENCE) as raw:
        with context.wrap_socket(raw, server_hostname=site.domain) as secure:
            # The one address that no limit counts, however often it is asked.
            secure.sendall(f"GET / HTTP/1.1\r\nHost: {site.domain}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: secure.recv(65_536), b""))
            assert answer.startswith(b"HTTP/1.1 301"), answer
            return secure.getpeercert()["serialNumber"]


def hook_command(site):
    """nginx as the hook is to call it."""
    return " ".join(map(str, site.command()))


def test_certbot_gets_a_certificate_and_renews_it_and_nobody_is_refused(tmp_path, start, classroom, authority):
    program = classroom(TRUSTED_PROXIES="127.0.0.1", APP_BASE_URL=f"https://{DOMAIN}")
    site = Site(tmp_path / "machine", program.url, domain=DOMAIN)
    ca = authority(int(site.ports["80"]))
    site.enable("llm-classroom-http.conf")
    site.serve(start)

    issue(site, ca)
    site.enable("llm-classroom.conf")
    site.reload()
    first = eventually("the first certificate", lambda: certificate_of(site, ca.root))
    workers = site.workers()

    over = threading.Event()
    seen, trouble = [first], []

    def visit():
        while not over.is_set():
            try:
                seen.append(served(site, ca.root))
            except Exception as error:
                trouble.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for visitor in visitors:
        visitor.start()
    try:
        hooks = site.path("/etc/letsencrypt/renewal-hooks/deploy")
        shutil.copy(HOOK, hooks / "llm-classroom.sh")
        renew = ["renew", "--force-renewal", "--no-random-sleep-on-renew"]
        renewed = certbot(site, ca, *renew, NGINX_COMMAND=hook_command(site))
        assert "Congratulations" in renewed.stdout, renewed.stdout
        eventually("the new certificate", lambda: set(seen) - {first} or trouble)
    finally:
        over.set()
        for visitor in visitors:
            visitor.join(PATIENCE)
    assert trouble == []
    assert len(set(seen)) == 2
    # Until they are gone, workers of before may take a connection more.
    eventually("the end of the old workers", lambda: not workers & site.workers())
    assert served(site, ca.root) != first


def certificate_of(site, trusted):
    """As `served`, while nginx may not serve TLS yet."""
    try:
        return served(site, trusted)
    except OSError:
        return None


def test_a_hook_that_meets_a_broken_configuration_leaves_nginx_as_it_is(tmp_path, start, classroom):
    site = Site(tmp_path / "machine", classroom().url)
    site.certify()
    site.enable("llm-classroom.conf")
    site.serve(start)
    with site.path("/etc/nginx/conf.d/broken.conf").open("w") as broken:
        broken.write("not a directive;\n")
    environment = os.environ | {"NGINX_COMMAND": hook_command(site)}
    refused = run(HOOK, check=False, env=environment)
    assert refused.returncode == 1 and "keeps the old certificate" in refused.stdout
    assert served(site, site.certificate)
