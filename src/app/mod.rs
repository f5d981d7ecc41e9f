//! Commands: the rooms that each joins, and its exit status.

mod check;
mod embedded;
mod error;
mod exit;
mod explore;
mod input;
mod list;
mod matrix;
mod output;
mod output_error;
mod part;
mod place;
mod probes;
mod progress;
mod race;
mod reasons;
mod repeat;
mod replay;
mod signals;
mod target;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use crate::cli::{self, Command, Refusal};
use error::AppError;
pub use exit::Exit;
use place::Uses;

/// More than the runtime opens at its start.
const DESCRIPTORS: usize = 10;

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
