"""Debian packages of the program for the tests: this version, and others that differ from it."""

import atexit
import functools
import os
import pathlib
import re
import shutil
import tempfile

from conftest import PROGRAM, ROOT, TARGET, run

DIST = TARGET / "dist" / "llm-classroom"


@functools.cache
def program():
    """What all tests package: LLM_CLASSROOM_BINARY, or what "make dist" built, or the tests' own, without what only a
    debugger needs."""
    if named := os.environ.get("LLM_CLASSROOM_BINARY"):
        return named
    if DIST.exists():
        return DIST
    folder = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    run("strip", "-o", folder / "llm-classroom", PROGRAM)
    return folder / "llm-classroom"


def build(folder, version, compression="-Znone"):
    """The package, as scripts/deb.sh makes it, but in a quicker compression."""
    environment = os.environ | {"VERSION": version, "COMPRESSION": compression}
    run(ROOT / "scripts/deb.sh", program(), folder, env=environment)
    return folder / f"llm-classroom_{version}_amd64.deb"


def variant(package, version, change):
    """Another version beside it, whose files `change` alters; it gets their folder."""
    folder = package.parent
    files = folder / f"files-{version}"
    run("dpkg-deb", "--raw-extract", package, files)
    control = files / "DEBIAN/control"
    control.write_text(re.sub("^Version: .*$", f"Version: {version}", control.read_text(), flags=re.MULTILINE))
    change(files)
    made = folder / f"llm-classroom_{version}_amd64.deb"
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", files, made)
    shutil.rmtree(files)
    with (folder / f"{made.name}.sha256").open("w") as sums:
        sums.write(run("sha256sum", made.name, cwd=folder).stdout)
    return made
