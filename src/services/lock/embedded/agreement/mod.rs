//! Does racesim's own lock server answer as a Redis does? Every command and every script, byte for byte.

mod pair;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use strum::VariantArray;

use super::commands::ServerCommand;
use crate::services::lock::redis::LockScript;
use pair::{beside_each, packed, words};

/// What a lock is held with, by whom it is asked for, and by the name of which run.
const OWN: &str = "0af3:1:1";
const ANOTHERS: &str = "0af4:2:1";
const RUN: &str = "0af3:";

/// What is said, line after line; each line on both.
const LINES: &[&str] = &[
    // Taken, refused, taken from its holder, free again.
    "SET a one NX EX 600",
    "set a two nx ex 600",
    "GET a",
    "SET a three EX 500",
    "PTTL a",
    "SET a four",
    "PTTL a",
    "SETNX a five",
    "GET a",
    "DEL a",
    "DEL a",
    "GET a",
    "SETNX a five",
    "PTTL a",
    "EXISTS a",
    "EXISTS a a nobody",
    "SET b 1 PX 600000 NX",
    "DEL a b nobody",
    "PTTL a",
    // Times to live.
    "EXPIRE a 600",
    "SET a one",
    "EXPIRE a 600",
    "PTTL a",
    "PEXPIRE a 1000000",
    "PTTL a",
    "PEXPIRE a 0",
    "GET a",
    "SET a one",
    "EXPIRE a -1",
    "EXISTS a",
    "SET a one",
    "EXPIRE a x",
    "PEXPIRE a 01",
    "PEXPIRE a +1",
    "PEXPIRE a 9223372036854775807",
    "EXPIRE a 9223372036854775807",
    "PEXPIRE a -9223372036854775808",
    // What makes no sense.
    "SET a one PX 0",
    "SET a one EX -1",
    "SET a one PX x",
    "SET a one PX",
    "SET a one WHATEVER",
    "SET a one EX 1 PX 1",
    "SET a one NX NX",
    "SET a one PX 9223372036854775807",
    "SET a one EX 9223372036854775807",
    "SET a",
    "GET",
    "GET a b",
    "DEL",
    "EXISTS",
    "PTTL",
    "SETNX a",
    "EXPIRE a",
    "EVAL",
    "EVAL 1",
    "EVALSHA 1",
    "SCRIPT",
    "SCRIPT LOAD",
    "SCRIPT LOAD 1 2",
    "SCRIPT WHATEVER",
    "WHATEVER",
    "whatever a b",
    "WHATEVER one\ntwo",
    "EVALSHA 0123456789012345678901234567890123456789 0",
    "EVALSHA 0123456789012345678901234567890123456789 2 a",
    "EVALSHA 0123456789012345678901234567890123456789 -1 a",
    "EVALSHA 0123456789012345678901234567890123456789 x a",
    "EVALSHA 0123 0",
];

/// What only newer servers know: Valkey 9 the one, Redis 8.4 the other.
const CONDITIONAL: &[&str] = &[
    "SET a one",
    "DELIFEQ a two",
    "DELIFEQ a one",
    "DELIFEQ a one",
    "DELIFEQ a",
    "SET a one",
    "DELEX a IFEQ two",
    "delex a ifeq one",
    "DELEX a IFEQ one",
];

#[test]
fn every_command_is_answered_as_by_a_redis() {
    beside_each(|pair| {
        for line in LINES {
            pair.ask(&words(line));
        }
        pair.ask(&["WHATEVER".to_owned(), "x".repeat(200), "y".to_owned()]);
        pair.ask(&words("SET a one PX 2"));
        pair.wait_for_the_end_of("a");
        pair.ask(&words("SET a two NX PX 2"));
        pair.wait_for_the_end_of("a");
        for after in ["GET a", "PTTL a", "EXPIRE a 5", "DEL a", "SETNX a 1"] {
            pair.ask(&words(after));
        }
        for line in CONDITIONAL {
            pair.ask_where_it_is_known(&words(line));
        }
        // What a server says that it is is its own.
        for server in [&mut pair.real, &mut pair.ours] {
            let told = server.ask(&words("INFO server"));
            let told = String::from_utf8(told).unwrap();
            assert!(told.contains("_mode:standalone\r\n"), "{told}");
        }
        let told = ["info".to_owned()];
        for name in ServerCommand::VARIANTS.iter().map(<&str>::from) {
            assert!(
                pair.asked.contains(name) || told.contains(&name.to_owned()),
                "{name}"
            );
        }
    });
}

/// The arguments that a script is tried with.
fn arguments(script: LockScript) -> Vec<Vec<&'static str>> {
    let times = ["600000", "1000", "0", "-5"];
    match script {
        LockScript::CompareAndDelete => vec![vec![OWN], vec![ANOTHERS], vec![RUN], vec![""]],
        LockScript::Sweep | LockScript::Left => vec![vec![RUN], vec![OWN], vec!["0af5:"], vec![""]],
        LockScript::IsFree => vec![vec![], vec![OWN]],
        LockScript::Renew | LockScript::Shorten => {
            let times = times.into_iter().chain(["x", "9223372036854775807"]);
            let each = times.flat_map(|time| [OWN, RUN, "0af5:"].map(|name| vec![name, time]));
            each.collect()
        }
        LockScript::SetNxPxFenced | LockScript::SetNxFenced | LockScript::SetPxFenced => {
            times.map(|time| vec![OWN, time]).to_vec()
        }
    }
}

/// What may be there before a script runs: `K` is the lock, `C` its counter.
const BEFORE: &[&[&str]] = &[
    &[],
    &["SET K 0af3:1:1 PX 600000"],
    &["SET K 0af3:1:1"],
    &["SET K 0af4:2:1 EX 600"],
    &["SET K 0af4:2:1"],
    &["SET C 41"],
    &["SET K 0af4:2:1 EX 600", "SET C 41 EX 500"],
    &["SET C nothing"],
    &["SET C 9223372036854775807"],
    &["SET K 0af3:1:1 PX 1", "ends K", "SET C 41"],
];

/// A key after a script has run: its value and what is left of its life.
const AFTER: &[&str] = &["GET K", "PTTL K", "GET C", "PTTL C"];

#[test]
fn every_script_does_what_it_does_on_a_redis() {
    beside_each(|pair| {
        let mut cases = 0;
        for script in LockScript::VARIANTS {
            let load = ["SCRIPT", "LOAD", script.text()].map(str::to_owned);
            let hash = script.hash();
            let unknown = words(&format!("EVALSHA {hash} 1 k 0af3: 0"));
            assert!(pair.ask(&unknown).starts_with(b"-NOSCRIPT"), "{script:?}");
            assert_eq!(pair.ask(&load), format!("$40\r\n{hash}\r\n").as_bytes());
            for (before, arguments) in BEFORE
                .iter()
                .flat_map(|before| arguments(*script).into_iter().map(move |it| (before, it)))
            {
                for start in [["EVAL", script.text()], ["EVALSHA", &hash]] {
                    cases += 1;
                    let (key, counter) = (format!("k{cases}"), format!("c{cases}"));
                    for line in *before {
                        match line.strip_prefix("ends ") {
                            Some(_) => pair.wait_for_the_end_of(&key),
                            None => drop(pair.ask(&put_keys(line, &key, &counter))),
                        }
                    }
                    let mut run = start.map(str::to_owned).to_vec();
                    run.extend(["2".to_owned(), key.clone(), counter.clone()]);
                    run.extend(arguments.iter().map(|word| (*word).to_owned()));
                    pair.ask(&run);
                    for line in AFTER {
                        pair.ask(&put_keys(line, &key, &counter));
                    }
                }
            }
        }
        assert!(cases > 500, "{cases}");
    });
}

/// A line with the keys in it.
fn put_keys(line: &str, key: &str, counter: &str) -> Vec<String> {
    let put = |word: String| match word.as_str() {
        "K" => key.to_owned(),
        "C" => counter.to_owned(),
        _ => word,
    };
    words(line).into_iter().map(put).collect()
}

#[test]
fn a_script_is_known_once_it_has_been_sent() {
    beside_each(|pair| {
        let script = LockScript::IsFree;
        let by_name = words(&format!("EVALSHA {} 1 a", script.hash()));
        assert!(pair.ask(&by_name).starts_with(b"-NOSCRIPT"));
        let by_text = ["EVAL", script.text(), "1", "a"].map(str::to_owned);
        assert_eq!(pair.ask(&by_text), b":1\r\n");
        assert_eq!(pair.ask(&by_name), b":1\r\n");
        let in_capitals = words(&format!("EVALSHA {} 1 a", script.hash().to_uppercase()));
        assert_eq!(pair.ask(&in_capitals), b":1\r\n");
        for keys in ["x", "-1", "2"] {
            pair.ask(&["EVAL", script.text(), keys, "a"].map(str::to_owned));
        }
    });
}

/// A command comes in pieces, and many come in one: both are answered in their order.
#[test]
fn a_batch_is_answered_in_its_order_however_it_is_cut() {
    beside_each(|pair| {
        let mut batch = Vec::new();
        for number in 0..2000 {
            batch.extend(packed(&words(&format!("SET k{number} {number} NX"))));
            batch.extend(packed(&words(&format!("GET k{number}"))));
        }
        for client in [&mut pair.real, &mut pair.ours] {
            for piece in batch.chunks(997) {
                client.0.write_all(piece).unwrap();
            }
            for number in 0..2000 {
                assert_eq!(client.reply(), b"+OK\r\n");
                let value = number.to_string();
                let bulk = format!("${}\r\n{value}\r\n", value.len());
                assert_eq!(client.reply(), bulk.as_bytes());
            }
        }
    });
}

#[test]
fn what_no_client_sends_ends_the_connection_and_no_other() {
    beside_each(|pair| {
        for client in [&mut pair.real, &mut pair.ours] {
            client.ask(&words("SET a one"));
        }
        let mut other =
            UnixStream::connect(pair.ours.0.peer_addr().unwrap().as_pathname().unwrap()).unwrap();
        other.write_all(b"*1\r\n:1\r\n").unwrap();
        let mut told = String::new();
        other.read_to_string(&mut told).unwrap();
        assert_eq!(told, "-ERR Protocol error\r\n");
        assert_eq!(pair.ask(&words("GET a")), b"$3\r\none\r\n");
    });
}
