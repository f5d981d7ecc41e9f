//! One strategy's races, told in full.

use super::data::{LockLeftReport, RaceReport, RoundsApart};
use crate::checker::explain::Explanation;
use crate::duration::Millis;
use crate::history::{FaultCount, Outcome};
use crate::report::blocks::{
    Block, Cell, Table, Tone, cell, count, fact, head, known, oversold, shown,
};
use crate::report::metrics::Unit;
use crate::report::timing::TimingReport;
use crate::report::verdicts::verdict_table;
use crate::report::words::{in_full, locks};
use crate::stats::{Rate, as_f64};

/// All of it.
pub(in crate::report) fn raced(race: &RaceReport, blocks: &mut Vec<Block>) {
    blocks.push(Block::Title(format!(
        "racesim {}: {}",
        env!("CARGO_PKG_VERSION"),
        in_full(&race.header.strategy, &race.header.settings)
    )));
    let mut facts = setting(race);
    let faults = race.faults.iter();
    facts.extend(faults.map(|fault_count| fact("Fault", happened(fault_count))));
    blocks.push(Block::Facts(facts));
    blocks.push(Block::Table(bookings(race)));
    blocks.push(Block::Table(outcomes(race)));
    blocks.push(Block::Facts(numbers(race)));
    let steps = format!("Steps{}", together(race));
    blocks.push(Block::Table(timings(race, &steps, "Step", &race.steps)));
    blocks.push(Block::Table(verdicts(race)));
    if let Some(explanation) = &race.explanation {
        blocks.push(Block::Table(interleaving(explanation)));
    }
    warnings(race, blocks);
}

/// What was raced, on what.
pub(in crate::report) fn setting(race: &RaceReport) -> Vec<(String, String)> {
    let header = &race.header;
    let pace = match (&header.arrive_over, header.concurrency) {
        (None, None) => "all at once".to_owned(),
        (None, Some(width)) => format!("at most {width} in flight"),
        (Some(time), None) => format!("arriving over {time}"),
        (Some(time), Some(width)) => format!("arriving over {time}, at most {width} in flight"),
    };
    let mut facts = vec![
        fact(
            "Users",
            format!("{}, {pace}", Unit::Count.shown(f64::from(header.users))),
        ),
        fact("Wanted", header.wanted.clone()),
        fact(
            "Payment",
            format!("{} between check and insert", header.payment),
        ),
        fact("Seed", header.seed.to_string()),
        fact("Database", header.database.clone()),
        fact("Locks", locks(header.lock.as_ref())),
    ];
    if let Some(ttl_ms) = header.ttl_ms {
        let ttl = Millis(std::time::Duration::from_millis(ttl_ms));
        let name = if header.lock.is_some() {
            "Lock TTL"
        } else {
            "Hold TTL"
        };
        facts.push(fact(name, ttl.to_string()));
    }
    if race.rounds > 1 {
        facts.push(fact("Rounds", race.rounds.to_string()));
    }
    facts
}

/// How often a fault happened; one that could not is said, not dropped.
fn happened(fault: &FaultCount) -> String {
    let FaultCount { fault, happened } = fault;
    match happened {
        0 => format!(
            "{fault} never fired: no user was selected, none got that far, or none held what it takes away"
        ),
        1 => format!("{fault} happened once"),
        times => format!("{fault} happened {} times", shown(*times)),
    }
}

/// What is added to the title of a table that adds rounds up.
fn together(race: &RaceReport) -> String {
    if race.rounds > 1 {
        format!(", {} rounds together", race.rounds)
    } else {
        String::new()
    }
}

/// The headings of a table, which say where they are sums.
fn totals<const N: usize>(race: &RaceReport, names: [&str; N]) -> Vec<String> {
    let is_total =
        |name: &str| ["Attempts", "Bookings", "Double-bookings", "Count"].contains(&name);
    let name = |name: &str| match name {
        name if race.rounds > 1 && is_total(name) => format!("Total {}", name.to_lowercase()),
        name => name.to_owned(),
    };
    names.iter().map(|it| name(it)).collect()
}

/// The table of bookings and double-bookings.
fn bookings(race: &RaceReport) -> Table {
    let mut rows: Vec<Vec<Cell>> = race
        .seats
        .iter()
        .map(|seat| {
            let users: Vec<String> = seat.first_users.iter().map(ToString::to_string).collect();
            let are_more = seat
                .total_bookings
                .is_some_and(|all| all > count(users.len()));
            let more = if are_more { ", …" } else { "" };
            let double_bookings = seat.total_double_bookings;
            vec![
                cell(seat.seat.to_string()),
                cell(shown(seat.total_attempts)),
                cell(known(seat.total_bookings)),
                oversold(known(double_bookings), double_bookings.map(as_f64)),
                cell(format!("{}{more}", users.join(", "))),
            ]
        })
        .collect();
    if race.seats_wanted > 1 {
        let rest = race.seats_wanted - race.seats.len();
        let note = if rest > 0 {
            format!("{rest} more seats not listed")
        } else {
            String::new()
        };
        let double_bookings = race.figures.total("double_bookings");
        rows.push(vec![
            cell(format!("all {}", race.seats_wanted)),
            cell(race.figures.total_shown("attempts")),
            cell(race.figures.total_shown("bookings")),
            oversold(race.figures.total_shown("double_bookings"), double_bookings),
            cell(note),
        ]);
    }
    let names = [
        "Seat",
        "Attempts",
        "Bookings",
        "Double-bookings",
        "First users to get it",
    ];
    Table {
        title: format!(
            "Bookings, counted from the database's rows{}",
            together(race)
        ),
        head: totals(race, names),
        numbers_from: 1,
        tail: 1,
        rows,
    }
}

/// What is said of users who failed in a race that was stopped.
const STOPPED: &str = "the race was stopped, or an error; nothing was booked";

fn outcomes(race: &RaceReport) -> Table {
    let title = format!("What the users were told{}", together(race));
    let mut table = timings(race, &title, "Outcome", &race.outcomes);
    table.head.push("Message".to_owned());
    table.tail = 1;
    for (row, outcome) in table.rows.iter_mut().zip(&race.outcomes) {
        row.push(cell(match outcome.kind {
            Outcome::Failed if race.interrupted => STOPPED,
            kind => kind.message(),
        }));
        if matches!(outcome.kind, Outcome::Failed | Outcome::Unknown) {
            row[0].tone = Tone::Unknown;
        }
    }
    table
}

fn timings<K: std::fmt::Display>(
    race: &RaceReport,
    title: &str,
    kind: &str,
    timings: &[TimingReport<K>],
) -> Table {
    let rows = timings.iter().map(|timing| {
        let ms = |value: f64| cell(format!("{value:.3}"));
        vec![
            cell(timing.kind.to_string()),
            cell(shown(timing.total_count)),
            ms(timing.p50_ms),
            ms(timing.p90_ms),
            ms(timing.p99_ms),
            ms(timing.max_ms),
        ]
    });
    let names = [kind, "Count", "p50 ms", "p90 ms", "p99 ms", "max ms"];
    Table {
        title: title.to_owned(),
        head: totals(race, names),
        numbers_from: 1,
        tail: 0,
        rows: rows.collect(),
    }
}

/// The figures of a round; of several, of the median one with the range.
fn numbers(race: &RaceReport) -> Vec<(String, String)> {
    let number = |name: &str| race.figures.shown(name);
    let median = |name: &str| race.figures.median(name);
    let mut facts = Vec::new();
    if race.rounds > 1 {
        let in_all = |name: &str| {
            let (round, total) = (number(name), race.figures.total_shown(name));
            format!("{round} a round, {total} in all")
        };
        facts.push(fact("Bookings", in_all("bookings")));
        facts.push(fact("Double-bookings", in_all("double_bookings")));
    }
    facts.extend([
        fact(
            "Paid in vain",
            format!(
                "{} (paid, but do not have a seat to themselves)",
                number("paid_in_vain")
            ),
        ),
        fact(
            "Throughput",
            format!(
                "{} ({} attempts in {})",
                number("throughput"),
                number("attempts"),
                number("duration")
            ),
        ),
        fact(
            "Start spread",
            format!(
                "{} between the first and the last start",
                number("start_spread")
            ),
        ),
    ]);
    // Of a race in which nobody did nothing is said; where it is not known, that is.
    if median("retries") != Some(0.0) {
        facts.push(fact("Retries", number("retries")));
    }
    if median("waiting_p50").is_some() {
        let (half, most) = (number("waiting_p50"), number("waiting_p99"));
        let text = format!("p50 {half}, p99 {most}, of those who waited");
        facts.push(fact("Waited", text));
    }
    if race.rounds > 1 {
        facts.push(fact(
            "Rounds with a double booking",
            format!(
                "{}{}",
                rate(race.rounds_double_booked),
                apart(race.rounds_apart)
            ),
        ));
    }
    facts
}

/// A rate with its interval; "never seen" only bounds it (the rule of three,
/// <https://en.wikipedia.org/wiki/Rule_of_three_(statistics)>).
fn rate(rate: Rate) -> String {
    let Rate {
        hits,
        of,
        low,
        high,
    } = rate;
    let interval = format!(
        "Wilson 95 % interval {:.1}–{:.1} %",
        low * 100.0,
        high * 100.0
    );
    if of == 0 {
        return "0 of 0: nothing is known".to_owned();
    }
    if hits == 0 {
        let most = 100.0 * rate.most_unseen();
        return format!("0 of {of}: at most {most:.1} %, as 1 − 0.05^(1/{of}) says ({interval})");
    }
    format!("{hits} of {of}: {:.1} % ({interval})", rate.share() * 100.0)
}

/// The rounds that the rate is not of.
fn apart(rounds: RoundsApart) -> String {
    let RoundsApart {
        stopped,
        stopped_double_booked,
        unjudged,
    } = rounds;
    let told = [
        (stopped, "stopped before its end"),
        (stopped_double_booked, "stopped before its end, and had one"),
        (unjudged, "not whole, and nothing is known of it"),
    ];
    let told = told.into_iter().filter(|(rounds, _)| *rounds > 0);
    let told: Vec<String> = told
        .map(|(rounds, how)| format!("; {rounds} more: {how}"))
        .collect();
    told.concat()
}

fn verdicts(race: &RaceReport) -> Table {
    verdict_table(&format!("Verdict: {}", race.verdict), &race.verdicts)
}

/// The steps that led to a violation.
pub(in crate::report) fn interleaving(explanation: &Explanation) -> Table {
    let rows = explanation.lines.iter().enumerate().map(|(index, line)| {
        vec![
            cell((index + 1).to_string()),
            cell(format!("{:.4}", line.at_ms)),
            cell(format!("user {}", line.user)),
            cell(match line.reply {
                Some(reply) => format!("{} → {reply}", line.step),
                None => line.step.clone(),
            }),
            cell(line.note.clone()),
        ]
    });
    let head = head(["", "at ms", "Who", "Step", "What it means"]);
    Table {
        title: format!("How it happened: {}", explanation.title),
        head,
        numbers_from: 0,
        tail: 3,
        rows: rows.collect(),
    }
}

/// What a reader must know before believing the numbers.
pub(in crate::report) fn warnings(race: &RaceReport, blocks: &mut Vec<Block>) {
    if race.interrupted {
        blocks.push(Block::Note("The race was stopped before every user had its try; the numbers say what happened so far.".to_owned()));
    }
    blocks.extend(
        race.troubles
            .iter()
            .map(|trouble| Block::Note(format!("A service failed during the race: {trouble}"))),
    );
    if race.figures.total("locks_left").is_none() {
        let note = "Could not read which seats are still locked; any such lock expires with its time to live.";
        blocks.push(Block::Note(note.to_owned()));
    }
    blocks.extend(
        race.locks_left
            .iter()
            .map(|left| Block::Note(locked_out(left))),
    );
}

/// For how long a lock that was left behind keeps everybody out.
fn locked_out(left: &LockLeftReport) -> String {
    let LockLeftReport {
        seat,
        left_ms,
        is_sold,
    } = left;
    let time = left_ms.map_or_else(
        || "for ever: its lock has no time to live".to_owned(),
        |ms| match ms {
            0..1000 => format!("for another {ms}ms"),
            _ => format!("for another {}.{:02}s", ms / 1000, ms % 1000 / 10),
        },
    );
    let state = if *is_sold { "sold" } else { "not sold" };
    format!("Seat {seat} was {state}, and stays locked {time}.")
}
