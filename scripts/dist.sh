#!/usr/bin/env bash
# Builds the release into target/dist/: one statically linked program, its archive, checksum and bill of materials.
#   dist.sh            builds
#   dist.sh --verify   builds elsewhere as well and compares: the same commit gives the same bytes
set -euo pipefail
shopt -s nullglob
cd "$(dirname "$0")/.."
export LC_ALL=C

readonly target=x86_64-unknown-linux-gnu
version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
readonly version name=llm-classroom-$version-x86_64-linux
# Packed files get the time of the commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
export SOURCE_DATE_EPOCH
# The folder of the build must not be in the result, and cargo's may be anywhere.
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")
CARGO_HOME=$(realpath -m "${CARGO_HOME:-$HOME/.cargo}")
export CARGO_TARGET_DIR CARGO_HOME
readonly dist=$CARGO_TARGET_DIR/dist

main() {
    case ${1-} in
    "") build && pack && echo "$dist/$name.tar.gz" ;;
    --verify) verify ;;
    *) sed -n '2,4s/^# \?//p' "$0" >&2 && exit 2 ;;
    esac
}

build() {
    cargo fetch --locked --target $target
    local sysroot commit crates=("$CARGO_HOME"/registry/src/*) mapping c_flags='' rust_flags
    # The crate getrandom looks for the function of its name at run time, finds none in a static program, and would need
    # /dev/urandom, which an empty root lacks.
    rust_flags=(-Ctarget-feature=+crt-static '--cfg=getrandom_backend="linux_getrandom"')
    # Addresses that are set right at the start are listed as a bitmap: 2 MB less.
    rust_flags+=('-Clink-arg=-Wl,-z,pack-relative-relocs')
    sysroot=$(rustc --print sysroot)
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    # The last match wins, so deeper paths come later.
    for mapping in "$PWD=/llm-classroom" "$CARGO_TARGET_DIR=/target" "$sysroot/lib/rustlib/src/rust=/rustc/$commit" \
        "${crates[@]/%/=/crates}"; do
        rust_flags+=("--remap-path-prefix=$mapping")
        c_flags+="-ffile-prefix-map=$mapping "
    done
    local IFS=$'\x1f'
    # With --target, build scripts and procedural macros get none of these flags; macros could not be static.
    # What is compiled has the same time in every commit, or each would compile all C code and what calls it again.
    SOURCE_DATE_EPOCH=0 CARGO_ENCODED_RUSTFLAGS="${rust_flags[*]}" CFLAGS_x86_64_unknown_linux_gnu=$c_flags \
        CARGO_INCREMENTAL=0 cargo build --release --locked --target $target --bin llm-classroom
}

pack() {
    rm -rf "$dist"
    mkdir -p "$dist/$name"
    install -m 755 "$CARGO_TARGET_DIR/$target/release/llm-classroom" "$dist/llm-classroom"
    cp -R "$dist/llm-classroom" LICENSE README.ko.md deploy docs "$dist/$name/"
    scripts/nginx-errors.sh "$dist/$name/deploy/nginx/errors"
    rm "$dist/$name/deploy/nginx-errors.html"
    # Remove files that local runs left behind.
    rm -rf "$dist/$name/deploy/docker/"{.env,secrets}
    find "$dist/$name" -name __pycache__ -prune -exec rm -rf {} +
    # Independent of the umask.
    chmod -R u=rwX,go=rX "$dist/$name"
    tar --create --directory "$dist" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner \
        --mtime="@$SOURCE_DATE_EPOCH" "$name" | gzip -9n >"$dist/$name.tar.gz"
    (cd "$dist" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
    scripts/sbom.py $target "$dist/llm-classroom" >"$dist/$name.cdx.json"
}

# Another folder, time and umask, and crates unpacked anew elsewhere.
verify() {
    local work elsewhere
    build && pack
    work=$(mktemp -d)
    # shellcheck disable=SC2064 # the folder as it's named now
    trap "rm -rf '$work'" EXIT
    elsewhere=$work/a-folder/with-a-longer-name-than-this-one-has
    mkdir -p "$elsewhere" "$work/cargo/registry"
    git ls-files -z | tar --create --null --files-from=- | tar --extract --touch --directory "$elsewhere"
    # Registry configuration and downloads, but no unpacked crates.
    local configuration=("$CARGO_HOME"/config*)
    ((${#configuration[@]} == 0)) || cp -R "${configuration[@]}" "$work/cargo/"
    cp -R "$CARGO_HOME"/registry/{index,cache} "$work/cargo/registry/"
    (umask 077 && CARGO_TARGET_DIR='' CARGO_HOME=$work/cargo "$elsewhere/scripts/dist.sh")
    for file in llm-classroom "$name.tar.gz" "$name.cdx.json"; do
        cmp "$dist/$file" "$elsewhere/target/dist/$file"
    done
    echo "Built here and elsewhere, the same: $(cut -d' ' -f1 "$dist/$name.tar.gz.sha256")"
}

main "$@"
