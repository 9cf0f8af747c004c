"""The firewall's rules, with the real ufw, in a network and with folders of their own: the machine's stay as they are."""

import os
import re
import subprocess
import sys

import pytest
from conftest import DEPLOY, run

UFW = DEPLOY / "firewall/ufw.sh"

# Folders that ufw writes to are copies. A second network stands for the world outside.
ALONE = f"""
set -euo pipefail
copy=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf --one-file-system "$copy"' EXIT
for place in /etc/ufw /etc/default /run; do
    mkdir -p "$copy$place"
    [[ $place == /run ]] || cp -a "$place/." "$copy$place/"
    mount --bind "$copy$place" "$place"
done
ip link set lo up
ufw() {{ /usr/sbin/ufw "$@"; }}
firewall() {{ {UFW} "$@"; }}
"""
OUTSIDE = f"""
unshare --net sleep infinity &
outside=$!
until [[ $(readlink /proc/$outside/ns/net) != $(readlink /proc/self/ns/net) ]]; do :; done
ip link add here type veth peer name there netns $outside
ip address add 192.0.2.1/24 dev here
ip link set here up
nsenter --target $outside --net ip address add 192.0.2.2/24 dev there
nsenter --target $outside --net ip link set there up
mkdir "$copy/empty"
for port in 22 80 443 8000; do
    {sys.executable} -m http.server --directory "$copy/empty" $port >/dev/null 2>&1 &
    until curl --silent --output /dev/null http://127.0.0.1:$port/; do :; done
done
asked() {{
    nsenter --target $outside --net curl --silent --output /dev/null --connect-timeout "$2" "http://192.0.2.1:$1/" \\
        && echo "$1 answers" || echo "$1 is silent"
}}
"""


def alone(script):
    """Runs a script as root of a network of its own; what it says."""
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    return run(*as_root, "unshare", "--net", "--mount", "bash", "-c", ALONE + script).stdout


def rules(output):
    """The rules for IPv4 that a `ufw status` tells: what is opened, how, to whom."""
    lines = output.rsplit("--\n", 1)[1].split("\n\n")[0].splitlines()
    return {tuple(re.split(r"\s{2,}", line.split("#")[0].strip())) for line in lines if "v6" not in line}


# One test, since every change to rules in force takes ufw a second.
def test_browsers_come_in_and_nobody_comes_to_the_program_past_nginx():
    output = alone(
        OUTSIDE
        + """
        echo "before: $(asked 8000 20)"
        # As earlier instructions had it.
        ufw allow 8000
        ufw allow 8000/tcp
        ufw allow 22
        firewall
        # Nothing tells a connection that was dropped from one that is slow but the time it takes.
        for port in 80 443 22; do asked $port 20; done
        asked 8000 2
        echo == narrowed
        firewall --ssh-from 203.0.113.0/24
        echo == shut
        firewall --no-ssh
        """
    )
    assert "before: 8000 answers" in output
    assert re.findall(r"^\d+ (?:answers|is silent)$", output, re.MULTILINE) == [
        "80 answers", "443 answers", "22 answers", "8000 is silent",
    ]  # fmt: skip
    first, rest = output.split("== narrowed\n")
    narrowed, shut = rest.split("== shut\n")
    browsers = ("80,443/tcp", "ALLOW IN", "Anywhere")
    assert "Default: deny (incoming), allow (outgoing)" in first
    assert rules(first) == {browsers, ("22/tcp", "LIMIT IN", "Anywhere")}
    assert rules(narrowed) == {browsers, ("22/tcp", "LIMIT IN", "203.0.113.0/24")}
    # The second time that it ran, the rest was left as it was.
    assert "Skipping adding existing rule" in narrowed
    assert rules(shut) == {browsers}


def test_a_dry_run_says_what_it_would_do_and_does_nothing():
    output = alone("ufw allow 8000/tcp\nfirewall --dry-run\nufw show added\nufw status")
    assert "would run: ufw limit proto tcp from any to any port 22" in output
    assert "would run: ufw --force enable" in output and "would run: ufw delete allow 8000/tcp" in output
    assert "\nufw allow 8000/tcp\n" in output and "\nufw limit" not in output
    assert output.strip().endswith("Status: inactive")


@pytest.mark.parametrize("words", [["--ssh-port", "x"], ["--ssh-port"], ["--ssh-from", "me; reboot"], ["--open"]])
def test_what_cannot_be_meant_is_refused_before_anything_is_done(words):
    refused = subprocess.run([UFW, "--dry-run", *words], capture_output=True, text=True)
    assert refused.returncode == 2 and refused.stdout == "" and refused.stderr.startswith("ufw.sh: ")
