//! Is everything read as it was written? Faults, assertions, histories, and what is redacted.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{
    Just, Strategy as Generator, any, prop_assert, prop_assert_eq, prop_assume, prop_oneof,
    proptest,
};
use proptest::sample::select;
use racesim::fault::{BadRaceFault, Fault, RaceFault, SearchFault};
use racesim::history::{
    Attempt, Event, FaultEvent, FaultKind, Footer, History, INSTANT_MAX_NS, LockLeft, NODES_MAX,
    Outcome, Reply, Step, read, write, write_end,
};
use racesim::report::{Assertion, METRICS, TOTAL, Unit};
use racesim::seat::{Booking, SeatId, UserId};
use racesim::services::lock::redact;

use super::support::on_a_runtime;

/// A time as people write one, to the nanosecond.
fn time() -> impl Generator<Value = Duration> {
    let longest = Duration::from_hours(1).as_nanos();
    (0..u64::try_from(longest).unwrap()).prop_map(Duration::from_nanos)
}

fn race_fault() -> impl Generator<Value = RaceFault> {
    let rate = prop_oneof![
        (1..=1000_u32).prop_map(|rate| f64::from(rate) / 1000.0),
        f64::MIN_POSITIVE..1.0
    ];
    let after = option::of(select(&Step::ALL[..]));
    (select(&Fault::ALL[..]), after, rate, time()).prop_map(|(fault, after, rate, time)| {
        RaceFault {
            fault,
            after,
            rate,
            time: fault.takes_time().then_some(time),
        }
    })
}

/// An assertion as a person writes it.
fn assertion() -> impl Generator<Value = String> {
    let metric = 0..METRICS.len();
    let operator = select(vec!["==", "!=", "<=", ">=", "<", ">"]);
    let strategy = option::of(select(vec!["naive", "locked", "one-of-ones-own"]));
    let value = (any::<u32>(), time());
    (strategy, any::<bool>(), metric, operator, value).prop_map(
        |(strategy, is_total, metric, operator, (number, time))| {
            let metric = &METRICS[metric];
            let strategy = strategy.map_or_else(String::new, |name| format!("{name}."));
            let total = if is_total && metric.unit == Unit::Count {
                TOTAL
            } else {
                ""
            };
            let value = match metric.unit {
                Unit::Millis => racesim::duration::Millis(time).to_string(),
                Unit::Count => number.to_string(),
                Unit::PerSecond => (f64::from(number) / 100.0).to_string(),
            };
            format!("{strategy}{total}{}{operator}{value}", metric.name)
        },
    )
}

fn user() -> impl Generator<Value = UserId> {
    any::<u32>().prop_map(UserId)
}

fn seat() -> impl Generator<Value = SeatId> {
    (1..=u32::MAX).prop_map(|number| SeatId::new(number).unwrap())
}

fn instant() -> impl Generator<Value = u64> {
    0..=INSTANT_MAX_NS
}

fn event() -> impl Generator<Value = Event> {
    let reply = select(vec![
        Reply::Granted,
        Reply::Taken,
        Reply::Conflict,
        Reply::NotHeld,
        Reply::Lost,
    ]);
    let asked = (user(), seat(), select(&Step::ALL[..]), 0..NODES_MAX);
    (asked, reply, instant(), instant()).prop_map(
        |((user, seat, step, node), reply, invoked_ns, completed_ns)| Event {
            user,
            seat,
            step,
            node,
            reply,
            invoked_ns,
            completed_ns,
        },
    )
}

fn attempt() -> impl Generator<Value = Attempt> {
    let outcome = select(&Outcome::ALL[..]);
    (user(), seat(), outcome, instant(), instant()).prop_map(
        |(user, seat, outcome, started_ns, ended_ns)| Attempt {
            user,
            seat,
            outcome,
            started_ns,
            ended_ns,
        },
    )
}

fn fault_event() -> impl Generator<Value = FaultEvent> {
    let kind = prop_oneof![
        Just(FaultKind::Expire),
        Just(FaultKind::Stall),
        Just(FaultKind::Restart),
        Just(FaultKind::Crash),
    ];
    (kind, option::of(user()), 0..NODES_MAX, instant(), instant()).prop_map(
        |(fault, user, node, invoked_ns, completed_ns)| FaultEvent {
            fault,
            user,
            node,
            invoked_ns,
            completed_ns,
        },
    )
}

fn footer() -> impl Generator<Value = Footer> {
    let left =
        (seat(), option::of(any::<u64>())).prop_map(|(seat, left_ms)| LockLeft { seat, left_ms });
    let read = (option::of(any::<u64>()), option::of(any::<u64>()));
    let flags = any::<(bool, bool, bool)>();
    (vec(any::<String>(), 0..3), vec(left, 0..3), read, flags).prop_map(
        |(troubles, locks_left, (retries, locks_read_ns), flags)| Footer {
            troubles,
            locks_left,
            retries,
            locks_read_ns,
            interrupted: flags.0,
            locks_unread: flags.1,
            has_renewed: flags.2,
            ..Footer::default()
        },
    )
}

/// Any history at all, under the header of a real race: whether it can be is another question.
fn history() -> impl Generator<Value = History> {
    let raced = on_a_runtime(racesim::race(racesim::strategy::Naive).users(2).run());
    let header = raced.unwrap().histories().next().unwrap().header.clone();
    let booking = (seat(), user()).prop_map(|(seat, user)| Booking { seat, user });
    let rows = (
        vec(event(), 0..20),
        vec(attempt(), 0..9),
        vec(fault_event(), 0..4),
        vec(booking, 0..4),
    );
    (rows, footer()).prop_map(
        move |((events, attempts, faults, bookings), footer)| History {
            footer: Footer {
                steps: events.len(),
                attempts: attempts.len(),
                bookings: bookings.len(),
                fault_events: faults.len(),
                ..footer
            },
            header: header.clone(),
            events: events.into(),
            attempts: attempts.into(),
            faults,
            bookings,
            damage: None,
        },
    )
}

/// What a URL with a secret is made of, beside the secret.
fn url_parts() -> impl Generator<Value = String> {
    let part = select(vec![
        ":", "/", "@", "?", "#", "&", "=", "%40", "user", "0", "'", "席",
    ]);
    vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn a_fault_of_a_race_is_read_as_it_was_written(fault in race_fault()) {
        let read = fault.to_string().parse::<RaceFault>();
        prop_assume!(!matches!(read, Err(BadRaceFault::Step { .. })));
        prop_assert_eq!(read, Ok(fault));
    }

    #[test]
    fn a_fault_of_a_search_is_read_as_it_was_written(fault in select(&Fault::ALL[..]), count in 1..=u8::MAX) {
        let fault = SearchFault { fault, count };
        prop_assert_eq!(fault.to_string().parse(), Ok(fault));
    }

    #[test]
    fn an_assertion_is_read_as_it_was_written(text in assertion()) {
        let read: Assertion = text.parse().unwrap();
        prop_assert_eq!(read.to_string().parse(), Ok(read));
    }

    #[test]
    fn a_history_is_read_as_it_was_written(history in history()) {
        let mut file = Vec::new();
        write(&history, &mut file).unwrap();
        write_end(1, false, &mut file).unwrap();
        let recording = read(file.as_slice()).unwrap();
        prop_assert_eq!(recording.races.len(), 1);
        let lines = &recording.races[0].lines;
        let events: Vec<u32> = (2..).take(history.events.len()).collect();
        prop_assert_eq!((lines.header, &lines.events), (1, &events));
        prop_assert_eq!(&recording.races[0].history, &history);
    }

    #[test]
    fn no_password_is_left_by_redact_and_a_second_time_changes_nothing(
        before in url_parts(),
        after in url_parts(),
        around in vec(".{0,8}", 2),
    ) {
        for url in [
            format!("redis://{before}SECRET{after}@host:6379/0"),
            format!("unix:///a.sock?{before}&pass=SECRET"),
            format!("unix:///a.sock?pass={}&pass=SECRET", before.replace(['&', '\''], "")),
        ] {
            let text = format!("{} '{url}' {}", around[0], around[1]);
            let shown = redact(&text);
            prop_assert!(!shown.contains("SECRET"), "{} of {}", shown, text);
            prop_assert_eq!(redact(&shown), shown);
        }
    }

    #[test]
    fn redact_leaves_alone_what_holds_no_url(text in "[a-zA-Z0-9 .:/-]{0,20}") {
        prop_assume!(!text.contains("://"));
        prop_assert_eq!(redact(&text), text);
    }
}
