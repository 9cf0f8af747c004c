//! Covers the lines of the standard input: `kinds<TAB>covered line`.
fn main() {
    for line in std::io::stdin().lines() {
        let covered = safety::personal::cover(&line.expect("UTF-8"));
        let kinds: Vec<_> = covered.kinds.iter().map(|kind| kind.name()).collect();
        println!("{}\t{}", kinds.join(" "), covered.text);
    }
}
