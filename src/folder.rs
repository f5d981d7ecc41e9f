//! Where a run keeps its files, and who removes them, whatever ends the run.
//!
//! A small shell, the *guardian*, watches a pipe that only this process holds open. When the pipe
//! closes, by a normal end or by SIGKILL, it ends the server it was told to start and removes the
//! folder. It has a process group of its own, so that Ctrl-C does not reach it or the server.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

/// What the guardian runs. `$1` is the folder; orders come as lines.
const GUARDIAN: &str = r#"
trap '' INT TERM HUP
server=
stop() {
    if [ -n "$server" ]; then
        kill -KILL "$server" 2>/dev/null
        wait "$server" 2>/dev/null
        server=
    fi
}
while read -r order program; do
    case $order in
        serve) stop; "$program" "$1/server.conf" >"$1/server.log" 2>&1 </dev/null & server=$! ;;
        pause) kill -STOP "$server" 2>/dev/null ;;
        resume) kill -CONT "$server" 2>/dev/null ;;
    esac
done
stop
rm -rf "$1"
"#;

/// The longest a socket's path may be (`sun_path` holds 108 bytes on Linux, 104 on macOS).
const SOCKET_PATH_MAX: usize = 100;

/// How long an end waits for the guardian to have cleaned up.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(2);

/// A folder that lives as long as a run.
#[derive(Debug)]
pub struct RunFolder {
    dir: TempDir,
    guardian: Option<Child>,
}

impl RunFolder {
    /// A new folder in the system's place for temporary files, and its guardian.
    ///
    /// # Errors
    /// When the folder cannot be made, or `/bin/sh` cannot be started.
    pub fn create() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("racesim-");
        let dir = match short_place() {
            Some(place) => builder.tempdir_in(place)?,
            None => builder.tempdir()?,
        };
        let guardian = Command::new("/bin/sh")
            .args(["-c", GUARDIAN, "racesim-guardian"])
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .process_group(0)
            .spawn()?;
        Ok(Self {
            dir,
            guardian: Some(guardian),
        })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where a server of the run can listen; `None` when the folder's path is too long for that.
    #[must_use]
    pub fn socket(&self) -> Option<PathBuf> {
        let socket = self.path().join("server.sock");
        (socket.as_os_str().len() <= SOCKET_PATH_MAX).then_some(socket)
    }

    /// Starts a server that lives as long as the folder. It reads `configuration` as its first
    /// argument's file; what it prints is in [`server_log`](Self::server_log).
    ///
    /// # Errors
    /// When the configuration cannot be written, or the guardian is gone.
    pub fn serve(&mut self, program: &Path, configuration: &str) -> io::Result<()> {
        std::fs::write(self.path().join("server.conf"), configuration)?;
        self.order(&format!("serve {}", program.display()))
    }

    /// Makes the server stand still.
    ///
    /// # Errors
    /// When the guardian is gone.
    pub fn pause(&mut self) -> io::Result<()> {
        self.order("pause")
    }

    /// Lets a server go on that stands still.
    ///
    /// # Errors
    /// When the guardian is gone.
    pub fn resume(&mut self) -> io::Result<()> {
        self.order("resume")
    }

    fn order(&mut self, order: &str) -> io::Result<()> {
        let orders = self
            .guardian
            .as_mut()
            .and_then(|guardian| guardian.stdin.as_mut());
        let orders = orders.ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(orders, "{order}")
    }

    /// The last line that the server printed; empty when it printed none.
    #[must_use]
    pub fn server_log(&self) -> String {
        let log = std::fs::read_to_string(self.path().join("server.log")).unwrap_or_default();
        log.lines().last().unwrap_or_default().trim().to_owned()
    }
}

/// `/tmp`, when the system's place for temporary files has too long a path for a socket in it.
fn short_place() -> Option<&'static Path> {
    let usual = std::env::temp_dir().join("racesim-abcdef/server.sock");
    let is_long = usual.as_os_str().len() > SOCKET_PATH_MAX;
    let short = Path::new("/tmp");
    (is_long && std::env::temp_dir().is_dir() && short.is_dir()).then_some(short)
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let Some(mut guardian) = self.guardian.take() else {
            return;
        };
        drop(guardian.stdin.take());
        let (ended, has_ended) = mpsc::channel();
        std::thread::spawn(move || ended.send(guardian.wait().is_ok()));
        // Past the limit the guardian goes on by itself; there is nothing more to wait for.
        let _ = has_ended.recv_timeout(CLEAN_UP_LIMIT);
    }
}
