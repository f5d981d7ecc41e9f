//! Are bad words refused with one clear line, before anything runs?

use super::support::{racesim, run};

/// Ten thousand had to be written with all its noughts.
#[test]
fn a_count_may_be_written_as_people_write_it() {
    for (typed, meant) in [("-n1k", 1000), ("-n1_500", 1500), ("--users=2K", 2000)] {
        let ran = run(&["naive", typed, "--format", "json"]);
        assert_eq!(super::reports::metric(&ran.race(), "attempts"), meant);
    }
    for typed in ["k", "1kk", "_1", "1_", "1__0", "5000M", "1.5k"] {
        run(&["naive", "-n", typed]).assert_refused(2, "is not a number of users");
    }
}

#[test]
fn a_number_that_cannot_be_is_named() {
    run(&["naive", "--users", "0"]).assert_refused(
        2,
        "--users: '0' is not a number of users: write a whole number from 1",
    );
    run(&["naive", "--users", "many"]).assert_refused(2, "'many' is not a number of users");
    run(&["naive", "--users", "-3"]).assert_refused(2, "--users");
    run(&["naive", "--seat", "0"]).assert_refused(2, "--seat: '0' is not a seat");
    run(&["naive", "--seat", "ten"]).assert_refused(2, "--seat: 'ten' is not a seat");
    run(&["naive", "--rounds", "0"]).assert_refused(2, "--rounds: '0' is not a number of rounds");
    run(&["naive", "--concurrency", "0"]).assert_refused(2, "--concurrency: '0'");
    run(&["naive", "--users"]).assert_refused(2, "--users needs a value");
}

#[test]
fn one_seat_and_many_seats_exclude_each_other() {
    run(&["naive", "--seat", "3", "--seats", "4"])
        .assert_refused(2, "--seat and --seats cannot be used together");
}

#[test]
fn a_time_that_cannot_be_is_named() {
    run(&["locked", "--ttl", "0s"]).assert_refused(2, "--ttl: a lock lives at least 1ms");
    run(&["locked", "--ttl", "soon"]).assert_refused(2, "'soon' is not a duration: write 20ms");
    run(&["naive", "--payment", "50ms..10ms"]).assert_refused(
        2,
        "the payment range 50ms..10ms is reversed: write 10ms..50ms",
    );
    run(&["naive", "--timeout", "0s"]).assert_refused(2, "--timeout: '0s' is too short");
}

#[test]
fn a_mistyped_word_is_answered_with_the_nearest() {
    run(&["naiv"]).assert_refused(2, "there is no command 'naiv', perhaps 'naive'");
    run(&["uniqe"]).assert_refused(2, "there is no command 'uniqe', perhaps 'unique'");
    run(&["naive", "--usres", "3"])
        .assert_refused(2, "unknown option '--usres', perhaps '--users'");
    run(&["compare", "loked"]).assert_refused(
        2,
        "STRATEGY: there is no strategy 'loked', perhaps 'locked'",
    );
    run(&["naive", "--commit", "all"])
        .assert_refused(2, "--commit: there is no 'all'; there are: group, each");
    run(&["naive", "--format", "xml"]).assert_refused(
        2,
        "there is no format 'xml': write table, json, csv, markdown or mermaid",
    );
}

#[test]
fn a_strategy_is_compared_once() {
    run(&["compare", "naive", "naive"]).assert_refused(2, "'naive' is named twice");
}

#[test]
fn an_unknown_metric_is_refused_with_those_there_are() {
    let ran = run(&["naive", "--assert", "bokings == 1"]);
    ran.assert_refused(2, "there is no metric 'bokings', perhaps 'bookings'; there are: attempts, bookings, double_bookings");
    run(&["naive", "--assert", "bookings"]).assert_refused(2, "'bookings' is not a comparison");
    run(&["naive", "--assert", "latency_p99 < 50"])
        .assert_refused(2, "'50' is not a valid value for latency_p99: write 50ms");
}

#[test]
fn an_assertion_is_about_a_strategy_that_is_raced() {
    run(&["compare", "--assert", "double_bookings == 0"]).assert_refused(
        2,
        "say of which strategy, such as 'naive.double_bookings == 0'",
    );
    run(&["naive", "--assert", "locked.bookings == 1"])
        .assert_refused(2, "'locked' is not in this race; it has: naive");
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_the_race() {
    run(&["naive", "--export", "json:/no/such/folder/race.json"])
        .assert_refused(2, "cannot write '/no/such/folder/race.json'");
    run(&["naive", "--history", "/no/such/folder/race.jsonl"])
        .assert_refused(2, "cannot write '/no/such/folder/race.jsonl'");
    run(&["naive", "--export", "json"]).assert_refused(2, "expected FORMAT:FILE");
    run(&["naive", "--export", "page.md"]).assert_refused(2, "such as markdown:page.md");
    run(&["naive", "--export", "xml:race"]).assert_refused(2, "there is no format 'xml'");
}

#[test]
fn two_results_never_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("race");
    let file = file.to_str().unwrap();
    let export = format!("json:{file}");
    run(&["naive", "--export", &export, "--history", file])
        .assert_refused(2, "give each result a file of its own");
    run(&["naive", "--export", &export, "--database", file])
        .assert_refused(2, "give each result a file of its own");
    run(&["naive", "--history", file, "--database", file])
        .assert_refused(2, "give each result a file of its own");
    assert!(!folder.path().join("race").exists());
}

#[test]
fn a_run_that_is_refused_leaves_earlier_results_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (
        folder.path().join("old.json"),
        folder.path().join("new.json"),
    );
    std::fs::write(&old, "earlier").unwrap();
    let [old_export, new_export] = [&old, &new].map(|path| format!("json:{}", path.display()));
    let ran = run(&[
        "naive",
        "--export",
        &old_export,
        "--export",
        &new_export,
        "--database",
        "/etc/hostname",
    ]);
    ran.assert_refused(4, "is not an SQLite database");
    assert_eq!(std::fs::read_to_string(old).unwrap(), "earlier");
    assert!(!new.exists(), "an empty file was left behind");
}

#[test]
fn no_word_that_may_hold_a_password_is_repeated() {
    for words in [
        &["locked", "--redis", "http://:geheim@host"][..],
        &["locked", "--redis", "redis://:geheim@host:notaport"],
        &["locked", "redis://:geheim@host"],
        &["locked", "--rediss=redis://me:geheim@host"],
        &["compare", "redis://:geheim@host"],
        &["redis://:geheim@host"],
    ] {
        let ran = run(words);
        assert_eq!(ran.code, Some(2), "{}", ran.all());
        assert!(!ran.all().contains("geheim"), "{}", ran.all());
    }
}

#[test]
fn help_never_shows_the_url_in_the_environment() {
    let mut command = racesim(&["locked", "--help"]);
    command.env("RACESIM_REDIS", "redis://:geheim@host");
    let ran = super::support::finish(command);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stdout.contains("RACESIM_REDIS"));
    assert!(!ran.all().contains("geheim"));
}

#[test]
fn help_is_on_stdout_grouped_and_with_examples() {
    let ran = run(&["--help"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    for part in [
        "naive",
        "locked",
        "compare",
        "check",
        "strategies",
        "Examples:",
        "Exit status:",
    ] {
        assert!(ran.stdout.contains(part), "{part}");
    }
    let ran = run(&["locked", "--help"]);
    for part in ["Race:", "Services:", "Pace:", "Results:", "Examples:"] {
        assert!(ran.stdout.contains(part), "{part}");
    }
    assert!(!ran.stdout.contains('\u{1b}'), "styles in a pipe");
}

#[test]
fn no_command_at_all_shows_the_help_on_stderr() {
    let ran = run(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""));
    assert!(ran.stderr.contains("Usage: racesim <COMMAND>"));
}

#[test]
fn the_version_is_the_packages() {
    let ran = run(&["--version"]);
    assert_eq!(
        ran.stdout.trim(),
        concat!("racesim ", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_race_that_does_not_fit_is_refused_before_it_starts_with_the_size_that_would() {
    let ran = run(&["naive", "--users", "4294967295"]);
    ran.assert_refused(2, "4294967295 users need about ");
    assert!(
        ran.stderr.contains("give at most --users "),
        "{}",
        ran.stderr
    );
}

/// The options of a command that take a value, from its help: the name and what the value is called.
fn valued(command: &str) -> Vec<(String, String)> {
    let help = run(&[command, "--help"]).stdout;
    let lines = help.lines().filter_map(|line| {
        let (_, option) = line.split_once("--")?;
        let (name, rest) = option.split_once(" <")?;
        let is_option = line.trim_start().starts_with('-') && !name.contains(' ');
        is_option.then(|| (name.to_owned(), rest.split('>').next().unwrap().to_owned()))
    });
    lines.collect()
}

/// `--seed abc` was answered with a library's words, "invalid digit found in string".
#[test]
fn every_option_refuses_a_hostile_value_in_its_own_words() {
    let mut count = 0;
    for (command, before) in [
        ("naive", &["naive"][..]),
        ("locked", &["locked"]),
        ("optimistic", &["optimistic"]),
        ("transaction", &["transaction"]),
        ("redlock", &["redlock"]),
        ("hold", &["hold"]),
        ("compare", &["compare"]),
        ("check", &["check", "/dev/null"]),
        ("explore", &["explore", "locked"]),
        ("replay", &["replay", "locked"]),
        ("matrix", &["matrix"]),
    ] {
        for (name, value) in valued(command) {
            // Any text is a name of a file, a prefix or perhaps a server.
            if ["FILE", "PREFIX", "URL"].contains(&value.as_str()) {
                continue;
            }
            for hostile in [
                "abc",
                "1.5.2",
                "-7x",
                "99999999999999999999",
                "1e400s",
                "\u{1f4ba}",
                "a_b",
            ] {
                let word = format!("--{name}={hostile}");
                let ran = run(&[before, &[word.as_str()]].concat());
                ran.assert_refused(2, &format!("--{name}"));
                let line = &ran.stderr;
                assert!(
                    line.contains(&format!("'{hostile}'")) || line.contains(hostile),
                    "{word}: {line}"
                );
                let next = ["write ", "there are: ", "none of ", "such as ", "perhaps "];
                assert!(
                    next.iter().any(|words| line.contains(words)),
                    "{word}: {line}"
                );
                assert!(
                    !line.contains("invalid digit") && !line.contains("error:"),
                    "{word}: {line}"
                );
                count += 1;
            }
        }
    }
    assert!(count > 400, "the options were found: {count}");
}

#[test]
fn an_option_of_another_strategy_is_told_whose_it_is() {
    run(&["naive", "--redis", "redis://localhost"]).assert_refused(
        2,
        "naive takes no lock, so it has no --redis: see racesim naive --help",
    );
    run(&["unique", "--key-prefix=x"]).assert_refused(2, "unique takes no lock");
    run(&["naive", "--ttl", "1s"])
        .assert_refused(2, "naive has no --ttl: see racesim naive --help");
    run(&["naive", "--release", "del"])
        .assert_refused(2, "naive has no --release: see racesim naive --help");
    run(&["locked", "--nodes", "3"])
        .assert_refused(2, "locked has no --nodes: see racesim locked --help");
    run(&["explore", "naive", "--release", "del"]).assert_refused(
        2,
        "--release is an option of locked, not of naive: leave it out",
    );
    run(&["compare", "--retries", "2"]).assert_refused(
        2,
        "--retries is an option of optimistic, transaction, redlock, not of naive, locked",
    );
}

#[test]
fn the_nearest_name_is_given_for_every_kind_of_name() {
    for (arguments, near) in [
        (&["naive", "--fault", "stal"][..], "perhaps 'stall'"),
        (&["naive", "--fault", "crahs:check:0.5"], "perhaps 'crash'"),
        (
            &["explore", "naive", "--fault", "expires:2"],
            "perhaps 'expire'",
        ),
        (
            &["explore", "naive", "--property", "no-double-bookings"],
            "perhaps 'no-double-booking'",
        ),
        (&["naive", "--format", "tabel"], "perhaps 'table'"),
        (&["naive", "--export", "jsn:x"], "perhaps 'json'"),
        (&["naive", "--commit", "grop"], "perhaps 'group'"),
        (&["naive", "--color", "alway"], "perhaps 'always'"),
        (
            &["explore", "naive", "--expect", "violate"],
            "perhaps 'violated'",
        ),
        (&["locked", "--release", "dell"], "perhaps 'del'"),
        (&["locked", "--acquire", "set-nx-e"], "perhaps 'set-nx-ex'"),
        (&["transaction", "--begin", "defered"], "perhaps 'deferred'"),
        (&["naive", "--assert", "bokings == 1"], "perhaps 'bookings'"),
        (&["explore", "naiv"], "perhaps 'naive'"),
        (&["matrix", "--fault", "inocent"], "perhaps 'innocent'"),
        (&["naive", "--fault", "crash:chek"], "perhaps 'check'"),
        (
            &["replay", "naive", "--schedule", "A.check B.insrt"],
            "perhaps 'B.insert'",
        ),
        (
            &["replay", "naive", "--schedule", "expires"],
            "perhaps 'expire'",
        ),
        (&["list", "metric"], "perhaps 'metrics'"),
        (&["lsit"], "perhaps 'list'"),
        (&["hepl"], "perhaps 'help'"),
        (&["locked", "--relase", "del"], "perhaps '--release'"),
        (&["locked", "--on-busy", "refus"], "perhaps 'refuse'"),
    ] {
        run(arguments).assert_refused(2, near);
    }
}

// "there is no command 'help'".
#[test]
fn help_of_a_command_is_that_of_its_option() {
    for command in ["locked", "explore", "matrix"] {
        let asked = run(&["help", command]);
        assert_eq!((asked.code, asked.stderr.as_str()), (Some(0), ""));
        assert_eq!(asked.stdout, run(&[command, "--help"]).stdout);
    }
    assert_eq!(run(&["help"]).stdout, run(&["--help"]).stdout);
    run(&["help", "loked"]).assert_refused(2, "there is no command 'loked'");
}

// Of 4.0 it said "write 0".
#[test]
fn a_value_that_does_not_fit_is_answered_with_what_may_have_been_meant() {
    for (assertion, hint) in [
        (
            "bookings == 4.0",
            "'4.0' is not a valid value for bookings: write 4",
        ),
        (
            "bookings == 4.5",
            "write a whole number from 0 to 4294967295",
        ),
        (
            "bookings == -1",
            "write a whole number from 0 to 4294967295",
        ),
        (
            "bookings == many",
            "write a whole number from 0 to 4294967295",
        ),
        (
            "latency_p99 < 9",
            "'9' is not a valid value for latency_p99: write 9ms",
        ),
        ("latency_p99 < soon", "write a time, such as 50ms"),
        ("throughput > fast", "write a number, such as 10000"),
    ] {
        run(&["naive", "--assert", assertion]).assert_refused(2, hint);
    }
}
