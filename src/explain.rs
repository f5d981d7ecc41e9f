//! Why did this happen? The steps of those who took part, in words.

use serde::Serialize;

use crate::checker::Witness;
use crate::history::{Event, History, Reply, Step};
use crate::seat::{SeatId, UserId};

/// The most steps that are told.
const LINES_MAX: usize = 40;

/// A payment that is over sooner took no time that a person would name.
const INSTANT_NS: u64 = 100_000;

/// The interleaving that led to something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What it led to.
    pub title: String,
    /// The steps, in the order they were answered.
    pub lines: Vec<Line>,
}

/// One step of the interleaving.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// When it was answered, from the start of the race, in milliseconds.
    pub at_ms: f64,
    /// Whose step it was.
    pub user: UserId,
    /// What was asked.
    pub step: Step,
    /// The same in words, with which of several lock services it was asked of.
    pub what: String,
    /// What was answered.
    pub reply: Reply,
    /// What it means for the seat; empty when it means nothing.
    pub note: String,
}

/// The steps that the witnesses took on their seat.
#[must_use]
pub fn explain(history: &History, witness: &Witness) -> Explanation {
    let is_part = |event: &Event| event.seat == witness.seat && witness.users.contains(&event.user);
    let mut events: Vec<Event> = history.events.iter().filter(is_part).collect();
    events.sort_by_key(|event| (event.completed_ns, event.invoked_ns));
    events.truncate(LINES_MAX);
    let commits = events.iter().filter(|event| event.step == Step::Commit);
    let transacting = commits.map(|event| event.user).collect();
    let mut teller = Teller::new(witness.seat, history.header.ttl_ms, transacting);
    let lines = events.iter().map(|event| teller.line(event)).collect();
    Explanation {
        title: witness.text.clone(),
        lines,
    }
}

/// What is known of the seat so far.
struct Teller {
    seat: SeatId,
    ttl_ns: Option<u64>,
    holders: Vec<UserId>,
    told_available: Vec<UserId>,
    leases: Vec<(UserId, u64)>,
    /// Whose inserts are there only when they are committed.
    transacting: Vec<UserId>,
}

impl Teller {
    fn new(seat: SeatId, ttl_ms: Option<u64>, transacting: Vec<UserId>) -> Self {
        Self {
            seat,
            ttl_ns: ttl_ms.map(|ms| ms.saturating_mul(1_000_000)),
            holders: Vec::new(),
            told_available: Vec::new(),
            leases: Vec::new(),
            transacting,
        }
    }

    fn line(&mut self, event: &Event) -> Line {
        let note = match (event.step, event.reply) {
            (Step::Check, Reply::Available) => self.available(event.user),
            (Step::Insert, Reply::Inserted) if self.transacting.contains(&event.user) => {
                "nobody else sees it before the commit".to_owned()
            }
            (Step::Insert | Step::Confirm, Reply::Inserted) | (Step::Commit, Reply::Committed) => {
                self.inserted(event)
            }
            (Step::Acquire | Step::Hold, Reply::Granted) => self.granted(event),
            (_, Reply::Stale) => "somebody else was there since it looked".to_owned(),
            (Step::Release, Reply::NotHeld) => "its lock was gone already".to_owned(),
            (Step::Pay, Reply::Paid)
                if event.completed_ns.saturating_sub(event.invoked_ns) > INSTANT_NS =>
            {
                format!(
                    "took {:.3} ms",
                    ms(event.completed_ns.saturating_sub(event.invoked_ns))
                )
            }
            (_, Reply::Lost) => "done or not, the user cannot know".to_owned(),
            _ => String::new(),
        };
        Line {
            at_ms: ms(event.completed_ns),
            user: event.user,
            step: event.step,
            what: event.what(),
            reply: event.reply,
            note,
        }
    }

    fn available(&mut self, user: UserId) -> String {
        let note = match self.told_available.first() {
            Some(other) if self.holders.is_empty() => {
                format!("told \"available\" too: user {other} has not inserted yet")
            }
            _ => String::new(),
        };
        self.told_available.push(user);
        note
    }

    fn inserted(&mut self, event: &Event) -> String {
        let late = self
            .over_for(event)
            .map(|over| format!("; its lock had expired {over:.3} ms before"))
            .unwrap_or_default();
        let note = match self.holders.first() {
            None => format!("seat {} is sold{late}", self.seat),
            Some(holder) => format!(
                "seat {} is sold AGAIN: user {holder} has it{late}",
                self.seat
            ),
        };
        self.holders.push(event.user);
        note
    }

    fn granted(&mut self, event: &Event) -> String {
        let others = self
            .leases
            .iter()
            .map(|(user, _)| user.to_string())
            .collect::<Vec<_>>();
        self.leases.push((event.user, event.completed_ns));
        match others.last() {
            Some(other) => format!("user {other} had it before"),
            None => String::new(),
        }
    }

    /// For how many milliseconds the user's lock has been over; `None` while it lives.
    fn over_for(&self, event: &Event) -> Option<f64> {
        let (_, granted_ns) = self.leases.iter().rfind(|(user, _)| *user == event.user)?;
        let end_ns = granted_ns.saturating_add(self.ttl_ns?);
        (event.completed_ns > end_ns).then(|| ms(event.completed_ns - end_ns))
    }
}

fn ms(ns: u64) -> f64 {
    crate::duration::as_millis(std::time::Duration::from_nanos(ns))
}
