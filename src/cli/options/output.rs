//! Where a report goes, and in which form.

use std::path::PathBuf;

use crate::cli::{ColourChoice, Output, values};
use crate::report::{Format, SeatsListed};

/// Where help lists these options.
pub(in crate::cli) const RESULTS: &str = "Results";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OutputArgs {
    /// Format of the report
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = values::format(), help_heading = RESULTS)]
    format: Format,
    /// Write the report to a file too, such as json:race.json; repeatable
    #[arg(long = "export", hide_short_help = true, value_name = "FORMAT:FILE", value_parser = values::export(), help_heading = RESULTS)]
    exports: Vec<(Format, PathBuf)>,
    /// Print nothing but errors and warnings
    #[arg(long, short, hide_short_help = true, help_heading = RESULTS)]
    quiet: bool,
    /// When to colour the report
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_short_help = true, help_heading = RESULTS)]
    color: ColourChoice,
}

impl OutputArgs {
    pub(in crate::cli) fn into_output(self) -> Output {
        Output {
            format: self.format,
            colour: self.color,
            exports: self.exports,
            quiet: self.quiet,
            seats: SeatsListed::Worst,
        }
    }
}

/// How much a report on races lists.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListingArgs {
    /// List every seat, not only the ten worst
    #[arg(long, short, hide_short_help = true, help_heading = RESULTS)]
    verbose: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl ListingArgs {
    pub(in crate::cli) fn into_output(self) -> Output {
        Output {
            seats: if self.verbose {
                SeatsListed::All
            } else {
                SeatsListed::Worst
            },
            ..self.output.into_output()
        }
    }
}
