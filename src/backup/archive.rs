//! The archive of a database: compressed and, with a public key, encrypted. Packing streams and needs little memory.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    iter,
    path::Path,
};

use age::{Decryptor, Encryptor, IdentityFile, x25519};
use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

/// Compression level of zstd: fast, and text shrinks to a fifth.
const LEVEL: i32 = 6;
/// Limit of the memory for unpacking any archive, as a power of two: 8 MiB, enough for levels up to 19.
const WINDOW_LOG_MAX: u32 = 23;

/// A file's length and SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDigest {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Reads a public key.
///
/// # Errors
/// When the text isn't a public key of age.
pub fn recipient(text: &str) -> anyhow::Result<x25519::Recipient> {
    let recipient: Result<x25519::Recipient, _> = text.trim().parse();
    recipient.map_err(|error| {
        anyhow::anyhow!("BACKUP_PUBLIC_KEY is no public key such as age1… ({error}); `age-keygen` makes a pair")
    })
}

/// Packs the database `from` into `to`.
///
/// # Errors
/// When a file can't be read or written.
pub fn pack(from: &Path, to: &Path, recipient: Option<&x25519::Recipient>) -> anyhow::Result<()> {
    let mut from = File::open(from)?;
    let out = BufWriter::new(File::create(to)?);
    match recipient {
        None => compress(&mut from, out)?.flush()?,
        Some(recipient) => {
            let encryptor = Encryptor::with_recipients(iter::once(recipient as &dyn age::Recipient))?;
            compress(&mut from, encryptor.wrap_output(out)?)?.finish()?.flush()?;
        }
    }
    Ok(())
}

fn compress<W: Write>(from: &mut File, to: W) -> io::Result<W> {
    let mut encoder = zstd::Encoder::new(to, LEVEL)?;
    encoder.include_checksum(true)?;
    io::copy(from, &mut encoder)?;
    encoder.finish()
}

/// Unpacks the archive `from` into the database `to`, which may have `most` bytes.
///
/// # Errors
/// When it is damaged, larger than `most`, or encrypted to another key.
pub fn unpack(from: &Path, to: &Path, most: u64, identity: Option<&Path>) -> anyhow::Result<()> {
    let from = BufReader::new(File::open(from)?);
    match identity {
        None => decompress(from, to, most),
        Some(identity) => {
            let context = || format!("BACKUP_IDENTITY_FILE, {}, can't be used", identity.display());
            let keys = IdentityFile::from_buffer(BufReader::new(File::open(identity).with_context(context)?));
            let keys = keys.with_context(context)?.into_identities().with_context(context)?;
            let decryptor = Decryptor::new(from).context("the backup isn't encrypted as its manifest says")?;
            let plain = decryptor.decrypt(keys.iter().map(|key| &**key as &dyn age::Identity));
            match plain {
                Ok(plain) => decompress(plain, to, most),
                Err(age::DecryptError::NoMatchingKeys) => bail!(
                    "the backup is encrypted to another key than the one in {}; find the one that was made with \
                     BACKUP_PUBLIC_KEY",
                    identity.display()
                ),
                Err(error) => Err(error).context("the backup can't be decrypted"),
            }
        }
    }
}

fn decompress(from: impl Read, to: &Path, most: u64) -> anyhow::Result<()> {
    let mut decoder = zstd::Decoder::new(from)?;
    decoder.window_log_max(WINDOW_LOG_MAX)?;
    let mut out = BufWriter::new(File::create(to)?);
    // Reads one byte beyond the limit, which shows that the data exceeds it.
    let written = io::copy(&mut decoder.take(most.saturating_add(1)), &mut out).context("the backup is damaged")?;
    ensure!(written <= most, "the backup holds more than its manifest says");
    out.flush()?;
    Ok(())
}

/// Reads a file to its end.
///
/// # Errors
/// When it can't be read.
pub fn digest_file(path: &Path) -> io::Result<FileDigest> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
    let sha256 = hex::encode(hash.finalize());
    Ok(FileDigest { bytes, sha256 })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use age::secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_packed_database_can_be_unpacked_by_the_right_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(|n| (n % 251).to_le_bytes()).collect();
        fs::write(at("db"), &bytes).unwrap();
        let [own, other] = [(); 2].map(|()| x25519::Identity::generate());
        fs::write(at("own"), own.to_string().expose_secret()).unwrap();
        fs::write(at("other"), other.to_string().expose_secret()).unwrap();

        pack(&at("db"), &at("plain"), None).unwrap();
        unpack(&at("plain"), &at("again"), bytes.len() as u64, None).unwrap();
        assert_eq!(digest_file(&at("again")).unwrap(), digest_file(&at("db")).unwrap());
        let too_much = unpack(&at("plain"), &at("again"), bytes.len() as u64 - 1, None).unwrap_err();
        assert!(too_much.to_string().contains("more than its manifest says"), "{too_much}");

        pack(&at("db"), &at("secret"), Some(&own.to_public())).unwrap();
        unpack(&at("secret"), &at("again"), bytes.len() as u64, Some(&at("own"))).unwrap();
        assert_eq!(fs::read(at("again")).unwrap(), bytes);
        let wrong = unpack(&at("secret"), &at("again"), bytes.len() as u64, Some(&at("other"))).unwrap_err();
        assert!(wrong.to_string().contains("another key"), "{wrong}");
        assert!(recipient("age1nonsense").is_err());
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let bytes: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        fs::write(at("db"), &bytes).unwrap();
        pack(&at("db"), &at("packed"), None).unwrap();
        let packed = fs::read(at("packed")).unwrap();
        for place in (0..packed.len()).step_by(packed.len() / 50) {
            let mut damaged = packed.clone();
            damaged[place] ^= 1;
            fs::write(at("damaged"), &damaged).unwrap();
            let unpacked = unpack(&at("damaged"), &at("again"), bytes.len() as u64, None);
            assert!(unpacked.is_err() || fs::read(at("again")).unwrap() == bytes, "byte {place}");
        }
        fs::write(at("damaged"), &packed[..packed.len() / 2]).unwrap();
        assert!(unpack(&at("damaged"), &at("again"), bytes.len() as u64, None).is_err());
    }
}
