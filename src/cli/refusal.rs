//! What is a person told whose words are off? One line, with the next move.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Page, Refusal};

/// The refusal for a command line that clap did not accept. It may repeat what was typed.
pub(super) fn of(error: &Error) -> Refusal {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Refusal::Help(page(error)),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Refusal::Nothing(page(error)),
        kind => Refusal::Usage(line(kind, error)),
    }
}

fn page(error: &Error) -> Page {
    let text = error.render();
    Page {
        plain: text.to_string(),
        styled: text.ansi().to_string(),
    }
}

fn line(kind: ErrorKind, error: &Error) -> String {
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
        ErrorKind::InvalidValue if value.is_empty() => format!("{flag} wants a value: see --help"),
        ErrorKind::InvalidValue => {
            let valid = find(ContextKind::ValidValue).unwrap_or_default();
            format!(
                "{flag}: there is no '{value}'{}; there are: {valid}",
                perhaps(ContextKind::SuggestedValue)
            )
        }
        ErrorKind::UnknownArgument => {
            format!(
                "'{flag}' is not known here{}: see --help",
                perhaps(ContextKind::SuggestedArg)
            )
        }
        ErrorKind::InvalidSubcommand => {
            let command = find(ContextKind::InvalidSubcommand).unwrap_or_default();
            format!(
                "there is no command '{command}'{}: see racesim --help",
                perhaps(ContextKind::SuggestedSubcommand)
            )
        }
        ErrorKind::ArgumentConflict => {
            let other = find(ContextKind::PriorArg).unwrap_or_default();
            format!(
                "{flag} and {} exclude each other: leave one out",
                other.split(' ').next().unwrap_or_default()
            )
        }
        _ => first_paragraph(&error.render().to_string()),
    }
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
