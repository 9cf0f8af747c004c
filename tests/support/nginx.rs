//! A real nginx for one test.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A running server. Dropping it ends it.
pub struct Nginx(Child);

impl Nginx {
    /// Starts it with this configuration; `$FOLDER` in it becomes the folder.
    pub fn start(folder: &Path, config: &str) -> Self {
        let file = folder.join("nginx.conf");
        fs::write(&file, config.replace("$FOLDER", &folder.display().to_string())).unwrap();
        let child = Command::new("/usr/sbin/nginx")
            .args(["-g", "daemon off;", "-e", "stderr", "-c"])
            .arg(&file)
            .stdin(Stdio::null())
            .stderr(fs::File::create(folder.join("nginx.stderr")).unwrap())
            .spawn()
            .expect("These tests need the Debian package `nginx`.");
        Self(child)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that the master takes its worker along.
        let _ = Command::new("sh").args(["-c", "kill -TERM $0", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
