#!/usr/bin/env bash
# Installs what the tests need and the machine lacks. Asks for root only when something is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
need() { # need PACKAGE TEST...: the package, unless the test succeeds
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}
postgres_is_there() { compgen -G '/usr/lib/postgresql/*/bin/initdb'; }
installed() { dpkg -s "$1"; }

need python3-venv python3 -m ensurepip --version
need build-essential command -v cc
need nodejs command -v node
need npm command -v npm
need chromium command -v chromium
need firefox-esr command -v firefox-esr
need webkit2gtk-driver command -v WebKitWebDriver
need xvfb command -v Xvfb
need fonts-noto-cjk installed fonts-noto-cjk
need fonts-noto-color-emoji installed fonts-noto-color-emoji
need postgresql postgres_is_there
need redis-server command -v redis-server
need nginx test -x /usr/sbin/nginx
need openssl command -v openssl
need curl command -v curl
need debootstrap command -v debootstrap
need lintian command -v lintian
need logrotate test -x /usr/sbin/logrotate
need certbot command -v certbot
need pebble command -v pebble
need ufw test -x /usr/sbin/ufw
need iproute2 command -v ip
need gnupg command -v gpg
need gpgv command -v gpgv
need shellcheck command -v shellcheck
need prometheus command -v promtool
need git command -v git
need jq command -v jq
need buildah command -v buildah
need podman command -v podman
need runc command -v runc
need netavark installed netavark
need fuse-overlayfs command -v fuse-overlayfs
need systemd command -v systemd-analyze

if ((${#missing[@]})); then
    echo "Installing: ${missing[*]}"
    as_root=()
    ((EUID == 0)) || as_root=(sudo)
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

# Installs what the lock file lists, and again only if it changed.
if [[ ! -d node_modules || package-lock.json -nt node_modules/.package-lock.json ]]; then
    npm ci --no-fund --no-audit --loglevel=error
fi

# Likewise.
virtual_environment() { # virtual_environment FOLDER REQUIREMENTS PIP-OPTION...
    local folder=$1 requirements=$2
    shift 2
    if [[ ! -e $folder/done || $requirements -nt $folder/done ]]; then
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" -r "$requirements"
        touch "$folder/done"
    fi
}
virtual_environment target/venv tests/deploy/requirements.txt
# This list is complete.
virtual_environment target/foreign-venv tests/foreign/requirements.txt --no-deps
