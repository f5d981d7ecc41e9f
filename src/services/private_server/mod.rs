//! Where a run keeps its files, and who ends and removes what it started, whatever ends the run.
//!
//! A small shell, the supervisor, is there before the folder is. It watches a pipe that only this
//! process holds open; when the pipe closes, by a normal end or by SIGKILL, it ends the servers that
//! it was told of and removes the folder. A supervisor that is gone is replaced, and a normal end does
//! not need it: racesim then does the same by itself.

mod process;
mod supervisor;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub(crate) use process::{Process, ProcessEnd};

use supervisor::Supervisor;

/// The longest a socket's path may be (`sun_path` holds 108 bytes on Linux, 104 on macOS).
const SOCKET_PATH_MAX: usize = 100;

/// What is wrong where a socket has no place, and the next move.
pub(crate) const SOCKET_TOO_LONG: &str =
    "the path of the temporary folder is too long for a socket: set TMPDIR to a shorter one";

/// What the name of a folder begins with, and how many hexadecimal digits follow.
const NAME: &str = "racesim-";
const DIGITS: usize = 12;

/// Nobody else may read or write in the folder: a server in it has no password.
const MODE: u32 = 0o700;

/// A folder that lives as long as a run, and the servers that were started in it.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    supervisor: Supervisor,
}

impl RunFolder {
    /// A new folder in the system's place for temporary files, and its supervisor.
    ///
    /// # Errors
    /// When the folder cannot be made, or `/bin/sh` cannot be started.
    pub fn create() -> io::Result<Self> {
        let path = place()?.join(format!("{NAME}{}", digits()?));
        // It is there first: whatever ends this process from here on, the folder is removed.
        let supervisor = Supervisor::start(&path)?;
        let made = DirBuilder::new().mode(MODE).create(&path).and_then(|()| {
            // The umask may have taken some of the mode away.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(MODE))
        });
        if let Err(error) = made {
            supervisor.dismiss();
            return Err(error);
        }
        Ok(Self { path, supervisor })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the run's server with this number can listen; `None` when the folder's path is too long
    /// for that.
    #[must_use]
    pub fn socket(&self, number: usize) -> Option<PathBuf> {
        let socket = self.path.join(socket_name(number));
        (socket.as_os_str().len() <= SOCKET_PATH_MAX).then_some(socket)
    }

    /// Starts a server that lives at most as long as the folder. Its arguments reach it as they are,
    /// whatever they hold.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<A: AsRef<std::ffi::OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> io::Result<Process> {
        Process::start(program, arguments, self.supervisor.clone())
    }

    /// Waits until there is no supervisor any more and no other could be started: why.
    pub async fn unguarded(&self) -> String {
        self.supervisor.lost().await
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        self.supervisor.end();
    }
}

fn socket_name(number: usize) -> String {
    match number {
        0 => "server.sock".to_owned(),
        other => format!("server-{other}.sock"),
    }
}

/// The system's place for temporary files. An empty TMPDIR is as unset
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html>).
#[must_use]
pub(crate) fn temporary() -> PathBuf {
    let named = std::env::temp_dir();
    if named.as_os_str().is_empty() {
        return PathBuf::from("/tmp");
    }
    named
}

/// Where the folder is to be: `/tmp`, when the system's place for temporary files has too long a path
/// for a socket in it.
fn place() -> io::Result<PathBuf> {
    let usual = std::path::absolute(temporary())?;
    let length = usual.as_os_str().len() + 1 + NAME.len() + DIGITS + 1 + socket_name(99).len();
    let short = Path::new("/tmp");
    if length > SOCKET_PATH_MAX && usual.is_dir() && short.is_dir() {
        return Ok(short.to_owned());
    }
    Ok(usual)
}

/// A name that nobody can guess, whatever the seed of the run.
fn digits() -> io::Result<String> {
    use rand::TryRng;
    let number = rand::rngs::SysRng
        .try_next_u64()
        .map_err(io::Error::other)?;
    let mut digits = format!("{number:016x}");
    digits.truncate(DIGITS);
    Ok(digits)
}
