#!/usr/bin/env bash
# Builds the container image from the program of `make dist`.
#   image.sh        with buildah, podman or docker, whichever is there; IMAGE=name:tag names it
#   image.sh files  only lays out the image's files in target/image/
set -euo pipefail
cd "$(dirname "$0")/.."
readonly files=target/image

case ${1-} in
"" | files) ;;
*) sed -n '2,4s/^# \?//p' "$0" >&2 && exit 2 ;;
esac

rm -rf $files
mkdir -p $files/data $files/root/etc/ssl/certs
cp "${CARGO_TARGET_DIR:-target}/dist/llm-classroom" $files/root/
# For TLS connections to the model server, S3, Redis and Sentry.
cp --dereference /etc/ssl/certs/ca-certificates.crt $files/root/etc/ssl/certs/
# Independent of the umask, and also for a downloaded program.
chmod -R u=rwX,go=rX $files
chmod 755 $files/root/llm-classroom
[[ ${1-} == files ]] && exit

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
