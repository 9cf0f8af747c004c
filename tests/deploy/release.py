"""The release of `make dist`, built once for all tests that need it. Cargo builds nothing when nothing changed."""

import functools
import pathlib
import tomllib

from conftest import ROOT, TARGET, run

DIST = TARGET / "dist"
PROGRAM = DIST / "llm-classroom"
"""The static one."""
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
NAME = f"llm-classroom-{VERSION}-x86_64-linux"


@functools.cache
def build() -> pathlib.Path:
    """Builds the release; gives its folder."""
    run("make", "--no-print-directory", "dist", cwd=ROOT)
    return DIST
