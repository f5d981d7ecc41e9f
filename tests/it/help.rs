//! Does racesim say what there is? One screen of commands, the options that people use, and lists.

use racesim::checker::Property;
use racesim::fault::Fault;
use racesim::report::METRICS;
use racesim::schedule::MOVES;
use racesim::strategy::{CATALOGUE, Entry};

use super::support::run;

fn stdout(words: &[&str]) -> String {
    let ran = run(words);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
    ran.stdout
}

/// It had 36 lines of a hundred columns, the strategies among the other commands.
#[test]
fn the_help_of_racesim_is_one_screen() {
    let screen = stdout(&["--help"]);
    assert!(screen.lines().count() <= 22, "{screen}");
    for line in screen.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for heading in ["Race:", "Prove:", "Look again:"] {
        assert!(screen.lines().any(|line| line == heading), "{screen}");
    }
    for entry in &CATALOGUE {
        assert!(screen.contains(entry.name), "{} is not there", entry.name);
    }
    for words in [&["-h"][..], &["help"], &["help", "--help"]] {
        assert_eq!(stdout(words), screen);
    }
}

/// The options in a help.
fn options(help: &str) -> Vec<&str> {
    let lines = help.lines().map(str::trim_start);
    let lines = lines.filter(|line| line.starts_with('-') && !line.starts_with("- "));
    let flags = lines.filter_map(|line| line.split_once("--")?.1.split([' ', ',']).next());
    flags.filter(|flag| *flag != "help").collect()
}

/// Every command that takes options of a race or of a strategy.
fn commands() -> Vec<&'static str> {
    let strategies = CATALOGUE.iter().map(|entry| entry.name);
    let others = ["compare", "explore", "replay", "matrix", "check"];
    strategies.chain(others).collect()
}

/// Each help had thirty options, of which most people need five.
#[test]
fn the_short_help_shows_what_people_use_and_the_long_one_everything() {
    for command in commands() {
        let (short, long) = (stdout(&[command, "-h"]), stdout(&[command, "--help"]));
        let (few, all) = (options(&short), options(&long));
        assert!(few.len() <= 14, "{command}: {few:?}");
        assert!(few.iter().all(|flag| all.contains(flag)), "{command}");
        if command != "check" {
            assert!(few.len() < all.len(), "{command}: {few:?} of {all:?}");
        }
        assert!(short.contains("[default: "), "{short}");
    }
}

#[test]
fn every_strategy_has_a_command_with_its_options_each_of_which_is_explained() {
    for entry in &CATALOGUE {
        let help = stdout(&[entry.name, "--help"]);
        let first = help.lines().next().unwrap().to_lowercase();
        assert_eq!(first, entry.summary.to_lowercase());
        for option in entry.options() {
            let is_there = options(&help).contains(&option.flag);
            assert!(is_there, "{} --{}", entry.name, option.flag);
            for (value, what) in &option.values {
                // A long line goes on in the next.
                let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(words.contains(&format!("- {value}: {what}")), "{help}");
            }
            let usual = format!("[default: {}", option.usual);
            assert!(option.usual.is_empty() || help.contains(&usual), "{help}");
        }
    }
}

#[test]
fn every_strategy_can_be_compared_searched_and_forced() {
    let names = CATALOGUE.iter().map(|entry| entry.name);
    for name in names {
        let ran = run(&["compare", name, "--users", "2", "--rounds", "1", "-q"]);
        assert!(matches!(ran.code, Some(0 | 1)), "{name}: {}", ran.all());
        let limit = ["--users", "1", "--property", "no-double-booking", "-q"];
        let ran = run(&[&["explore", name][..], &limit].concat());
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.all());
    }
}

#[test]
fn what_there_is_is_listed_a_line_each() {
    let listed = |what: &str| {
        let text = stdout(&["list", what]);
        let names = text
            .lines()
            .filter_map(|line| line.split("  ").next().map(str::to_owned));
        names.collect::<Vec<String>>()
    };
    assert_eq!(listed("strategies"), CATALOGUE.each_ref().map(|it| it.name));
    assert_eq!(listed("properties"), Property::ALL.map(Property::name));
    assert_eq!(listed("faults"), Fault::ALL.map(Fault::name));
    assert_eq!(
        listed("metrics"),
        METRICS.iter().map(|it| it.name).collect::<Vec<_>>()
    );
    assert_eq!(listed("moves"), MOVES.map(|(form, _)| form));
    assert_eq!(stdout(&["strategies"]), stdout(&["list", "strategies"]));
    let all = stdout(&["list"]);
    for heading in [
        "Strategies:",
        "Properties:",
        "Metrics:",
        "Faults:",
        "Moves:",
    ] {
        assert!(all.contains(heading), "{all}");
    }
    run(&["list", "fault"]).assert_refused(2, "there is no 'fault', perhaps 'faults'");
}

/// `--ttl` was taken and ignored.
#[test]
fn an_option_is_refused_wherever_no_strategy_takes_it() {
    let own: Vec<_> = CATALOGUE.iter().map(Entry::options).collect();
    let all = own.iter().flatten();
    let naive = Entry::named("naive").unwrap();
    let mut count = 0;
    for option in all.filter(|option| naive.option(option.flag).is_none()) {
        let mut values = option.values.iter().map(|(name, _)| *name);
        let usual = Some(option.usual.as_str()).filter(|usual| !usual.is_empty());
        let value = usual.or_else(|| values.next()).unwrap_or_default();
        let words = option.to_args(value);
        let words: Vec<&str> = words.split(' ').collect();
        let owned = format!("--{} is an option of ", option.flag);
        for command in [&["explore", "naive"][..], &["compare", "naive"]] {
            let ran = run(&[command, &words].concat());
            ran.assert_refused(2, &owned);
            assert!(ran.stderr.contains("not of naive: leave it out"));
        }
        run(&[&["naive"], &words[..]].concat())
            .assert_refused(2, &format!("naive has no --{}: ", option.flag));
        count += 1;
    }
    assert!(count > 10, "the options were found");
}

/// `foo` was perhaps 'no-foreign-release', and 'wait' was perhaps 'wait'.
#[test]
fn no_name_is_proposed_that_is_far_or_was_typed() {
    for words in ["explore naive --property foo", "matrix --fault foo"] {
        let ran = run(&words.split(' ').collect::<Vec<_>>());
        ran.assert_refused(2, "'foo'");
        assert!(!ran.stderr.contains("perhaps"), "{}", ran.stderr);
    }
    for (words, text) in [
        (
            "locked --on-busy wait",
            "'wait' needs a time: write wait:2s",
        ),
        (
            "naive --fault crash:check:insert",
            "only one step may be given: 'check' or 'insert'",
        ),
        ("naive --users 1e3", ", such as 500, 10k or 1M"),
        ("naive extra", "unexpected argument 'extra'"),
        ("locked --renew=1", "--renew takes no value"),
        ("check", "no history given: racesim check HISTORY.jsonl"),
        (
            "replay",
            "nothing to replay: give a strategy with --schedule",
        ),
        ("replay naive --users 3", "--users is for --all"),
        ("explore", "no strategy given: racesim explore STRATEGY"),
    ] {
        run(&words.split(' ').collect::<Vec<_>>()).assert_refused(2, text);
    }
}
