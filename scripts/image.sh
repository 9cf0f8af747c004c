#!/usr/bin/env bash
# Builds the container image from the program of `make dist`.
#   image.sh        with buildah, podman or docker, whichever is there; IMAGE=name:tag names it
#   image.sh root   only lays out the image's files in target/image/
set -euo pipefail
cd "$(dirname "$0")/.."
readonly root=target/image

case ${1-} in
"" | root) ;;
*) sed -n '2,4s/^# \?//p' "$0" >&2 && exit 2 ;;
esac

rm -rf $root
mkdir -p $root/data $root/etc/ssl/certs
cp "${CARGO_TARGET_DIR:-target}/dist/llm-classroom" $root/
# For whatever is asked over TLS: the model server, S3, Redis, Sentry.
cp --dereference /etc/ssl/certs/ca-certificates.crt $root/etc/ssl/certs/
chmod -R u=rwX,go=rX $root
[[ ${1-} == root ]] && exit

version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
arguments=(
    --file deploy/docker/Dockerfile
    --build-arg PROGRAM=packed
    --label "org.opencontainers.image.version=$version"
    --label "org.opencontainers.image.revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
    --tag "${IMAGE:-llm-classroom:$version}"
)
# Only this format has health checks.
if command -v buildah >/dev/null; then
    buildah build --format docker "${arguments[@]}" .
elif command -v podman >/dev/null; then
    podman build --format docker "${arguments[@]}" .
else
    docker build "${arguments[@]}" .
fi
