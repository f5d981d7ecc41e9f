//! Signals: the first asks the work to end and to report what is known, a second ends at once.
//!
//! The work has a thread of its own and the signals have one, so that no search, no verdict and no
//! file that blocks keeps a signal waiting. What the work had started ends with the process: the
//! supervisors of the private servers see to that.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio_util::sync::CancellationToken;

use super::output::print_error;
use super::{AppError, Exit};

/// How long the work may go on after a signal, to write what is known and to clean up.
const GRACE: Duration = Duration::from_millis(400);

/// How long after a signal a file may still be written: there may be millions of lines.
const FILE_LIMIT: Duration = Duration::from_millis(60);

/// The stack that a main thread has.
const STACK_BYTES: usize = 8 << 20;

enum SignalEvent {
    Done(Result<Exit, AppError>),
    Panicked(Box<dyn Any + Send>),
    Signal(u8),
}

/// Does the work, with a token that the first signal cancels.
pub(super) fn with_signals(
    work: impl FnOnce(CancellationToken) -> Result<Exit, AppError> + Send + 'static,
) -> Result<Exit, AppError> {
    let (events, inbox) = mpsc::channel();
    listen(events.clone()).map_err(AppError::System)?;
    let stop = CancellationToken::new();
    let token = stop.clone();
    thread::Builder::new()
        .name("racesim-work".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let done = catch_unwind(AssertUnwindSafe(|| work(token)));
            // Nobody listens any more when a signal has ended the process already.
            let _ = events.send(done.map_or_else(SignalEvent::Panicked, SignalEvent::Done));
        })
        .map_err(AppError::System)?;
    let first = match inbox.recv() {
        Ok(SignalEvent::Done(done)) => return done,
        Ok(SignalEvent::Panicked(panic)) => resume_unwind(panic),
        Ok(SignalEvent::Signal(number)) => number,
        Err(_) => return Err(AppError::System(io::ErrorKind::BrokenPipe.into())),
    };
    stop.cancel();
    match inbox.recv_timeout(GRACE) {
        Ok(SignalEvent::Done(Ok(_))) => {}
        Ok(SignalEvent::Done(Err(error))) => print_error(&error.to_string()),
        Ok(SignalEvent::Panicked(panic)) => resume_unwind(panic),
        Ok(SignalEvent::Signal(second)) => return Ok(Exit::Signal(second)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            print_error("stopped, and not all of what was known could be reported in time");
        }
    }
    Ok(Exit::Signal(first))
}

/// Lets a write beyond the longest file that this process may make fail, with words, instead of ending the
/// process (<https://man7.org/linux/man-pages/man2/setrlimit.2.html>, `RLIMIT_FSIZE`). The signal is caught
/// and not ignored: what is started is to have it as it always has.
pub(super) fn let_long_files_fail() {
    // Where it cannot be caught, the process ends as any other does.
    let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
}

/// A file that fails to be written when a stop is wanted and time is over.
pub(super) struct UntilStopped<'a, F> {
    file: F,
    stop: &'a CancellationToken,
    stopped: Option<Instant>,
}

impl<'a, F> UntilStopped<'a, F> {
    pub(super) fn new(file: F, stop: &'a CancellationToken) -> Self {
        Self {
            file,
            stop,
            stopped: None,
        }
    }

    fn go_on(&mut self) -> io::Result<()> {
        if self.stop.is_cancelled() {
            let stopped = *self.stopped.get_or_insert_with(Instant::now);
            if stopped.elapsed() > FILE_LIMIT {
                return Err(io::Error::other("stopped before its end"));
            }
        }
        Ok(())
    }
}

impl<F: io::Write> io::Write for UntilStopped<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go_on()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Tells of every signal that asks for an end. A hang-up that the process was started to ignore, as
/// nohup does, stays ignored.
fn listen(events: Sender<SignalEvent>) -> io::Result<()> {
    let is_heard = |signal: &i32| *signal != SIGHUP || !is_ignored(SIGHUP);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP].iter().filter(|one| is_heard(one)))?;
    thread::Builder::new()
        .name("racesim-signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                let number = u8::try_from(signal).unwrap_or(u8::MAX);
                if events.send(SignalEvent::Signal(number)).is_err() {
                    return;
                }
            }
        })
        .map(drop)
}

/// Whether the process was started to ignore this signal
/// (<https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>, `SigIgn`).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
