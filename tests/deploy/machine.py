"""A machine of our own to install on: a fresh Debian or Ubuntu, as this one is, with systemd as its first process.

Its files are an overlay over a base that debootstrap makes once (target/machine/), from where this machine's apt takes its
packages. It has its own processes, mounts, names, control groups and network; of this machine it sees nothing. Needs root.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import uuid

from conftest import ROOT, eventually, run

CACHE = ROOT / "target" / "machine"
INSTALLED = ["systemd", "systemd-sysv", "dbus", "ca-certificates", "curl", "iproute2", "procps", "python3"]
INSTALLED += ["logrotate", "adduser", "sudo"]
AT_HAND = ["nginx", "certbot", "ufw"]
"""What deploy/install.sh installs: downloaded into the base, so that apt-get finds it without a network."""

START = r"""
set -eu
root=$1 base=$2 changes=$3 work=$4
shift 4
ip link set lo up
# Volatile: nothing waits for the disk, since all of it is thrown away.
mount -t overlay overlay -o "lowerdir=$base,upperdir=$changes,workdir=$work,volatile" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
cd "$root"
pivot_root . mnt
umount -l /mnt
# Among its own processes mounts are shared, as systemd relies on when it passes credentials.
mount --make-rshared /
hostname class
touch /run/machine
# The clock is this machine's own.
exec env -i container=unshare LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    setpriv --bounding-set -sys_time --inh-caps -sys_time "$@"
"""


def sources():
    """This machine's sources of packages: (address, suites, components), from both of apt's ways to write them."""
    found = []
    folder = pathlib.Path("/etc/apt")
    for file in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for line in file.read_text().splitlines() if file.exists() else []:
            words = [word for word in line.split("#")[0].split() if not word.startswith("[") and not word.endswith("]")]
            if words[:1] == ["deb"]:
                found.append((words[1], [words[2]], words[3:]))
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        for part in file.read_text().split("\n\n"):
            lines = [line.split(":", 1) for line in part.splitlines() if ":" in line and not line.startswith("#")]
            fields = {name: value.split() for name, value in lines}
            if "deb" in fields.get("Types", []):
                found += [(address, fields["Suites"], fields.get("Components", [])) for address in fields["URIs"]]
    return found


def base():
    """The folder of the fresh system; made when it isn't there, and made anew when it should hold something else."""
    release = dict(
        line.split("=", 1) for line in pathlib.Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    suite = release["VERSION_CODENAME"]
    folder = CACHE / "-".join([suite, *(name[:4] for name in INSTALLED + AT_HAND)])
    if folder.exists():
        return folder
    assert os.geteuid() == 0, "a machine to install on needs root: run these tests with sudo"
    ours = [source for source in sources() if any(name.split("-")[0] == suite for name in source[1])]
    assert ours, f"/etc/apt/sources.list* names no source of {suite}"
    address, _, components = next(source for source in ours if suite in source[1])
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    making = CACHE / "making"
    run(
        *["debootstrap", "--variant=minbase", f"--include={','.join(INSTALLED)}"],
        *[f"--components={','.join(components)}", suite, making, address],
    )
    lines = [f"deb {where} {name} {' '.join(parts)}" for where, names, parts in ours for name in names]
    (making / "etc/apt/sources.list").write_text("\n".join(lines) + "\n")
    inside = ["chroot", making, "env", "DEBIAN_FRONTEND=noninteractive"]
    run(*inside, "apt-get", "update")
    # Without the recommended packages, as deploy/install.sh asks for them.
    run(*inside, "apt-get", "install", "--yes", "--no-install-recommends", "--download-only", *AT_HAND)
    # What only people at a screen need, and what would change files on its own.
    for unit in ["console-getty.service", "getty.target", "systemd-logind.service", "apt-daily.timer"]:
        (making / "etc/systemd/system" / unit).symlink_to("/dev/null")
    for unit in [
        "apt-daily-upgrade.timer",
        "fstrim.timer",
        "e2scrub_all.timer",
        "dpkg-db-backup.timer",
        "cron.service",
    ]:
        (making / "etc/systemd/system" / unit).symlink_to("/dev/null")
    making.rename(folder)
    return folder


class Machine:
    """A running machine; `files` is its root folder as this machine sees it, `changes` what differs from a fresh one."""

    def __init__(self, folder, first=("/lib/systemd/systemd", "--log-target=journal", "--show-status=no")):
        below = base()
        self.folder = folder
        self.changes = folder / "changes"
        root, work = folder / "root", folder / "work"
        for path in [root, self.changes, work]:
            path.mkdir(parents=True)
        groups = pathlib.Path("/sys/fs/cgroup")
        groups = groups / "unified" if (groups / "unified").is_dir() else groups
        self.group = groups / f"machine-{uuid.uuid4().hex[:8]}"
        self.group.mkdir()
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            # The machine ends with this process, however that ends.
            ["setpriv", "--pdeathsig", "KILL"]
            + ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self.group)]
            + ["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--net"]
            + ["--propagation", "private", "--kill-child=KILL"]
            + ["bash", "-c", START, "start", root, below, self.changes, work, *first],
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.first = eventually("the machine's first process", self._first)
        self.files = pathlib.Path(f"/proc/{self.first}/root")
        eventually("the machine's own files", lambda: (self.files / "run/machine").exists())
        if "systemd" in first[0]:
            eventually("systemd", lambda: (self.files / "run/systemd/private").exists())
            self.run("systemctl", "is-system-running", "--wait", check=False)

    def _first(self):
        assert self.process.poll() is None, f"the machine doesn't start:\n{pathlib.Path(self.log.name).read_text()}"
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else None

    def inside(self, *command):
        """The command line that runs this inside."""
        environment = ["env", "-i", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return ["nsenter", "--target", str(self.first), "--all", *environment, path, *map(str, command)]

    def run(self, *command, **options):
        """Runs a command inside to its end."""
        return run(*self.inside(*command), **options)

    def output_of(self, *command):
        """The output of a command inside."""
        return self.run(*command).stdout.strip()

    def path(self, path):
        """A file of the machine, by its path inside."""
        return self.files / path.lstrip("/")

    def install(self, package):
        """Installs a package."""
        shutil.copy(package, self.path("/root"))
        return self.run("dpkg", "--install", f"/root/{package.name}")

    def write(self, path, text, mode=0o644):
        """Writes a file inside, and its folders."""
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def show(self, unit, name):
        """A property of a unit."""
        return self.output_of("systemctl", "show", "--value", f"--property={name}", unit)

    def get(self, path="/health", url="http://127.0.0.1:8000", *options):
        """What the program answers inside; empty when it doesn't."""
        return self.run("curl", "-sS", "--max-time", "30", *options, f"{url}{path}", check=False).stdout

    def end(self):
        """Switches it off."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.first, signal.SIGKILL)
        self.process.wait()
        self.log.close()
        # A group goes when the groups within it are gone, and those when the kernel is done with their processes.
        eventually("the end of the machine's control groups", self._groups_are_gone)
        shutil.rmtree(self.folder)

    def _groups_are_gone(self):
        for folder, _, _ in os.walk(self.group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not self.group.exists()
