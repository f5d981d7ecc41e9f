//! `racesim matrix`: strategies against faults.

use clap::{ArgMatches, Args, FromArgMatches};

use super::options::output::OutputArgs;
use super::{Command, MatrixCommand, values};
use crate::explore::matrix::MatrixColumn;

const EXAMPLES: &str = "\
Examples:
  racesim matrix
  racesim matrix unique 'locked --renew' --fault stall --fault expire+crash

Exit status: 0 every cell is as expected, 1 one is not, 3 a search reached its limit, \
4 a service could not be used, or failed.";

#[derive(Debug, clap::Args)]
struct MatrixArgs {
    /// Strategies, see `racesim list strategies`; quote one that has options [default: all]
    #[arg(value_name = "STRATEGY", value_parser = values::strategy_words)]
    strategies: Vec<String>,
    /// What may go wrong: a column by its name, or faults joined by +; repeatable [default: all]
    #[arg(long = "fault", value_name = "FAULT[+FAULT]", value_parser = values::column())]
    columns: Vec<MatrixColumn>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn command() -> clap::Command {
    MatrixArgs::augment_args(clap::Command::new("matrix"))
        .about("Test every strategy against every fault")
        .long_about(
            "Test every strategy against every fault: searched, replayed on the real stores, and \
             compared with what is known",
        )
        .after_help(EXAMPLES)
}

pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let args = MatrixArgs::from_arg_matches(matches).map_err(|error| error.to_string())?;
    Ok(Command::Matrix(Box::new(MatrixCommand {
        strategies: args.strategies,
        columns: args.columns,
        output: args.output.into_output(),
    })))
}
