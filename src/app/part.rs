//! A file beside its place: it takes the place when it is whole, and is gone when it never is.

use std::ffi::OsStr;
use std::fs::Permissions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// What a new file may be, before the umask takes from it.
const NEW_FILE: u32 = 0o666;

/// So much of a place's name stands in that of its part: with what is added, names end at 255 bytes.
const NAME_MAX: usize = 200;

/// A file in the making, `NAME.XXXXXX.part` in the folder of its place.
#[derive(Debug)]
pub(super) struct PartFile(NamedTempFile);

impl PartFile {
    /// An empty part, with the permissions and the owner of what is at the place.
    ///
    /// # Errors
    /// When no file can be made in that folder.
    pub(super) fn beside(place: &Path) -> io::Result<Self> {
        let folder = place.parent().unwrap_or(Path::new("/"));
        let name = place.file_name().unwrap_or_default().as_bytes();
        let mut prefix = OsStr::from_bytes(&name[..name.len().min(NAME_MAX)]).to_owned();
        prefix.push(".");
        let part = Builder::new()
            .prefix(&prefix)
            .suffix(".part")
            .permissions(Permissions::from_mode(NEW_FILE))
            .tempfile_in(folder)?;
        if let Ok(earlier) = place.metadata() {
            // Only root can give a file away; for others it stays their own.
            let _ = chown(part.path(), Some(earlier.uid()), Some(earlier.gid()));
            part.as_file().set_permissions(earlier.permissions())?;
        }
        Ok(Self(part))
    }

    /// Puts what was written at the place, whole. A place that cannot be renamed to, such as a file
    /// that is mounted by itself, is written over.
    ///
    /// # Errors
    /// When the disk is full or the place is not to be had.
    pub(super) fn take_place(self, place: &Path) -> io::Result<()> {
        self.0.as_file().sync_all()?;
        let Err(refused) = self.0.persist(place) else {
            return Ok(());
        };
        match refused.error.kind() {
            ErrorKind::ResourceBusy | ErrorKind::CrossesDevices => {
                std::fs::copy(refused.file.path(), place).map(drop)
            }
            _ => Err(refused.error),
        }
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
