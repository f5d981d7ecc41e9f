//! A server of the run's own: started so that nothing outlives the run, and watched while it runs.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpgid, kill_process_group, waitid};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::watch;

use super::supervisor::{Supervisor, happens_within, shell};

/// What becomes the server. It waits until the supervisor knows of it, or ends when this process does.
/// The server then dies with this process even if the supervisor was killed before, where the system can
/// do that (`setpriv` of util-linux).
const STARTER: &str = r#"
read -r go && [ "$go" = go ] || exit 1
setpriv --pdeathsig KILL true 2>/dev/null && exec setpriv --pdeathsig KILL -- "$@" </dev/null
exec "$@" </dev/null
"#;

/// How much of what it prints is kept: the end.
const KEPT: usize = 4096;

/// How much of its last line is shown.
const LINE_MAX: usize = 300;

/// How long its last words may take to arrive once it has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a process that was killed may take to be gone. It takes 1 to 5 ms.
const KILL_LIMIT: Duration = Duration::from_millis(300);

/// How a process ended; `None` while it runs.
pub(crate) type ProcessEnd = watch::Receiver<Option<ExitStatus>>;

/// A process of the run's own, with whatever it starts itself. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    group: Pid,
    ended: ProcessEnd,
    printed: Arc<Mutex<Printed>>,
    /// Closed when all of its output has been read.
    read: watch::Receiver<()>,
    supervisor: Supervisor,
}

/// The end of what it printed.
#[derive(Debug, Default)]
struct Printed {
    end: VecDeque<u8>,
    bytes: u64,
}

impl Process {
    pub(super) fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        supervisor: Supervisor,
    ) -> io::Result<Self> {
        let (output, input) = io::pipe()?;
        let mut command = shell(STARTER, "racesim-starter");
        command.arg(program).args(arguments);
        command.stdout(input.try_clone()?).stderr(input);
        let mut command = tokio::process::Command::from(command);
        let mut child = command.stdin(Stdio::piped()).spawn()?;
        // Its copies of the pipe's other end, without which the pipe never ends.
        drop(command);
        let (Some(pid), Some(go)) = (child.id(), child.stdin.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let group = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let group = group.ok_or(io::ErrorKind::InvalidData)?;
        // Whatever fails before it is told to go leaves nothing: it ends when this end is closed.
        let mut go = std::fs::File::from(go.into_owned_fd()?);
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?;

        supervisor.guard(group);
        let printed = Arc::new(Mutex::new(Printed::default()));
        let (reading, read) = watch::channel(());
        tokio::spawn(keep_the_end(output, Arc::clone(&printed), reading));
        let (ending, ended) = watch::channel(None);
        let watcher = supervisor.clone();
        tokio::spawn(async move {
            if let Ok(status) = child.wait().await {
                watcher.forget(group);
                ending.send_replace(Some(status));
            }
        });
        let process = Self {
            group,
            ended,
            printed,
            read,
            supervisor,
        };
        go.write_all(b"go\n")?;
        Ok(process)
    }

    /// How it ends, for those who ask later.
    #[must_use]
    pub fn end(&self) -> ProcessEnd {
        self.ended.clone()
    }

    /// How it ended; `None` while it runs.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// Waits until it has ended: how.
    pub async fn ended(&self) -> Option<ExitStatus> {
        let mut ended = self.ended.clone();
        let status = ended.wait_for(Option::is_some).await.ok()?;
        *status
    }

    /// Makes it stand still.
    ///
    /// # Errors
    /// When it is gone.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on when it stands still.
    ///
    /// # Errors
    /// When it is gone.
    pub fn resume(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends it at once.
    pub async fn kill(self) {
        if self.signal(Signal::KILL).is_ok() {
            // What cannot be killed is left to the supervisor.
            let _ = tokio::time::timeout(KILL_LIMIT, self.ended()).await;
        }
    }

    /// Whether this process is one of those that end with it.
    #[must_use]
    pub fn owns(&self, pid: i32) -> bool {
        getpgid(Pid::from_raw(pid)).is_ok_and(|group| group == self.group)
    }

    /// How much it has printed, in bytes.
    #[must_use]
    pub fn printed(&self) -> u64 {
        lock(&self.printed).bytes
    }

    /// The last line that it printed; empty when it printed none.
    pub async fn last_line(&self) -> String {
        if self.status().is_some() {
            let mut read = self.read.clone();
            // A child that inherited its output may hold it open.
            let _ = tokio::time::timeout(LAST_WORDS, read.changed()).await;
        }
        let end: Vec<u8> = lock(&self.printed).end.iter().copied().collect();
        let text = String::from_utf8_lossy(&end);
        let line = text.trim_end().lines().last().unwrap_or_default().trim();
        let plain = line.chars().filter(|letter| !letter.is_control());
        plain.take(LINE_MAX).collect()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        if self.status().is_some() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(kill_process_group(self.group, signal)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.signal(Signal::KILL).is_err() {
            return;
        }
        // The task that waits for it may never have another turn.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        happens_within(KILL_LIMIT, || {
            !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
        });
        self.supervisor.forget(self.group);
    }
}

fn lock(printed: &Mutex<Printed>) -> MutexGuard<'_, Printed> {
    printed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads all that a process prints, and keeps the end of it.
async fn keep_the_end(
    mut output: pipe::Receiver,
    printed: Arc<Mutex<Printed>>,
    _read: watch::Sender<()>,
) {
    let mut piece = vec![0; KEPT];
    while let Ok(bytes) = output.read(&mut piece).await
        && bytes > 0
    {
        let mut printed = lock(&printed);
        printed.end.extend(&piece[..bytes]);
        let surplus = printed.end.len().saturating_sub(KEPT);
        printed.end.drain(..surplus);
        printed.bytes += u64::try_from(bytes).unwrap_or(0);
    }
}
