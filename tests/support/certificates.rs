//! A certificate authority and a server's certificate for 127.0.0.1, made by openssl.

use std::{path::Path, process::Command};

const MAKE: &str = r#"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=Test CA" \
        -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=server" \
        -keyout server.key -out server.csr
    printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n' >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem
"#;

/// Leaves `ca.pem`, `server.pem` and `server.key` in a folder.
pub fn make(folder: &Path) {
    let made = Command::new("sh").args(["-ec", MAKE]).current_dir(folder).output().expect("the command runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
