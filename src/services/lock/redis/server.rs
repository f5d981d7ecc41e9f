//! A private Redis for one run: found on PATH, reached through a socket in the run's folder.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use tokio::net::UnixStream;

use crate::duration::Millis;
use crate::services::lock::LockError;
use crate::services::private_server::{Process, ProcessEnd, RunFolder, SOCKET_TOO_LONG};

/// How long a private server may take to answer for the first time. It takes 11 to 25 ms.
const START_LIMIT: Duration = Duration::from_secs(10);

/// How often its socket is tried meanwhile.
const START_POLL: Duration = Duration::from_millis(1);

/// More than any server prints before it is ready, in bytes.
const PRINTED_MAX: u64 = 1 << 20;

/// How long a new server has to say what it is.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// A server of the run's own. It ends when this is dropped.
#[derive(Debug)]
pub struct PrivateServer {
    process: Process,
    socket: PathBuf,
}

impl PrivateServer {
    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The process that it is.
    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// How it ends, once it has.
    #[must_use]
    pub fn end(&self) -> ProcessEnd {
        self.process.end()
    }

    /// Kills it; what it held is forgotten.
    pub async fn kill(self) {
        self.process.kill().await;
    }
}

/// The first `redis-server` on PATH, or else the first `valkey-server`.
#[must_use]
pub fn find_server() -> Option<PathBuf> {
    find_program("redis-server").or_else(|| find_program("valkey-server"))
}

/// The first program of this name on PATH. An empty part of PATH is the current folder.
pub(in crate::services::lock) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .filter(|program| is_executable(program))
        // It is started from another folder.
        .find_map(|program| std::path::absolute(program).ok())
}

fn is_executable(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    program
        .metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Starts the run's server with this number in its folder, without persistence, and waits until it
/// listens and says itself that it is what was asked for.
///
/// # Errors
/// [`LockError::Server`] with what the server said when it does not come up, or comes up as something
/// else: it is ended then.
pub(in crate::services::lock) async fn start_server(
    program: &Path,
    folder: &RunFolder,
    number: usize,
) -> Result<PrivateServer, LockError> {
    let failed = |reason: String| LockError::Server {
        program: program.to_owned(),
        reason,
    };
    let socket = folder.socket(number);
    let socket = socket.ok_or_else(|| failed(SOCKET_TOO_LONG.to_owned()))?;
    // The one of an earlier server, so that nobody takes it for the new one's.
    let _ = std::fs::remove_file(&socket);
    let process = folder
        .start(program, arguments(&socket, folder.path()))
        .map_err(|error| failed(error.to_string()))?;
    let stream = listening(&process, &socket).await.map_err(failed)?;
    let asked = tokio::time::timeout(ASK_LIMIT, is_as_asked(&process, stream, &socket)).await;
    match asked {
        Ok(Ok(())) => Ok(PrivateServer { process, socket }),
        Ok(Err(reason)) => Err(failed(reason)),
        Err(_) => Err(failed(format!(
            "it listens, and does not answer within {}",
            Millis(ASK_LIMIT)
        ))),
    }
}

/// What the server is told. A file with it would have a name, and `redis-server` reads the name of its
/// configuration as a pattern: where nothing matches, every default holds, all interfaces among them.
/// What comes as an argument it quotes itself, whatever the value holds
/// (<https://redis.io/docs/latest/operate/oss_and_stack/management/config/>).
fn arguments(socket: &Path, folder: &Path) -> Vec<OsString> {
    let settings: [(&str, OsString); 8] = [
        ("--port", "0".into()),
        ("--unixsocket", socket.into()),
        ("--unixsocketperm", "700".into()),
        ("--save", "".into()),
        ("--appendonly", "no".into()),
        ("--daemonize", "no".into()),
        ("--dir", folder.into()),
        ("--loglevel", "warning".into()),
    ];
    settings
        .into_iter()
        .flat_map(|(name, value)| [name.into(), value])
        .collect()
}

/// Waits until the server listens, or is seen not to come up: why.
async fn listening(process: &Process, socket: &Path) -> Result<UnixStream, String> {
    let began = Instant::now();
    loop {
        if let Ok(stream) = UnixStream::connect(socket).await {
            return Ok(stream);
        }
        let why = if let Some(status) = process.status() {
            format!("it ended at once with {status}")
        } else if process.printed() > PRINTED_MAX {
            format!("it prints without end ({} bytes)", process.printed())
        } else if began.elapsed() > START_LIMIT {
            format!("it did not listen within {}", Millis(START_LIMIT))
        } else {
            tokio::select! {
                _ = process.ended() => {}
                () = tokio::time::sleep(START_POLL) => {}
            }
            continue;
        };
        return Err(match process.last_line().await.as_str() {
            "" => format!("{why}, and said nothing"),
            line => format!("{why}; its last line: {line}"),
        });
    }
}

/// Asks the server itself whether it listens on our socket and nowhere else, writes nothing to a disk,
/// and will end with us: what is different.
async fn is_as_asked(process: &Process, stream: UnixStream, socket: &Path) -> Result<(), String> {
    let words = |error: RedisError| format!("it does not say what it is ({})", error.category());
    let (nobody, how) = (RedisConnectionInfo::default(), AsyncConnectionConfig::new());
    let made = MultiplexedConnection::new_with_config(&nobody, stream, how).await;
    let (mut connection, driver) = made.map_err(words)?;
    let driver = tokio::spawn(driver);
    let answered = async {
        let mut pipe = redis::pipe();
        let names = ["port", "tls-port", "save", "appendonly", "unixsocket"];
        for name in names {
            pipe.cmd("CONFIG").arg("GET").arg(name);
        }
        let values: Vec<HashMap<String, Vec<u8>>> = pipe.query_async(&mut connection).await?;
        let info: redis::InfoDict = redis::cmd("INFO")
            .arg("server")
            .query_async(&mut connection)
            .await?;
        let values: HashMap<String, Vec<u8>> = values.into_iter().flatten().collect();
        Ok((values, info.get::<i32>("process_id")))
    };
    let answered = answered.await.map_err(words);
    driver.abort();
    let (values, pid) = answered?;
    let is = |name: &str, value: &[u8]| values.get(name).is_none_or(|is| is == value);
    if !is("port", b"0") || !is("tls-port", b"0") {
        return Err("it listens on the network, as it was told not to".to_owned());
    }
    if !is("save", b"") || !is("appendonly", b"no") {
        return Err("it writes to the disk, as it was told not to".to_owned());
    }
    let socket = values
        .get("unixsocket")
        .is_some_and(|path| path == socket.as_os_str().as_bytes());
    if !socket || !pid.is_some_and(|pid| process.owns(pid)) {
        return Err("what answers is another process than the one that was started".to_owned());
    }
    Ok(())
}
