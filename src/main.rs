//! The racesim command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// One thread for the users: the database's thread or Redis needs the other core, and two workers
/// gave the same speed for twice the processor time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    racesim::app::run(std::env::args_os()).await
}
