#!/usr/bin/env python3
"""Prints the bill of materials of the program in CycloneDX: sbom.py TARGET PROGRAM.

It lists what is linked into the program: crates as Cargo.lock pins them, and the libraries that come with compiler,
system and crates. What only builds it, such as procedural macros, is not in it.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def crate(name, version):
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}"


def tree(target):
    """Each crate with those it calls, from `cargo tree`: from `DEPTHname version` lines, a crate's own first."""
    tree = output_of(
        "cargo",
        "tree",
        "--locked",
        "--package=llm-classroom",
        "--edges=normal,no-proc-macro",
        f"--target={target}",
        "--prefix=depth",
        "--format={p}",
    )
    calls, above = {}, []
    for depth, name, version in re.findall(r"^(\d+)(\S+) v(\S+)", tree, re.MULTILINE):
        del above[int(depth) :]
        calls.setdefault((name, version), set())
        if above:
            calls[above[-1]].add((name, version))
        above.append((name, version))
    return calls


def of_crate(name, version, manifest, checksum):
    component = {
        "type": "library",
        "bom-ref": crate(name, version),
        "name": name,
        "version": version,
        "purl": crate(name, version),
    }
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if licence := manifest["license"]:
        # An older way to write it.
        component["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if repository := manifest["repository"]:
        component["externalReferences"] = [{"type": "vcs", "url": repository}]
    return component


def of_library(name, version, licence, purl):
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence}],
    }


def libraries(manifests):
    """What is linked in and isn't a crate, by the reference of what brings it."""
    rust = re.search(r"rustc (\S+)", output_of("rustc", "-V"))[1]
    glibc = re.search(r"(\d+\.\d+)$", output_of("ldd", "--version").splitlines()[0])[1]
    (bindings, _), manifest = next((key, found) for key, found in manifests.items() if key[0] == "libsqlite3-sys")
    header = (pathlib.Path(manifest["manifest_path"]).parent / "sqlite3/sqlite3.h").read_text()
    sqlite = re.search(r'#define SQLITE_VERSION +"([^"]+)"', header)[1]
    return [
        (None, of_library("rust-std", rust, "MIT OR Apache-2.0", f"pkg:generic/rust-std@{rust}")),
        (None, of_library("glibc", glibc, "LGPL-2.1-or-later", f"pkg:generic/glibc@{glibc}")),
        (bindings, of_library("sqlite", sqlite, "blessing", f"pkg:generic/sqlite@{sqlite}")),
    ]


def bill(target, program):
    calls = tree(target)
    (own, *_) = calls
    metadata = json.loads(
        output_of("cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}")
    )
    manifests = {(package["name"], package["version"]): package for package in metadata["packages"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}

    components = {key: of_crate(*key, manifests[key], checksums[key]) for key in calls}
    dependencies = {crate(*key): {crate(*called) for called in calls[key]} for key in calls}
    main = components.pop(own)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    main |= {"type": "application", "hashes": [{"alg": "SHA-256", "content": digest}]}
    every = list(components.values())
    for bindings, library in libraries({key: manifests[key] for key in calls}):
        users = [crate(*key) for key in calls if key[0] == bindings] or [main["bom-ref"]]
        for user in users:
            dependencies[user].add(library["bom-ref"])
        dependencies[library["bom-ref"]] = set()
        every.append(library)
    built = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), datetime.UTC)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        # The same program has the same bill.
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
        "metadata": {"timestamp": built.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": main},
        "components": sorted(every, key=lambda component: component["bom-ref"]),
        "dependencies": [{"ref": user, "dependsOn": sorted(dependencies[user])} for user in sorted(dependencies)],
    }


json.dump(bill(sys.argv[1], pathlib.Path(sys.argv[2])), sys.stdout, indent=1, ensure_ascii=False)
print()
