//! Forms of a move: all that there are, and the nearest to one that is mistyped.

use super::Delivery;
use crate::fault::Fault;
use crate::nearest::perhaps;
use crate::step::Step;

/// The forms of a move, each with what it does: STEP is any of the steps but pay.
pub const MOVES: [(&str, &str); 13] = [
    ("A.STEP", "user A takes its next step: A.check, B.insert"),
    ("A.STEP@2", "the same on the second Redis: A.acquire@2"),
    (
        "A.STEP:lost-reply",
        "the step is done, and its reply is lost",
    ),
    (
        "A.STEP:lost-request",
        "the request never arrives, and there is no reply",
    ),
    (
        "A.STEP:late",
        "the request is on its way; its user is told that there is no reply",
    ),
    ("A.STEP arrives", "the late request of user A arrives"),
    (
        "A.STEP:slow",
        "the round trip takes longer, which changes no answer",
    ),
    ("A.crash", "user A stops for good, and frees nothing"),
    (
        "A.give-up",
        "user A abandons its attempt, and frees its lock",
    ),
    (
        "A.stall",
        "user A stands still until its lock or its hold has ended",
    ),
    (
        "expire",
        "the lock or the hold of the seat ends; expire@2 on the second Redis",
    ),
    (
        "restart",
        "Redis restarts and forgets its locks; restart@2 is the second one",
    ),
    (
        "pause-redis",
        "Redis answers nothing for a while, which changes no answer",
    ),
];

/// The move that may have been meant by this word.
pub(super) fn near(word: &str) -> String {
    let (user, what) = word.split_once('.').unwrap_or(("", word));
    let end = what.find([':', '@', ' ']).unwrap_or(what.len());
    let (name, rest) = what.split_at(end);
    let of_users = [Fault::Crash, Fault::GiveUp, Fault::Stall].map(Fault::name);
    let of_services = [Fault::Expire, Fault::Restart, Fault::PauseRedis].map(Fault::name);
    let steps = Step::ALL.into_iter().filter(|step| *step != Step::Pay);
    let steps = steps.map(Step::name).chain(of_users);
    let names: Vec<&str> = if user.is_empty() {
        steps.chain(of_services).collect()
    } else {
        steps.collect()
    };
    if !names.contains(&name) {
        let user = if user.is_empty() {
            ""
        } else {
            word.split_at(user.len() + 1).0
        };
        let near = perhaps(name, names);
        return near.replacen(", perhaps '", &format!(", perhaps '{user}"), 1);
    }
    let delivery = rest.strip_prefix(':').unwrap_or_default();
    let deliveries = Delivery::FAULTY.into_iter().filter_map(Delivery::fault);
    match Delivery::named(delivery) {
        None if !delivery.is_empty() => perhaps(delivery, deliveries.map(Fault::name)),
        Some(_) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;

    #[test]
    fn a_mistyped_move_is_answered_with_the_nearest() {
        for (word, near) in [
            ("A.chek", "perhaps 'A.check'"),
            ("B.realease@2", "perhaps 'B.release'"),
            ("chek", "perhaps 'check'"),
            ("expired", "perhaps 'expire'"),
            ("A.give_up", "perhaps 'A.give-up'"),
            ("A.insert:lost-repl", "perhaps 'lost-reply'"),
        ] {
            let error = word.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains(near), "{error}");
        }
    }

    #[test]
    fn every_form_of_a_move_can_be_written() {
        for (form, _) in MOVES {
            let written = form.replace("STEP", "acquire");
            assert_eq!(written.parse::<Schedule>().unwrap().to_string(), written);
        }
    }
}
