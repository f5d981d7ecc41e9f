//! The supervisor of a run's folder: a shell that outlives this process by what it takes to clean up.

use std::collections::HashSet;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::sync::watch;

/// What the supervisor runs. `$1` is the folder; orders come as lines. It holds no other process open,
/// and needs none until the end. A process that is being killed may still make a file while the folder
/// is being removed, so that it is tried again.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP QUIT TSTP
servers=
while read -r order server; do
    case $order in
        guard) servers="$servers $server" ;;
        forget)
            others=
            for one in $servers; do [ "$one" = "$server" ] || others="$others $one"; done
            servers=$others ;;
    esac
done
for server in $servers; do kill -s KILL -- "-$server" 2>/dev/null; done
tries=0
until rm -rf -- "$1" 2>/dev/null || [ "$tries" -ge 40 ]; do
    tries=$((tries + 1))
    sleep 0.05 2>/dev/null || sleep 1
done
"#;

/// How long an end waits for the supervisor to have cleaned up. It takes 2 to 4 ms.
const CLEAN_UP_LIMIT: Duration = Duration::from_millis(300);

/// How often it is looked whether it has.
const CLEAN_UP_POLL: Duration = Duration::from_millis(1);

/// A supervisor that is gone sooner than this after its start cannot live here.
const SETTLED: Duration = Duration::from_secs(1);

/// So many of those in a row are enough.
const SHORT_LIVED_MAX: u32 = 20;

/// What a secret of a person must not be handed on in, and where a shell finds its tools when PATH
/// does not say.
const SECRET: &str = "RACESIM_REDIS";
const TOOLS: &str = "/usr/bin:/bin";

/// A shell that runs `script`, apart from signals that a terminal sends to this process, and without
/// the person's secrets.
pub(super) fn shell(script: &str, name: &str) -> Command {
    let path = match std::env::var_os("PATH") {
        Some(path) if !path.is_empty() => {
            let mut both = path;
            both.push(":");
            both.push(TOOLS);
            both
        }
        _ => TOOLS.into(),
    };
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script, name])
        .env_remove(SECRET)
        .env("PATH", path)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped());
    command
}

/// Watches over a folder and servers.
#[derive(Clone, Debug)]
pub(super) struct Supervisor(Arc<Guarded>);

#[derive(Debug)]
struct Guarded {
    folder: PathBuf,
    state: Mutex<State>,
    lost: watch::Sender<Option<String>>,
}

#[derive(Debug)]
struct State {
    /// `None` once it is not wanted any more, or gone for good.
    shell: Option<Shell>,
    /// The process groups that it is to end.
    servers: HashSet<Pid>,
}

#[derive(Debug)]
struct Shell {
    child: Child,
    orders: ChildStdin,
}

impl Supervisor {
    /// A supervisor of a folder that need not be there yet.
    pub(super) fn start(folder: &Path) -> io::Result<Self> {
        let (shell, gone) = spawn(folder)?;
        let supervisor = Self(Arc::new(Guarded {
            folder: folder.to_owned(),
            state: Mutex::new(State {
                shell: Some(shell),
                servers: HashSet::new(),
            }),
            lost: watch::Sender::new(None),
        }));
        tokio::spawn(replace_when_gone(Arc::downgrade(&supervisor.0), gone));
        Ok(supervisor)
    }

    /// It is to end this process group.
    pub(super) fn guard(&self, server: Pid) {
        let mut state = self.lock();
        state.servers.insert(server);
        // One that is gone is replaced, and the other is told of all servers.
        let _ = state.order("guard", server);
    }

    /// The process group has ended.
    pub(super) fn forget(&self, server: Pid) {
        let mut state = self.lock();
        if state.servers.remove(&server) {
            // One that is gone has nothing to forget.
            let _ = state.order("forget", server);
        }
    }

    /// Waits until there is none any more and no other could be started: why.
    pub(super) async fn lost(&self) -> String {
        let mut lost = self.0.lost.subscribe();
        let why = lost.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    /// There is nothing to guard: it must not remove what is not ours.
    pub(super) fn dismiss(&self) {
        if let Some(mut shell) = self.lock().shell.take() {
            // Left to itself it would remove what stands there.
            let _ = shell.child.kill();
            let _ = shell.child.wait();
        }
    }

    /// Ends the servers and removes the folder, with the supervisor or, when it is gone or stands still,
    /// without it.
    pub(super) fn end(&self) {
        let (shell, servers) = {
            let mut state = self.lock();
            (state.shell.take(), std::mem::take(&mut state.servers))
        };
        for server in servers {
            // One that has ended meanwhile is no error.
            let _ = kill_process_group(server, Signal::KILL);
        }
        if let Some(Shell { mut child, orders }) = shell {
            drop(orders);
            if !happens_within(CLEAN_UP_LIMIT, || !matches!(child.try_wait(), Ok(None))) {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
        // In most cases the supervisor has done so.
        let _ = std::fs::remove_dir_all(&self.0.folder);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn order(&mut self, order: &str, server: Pid) -> io::Result<()> {
        let shell = self.shell.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        // In one piece, so that none of it is read without the rest.
        let written = shell
            .orders
            .write_all(format!("{order} {server}\n").as_bytes());
        if written.is_err() {
            // One that takes no orders, gone or standing still, is replaced.
            let _ = shell.child.kill();
        }
        written
    }
}

/// Starts the shell, and what ends when the shell does.
fn spawn(folder: &Path) -> io::Result<(Shell, pipe::Receiver)> {
    let mut child = shell(SUPERVISOR, "racesim-supervisor")
        .arg(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (Some(orders), Some(gone)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    // One that stands still does not make this process stand still too.
    rustix::io::ioctl_fionbio(&orders, true)?;
    let gone = pipe::Receiver::from_owned_fd(OwnedFd::from(gone))?;
    Ok((Shell { child, orders }, gone))
}

/// Starts another supervisor whenever one is gone that is still wanted.
async fn replace_when_gone(watch: Weak<Guarded>, mut gone: pipe::Receiver) {
    let mut short_lived = 0;
    loop {
        let began = Instant::now();
        // It says nothing, so that this ends with it.
        while gone.read(&mut [0; 64]).await.is_ok_and(|bytes| bytes > 0) {}
        let Some(supervisor) = watch.upgrade().map(Supervisor) else {
            return;
        };
        let mut state = supervisor.lock();
        let Some(mut old) = state.shell.take() else {
            return;
        };
        // A shell that closed its end but lives on is no supervisor.
        let _ = old.child.kill();
        let _ = old.child.wait();
        short_lived = if began.elapsed() < SETTLED {
            short_lived + 1
        } else {
            0
        };
        let next = if short_lived > SHORT_LIVED_MAX {
            Err(io::Error::other("each one ends at once"))
        } else {
            spawn(&supervisor.0.folder)
        };
        match next {
            Ok((shell, next)) => {
                state.shell = Some(shell);
                for server in state.servers.clone() {
                    // One that is gone at once is replaced again.
                    let _ = state.order("guard", server);
                }
                gone = next;
            }
            Err(error) => {
                let why = format!(
                    "what cleans up after racesim is gone, and cannot be started again ({error})"
                );
                supervisor.0.lost.send_replace(Some(why));
                return;
            }
        }
    }
}

/// Whether something is true within a time; looked at now and then.
#[expect(
    clippy::disallowed_methods,
    reason = "the system tells of another's end only to who asks, and there is no runtime at the end"
)]
pub(super) fn happens_within(limit: Duration, mut is_true: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if is_true() {
            return true;
        }
        if began.elapsed() > limit {
            return false;
        }
        std::thread::sleep(CLEAN_UP_POLL);
    }
}
