//! The command line (the only clap).

mod check;
mod command;
mod commands;
mod compare;
mod draft;
mod explore;
mod impossible;
mod list;
mod matrix;
mod options;
mod plan_words;
mod race;
mod recorded;
mod refusal;
mod repeat;
mod replay;
mod reproduce;
mod secrets;
mod values;

use std::ffi::OsString;

pub use command::Reproduce;
pub use command::{
    ColourChoice, Command, Expectation, ExploreCommand, ListKind, MatrixCommand, Output, Page,
    RaceCommand, RaceKind, Refusal, RepeatCommand, Repeats, ReplayCommand, ReplayWhat,
};
pub use options::strategy::strategy_of;

/// Reads the command line.
///
/// # Errors
/// [`Refusal`] with what is to be printed instead of running.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command, Refusal> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    // Help on help is the help of racesim itself.
    if words.get(1).is_some_and(|word| word == "help") {
        words.retain(|word| word != "--help" && word != "-h");
    }
    let secrets = secrets::typed(&words);
    let matches = commands::command().try_get_matches_from(&words);
    let command = words.get(1).and_then(|word| word.to_str());
    matches
        .map_err(|error| refusal::of(&error, &commands::command(), command.unwrap_or_default()))
        .and_then(|matches| commands::read(&matches).map_err(Refusal::Usage))
        .map_err(|refusal| match refusal {
            Refusal::Usage(line) => Refusal::Usage(secrets::hide(line, &secrets)),
            page @ (Refusal::Help(_) | Refusal::Nothing(_)) => page,
        })
}
