//! Do two checkers agree on histories that were tampered with? One of them is racesim's; the other is
//! slow and obvious.
//!
//! `RACESIM_MUTANTS=200000 cargo test --test it mutation_fuzz:: -- --nocapture` changes as many histories
//! instead of a few and prints its counts, and `RACESIM_SEED=7` changes others. The seed repeats the changes,
//! not the fresh races that are changed: what differs is printed whole, and is to be kept from there.
//!
//! Both checkers get their histories from racesim's own reader, and both mean by a property what its docs
//! say: what these get wrong, no change of a history finds (see [`slow_checker`]). Which steps a strategy
//! takes is asked of racesim alone, so a history that it says is not the strategy's is compared no further.
//!
//! Of locks, racesim may say *unknown* where trying every order says more: it does not try them. It may
//! never say that something holds or is violated when an order says otherwise.

mod mutations;

use std::collections::BTreeMap;

use rand::RngExt;

use racesim::checker::{Property, judge, objection, objection_by};
use racesim::cli::strategy_of;
use racesim::history::{self, Recorded};
use racesim::plan::Plan;
use racesim::seed::{Purpose, Seed};

use super::random::number_in;
use super::slow_checker::{self, Answer, file, possible};
use super::support::{engine, everything, history_file, on_a_runtime, text_of};
use mutations::{Draft, Kind};

/// What is raced anew: a strategy, how many users, what goes wrong.
const RACES: [(&str, u32, &str); 14] = [
    ("naive", 3, "crash:check:0.3 late:2ms:insert:0.3"),
    ("locked", 4, ""),
    (
        "locked --ttl 2ms",
        4,
        "stall:check:0.5 lost-request:release:0.3",
    ),
    (
        "locked --ttl 5ms --release del",
        4,
        "stall:check:0.5 lost-reply:0.2",
    ),
    ("locked --acquire set-ex --release del", 3, "lost-reply:0.2"),
    (
        "locked --release get-then-del --ttl 5ms",
        3,
        "expire:check:0.5",
    ),
    ("locked --release none --ttl 3ms", 3, "give-up:check:0.3"),
    (
        "locked --ttl 5ms --on-busy wait:30ms",
        3,
        "late:3ms:acquire:0.3 stall:insert:0.3",
    ),
    (
        "locked --renew --ttl 3ms",
        3,
        "crash:check:0.3 slow:2ms:insert",
    ),
    (
        "locked --release-order before-commit",
        3,
        "lost-reply:commit:0.3",
    ),
    ("unique", 3, "lost-reply:insert:0.5"),
    ("hold --ttl 3ms", 3, "stall:hold:0.5 lost-reply:confirm:0.3"),
    ("transaction", 3, "lost-reply:begin:0.3 give-up:0.2"),
    (
        "redlock --nodes 3 --ttl 10ms",
        3,
        "lost-request:acquire:0.2 stall:check:0.3",
    ),
];

/// So many recordings are changed unless it is said how many.
const MUTANTS: u64 = 1500;

/// What racesim may not know, where trying every order does.
const OF_LOCKS: [Property; 2] = [Property::NoForeignRelease, Property::NoLockLeft];

/// What a whole history always tells.
const NEVER_UNKNOWN: [Property; 2] = [Property::NoDoubleBooking, Property::NoPhantomSuccess];

/// Rounds of a race that are recorded in one file.
const ROUNDS: u32 = 3;

fn recorded() -> Vec<String> {
    on_a_runtime(async {
        let plan = |users: u32| Plan {
            rounds: ROUNDS.try_into().unwrap(),
            ..Plan::new(users.try_into().unwrap())
        };
        let engine = engine(&plan(4), everything(3)).await;
        let mut texts = Vec::new();
        for (words, users, faults) in RACES {
            let mut plan = plan(users);
            plan.faults = faults
                .split_whitespace()
                .map(|it| it.parse().unwrap())
                .collect();
            let strategy = strategy_of(words).unwrap();
            let mut file = Vec::new();
            for round in 0..ROUNDS {
                let history = engine.race(&strategy, &plan, round).await.unwrap();
                history::write(&history, &mut file).unwrap();
            }
            history::write_end(3, false, &mut file).unwrap();
            texts.push(String::from_utf8(file).unwrap());
        }
        texts
    })
}

/// Every history that is kept beside the tests.
fn kept() -> Vec<String> {
    let folder = std::fs::read_dir(history_file("")).unwrap();
    let mut files: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(text_of).collect()
}

/// How often two checkers said what.
#[derive(Debug, Default)]
struct Tally {
    mutants: BTreeMap<Kind, u64>,
    damaged: u64,
    impossible: u64,
    /// Histories of which racesim says that their steps are not the strategy's.
    astray: u64,
    /// Histories that both have judged.
    judged: u64,
    /// Questions about locks in histories whose replies no order of things explains.
    unexplained: u64,
    /// Where racesim does not know what every order of things says.
    vague: BTreeMap<&'static str, u64>,
    verdicts: BTreeMap<(&'static str, &'static str), u64>,
    differences: BTreeMap<String, (u64, String)>,
}

impl Tally {
    fn differ(&mut self, how: String, text: &str) {
        let known = self
            .differences
            .entry(how)
            .or_insert_with(|| (0, text.to_owned()));
        known.0 += 1;
        if text.len() < known.1.len() {
            text.clone_into(&mut known.1);
        }
    }

    /// What both say about a file.
    fn compare(&mut self, text: &str) {
        let damage = file::damage(text);
        let recording = match history::read(text.as_bytes()) {
            Ok(recording) => recording,
            Err(error) => {
                self.damaged += 1;
                if damage.is_none() {
                    self.differ(format!("only racesim: {error}"), text);
                }
                return;
            }
        };
        let races = || recording.races.iter().map(|race| &race.history);
        let found = recording.damage.clone();
        let found = found.or_else(|| races().find_map(|history| history.damage.clone()));
        if let Some(found) = &found {
            self.damaged += 1;
            let is_bad = damage.is_some() || races().any(|it| possible::objection(it).is_some());
            if !is_bad {
                self.differ(format!("only racesim: {}", without_digits(found)), text);
            }
            return;
        }
        if let Some(damage) = damage {
            self.differ(format!("only the slow checker: {damage}"), text);
        }
        for race in &recording.races {
            self.compare_race(race);
        }
    }

    fn compare_race(&mut self, race: &Recorded) {
        let history = &race.history;
        let mut text = Vec::new();
        history::write(history, &mut text).unwrap();
        let text = &String::from_utf8(text).unwrap();
        let (quick, slow) = (objection(race), possible::objection(history));
        match (&quick, slow) {
            (Some(why), None) => {
                self.differ(format!("only racesim: {}", without_digits(why)), text);
            }
            (None, Some(why)) => self.differ(format!("only the slow checker: {why}"), text),
            _ => {}
        }
        if quick.is_some() || slow.is_some() {
            self.impossible += 1;
            return;
        }
        let words = format!("{} {}", history.header.strategy, history.header.settings);
        if let Ok(strategy) = strategy_of(&words)
            && objection_by(race, &strategy).is_some()
        {
            self.astray += 1;
            return;
        }
        self.judged += 1;
        for judgement in judge(history) {
            let property = judgement.property;
            let quick = judgement.verdict.name();
            let Some(slow) = slow_checker::answer(property, history) else {
                // Its strategy does not do what it says.
                self.unexplained += 1;
                let is_foreign = property == Property::NoForeignRelease && quick == "violated";
                if is_foreign && !slow_checker::may_be_foreign(history) {
                    self.differ(format!("{property}: racesim {quick}, of no order"), text);
                }
                continue;
            };
            *self.verdicts.entry((property.name(), quick)).or_default() += 1;
            if OF_LOCKS.contains(&property) && quick == "unknown" && slow != Answer::Unknown {
                *self.vague.entry(property.name()).or_default() += 1;
            } else if quick != slow.name() {
                let slow = slow.name();
                self.differ(
                    format!("{property}: racesim {quick}, slow checker {slow}"),
                    text,
                );
            }
        }
    }
}

impl Tally {
    fn verdicts_of(&self, property: Property) -> u64 {
        let all = ["holds", "unknown", "violated"];
        all.map(|verdict| self.count(property, verdict))
            .iter()
            .sum()
    }

    fn count(&self, property: Property, verdict: &'static str) -> u64 {
        let counted = self.verdicts.get(&(property.name(), verdict));
        counted.copied().unwrap_or(0)
    }

    /// What is missing before the comparison says anything: every verdict there is was met on each
    /// property, racesim knows most of what can be known of the locks, and little was skipped.
    fn shortcomings(&self, mutants: u64) -> Vec<String> {
        let mut short = Vec::new();
        let mut expect = |is_met: bool, what: String| {
            if !is_met {
                short.push(what);
            }
        };
        for property in Property::ALL {
            for verdict in ["holds", "unknown", "violated"] {
                let is_met = self.count(property, verdict) > 0;
                let can_be = verdict != "unknown" || !NEVER_UNKNOWN.contains(&property);
                expect(is_met == can_be, format!("{property} {verdict}: {is_met}"));
            }
            let vague = self.vague.get(property.name()).copied().unwrap_or(0);
            let is_clear = vague * 20 < self.verdicts_of(property);
            expect(is_clear, format!("{property}: {vague} are vague"));
        }
        let of_locks: u64 = OF_LOCKS
            .map(|property| self.verdicts_of(property))
            .iter()
            .sum();
        let Self {
            judged,
            astray,
            unexplained,
            ..
        } = self;
        expect(
            unexplained * 10 < of_locks,
            format!("{unexplained} are unexplained, and {of_locks} are not"),
        );
        expect(
            astray * 8 < *judged,
            format!("{astray} are not the strategy's steps, and {judged} are"),
        );
        expect(
            judged * 4 > mutants,
            format!("of {mutants} mutants {judged} are judged"),
        );
        short
    }
}

fn without_digits(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_ascii_digit())
        .collect()
}

/// Changes the recordings so often.
fn fuzz(texts: &[String], mutants: u64) -> Tally {
    let seed = Seed(number_in("RACESIM_SEED").unwrap_or(0));
    let mut chance = seed.stream(Purpose::Fault, 0);
    let lines = |text: &String| {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let files: Vec<Vec<serde_json::Value>> = texts.iter().map(lines).collect();
    let mut tally = Tally::default();
    for text in texts {
        tally.compare(text);
    }
    for number in 0..mutants {
        let place = usize::try_from(number).unwrap() % files.len();
        let mut draft = Draft {
            lines: files[place].clone(),
            chance: &mut chance,
        };
        if draft.is_chosen(60) {
            draft.rename();
        }
        let mut is_changed = true;
        while is_changed {
            let at = usize::from(draft.chance.random::<u8>()) % Kind::ALL.len();
            if draft.mutate(Kind::ALL[at]).is_some() {
                *tally.mutants.entry(Kind::ALL[at]).or_default() += 1;
            }
            is_changed = draft.is_chosen(50);
        }
        if draft.is_chosen(80) {
            draft.mend_counts();
        }
        if draft.is_chosen(50) {
            draft.sort();
        }
        tally.compare(&draft.text());
    }
    tally
}

// It was enough that more verdicts were compared than histories changed, which the properties that need no
// locks did alone: the others could all have been skipped.
/// Changed and unchanged alike, all of them; what differs is shown, the smallest of each kind.
#[test]
#[expect(
    clippy::print_stdout,
    reason = "the counts of a long run are what it is for"
)]
fn two_checkers_agree_on_every_history_whatever_is_changed_in_it() {
    let texts: Vec<String> = kept().into_iter().chain(recorded()).collect();
    let mutants = number_in("RACESIM_MUTANTS").unwrap_or(MUTANTS);
    let tally = fuzz(&texts, mutants);
    let shown = tally.differences.iter();
    let shown: Vec<String> = shown
        .map(|(how, (count, text))| format!("{count} x {how}\n{text}"))
        .collect();
    let counts = Tally {
        differences: BTreeMap::new(),
        ..tally
    };
    assert!(shown.is_empty(), "{}\n{counts:#?}", shown.join("\n"));
    let short = counts.shortcomings(mutants);
    assert!(short.is_empty(), "{}\n{counts:#?}", short.join("\n"));
    if mutants > MUTANTS {
        println!("{counts:#?}");
    }
}
