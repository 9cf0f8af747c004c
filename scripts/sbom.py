#!/usr/bin/env python3
"""Prints the bill of materials of the program in CycloneDX: sbom.py TARGET PROGRAM.

It lists everything linked into the program: crates as Cargo.lock pins them, and libraries of the compiler, the system and
crates. Build-time crates, such as procedural macros, are not listed.
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


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout


def crate_purl(name, version):
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}"


def read_dependencies(target):
    """Reads from `cargo tree` which crates each crate depends on; the first is the program's own."""
    tree = run(
        "cargo",
        "tree",
        "--locked",
        "--package=llm-classroom",
        "--edges=normal,no-proc-macro",
        f"--target={target}",
        "--prefix=depth",
        "--format={p}",
    )
    dependencies, above = {}, []
    for depth, name, version in re.findall(r"^(\d+)(\S+) v(\S+)", tree, re.MULTILINE):
        del above[int(depth) :]
        dependencies.setdefault((name, version), set())
        if above:
            dependencies[above[-1]].add((name, version))
        above.append((name, version))
    return dependencies


def describe_crate(name, version, manifest, checksum):
    component = {
        "type": "library",
        "bom-ref": crate_purl(name, version),
        "name": name,
        "version": version,
        "purl": crate_purl(name, version),
    }
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if licence := manifest["license"]:
        # An older way to write it.
        component["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if repository := manifest["repository"]:
        component["externalReferences"] = [{"type": "vcs", "url": repository}]
    return component


def describe_library(name, version, licence, purl):
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence}],
    }


def list_libraries(manifests):
    """Lists the linked libraries that aren't crates, each with the crate that contains it, or None for the program itself."""
    rust = re.search(r"rustc (\S+)", run("rustc", "-V"))[1]
    glibc = re.search(r"(\d+\.\d+)$", run("ldd", "--version").splitlines()[0])[1]
    (bindings, _), manifest = next((key, found) for key, found in manifests.items() if key[0] == "libsqlite3-sys")
    header = (pathlib.Path(manifest["manifest_path"]).parent / "sqlite3/sqlite3.h").read_text()
    sqlite = re.search(r'#define SQLITE_VERSION +"([^"]+)"', header)[1]
    return [
        (None, describe_library("rust-std", rust, "MIT OR Apache-2.0", f"pkg:generic/rust-std@{rust}")),
        (None, describe_library("glibc", glibc, "LGPL-2.1-or-later", f"pkg:generic/glibc@{glibc}")),
        (bindings, describe_library("sqlite", sqlite, "blessing", f"pkg:generic/sqlite@{sqlite}")),
    ]


def build_bill(target, program):
    dependencies_of = read_dependencies(target)
    (own, *_) = dependencies_of
    metadata = json.loads(run("cargo", "metadata", "--locked", "--format-version=1", f"--filter-platform={target}"))
    manifests = {(package["name"], package["version"]): package for package in metadata["packages"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(package["name"], package["version"]): package.get("checksum") for package in lock["package"]}

    components = {key: describe_crate(*key, manifests[key], checksums[key]) for key in dependencies_of}
    dependencies = {crate_purl(*key): {crate_purl(*used) for used in dependencies_of[key]} for key in dependencies_of}
    main = components.pop(own)
    digest = hashlib.sha256(program.read_bytes()).hexdigest()
    main |= {"type": "application", "hashes": [{"alg": "SHA-256", "content": digest}]}
    every = list(components.values())
    for bindings, library in list_libraries({key: manifests[key] for key in dependencies_of}):
        users = [crate_purl(*key) for key in dependencies_of if key[0] == bindings] or [main["bom-ref"]]
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


json.dump(build_bill(sys.argv[1], pathlib.Path(sys.argv[2])), sys.stdout, indent=1, ensure_ascii=False)
print()
