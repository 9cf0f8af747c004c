//! Embeds the files of `static/` into the program, and makes a static one independent of its machine's libraries.

use std::{env, fs, path::Path};

fn main() {
    // The texts are read by a macro, which Cargo can't see.
    println!("cargo::rerun-if-changed=locales");
    memory_serve::load_directory("./static");
    if env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        forget_the_folder();
    }
    look_up_names_without_libraries();
}

/// For the statically linked program; the C file says why.
fn look_up_names_without_libraries() {
    const SOURCE: &str = "static_names.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    let is = |name, word| env::var(name).is_ok_and(|words| words.split(',').any(|one| one == word));
    if is("CARGO_CFG_TARGET_FEATURE", "crt-static") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        for object in cc::Build::new().file(SOURCE).compile_intermediates() {
            println!("cargo::rustc-link-arg-bins={}", object.display());
        }
    }
}

/// Takes the name of this folder out of the list of embedded files, so that the program is the same wherever it's built.
/// Only debug builds read files there.
fn forget_the_folder() {
    let variable = |name| env::var(name).expect("cargo sets it for build scripts");
    let list = Path::new(&variable("OUT_DIR")).join("memory_serve_assets.rs");
    let folder = format!("path: r\"{}/", variable("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&list).expect("memory-serve has just written it");
    fs::write(list, text.replace(&folder, "path: r\"")).expect("it could be written a moment ago");
}
