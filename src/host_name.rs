//! This machine's name.

use std::{fs, sync::LazyLock};

/// This machine's name; empty if it has none. It is read once.
pub(crate) fn host_name() -> &'static str {
    static NAME: LazyLock<String> =
        LazyLock::new(|| fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned());
    &NAME
}
