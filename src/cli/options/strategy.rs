//! The options of strategies, as the registry describes them.

use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, ArgMatches};

use crate::cli::{refusal, values};
use crate::duration::{Millis, duration};
use crate::strategy::{BuiltIn, CATALOGUE, ChosenOptions, Entry, OptionRole, StrategyOption};

/// Where help lists these options.
const STRATEGY: &str = "Strategy";

/// An option, and the strategies that take it.
struct Owned {
    option: StrategyOption,
    owners: Vec<(&'static str, StrategyOption)>,
}

/// The options of these strategies, each once.
fn options_of(entries: &[&'static Entry]) -> Vec<Owned> {
    let mut all: Vec<Owned> = Vec::new();
    for entry in entries {
        for option in entry.options() {
            let owner = (entry.name, option.clone());
            match all.iter_mut().find(|it| it.option.flag == option.flag) {
                Some(known) => known.owners.push(owner),
                None => all.push(Owned {
                    option,
                    owners: vec![owner],
                }),
            }
        }
    }
    all
}

/// The options of a command that takes any of these strategies.
pub(in crate::cli) fn args(entries: &[&'static Entry]) -> Vec<Arg> {
    let options = options_of(entries).into_iter();
    options
        .map(|owned| arg(owned, entries.len() == 1))
        .collect()
}

fn arg(owned: Owned, is_only: bool) -> Arg {
    let help = help(&owned, is_only);
    let option = owned.option;
    let arg = Arg::new(option.flag)
        .long(option.flag)
        .help(help)
        .help_heading(STRATEGY)
        .hide_short_help(!option.is_common);
    let Some(value) = option.value else {
        return arg.action(ArgAction::SetTrue);
    };
    let values = option.values.iter();
    let values = values.map(|(name, help)| PossibleValue::new(*name).help(*help));
    let values = values.collect();
    arg.value_name(value)
        .allow_negative_numbers(true)
        .value_parser(values::explained(values, move |text| {
            option.canonical(text)
        }))
}

/// What the option chooses, for which strategies, and what it is when nothing is said.
fn help(owned: &Owned, is_only: bool) -> String {
    let names = owned.owners.iter().map(|(name, _)| *name);
    let names = names.collect::<Vec<_>>().join(", ");
    let of = if is_only {
        String::new()
    } else {
        format!(" ({names})")
    };
    format!("{}{of}{}", owned.option.help, default_of(owned))
}

/// What the option is when nothing is said, where it is anything.
fn default_of(owned: &Owned) -> String {
    let mut usuals: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, option) in &owned.owners {
        let usual = match option.usual_in_search {
            Some(other) => format!("{}, in a search {other}", option.usual),
            None => option.usual.clone(),
        };
        match usuals.iter_mut().find(|(other, _)| *other == usual) {
            Some((_, names)) => names.push(name),
            None => usuals.push((usual, vec![name])),
        }
    }
    match usuals.as_slice() {
        [(usual, _)] if usual.is_empty() => String::new(),
        [(usual, _)] if owned.option.role == OptionRole::CountsServers => {
            format!(" [default: {usual}, or the number of --redis]")
        }
        [(usual, _)] => format!(" [default: {usual}]"),
        several => {
            let several = several.iter();
            let each = several.map(|(usual, names)| format!("{}: {usual}", names.join(", ")));
            let each = each.collect::<Vec<_>>().join("; ");
            format!(" [default of {each}]")
        }
    }
}

/// What was typed of the options of these strategies.
pub(in crate::cli) fn chosen(matches: &ArgMatches, entries: &[&'static Entry]) -> ChosenOptions {
    let mut chosen = ChosenOptions::default();
    for Owned { option, .. } in options_of(entries) {
        let flag = option.flag;
        if option.value.is_none() {
            if matches.get_flag(flag) {
                chosen.choose(flag, "on".to_owned());
            }
        } else if let Some(value) = matches.get_one::<String>(flag) {
            chosen.choose(flag, value.clone());
        }
    }
    chosen
}

/// Every strategy there is.
pub(in crate::cli) fn all() -> Vec<&'static Entry> {
    CATALOGUE.iter().collect()
}

/// Strategies, and what was chosen of their options.
pub(in crate::cli) struct StrategyChoice {
    pub(in crate::cli) entries: Vec<&'static Entry>,
    pub(in crate::cli) chosen: ChosenOptions,
}

impl StrategyChoice {
    /// The strategies. So many Redis were named.
    pub(in crate::cli) fn make(&mut self, servers: usize) -> Result<Vec<BuiltIn>, String> {
        self.refuse_what_nobody_takes()?;
        self.count_servers(servers)?;
        let made = self.entries.iter().map(|entry| entry.make(&self.chosen));
        made.collect()
    }

    /// The only strategy of a search, or of a schedule that is forced.
    pub(in crate::cli) fn make_for_search(mut self, servers: usize) -> Result<BuiltIn, String> {
        for option in self.entries.iter().flat_map(|entry| entry.options()) {
            if let Some(usual) = option.usual_in_search
                && self.chosen.get(option.flag).is_none()
            {
                self.chosen.choose(option.flag, usual.to_owned());
            }
        }
        let made = self.make(servers)?.into_iter().next();
        made.ok_or_else(|| "no strategy is named".to_owned())
    }

    fn refuse_what_nobody_takes(&self) -> Result<(), String> {
        for flag in self.chosen.flags() {
            if self.entries.iter().all(|it| it.option(flag).is_none()) {
                let owners = CATALOGUE.iter().filter(|it| it.option(flag).is_some());
                let owners = names(&owners.collect::<Vec<_>>());
                let names = names(&self.entries);
                return Err(format!(
                    "--{flag} is an option of {owners}, not of {names}: leave it out"
                ));
            }
        }
        Ok(())
    }

    /// As many of an option as servers were named, unless it was given.
    pub(in crate::cli) fn count_servers(&mut self, servers: usize) -> Result<(), String> {
        let counts = |entry: &&'static Entry| {
            let mut options = entry.options().into_iter();
            options.find(|option| option.role == OptionRole::CountsServers)
        };
        let counted = self.entries.iter().find_map(|it| Some((it, counts(it)?)));
        match counted {
            Some((_, option)) if servers > 0 => {
                let number = servers.to_string();
                option
                    .canonical(&number)
                    .map_err(|why| format!("--redis is given {servers} times: {why}"))?;
                if self.chosen.get(option.flag).is_none() {
                    self.chosen.choose(option.flag, number);
                }
                Ok(())
            }
            None if servers > 1 => {
                let those = all().into_iter().filter(|it| counts(it).is_some());
                let those = names(&those.collect::<Vec<_>>());
                Err(format!(
                    "only {those} locks on several servers: give one --redis"
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses a wait that is longer than silence is borne.
    pub(in crate::cli) fn refuse_longer_than(&self, timeout: Duration) -> Result<(), String> {
        let options = self.entries.iter().flat_map(|entry| entry.options());
        for option in options.filter(|option| option.role == OptionRole::WithinTimeout) {
            let time = self.chosen.get(option.flag).map(duration);
            if time.is_some_and(|time| time.is_ok_and(|time| time >= timeout)) {
                return Err(format!(
                    "--{} is not shorter than --timeout {}, after which a silent database is given up: raise --timeout",
                    option.flag,
                    Millis(timeout)
                ));
            }
        }
        Ok(())
    }

    /// What was chosen, as a person types it, but for what is usual for all of them.
    pub(in crate::cli) fn to_args(&self) -> String {
        let options = options_of(&self.entries).into_iter();
        let words = options.filter_map(|owned| {
            let value = self.chosen.get(owned.option.flag)?;
            let is_usual = owned.owners.iter().all(|(_, it)| it.usual == value);
            (!is_usual).then(|| owned.option.to_args(value))
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

fn names(entries: &[&'static Entry]) -> String {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
    names.join(", ")
}

/// The strategy that is written like this: `locked --release del`.
///
/// # Errors
/// When there is none.
pub fn strategy_of(words: &str) -> Result<BuiltIn, String> {
    let refused = |why: String| format!("'{words}' is not a valid strategy: {why}");
    let (name, options) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    let entry = values::strategy(name).map_err(refused)?;
    let command = clap::Command::new(entry.name)
        .no_binary_name(true)
        .disable_help_flag(true)
        .args(args(&all()));
    let matches = command.try_get_matches_from(options.split_whitespace());
    let matches = matches.map_err(|error| refused(refusal::line_of(&error)))?;
    let choice = StrategyChoice {
        entries: vec![entry],
        chosen: chosen(&matches, &all()),
    };
    choice.make_for_search(0).map_err(refused)
}
