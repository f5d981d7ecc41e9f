//! A lock server inside racesim, for a machine without Redis: spoken to as a Redis is, over a socket.
//!
//! It is a thread of its own with one table, so that a command is one indivisible act, as on a Redis.
//! What a lock costs beside the database is then a round trip, as it is with a Redis
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>). It knows the commands that racesim
//! sends, and its scripts as functions.

#[cfg(test)]
mod agreement;
mod commands;
mod refusal;
mod scripts;
mod table;
mod wire;

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use commands::ServerState;

/// How much of a connection is read at once, in bytes: a pipeline of 512 usual commands.
const READ_MAX: usize = 1 << 16;

/// How long no connection is taken after one could not be: the process has no more files.
const NO_FILES: Duration = Duration::from_millis(10);

/// A lock server that is a thread of this process. It ends when this is dropped, and forgets all.
#[derive(Debug)]
pub struct EmbeddedServer {
    socket: PathBuf,
    motion: Arc<Motion>,
    ending: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedServer {
    /// A server that listens on this socket from now on.
    ///
    /// # Errors
    /// When the socket cannot be made, or no thread.
    pub fn start(socket: &Path) -> io::Result<Self> {
        // The one of an earlier server.
        let _ = std::fs::remove_file(socket);
        let listener = std::os::unix::net::UnixListener::bind(socket)?;
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (motion, ending) = (Arc::<Motion>::default(), CancellationToken::new());
        let (its_motion, its_end) = (Arc::clone(&motion), ending.clone());
        let thread = std::thread::Builder::new()
            .name("racesim-locks".to_owned())
            .spawn(move || {
                let serving = its_end.run_until_cancelled(serve(listener, its_motion));
                LocalSet::new().block_on(&runtime, serving);
            })?;
        Ok(Self {
            socket: socket.to_owned(),
            motion,
            ending,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Makes it stand still: it takes connections, as the system does for a stopped process, and
    /// answers nobody.
    pub fn pause(&self) {
        self.motion.become_state(MotionState::Paused);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.motion.become_state(MotionState::Running);
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        self.motion.become_state(MotionState::Ended);
        self.ending.cancel();
        if let Some(thread) = self.thread.take() {
            // One that has panicked is gone as well.
            let _ = thread.join();
        }
    }
}

/// Whether the server moves. Held while it does, so that it stands still once it is told to.
#[derive(Debug, Default)]
struct Motion {
    state: Mutex<MotionState>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum MotionState {
    #[default]
    Running,
    Paused,
    Ended,
}

impl Motion {
    fn become_state(&self, state: MotionState) {
        *self.lock() = state;
        self.changed.notify_all();
    }

    /// Waits while the server is to stand still, and keeps it moving; `None` when it is over.
    fn keep(&self) -> Option<MutexGuard<'_, MotionState>> {
        let is_paused = |state: &mut MotionState| *state == MotionState::Paused;
        let state = self.changed.wait_while(self.lock(), is_paused);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (*state == MotionState::Running).then_some(state)
    }

    fn lock(&self) -> MutexGuard<'_, MotionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections, each a task of this thread.
async fn serve(listener: std::os::unix::net::UnixListener, motion: Arc<Motion>) {
    let Ok(listener) = UnixListener::from_std(listener) else {
        return;
    };
    let state = Rc::new(RefCell::new(ServerState::new()));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let serving = serve_one(stream, Rc::clone(&state), Arc::clone(&motion));
                tokio::task::spawn_local(serving);
            }
            Err(_) => tokio::time::sleep(NO_FILES).await,
        }
    }
}

/// Answers a client until it, or the server, ends the connection.
async fn serve_one(mut stream: UnixStream, state: Rc<RefCell<ServerState>>, motion: Arc<Motion>) {
    let (mut input, mut output) = (Vec::with_capacity(READ_MAX), Vec::new());
    while stream
        .read_buf(&mut input)
        .await
        .is_ok_and(|bytes| bytes > 0)
    {
        let done = {
            let Some(_moving) = motion.keep() else { return };
            answer(&input, &mut state.borrow_mut(), &mut output)
        };
        let is_written = stream.write_all(&output).await.is_ok();
        let Some(done) = done.filter(|_| is_written) else {
            return;
        };
        // What is left is the beginning of a command.
        input.drain(..done);
        output.clear();
    }
}

/// Carries out the commands that are whole: how many bytes they are; `None` for what no client sends.
fn answer(input: &[u8], state: &mut ServerState, output: &mut Vec<u8>) -> Option<usize> {
    state.table.look_at_the_clock();
    let (mut words, mut done) = (Vec::new(), 0);
    loop {
        match wire::read(&input[done..], &mut words) {
            Ok(Some(length)) => {
                // A command without a name is answered nothing, as by Redis.
                if let Some((name, words)) = words.split_first() {
                    wire::write(&state.carry_out(name, words), output);
                }
                done += length;
            }
            Ok(None) => return Some(done),
            Err(wire::Malformed) => {
                output.extend_from_slice(b"-ERR Protocol error\r\n");
                return None;
            }
        }
    }
}
