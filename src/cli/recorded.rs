//! A recorded race as a command: the plan and the strategies of its header, where they are wanted now.

use super::draft::RaceDraft;
use super::options::strategy::StrategyChoice;
use super::{RaceCommand, RaceKind, RepeatCommand, Repeats, values};
use crate::duration::Millis;
use crate::history::{Header, PlanRecord, RunKind, SettingsRecord, StrategyRecord};
use crate::plan::Plan;
use crate::strategy::{BuiltIn, ChosenOptions, Entry, OptionRole, Strategy};

impl RepeatCommand {
    /// The race that this header belongs to, where this command wants it.
    ///
    /// # Errors
    /// Why there is none, and what to do instead.
    pub fn race(self, header: &Header) -> Result<RaceCommand, String> {
        let plan = plan_of(header)?;
        values::timeout(&Millis(plan.timeout).to_string())?;
        let (kind, records) = strategies_of(header)?;
        let strategies = records.iter().map(BuiltIn::recorded);
        let strategies = strategies.collect::<Result<Vec<_>, _>>()?;
        let mut choice = choice_of(&records)?;
        choice.count_servers(self.lock.servers())?;
        self.lock.refuse_for(&strategies)?;
        let takes_locks = strategies.iter().any(|it| it.needs().locks > 0);
        let mut words: Vec<&str> = strategies.iter().map(Strategy::name).collect();
        if kind == RaceKind::Comparison {
            words.insert(0, "compare");
        }
        let draft = RaceDraft {
            kind,
            words: words.join(" "),
            strategies,
            choice,
            plan: plan.clone(),
            repeats: Repeats::Exactly(plan.rounds),
            database: self.database,
            lock: takes_locks.then_some(self.lock),
            assertions: self.assertions,
            history: self.history,
            output: self.output,
        };
        draft.into_race()
    }
}

/// The plan that a header holds.
fn plan_of(header: &Header) -> Result<&Plan, String> {
    let strategy = &header.strategy;
    if let RunKind::Replay(schedule) = &header.run {
        let in_full = format!("{strategy} {}", header.settings);
        return Err(format!(
            "its interleaving was forced: run racesim replay {} --schedule '{schedule}'",
            in_full.trim_end()
        ));
    }
    match &header.plan {
        PlanRecord::Plan(plan) => Ok(plan),
        PlanRecord::Words(_) => Err(format!(
            "it is written in version {} of the format, which does not hold the whole race: run the race again, and record it with --history FILE",
            header.version
        )),
    }
}

/// Whether what was raced is one of those that it is said to have been compared with.
fn is_among(header: &Header, settings: &SettingsRecord, records: &[StrategyRecord]) -> bool {
    records.iter().any(|record| {
        let is_as_set =
            matches!(settings, SettingsRecord::Options(options) if *options == record.settings);
        record.strategy == header.strategy && is_as_set
    })
}

/// The strategies of the race, and whether they are compared.
fn strategies_of(header: &Header) -> Result<(RaceKind, Vec<StrategyRecord>), String> {
    let (kind, records) = match (&header.run, &header.settings) {
        (RunKind::Compare(records), settings) if is_among(header, settings, records) => {
            (RaceKind::Comparison, records.clone())
        }
        (RunKind::Compare(_), _) => {
            return Err(format!(
                "it is said to be part of a comparison without {}: it was changed since it was recorded",
                header.strategy
            ));
        }
        (RunKind::Race | RunKind::Replay(_), SettingsRecord::Options(settings)) => {
            let record = StrategyRecord {
                strategy: header.strategy.clone(),
                settings: settings.clone(),
                ttl_ms: header.ttl_ms,
            };
            (RaceKind::Single, vec![record])
        }
        (RunKind::Race | RunKind::Replay(_), SettingsRecord::Words(_)) => {
            return Err("the options of its strategy are in words: run the race again".to_owned());
        }
    };
    let mut names = records.iter().map(|record| &record.strategy);
    match names.find(|name| Entry::named(name).is_none()) {
        Some(own) => Err(format!(
            "'{own}' is no strategy that racesim brings: race it again from the program that has it"
        )),
        None => Ok((kind, records)),
    }
}

/// What was chosen of the options of these strategies: what is usual for one may not be so for another.
fn choice_of(records: &[StrategyRecord]) -> Result<StrategyChoice, String> {
    let mut all = ChosenOptions::default();
    let mut entries = Vec::new();
    for record in records {
        let Some(entry) = Entry::named(&record.strategy) else {
            continue;
        };
        let chosen = entry.recorded(record)?;
        for option in entry.options() {
            // As many as there were, also where the number was that of the servers.
            let counted = (option.role == OptionRole::CountsServers).then_some(&*option.usual);
            let unusual = chosen.get(option.flag).filter(|it| *it != option.usual);
            if let Some(value) = unusual.or(counted) {
                all.choose(option.flag, value.to_owned());
            }
        }
        entries.push(entry);
    }
    Ok(StrategyChoice {
        entries,
        chosen: all,
    })
}
