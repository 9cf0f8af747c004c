//! Embeds the files of `static/` into the program.

fn main() {
    // The texts are read by a macro, which Cargo can't see.
    println!("cargo::rerun-if-changed=locales");
    memory_serve::load_directory("./static");
}
