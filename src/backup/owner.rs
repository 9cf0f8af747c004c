//! Whose a folder is: what root makes there is of no use to its owner.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::bail;

/// Root's files in another user's folder would be none that this user can read. And that user could lead root astray there.
///
/// # Errors
/// When this process is root's and the folder is not, with whom to be instead.
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
