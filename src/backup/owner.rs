//! Refuses to run as root in a folder of another user, who couldn't read the files.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::bail;

/// Refuses root in another user's folder: that user couldn't read root's files, and could redirect root's writes by links.
///
/// # Errors
/// When this process runs as root and the folder belongs to another user, whom the text names.
pub fn refuse_root(folder: &Path) -> anyhow::Result<()> {
    let (Ok(own), Ok(there)) = (fs::metadata("/proc/self"), fs::metadata(folder)) else { return Ok(()) };
    if own.uid() == 0 && there.uid() != 0 {
        let (folder, user) = (folder.display(), user_name(there.uid()));
        bail!("{folder} is {user}'s and not root's; run this as that user: sudo -u {user} llm-classroom …");
    }
    Ok(())
}

/// The user's name or, where the machine doesn't know it, its number as `sudo` takes it.
fn user_name(id: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("'#{id}'"))
}
