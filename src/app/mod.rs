//! Which rooms does each command join, and what is the exit status?

mod check;
mod explore;
mod input;
mod matrix;
mod output;
mod place;
mod probes;
mod race;
mod replay;
mod signals;
mod simulated;
mod target;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::cli::{self, Command, Refusal};
use crate::engine::{EngineError, ServiceError};
use crate::replay::ReplayError;
use crate::strategy::CATALOGUE;
use output::OutputError;

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
    #[error("cannot replay '{path}': {reason}")]
    Recording { path: String, reason: String },
}

impl AppError {
    fn exit(&self) -> Exit {
        match self {
            Self::Output(error) => error.exit(),
            Self::Service(ServiceError::Lock(error)) if error.is_of_usage() => Exit::Usage,
            Self::Service(_) | Self::NoRedisToAssert => Exit::Service,
            Self::Engine(error) | Self::Replay(ReplayError::Engine(error)) => match error {
                EngineError::Store(_)
                | EngineError::Lock(_)
                | EngineError::Unguarded(_)
                | EngineError::Silent => Exit::Service,
                EngineError::Panicked(_) | EngineError::Astray(_) => Exit::Unknown,
                EngineError::TooLarge { .. } => Exit::Usage,
            },
            Self::History { .. } | Self::Recording { .. } | Self::Words(_) | Self::Replay(_) => {
                Exit::Usage
            }
        }
    }
}

/// Does what the command line asks, and says how it went.
pub async fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match cli::parse(words) {
        Ok(command) => command,
        Err(refusal) => return refuse(&refusal).code(),
    };
    let done = match command {
        Command::Race(command) => signals::heeding(|stop| race::run(*command, stop)).await,
        Command::Check { file, output } => check::run(&file, &output).await,
        Command::Explore(command) => explore::run(&command).await,
        Command::Replay(command) => replay::run(*command).await,
        Command::Matrix(command) => matrix::run(*command).await,
        Command::Strategies => strategies(),
    };
    let exit = done.unwrap_or_else(|error| {
        output::complain(&error.to_string());
        error.exit()
    });
    exit.code()
}

fn refuse(refusal: &Refusal) -> Exit {
    match refusal {
        Refusal::Help(page) => match output::print(output::chosen(page, &std::io::stdout())) {
            Ok(()) => Exit::Holds,
            Err(error) => error.exit(),
        },
        Refusal::Nothing(page) => {
            output::advise(output::chosen(page, &std::io::stderr()));
            Exit::Usage
        }
        Refusal::Usage(line) => {
            output::complain(line);
            Exit::Usage
        }
    }
}

fn strategies() -> Result<Exit, AppError> {
    let width = CATALOGUE
        .iter()
        .map(|entry| entry.name.len())
        .max()
        .unwrap_or(0);
    let lines = CATALOGUE
        .iter()
        .map(|entry| format!("{:width$}  {}\n", entry.name, entry.summary));
    output::print(&lines.collect::<String>())?;
    Ok(Exit::Holds)
}
