#!/usr/bin/env bash
# Builds the Debian package from a built program. The same program and commit give the same bytes.
#   deb.sh [PROGRAM [FOLDER]]   PROGRAM, if not target/dist/llm-classroom; FOLDER for the package, if not PROGRAM's
# VERSION= names another version than Cargo.toml, COMPRESSION= other options of dpkg-deb than -Zxz.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C
umask 022

program=${1:-${CARGO_TARGET_DIR:-target}/dist/llm-classroom}
if [[ ! -f $program ]]; then
    echo "deb.sh: there is no $program; \"make dist\" builds it" >&2
    exit 1
fi
folder=${2:-$(dirname "$program")}
version=${VERSION:-$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)}
# All time stamps in the package are the commit's.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH

root=$(mktemp -d)
chmod 755 "$root"
trap 'rm -rf "$root"' EXIT
share=$root/usr/share/llm-classroom
documents=$root/usr/share/doc/llm-classroom

fill() { # fill TEMPLATE: its placeholders filled in
    sed -e "s/@VERSION@/$version/" -e "s/@DATE@/$(date -u -R -d "@$SOURCE_DATE_EPOCH")/" \
        -e "s/@MONTH@/$(date -u +'%B %Y' -d "@$SOURCE_DATE_EPOCH")/" "$1"
}

install -D -m 755 "$program" "$root/usr/bin/llm-classroom"

for unit in deploy/systemd/*.{service,socket,timer}; do
    install -D -m 644 -t "$root/lib/systemd/system" "$unit"
done
install -D -m 644 -t "$share/systemd" deploy/systemd/*.conf
install -D -m 644 deploy/logrotate/llm-classroom "$root/etc/logrotate.d/llm-classroom"
install -D -m 640 deploy/etc/llm-classroom.env "$root/etc/llm-classroom/llm-classroom.env"
for part in nginx firewall monitoring; do
    if [[ -d deploy/$part ]]; then
        cp -R "deploy/$part" "$share/"
    fi
done
scripts/nginx-errors.sh "$share/nginx/errors"
install -m 755 -t "$share" deploy/install.sh deploy/update.sh

install -d "$documents"
if [[ -f docs/ko/operations.md ]]; then
    gzip -9n <docs/ko/operations.md >"$documents/operations.ko.md.gz"
fi
for bill in "$(dirname "$program")"/*.cdx.json; do
    if [[ -f $bill ]]; then
        gzip -9n <"$bill" >"$documents/llm-classroom.cdx.json.gz"
    fi
done
fill deploy/debian/changelog | gzip -9n >"$documents/changelog.gz"
# In the copyright format a continued paragraph begins with a space, and an empty line is a dot.
notice=$(grep -m 1 '^Copyright' LICENSE)
sed "1,/^Copyright/d; s/^/ /; s/^ $/ ./" LICENSE | sed '1{/^ \.$/d}' >"$root/licence"
sed -e "s/@COPYRIGHT@/Copyright: ${notice#Copyright (c) }/" -e "/@LICENSE@/{r $root/licence" -e 'd}' \
    deploy/debian/copyright >"$documents/copyright"
rm "$root/licence"
install -d "$root/usr/share/man/man1"
fill deploy/debian/llm-classroom.1 | gzip -9n >"$root/usr/share/man/man1/llm-classroom.1.gz"
install -D -m 644 deploy/debian/lintian-overrides "$root/usr/share/lintian/overrides/llm-classroom"

# A program that is not static, such as a developer's build, needs shared libraries.
libraries=
if ldd "$program" 2>/dev/null | grep -q 'libc\.so'; then
    libraries=', libc6, libgcc-s1'
fi
mkdir "$root/DEBIAN"
size=$(du --apparent-size -sk "$root" | cut -f1)
fill deploy/debian/control | sed -e "s/@INSTALLED_SIZE@/$size/" -e "s/@LIBRARIES@/$libraries/" >"$root/DEBIAN/control"
install -m 644 deploy/debian/conffiles "$root/DEBIAN/"
install -m 755 deploy/debian/{postinst,prerm,postrm} "$root/DEBIAN/"
(cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root/DEBIAN/md5sums"

find "$root" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
package=llm-classroom_${version}_amd64.deb
mkdir -p "$folder"
read -ra compression <<<"${COMPRESSION:--Zxz}"
dpkg-deb --root-owner-group "${compression[@]}" --build "$root" "$folder/$package" >/dev/null
(cd "$folder" && sha256sum "$package" >"$package.sha256")
echo "$folder/$package"
