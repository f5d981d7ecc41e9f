//! A private Redis for one run: found on PATH, reached through a socket in the run's folder.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::LockError;
use crate::folder::RunFolder;

/// How long a private server may take to answer for the first time. It takes 11 to 25 ms.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How often its socket is tried meanwhile.
const START_POLL: Duration = Duration::from_millis(1);

/// The first `redis-server` or `valkey-server` on PATH.
#[must_use]
pub fn find_server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    ["redis-server", "valkey-server"]
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| is_executable(program))
}

fn is_executable(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    program
        .metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Starts the server in the run's folder, without persistence, and waits until its socket is
/// there: the path of that socket.
///
/// # Errors
/// [`LockError::Server`] with what the server said when it does not come up.
pub async fn start_server(program: &Path, folder: &mut RunFolder) -> Result<PathBuf, LockError> {
    let failed = |reason: String| LockError::Server {
        program: program.to_owned(),
        reason,
    };
    let socket = folder.socket().ok_or_else(|| {
        failed("the path of the temporary folder is too long for a socket: set TMPDIR to a shorter one".to_owned())
    })?;
    let configuration = format!(
        "port 0\nunixsocket \"{socket}\"\nunixsocketperm 700\nsave \"\"\nappendonly no\ndaemonize no\ndir \"{dir}\"\nloglevel warning\n",
        socket = socket.display(),
        dir = folder.path().display(),
    );
    // The one of an earlier server, so that nobody takes it for the new one's.
    let _ = std::fs::remove_file(&socket);
    folder
        .serve(program, &configuration)
        .map_err(|error| failed(error.to_string()))?;
    let began = Instant::now();
    while tokio::net::UnixStream::connect(&socket).await.is_err() {
        if began.elapsed() > START_LIMIT {
            return Err(failed(folder.server_log()));
        }
        tokio::time::sleep(START_POLL).await;
    }
    Ok(socket)
}
