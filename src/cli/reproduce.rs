//! The reproduce line: a command line that fixes the same inputs.

use std::num::NonZeroU32;

use super::command::{RaceKind, Repeats, Reproduce};
use super::plan_words;
use crate::plan::Plan;
use crate::report::Assertion;
use crate::services::lock::{KeyPrefix, Url};
use crate::services::{RedisChoice, ServiceChoice};

/// All that a line has to say.
pub(super) struct Inputs<'a> {
    /// The command and the strategies.
    pub(super) words: &'a str,
    pub(super) kind: RaceKind,
    pub(super) repeats: Repeats,
    /// What differs from the usual options of the strategies.
    pub(super) options: &'a str,
    pub(super) plan: &'a Plan,
    pub(super) services: &'a ServiceChoice,
    /// Whether the Redis is named by the environment.
    pub(super) is_redis_of_environment: bool,
    pub(super) assertions: &'a [Assertion],
}

impl Inputs<'_> {
    /// What differs from the defaults, and the seed.
    pub(super) fn reproduce(&self) -> Reproduce {
        let mut line = ShellLine(format!("racesim {}", self.words));
        line.words(self.options);
        self.race(&mut line);
        let note = self.services(&mut line);
        for assertion in self.assertions {
            line.add("assert", &assertion.to_string());
        }
        line.add("seed", &self.plan.seed.to_string());
        Reproduce { line: line.0, note }
    }

    fn race(&self, line: &mut ShellLine) {
        let says_rounds = match (self.kind, self.repeats) {
            (RaceKind::Comparison, Repeats::UntilClear) => false,
            (RaceKind::Single, _) => self.plan.rounds != NonZeroU32::MIN,
            (RaceKind::Comparison, Repeats::Exactly(_)) => true,
        };
        for (name, value) in plan_words::race(self.plan, says_rounds) {
            line.add(name, &value);
        }
    }

    /// The services, and what cannot be said of them.
    fn services(&self, line: &mut ShellLine) -> Option<String> {
        let ServiceChoice {
            database,
            redis,
            key_prefix,
        } = self.services;
        if let Some(path) = database.file() {
            line.add("database", &path.display().to_string());
        }
        if let Some((name, value)) = plan_words::timeout(self.plan) {
            line.add(name, &value);
        }
        if *key_prefix != KeyPrefix::default() {
            line.add("key-prefix", &key_prefix.0);
        }
        if self.is_redis_of_environment {
            return Some("with the same RACESIM_REDIS (not shown)".to_owned());
        }
        let urls = match redis {
            RedisChoice::Any => return None,
            RedisChoice::Private => {
                line.add("redis", "private");
                return None;
            }
            RedisChoice::Embedded => {
                line.add("redis", "embedded");
                return None;
            }
            RedisChoice::Urls(urls) => urls,
        };
        for url in urls {
            line.add("redis", &url.without_secrets());
        }
        let has_secrets = urls.iter().any(Url::has_secrets);
        has_secrets.then(|| {
            "with the user name and the password, which are left out here: put the URL with them into RACESIM_REDIS"
                .to_owned()
        })
    }
}

/// A line as a shell reads it.
struct ShellLine(String);

impl ShellLine {
    fn add(&mut self, flag: &str, value: &str) {
        let quoted = shlex::try_quote(value).unwrap_or_default();
        // A value that begins like an option must be seen to belong to this one.
        let between = if value.starts_with('-') { "=" } else { " " };
        self.0.extend([" --", flag, between, &quoted]);
    }

    /// Words that are options already.
    fn words(&mut self, words: &str) {
        if !words.is_empty() {
            self.0.extend([" ", words]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use crate::cli::{Command, RaceCommand, parse};

    /// Every option of a race that changes what is raced or judged, with values for it; those of
    /// `strategies` only where it is one that takes them.
    const OPTIONS: &[(&str, &[&str])] = &[
        ("--users", &["1", "77"]),
        ("--payment", &["5ms", "1.5ms..2s", "90s"]),
        ("--concurrency", &["3"]),
        ("--arrive-over", &["1500ms", "0.25ms"]),
        ("--rounds", &["1", "2", "20"]),
        ("--commit", &["each", "group"]),
        ("--timeout", &["2s", "1.25s", "5s"]),
        ("--database", &["with space.db", "it's.db", "-odd.db"]),
        (
            "--fault",
            &["crash", "slow:1.5ms:check:0.25", "lost-reply:insert:10%"],
        ),
        ("--seed", &["0", "42"]),
    ];

    const LOCKING: &[(&str, &[&str])] = &[
        (
            "--redis",
            &[
                "private",
                "embedded",
                "redis://h:1/2",
                "unix:///tmp/a%20b.sock?db=3",
                "rediss://h:1/#insecure",
            ],
        ),
        ("--key-prefix", &["mine:", "a b", "$x", "-p"]),
        ("--ttl", &["20ms", "1500ms", "1s"]),
    ];

    const LADDER: &[(&str, &[&str])] = &[
        ("--acquire", &["set-ex", "setnx-then-expire", "set-nx-ex"]),
        ("--lock-value", &["user"]),
        ("--on-busy", &["wait:1.5s", "wait:2m", "refuse"]),
        ("--renew", &[]),
        ("--unique", &[]),
        ("--release", &["del", "none"]),
        ("--release-order", &["before-commit"]),
    ];

    const RETRIES: (&str, &[&str]) = ("--retries", &["0", "3"]);
    const TRANSACTION: &[(&str, &[&str])] = &[
        ("--begin", &["deferred", "immediate"]),
        ("--busy-timeout", &["1.5s", "30ms"]),
        RETRIES,
    ];

    type Choice = (&'static str, &'static [&'static str]);

    fn some(of: Vec<Choice>) -> impl Strategy<Value = Vec<String>> {
        let many = of.len();
        subsequence(of, 0..=many).prop_flat_map(|chosen| {
            let words = chosen.into_iter().map(|(flag, values)| {
                if values.is_empty() {
                    Just(vec![flag.to_owned()]).boxed()
                } else {
                    select(values)
                        .prop_map(move |value| vec![format!("{flag}={value}")])
                        .boxed()
                }
            });
            words.collect::<Vec<_>>().prop_map(|words| words.concat())
        })
    }

    const REDLOCK: &[Choice] = &[RETRIES, ("--nodes", &["3"])];

    /// A command and its options.
    fn of(words: &str, options: &[&[Choice]]) -> (String, Vec<Choice>) {
        (words.to_owned(), options.concat())
    }

    /// A random command line: a race or a comparison with options that go with it.
    fn line() -> impl Strategy<Value = Vec<String>> {
        let commands = vec![
            of("naive", &[OPTIONS]),
            of("unique", &[OPTIONS]),
            of("hold", &[OPTIONS, &LOCKING[2..]]),
            of("optimistic", &[OPTIONS, &TRANSACTION[2..]]),
            of("transaction", &[OPTIONS, TRANSACTION]),
            of("locked", &[OPTIONS, LOCKING, LADDER]),
            of("redlock", &[OPTIONS, LOCKING, REDLOCK]),
            of("compare", &[OPTIONS, LOCKING, LADDER]),
            of(
                "compare optimistic transaction locked hold",
                &[OPTIONS, LOCKING, LADDER, TRANSACTION],
            ),
        ];
        let wanted = select(vec![
            vec![],
            vec!["--seat=7".to_owned()],
            vec!["--seats=9".to_owned()],
            vec!["--seats=each".to_owned()],
        ]);
        let assertion = select(vec![
            "double_bookings == 0",
            "latency_p99 < 1.5ms",
            "total_bookings>=3",
        ]);
        let command = select(commands).prop_flat_map(|(words, options)| {
            let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
            some(options).prop_map(move |some| [words.clone(), some].concat())
        });
        (command, wanted, proptest::option::of(assertion)).prop_map(
            |(mut words, wanted, assertion)| {
                words.extend(wanted);
                if let Some(assertion) = assertion {
                    let of = if words[0] == "compare" { "locked." } else { "" };
                    words.extend(["--assert".to_owned(), format!("{of}{assertion}")]);
                }
                words
            },
        )
    }

    fn raced(words: impl IntoIterator<Item = String>) -> Option<Box<RaceCommand>> {
        match parse(words.into_iter().map(Into::into)) {
            Ok(Command::Race(command)) => Some(command),
            Ok(_) | Err(_) => None,
        }
    }

    /// What is raced and judged.
    fn meaning(command: &RaceCommand) -> String {
        let RaceCommand {
            strategies,
            kind,
            repeats,
            plan,
            services,
            assertions,
            history: _,
            output: _,
            reproduce: _,
        } = command;
        format!("{strategies:?} {kind:?} {repeats:?} {plan:?} {services:?} {assertions:?}")
    }

    proptest! {
        /// The line left out the key prefix, which Redis, the limit, the database and the assertions,
        /// and gave options of two strategies twice.
        #[test]
        fn the_line_that_repeats_a_race_repeats_all_of_it(words in line()) {
            let words = std::iter::once("racesim".to_owned()).chain(words);
            // Options that exclude each other are refused, which is another question.
            if let Some(command) = raced(words) {
                let line = &command.reproduce.line;
                let again = shlex::split(line).and_then(raced);
                let again = again.unwrap_or_else(|| panic!("cannot be read: {line}"));
                prop_assert_eq!(meaning(&command), meaning(&again), "{}", line);
                prop_assert_eq!(line, &again.reproduce.line);
            }
        }
    }

    #[test]
    fn a_secret_is_left_out_and_that_is_said() {
        let words = [
            "racesim",
            "locked",
            "--redis",
            "redis://me:S3CRET@h:1/2",
            "--seed",
            "4",
        ];
        let command = raced(words.map(str::to_owned)).unwrap();
        assert_eq!(
            command.reproduce.line,
            "racesim locked --users 500 --seat 10 --redis redis://h:1/2 --seed 4"
        );
        let note = command.reproduce.note.unwrap();
        assert!(
            note.contains("put the URL with them into RACESIM_REDIS"),
            "{note}"
        );
    }
}
