//! The commands: each in its group, and the one screen that lists them.

use clap::ArgMatches;
use clap::builder::styling::Style;

use super::{Command, check, compare, explore, list, matrix, race, repeat, replay};
use crate::strategy::{BuiltInStrategy, CATALOGUE, Entry, Locked, Naive};

/// A command that is no strategy's.
struct CommandEntry {
    group: CommandGroup,
    build: fn() -> clap::Command,
    read: fn(&ArgMatches) -> Result<Command, String>,
}

/// What a command is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommandGroup {
    /// See what happens.
    Race,
    /// See what can happen.
    Prove,
    /// See what happened, and what there is.
    LookAgain,
}

impl CommandGroup {
    const ALL: [Self; 3] = [Self::Race, Self::Prove, Self::LookAgain];

    const fn heading(self) -> &'static str {
        match self {
            Self::Race => "Race",
            Self::Prove => "Prove",
            Self::LookAgain => "Look again",
        }
    }
}

/// The commands beside those of the strategies, in the order of their groups.
const COMMANDS: [CommandEntry; 8] = [
    CommandEntry {
        group: CommandGroup::Race,
        build: compare::command,
        read: compare::read,
    },
    CommandEntry {
        group: CommandGroup::Prove,
        build: explore::command,
        read: explore::read,
    },
    CommandEntry {
        group: CommandGroup::Prove,
        build: replay::command,
        read: replay::read,
    },
    CommandEntry {
        group: CommandGroup::Prove,
        build: matrix::command,
        read: matrix::read,
    },
    CommandEntry {
        group: CommandGroup::LookAgain,
        build: check::command,
        read: check::read,
    },
    CommandEntry {
        group: CommandGroup::LookAgain,
        build: repeat::command,
        read: repeat::read,
    },
    CommandEntry {
        group: CommandGroup::LookAgain,
        build: list::command,
        read: list::read,
    },
    CommandEntry {
        group: CommandGroup::LookAgain,
        build: list::alias,
        read: list::read,
    },
];

/// The whole command line.
pub(super) fn command() -> clap::Command {
    let names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
    clap::Command::new("racesim")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Can this booking endpoint sell the same seat twice?")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .override_help(screen(&names))
        .subcommands(CATALOGUE.iter().map(race::command))
        .subcommands(COMMANDS.iter().map(|entry| (entry.build)()))
}

/// The command that was typed.
pub(super) fn read(matches: &ArgMatches) -> Result<Command, String> {
    let (name, matches) = matches.subcommand().ok_or("no command is given")?;
    if let Some(entry) = Entry::named(name) {
        return race::read(entry, matches);
    }
    let mut others = COMMANDS.iter();
    let named = others.find(|entry| (entry.build)().get_name() == name);
    let named = named.ok_or_else(|| format!("there is no command '{name}': see racesim --help"))?;
    (named.read)(matches)
}

/// The strategies with a line of their own on the screen.
const SHOWN: [(&str, &str); 2] = [
    (
        Naive::NAME,
        "Check, then insert: watch a seat being sold again and again",
    ),
    (Locked::NAME, "The same behind a lock in Redis"),
];

const EXAMPLES: [&str; 2] = [
    "racesim naive --users 500",
    "racesim compare --rounds 20 --assert 'locked.double_bookings == 0'",
];

const STATUS: &str = "0 success, 1 violated, 2 usage, 3 unknown, 4 a service failed";

/// How wide the screen is.
const WIDTH: usize = 80;

/// How wide the first column is.
const COLUMN: usize = 12;

/// The help of racesim itself: one screen, however many strategies there are.
fn screen(strategies: &[&str]) -> String {
    let mut screen = Screen::default();
    screen.line("Can this booking endpoint sell the same seat twice?\n");
    screen.heading("Usage", " racesim <COMMAND> [OPTIONS]");
    for group in CommandGroup::ALL {
        screen.heading(group.heading(), "");
        if group == CommandGroup::Race {
            for (name, about) in SHOWN {
                screen.row(name, about);
            }
            screen.row("STRATEGY", &others(strategies));
        }
        for command in COMMANDS.iter().filter(|entry| entry.group == group) {
            let command = (command.build)();
            if !command.is_hide_set() {
                let about = command.get_about().map(ToString::to_string);
                screen.row(command.get_name(), &about.unwrap_or_default());
            }
        }
    }
    screen.row("help", "Explain a command: racesim help COMMAND");
    screen.heading("Examples", "");
    for example in EXAMPLES {
        screen.line(&format!("  {example}"));
    }
    screen.heading("Exit status", &format!(" {STATUS}"));
    screen.heading("Options", " -h, --help; -V, --version");
    screen.0
}

/// A text in lines, as it is made.
#[derive(Default)]
struct Screen(String);

impl Screen {
    fn line(&mut self, line: &str) {
        self.0.extend([line, "\n"]);
    }

    fn heading(&mut self, heading: &str, rest: &str) {
        let style = Style::new().bold().underline();
        self.line(&format!("{style}{heading}:{style:#}{rest}"));
    }

    fn row(&mut self, name: &str, about: &str) {
        let style = Style::new().bold();
        self.line(&format!("  {style}{name:COLUMN$}{style:#} {about}"));
    }
}

/// The names of the strategies that have no line of their own, as far as they fit on one.
fn others(strategies: &[&str]) -> String {
    const MORE: &str = "… (racesim list strategies)";
    let room = WIDTH - COLUMN - "   ".len();
    let is_other = |name: &&&str| SHOWN.iter().all(|(shown, _)| *shown != **name);
    let names: Vec<&str> = strategies.iter().filter(is_other).copied().collect();
    let all = names.join(", ");
    if all.chars().count() <= room {
        return all;
    }
    let mut some = String::new();
    for name in names {
        if some.chars().count() + name.len() + ", ".len() + MORE.chars().count() > room {
            break;
        }
        some.extend([name, ", "]);
    }
    some + MORE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// It had 36 lines, and a strategy more was a line more. Of 24 the first had left an 80 × 24 terminal once
    /// the shell asked for more.
    #[test]
    fn the_help_is_one_screen_however_many_strategies_there_are() {
        let names: Vec<String> = (0..100)
            .map(|number| format!("strategy-{number}"))
            .collect();
        let mut strategies: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
        for more in [0, 1, 5, 100] {
            strategies.extend(names.iter().take(more).map(String::as_str));
            let screen = clap::builder::StyledStr::from(screen(&strategies)).to_string();
            assert!(screen.lines().count() <= 22, "{screen}");
            for line in screen.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn the_command_line_is_whole() {
        command().debug_assert();
        for name in CATALOGUE.iter().map(|entry| entry.name) {
            assert!(command().find_subcommand(name).is_some(), "{name}");
        }
    }
}
