//! Commands: the rooms that each joins, and its exit status.

mod check;
mod explore;
mod input;
mod list;
mod matrix;
mod output;
mod part;
mod place;
mod probes;
mod progress;
mod race;
mod reasons;
mod repeat;
mod replay;
mod signals;
mod simulated;
mod target;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::cli::{self, Command, Refusal};
use crate::engine::EngineError;
use crate::explore::replay::ReplayError;
use crate::explore::{Limit, SearchVerdict};
use crate::services::ServiceError;
use output::OutputError;
use place::Uses;

/// More than the runtime opens at its start.
const DESCRIPTORS: usize = 10;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// What was asked holds.
    Holds,
    /// A property was violated, or an assertion failed.
    Violated,
    /// The person's words are off.
    Usage,
    /// The verdict is unknown.
    Unknown,
    /// A service could not be used.
    Service,
    /// A signal with this number ended the run.
    Signal(u8),
}

impl Exit {
    fn code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Holds => 0,
            Self::Violated => 1,
            Self::Usage => 2,
            Self::Unknown => 3,
            Self::Service => 4,
            Self::Signal(number) => 128 + number,
        })
    }
}

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Replay(#[from] ReplayError),
    #[error("cannot read the history '{path}': {reason}")]
    History { path: String, reason: String },
    #[error(
        "no redis-server or valkey-server on PATH, and an assertion about locks would say nothing of Redis: \
        install one (apt-get install redis-server), or say --redis in-process to assert about simulated locks"
    )]
    NoRedisToAssert,
    #[error("{0}")]
    Words(String),
    #[error("cannot repeat '{path}': {reason}")]
    Repeat { path: String, reason: String },
    #[error("cannot replay '{path}': {reason}")]
    Recording { path: String, reason: String },
    #[error(
        "the system gives no more threads or files ({0}): raise its limits, see ulimit -n, -u and -v"
    )]
    System(#[source] io::Error),
}

impl AppError {
    /// A search that the system gave no thread is no answer.
    fn unless_on_a_thread(verdict: &SearchVerdict) -> Result<(), Self> {
        if *verdict == SearchVerdict::Unknown(Limit::Threads) {
            let error = io::Error::from_raw_os_error(libc::EAGAIN);
            return Err(Self::System(error));
        }
        Ok(())
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Output(error) => error.exit(),
            Self::Service(ServiceError::Lock(error)) if error.is_of_usage() => Exit::Usage,
            Self::Service(_) | Self::NoRedisToAssert | Self::System(_) => Exit::Service,
            Self::Engine(error) | Self::Replay(ReplayError::Engine(error)) => match error {
                EngineError::Store(_)
                | EngineError::Lock(_)
                | EngineError::Unguarded(_)
                | EngineError::Silent => Exit::Service,
                EngineError::Panicked(_)
                | EngineError::Diverged(_)
                | EngineError::Unread(_)
                | EngineError::Stopped => Exit::Unknown,
                EngineError::TooLarge { .. } => Exit::Usage,
            },
            Self::History { .. }
            | Self::Repeat { .. }
            | Self::Recording { .. }
            | Self::Words(_)
            | Self::Replay(_) => Exit::Usage,
        }
    }
}

/// Does what the command line asks, and says how it went.
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    signals::let_long_files_fail();
    let command = match cli::parse(words) {
        Ok(command) => command,
        Err(refusal) => return refuse(&refusal).code(),
    };
    let done = signals::with_signals(|stop| perform(command, stop));
    let exit = done.unwrap_or_else(|error| {
        output::print_error(&error.to_string());
        error.exit()
    });
    exit.code()
}

fn perform(command: Command, stop: CancellationToken) -> Result<Exit, AppError> {
    match command {
        Command::Race(command) => on_a_runtime(race::run(*command, Uses::default(), stop)),
        Command::Check { file, output } => on_a_runtime(check::run(&file, &output, stop)),
        Command::Repeat(command) => on_a_runtime(repeat::run(*command, stop)),
        Command::Explore(command) => on_a_runtime(explore::run(&command, stop)),
        Command::Replay(command) => on_a_runtime(replay::run(*command, stop)),
        Command::Matrix(command) => on_a_runtime(matrix::run(*command, stop)),
        Command::List(kind) => list::run(kind),
    }
}

/// One thread for the users: the database's thread or Redis needs the other core, and two workers
/// gave the same speed for twice the processor time.
fn on_a_runtime(work: impl Future<Output = Result<Exit, AppError>>) -> Result<Exit, AppError> {
    // It panics where it cannot open what it needs.
    let tried: io::Result<Vec<File>> = (0..DESCRIPTORS).map(|_| File::open("/dev/null")).collect();
    tried.map(drop).map_err(AppError::System)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AppError::System)?;
    let done = runtime.block_on(work);
    // The users of a race that was stopped may be millions: they end with the process, at once.
    std::mem::forget(runtime);
    done
}

fn refuse(refusal: &Refusal) -> Exit {
    match refusal {
        Refusal::Help(page) => match output::print(output::chosen(page, &std::io::stdout())) {
            Ok(()) => Exit::Holds,
            Err(error) => {
                output::print_error(&error.to_string());
                error.exit()
            }
        },
        Refusal::Nothing(page) => {
            output::print_notice(output::chosen(page, &std::io::stderr()));
            Exit::Usage
        }
        Refusal::Usage(line) => {
            output::print_error(line);
            Exit::Usage
        }
    }
}
