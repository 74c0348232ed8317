//! Files of the disk: read whole as long as they are plain and small enough, made for nobody but their owner.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Only its owner reads what is made here: messages and databases tell of people.
const OWN: u32 = 0o600;

/// What the shell hands over by a path, as with `<(command)`; all else must be a plain file.
const HANDED: [&str; 3] = ["/dev/fd/", "/proc/self/fd/", "/dev/stdin"];

/// The bytes of a plain file that has no more than `most`. A device could go on for ever, and a pipe keep its reader waiting.
///
/// # Errors
/// The system's; [`io::ErrorKind::FileTooLarge`] when it has more.
pub(super) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let handed = HANDED.iter().any(|prefix| path.to_str().is_some_and(|path| path.starts_with(prefix)));
    // A pipe is not waited for when it is only looked at.
    let flags = if handed { 0 } else { libc::O_NONBLOCK };
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() && !handed {
        return Err(io::Error::other("this is no plain file"));
    }
    if metadata.len() > most {
        return Err(too_large(most));
    }
    read_within(file, most)
}

/// All that comes, when it is no more than `most` bytes.
///
/// # Errors
/// The same.
pub(super) fn read_within(source: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

fn too_large(most: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {most} bytes"))
}

/// Makes a file that was not there: what is, a link too, is left alone.
///
/// # Errors
/// The system's.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(OWN).open(path)
}

/// Puts bytes into a plain file in place of what it held, or makes it; a link is not followed, and nothing else is waited for.
///
/// # Errors
/// The system's.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(OWN).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("this is no plain file"));
    }
    file.set_len(0)?;
    io::Write::write_all(&mut file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_plain_files_of_a_size_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        assert_eq!(read(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        // Its size says nothing.
        assert_eq!(read(Path::new("/proc/self/status"), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(read(Path::new("/dev/zero"), 5).unwrap_err().to_string().contains("no plain file"));
        assert_eq!(read(folder.path(), 5).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert!(read(&pipe, 5).unwrap_err().to_string().contains("no plain file"));
        assert!(replace(&pipe, b"x").is_err());
    }

    #[test]
    fn what_is_made_is_its_owners_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("precious"), "precious").unwrap();
        symlink(path("precious"), path("link")).unwrap();
        symlink(path("elsewhere"), path("dangling")).unwrap();
        for name in ["precious", "link", "dangling"] {
            assert_eq!(create(&path(name)).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        create(&path("made")).unwrap();
        assert_eq!(mode(&path("made")), 0o600);
        for name in ["link", "dangling"] {
            assert!(replace(&path(name), b"x").is_err(), "{name}");
        }
        replace(&path("precious"), b"new").unwrap();
        replace(&path("other"), b"new").unwrap();
        assert_eq!(mode(&path("other")), 0o600);
        assert_eq!(std::fs::read(path("precious")).unwrap(), b"new");
        assert!(!path("elsewhere").exists());
    }
}
