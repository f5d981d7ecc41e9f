//! A recorded race as a command: the words of its plan, read as if they were typed.

use std::collections::HashSet;
use std::ffi::OsString;

use super::{Command, RaceCommand, Refusal, RepeatCommand, parse, plan_words};
use crate::duration::Millis;
use crate::history::{Header, PlanRecord};
use crate::plan::Plan;
use crate::strategy::{Entry, Strategy};

impl RepeatCommand {
    /// The race of these headers, one for each strategy, where this command wants it.
    ///
    /// # Errors
    /// Why there is none, and what to do instead.
    pub fn race(self, headers: &[&Header]) -> Result<RaceCommand, String> {
        let words = recorded(headers)?.into_iter().map(OsString::from);
        let words = words.chain(self.words.iter().cloned());
        match parse(words) {
            Ok(Command::Race(race)) if is_same(&race, headers) => Ok(RaceCommand {
                history: self.history,
                output: self.output,
                ..*race
            }),
            Err(Refusal::Usage(line)) => Err(line),
            Ok(_) | Err(Refusal::Help(_) | Refusal::Nothing(_)) => Err(
                "this racesim reads the plan in it otherwise than it was: repeat it with the racesim that recorded it"
                    .to_owned(),
            ),
        }
    }
}

/// The command line of a race that was recorded.
fn recorded(headers: &[&Header]) -> Result<Vec<String>, String> {
    let Some(first) = headers.first() else {
        return Err("it holds no race: record one with --history FILE".to_owned());
    };
    let mut words = vec!["racesim".to_owned()];
    if headers.len() > 1 {
        words.push("compare".to_owned());
    }
    words.extend(headers.iter().map(|header| header.strategy.clone()));
    // An option of several strategies stands in the settings of each.
    let mut seen = HashSet::new();
    for header in headers {
        plan_of(header)?;
        // What is usual for one strategy may not be so for another.
        let usual = Entry::named(&header.strategy).map(|entry| entry.usual().settings());
        let usual: Vec<&str> = usual.iter().flat_map(|text| options_in(text)).collect();
        let options = options_in(&header.settings);
        let options = options.filter(|option| !usual.contains(option) && seen.insert(*option));
        words.extend(options.flat_map(|option| {
            let (name, value) = option.split_once(' ').unwrap_or((option, ""));
            let value = Some(value.to_owned()).filter(|value| !value.is_empty());
            std::iter::once(format!("--{name}")).chain(value)
        }));
    }
    // As many lock services as there were, also where the number was that of the servers.
    let locks = headers.iter().map(|header| header.conduct.locks).max();
    if let Some(locks) = locks.filter(|locks| *locks > 1)
        && !words.iter().any(|word| word == "--nodes")
    {
        words.push(format!("--nodes={locks}"));
    }
    if let Some(ttl_ms) = headers.iter().find_map(|header| header.ttl_ms) {
        let ttl = Millis(std::time::Duration::from_millis(ttl_ms));
        words.push(format!("--ttl={ttl}"));
    }
    let plan = plan_of(first)?;
    let options = plan_words::race(plan, true);
    let options = options.into_iter().chain(plan_words::timeout(plan));
    words.extend(options.map(|(name, value)| format!("--{name}={value}")));
    words.push(format!("--seed={}", plan.seed));
    Ok(words)
}

/// The options in a strategy's settings, each with its value.
fn options_in(settings: &str) -> impl Iterator<Item = &str> {
    let options = settings.split("--").map(str::trim);
    options.filter(|option| !option.is_empty())
}

/// The plan that a header holds.
fn plan_of(header: &Header) -> Result<&Plan, String> {
    let strategy = &header.strategy;
    if let Some(schedule) = &header.schedule {
        let settings = &header.settings;
        let in_full = format!("{strategy} {settings}");
        return Err(format!(
            "its interleaving was forced: run racesim replay {} --schedule '{schedule}'",
            in_full.trim_end()
        ));
    }
    if Entry::named(strategy).is_none() {
        return Err(format!(
            "'{strategy}' is no strategy that racesim brings: race it again from the program that has it"
        ));
    }
    match &header.plan {
        PlanRecord::Plan(plan) => Ok(plan),
        PlanRecord::Words(_) => Err(format!(
            "it is written in version {} of the format, which does not hold the whole plan: run the race again, and record it with --history FILE",
            header.version
        )),
    }
}

/// Whether the race is that of the headers.
fn is_same(race: &RaceCommand, headers: &[&Header]) -> bool {
    let strategies = race.strategies.iter();
    let names = strategies.map(|strategy| (strategy.name().to_owned(), strategy.settings()));
    let recorded = headers.iter();
    let recorded = recorded.map(|header| (header.strategy.clone(), header.settings.clone()));
    let plan = PlanRecord::Plan(Box::new(race.plan.clone()));
    names.eq(recorded) && headers.iter().all(|header| header.plan == plan)
}
