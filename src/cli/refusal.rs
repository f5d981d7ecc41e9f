//! Usage errors: one line, with the next move.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Error};

use super::{Page, Refusal};
use crate::strategy::Entry;

/// What is said when nothing is named that could be forced.
pub(super) const NOTHING_TO_REPLAY: &str =
    "nothing to replay: give a strategy with --schedule 'A.check …' or --all, or give --from FILE";

/// The refusal for a command line that clap did not accept: of all commands, this one was typed. It may
/// repeat what was typed.
pub(super) fn of(error: &Error, all: &Command, command: &str) -> Refusal {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refusal::Help(page(error)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Refusal::Nothing(page(error)),
        kind => Refusal::Usage(
            missing(error, command)
                .unwrap_or_else(|| line(kind, error, |flag| anothers(flag, all, command))),
        ),
    }
}

fn page(error: &Error) -> Page {
    let text = error.render();
    Page {
        plain: text.to_string(),
        styled: text.ansi().to_string(),
    }
}

fn line(kind: ErrorKind, error: &Error, anothers: impl Fn(&str) -> Option<String>) -> String {
    let find = |context| {
        error
            .get(context)
            .map(words)
            .filter(|words| !words.is_empty())
    };
    let argument =
        find(ContextKind::InvalidArg).map(|text| text.replace(['[', ']'], "").replace("...", ""));
    let flag = argument
        .as_deref()
        .and_then(|text| text.split(' ').next())
        .unwrap_or_default();
    let value = find(ContextKind::InvalidValue).unwrap_or_default();
    let perhaps = |context| {
        // Of several that are near, the nearest comes last.
        let nearest = find(context).and_then(|near| near.rsplit(", ").next().map(str::to_owned));
        nearest.map_or_else(String::new, |nearest| format!(", perhaps '{nearest}'"))
    };
    match kind {
        ErrorKind::ValueValidation => {
            let why = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            format!("{flag}: {why}")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{flag} needs a value: see --help"),
        ErrorKind::InvalidValue => {
            let valid = find(ContextKind::ValidValue).unwrap_or_default();
            format!(
                "{flag}: there is no '{value}'{}; there are: {valid}",
                perhaps(ContextKind::SuggestedValue)
            )
        }
        ErrorKind::UnknownArgument => anothers(flag).unwrap_or_else(|| {
            let kind = if flag.starts_with('-') {
                "unknown option"
            } else {
                "unexpected argument"
            };
            format!(
                "{kind} '{flag}'{}: see --help",
                perhaps(ContextKind::SuggestedArg)
            )
        }),
        ErrorKind::InvalidSubcommand => {
            let command = find(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!(
                "there is no command '{command}'{}: see racesim --help",
                perhaps(ContextKind::SuggestedSubcommand)
            )
        }
        ErrorKind::ArgumentConflict => {
            let other = find(ContextKind::PriorArg).unwrap_or_default();
            match other.split(' ').next().unwrap_or_default() {
                same if same == flag => format!("{flag} is given twice: leave one out"),
                other => format!("{flag} and {other} cannot be used together: leave one out"),
            }
        }
        ErrorKind::TooManyValues => format!("{flag} takes no value: write {flag} alone"),
        _ => first_paragraph(&error.render().to_string()),
    }
}

/// What is said of a command to which the file or the strategy was not given.
fn missing(error: &Error, command: &str) -> Option<String> {
    let is_missing = error.kind() == ErrorKind::MissingRequiredArgument;
    let missing = error.get(ContextKind::InvalidArg).filter(|_| is_missing);
    let missing = missing.map(words)?;
    let line = match missing.as_str() {
        "<HISTORY.jsonl>" => format!("no history given: racesim {command} HISTORY.jsonl"),
        "<STRATEGY>" if command == "replay" => NOTHING_TO_REPLAY.to_owned(),
        "<STRATEGY>" => {
            format!("no strategy given: racesim {command} STRATEGY, see racesim list strategies")
        }
        "--all" => "--users is for --all: give --all too".to_owned(),
        _ => return None,
    };
    Some(line)
}

/// One line on words that clap did not accept, which are those of no command.
pub(super) fn line_of(error: &Error) -> String {
    line(error.kind(), error, |_| None)
}

/// What is said of an option that this command does not have, and others do.
fn anothers(flag: &str, all: &Command, command: &str) -> Option<String> {
    let name = flag.strip_prefix("--")?.split('=').next()?;
    all.find_subcommand(command)?;
    let has = |command: &&Command| {
        command
            .get_arguments()
            .any(|it| it.get_long() == Some(name))
    };
    let owners: Vec<&str> = all
        .get_subcommands()
        .filter(has)
        .map(Command::get_name)
        .collect();
    let (last, others) = owners.split_last()?;
    let next = match others {
        [] => format!("{last} has it"),
        [_] | [_, _] => format!("{} and {last} have it", others.join(", ")),
        _ => format!("see racesim {command} --help"),
    };
    let is_strategy = Entry::named(command).is_some();
    let reason = if is_strategy && ["redis", "key-prefix"].contains(&name) {
        format!("{command} takes no lock, so it")
    } else {
        command.to_owned()
    };
    Some(format!("{reason} has no --{name}: {next}"))
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(many) => many.join(", "),
        one => one.to_string(),
    }
}

/// What clap says before it repeats the usage, on one line.
fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_start_matches("error: ").to_owned()
}
