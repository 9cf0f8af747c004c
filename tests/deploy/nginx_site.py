"""nginx as a process of its own in a temporary folder, with the files of deploy/nginx as they are shipped.

Only what a machine has once is changed on the way: folders, ports, and the domain. NGINX_BINARY names another build to try.
"""

import json
import os
import pathlib
import re
import shutil
import socket

from conftest import DEPLOY, ROOT, eventually, free_port, run

NGINX = os.environ.get("NGINX_BINARY", "/usr/sbin/nginx")
DOMAIN = "class.example.kr"
# Writes the error pages into a folder, as for the package.
ERROR_PAGES = ROOT / "scripts/nginx-errors.sh"
FOLDERS = ("/etc/nginx/", "/etc/letsencrypt/", "/var/log/nginx/", "/var/www/letsencrypt", "/usr/share/llm-classroom")

# What Debian and Ubuntu install as nginx.conf, as far as it can come into a site's way; and what lets nginx run here.
STOCK = """
{here}
worker_processes auto;
pid {folder}/nginx.pid;
error_log /var/log/nginx/error.log;
include /etc/nginx/modules-enabled/*.conf;
events {{
	worker_connections 768;
}}
http {{
	client_body_temp_path {folder}/scratch/body;
	proxy_temp_path {folder}/scratch/proxy;
	fastcgi_temp_path {folder}/scratch/fastcgi;
	uwsgi_temp_path {folder}/scratch/uwsgi;
	scgi_temp_path {folder}/scratch/scgi;
	sendfile on;
	tcp_nopush on;
	types_hash_max_size 2048;
	include /etc/nginx/mime.types;
	default_type application/octet-stream;
	ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
	ssl_prefer_server_ciphers on;
	access_log /var/log/nginx/access.log;
	gzip on;
	include /etc/nginx/conf.d/*.conf;
	include /etc/nginx/sites-enabled/*;
}}
"""


class Site:
    """The site in a folder: `https` and `http` are its addresses, `folder` stands for /."""

    def __init__(self, folder, program, domain="localhost", edit=lambda text: text):
        self.folder, self.domain, self.program = folder, domain, program
        self.edit = edit
        self.ports = {"80": free_port(), "443": free_port()}
        self.http = f"http://{domain}:{self.ports['80']}"
        self.https = f"https://{domain}:{self.ports['443']}"
        self.certificate = self.path(f"/etc/letsencrypt/live/{domain}/fullchain.pem")
        for place in (*FOLDERS, "/etc/nginx/sites-enabled", "/scratch", "/logs"):
            self.path(place).mkdir(parents=True, exist_ok=True)
        self.install("conf.d/llm-classroom.conf", "/etc/nginx/conf.d/llm-classroom.conf")
        self.install("tuning.conf", "/etc/nginx/modules-enabled/90-llm-classroom.conf")
        for snippet in (DEPLOY / "nginx/snippets").iterdir():
            self.install(f"snippets/{snippet.name}", f"/etc/nginx/snippets/{snippet.name}")
        run(ERROR_PAGES, self.path("/usr/share/llm-classroom/nginx/errors"))
        shutil.copy("/etc/nginx/mime.types", self.path("/etc/nginx/mime.types"))
        # Workers of root are somebody else, who can't enter this folder.
        here = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
        stock = self.rewritten(STOCK.format(folder=folder, here=here))
        self.path("/etc/nginx/nginx.conf").write_text(stock)
        # As the guide says it.
        run("sed", "-i", "s/worker_connections [0-9]*;/worker_connections 4096;/", self.path("/etc/nginx/nginx.conf"))

    def path(self, place):
        """Where a place of the machine is."""
        return self.folder / place.lstrip("/")

    def rewritten(self, text):
        """A shipped file with this folder, these ports and this domain."""
        text = text.replace(DOMAIN, self.domain)
        for place in FOLDERS:
            text = text.replace(place, str(self.path(place)) + ("/" if place.endswith("/") else ""))
        text = re.sub(r"\n *listen \[::\]:[^;]*;", "", text)
        text = re.sub(r"listen (80|443)\b", lambda found: f"listen 127.0.0.1:{self.ports[found[1]]}", text)
        return text.replace("server 127.0.0.1:8000", f"server {self.program.removeprefix('http://')}")

    def install(self, shipped, place):
        """Puts a file of deploy/nginx where it belongs."""
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.edit(self.rewritten((DEPLOY / "nginx" / shipped).read_text())))

    def enable(self, site):
        """Makes this the one site that is served."""
        for enabled in self.path("/etc/nginx/sites-enabled").iterdir():
            enabled.unlink()
        self.install(site, f"/etc/nginx/sites-enabled/{site}")

    def certify(self):
        """Makes a certificate of our own; certbot's tests have a real one."""
        self.certificate.parent.mkdir(parents=True, exist_ok=True)
        run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={self.domain}", "-addext", f"subjectAltName=DNS:{self.domain}",
            "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
            "-keyout", self.certificate.with_name("privkey.pem"), "-out", self.certificate,
        )  # fmt: skip

    def command(self):
        """How this nginx is called. Older ones have no -e, and try the machine's error log before they know ours."""
        own_log = ["-e", self.path("/var/log/nginx/error.log")] if "-e filename" in run(NGINX, "-h").stdout else []
        return [NGINX, "-p", self.folder, *own_log, "-c", self.path("/etc/nginx/nginx.conf")]

    def serve(self, start):
        """Starts it, and waits until it takes connections."""
        self.process = start(self.command())

        def takes_connections():
            assert self.process.process.poll() is None, self.process.output() + self.errors()
            with socket.socket() as tried:
                return self.workers() and tried.connect_ex(("127.0.0.1", self.ports["80"])) == 0

        eventually("nginx", takes_connections)
        return self

    def workers(self):
        """The process ids of its workers, old ones that still end a stream among them."""
        master = self.process.process.pid
        return set(pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split())

    def reload(self):
        """Has it read its files anew, and waits until a new worker is there."""
        before = self.workers()
        run(*self.command(), "-s", "reload")
        eventually("new workers", lambda: self.workers() - before)

    def errors(self):
        """All that its error logs say."""
        return "".join(log.read_text() for log in self.path("/var/log/nginx").glob("*error.log"))

    def log(self):
        """The lines of the access log, read."""
        log = self.path("/var/log/nginx/llm-classroom.access.log")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def logged(self, **fields):
        """Waits for a line with these fields: nginx writes it when the request is over."""
        return eventually(
            f"a line with {fields}",
            lambda: next((line for line in self.log() if fields.items() <= line.items()), None),
        )
