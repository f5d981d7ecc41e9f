//! Explanations: the steps of those who took part in an anomaly, in words.

use serde::{Deserialize, Serialize};

use crate::checker::Witness;
use crate::history::{Event, FaultKind, History, LockEffect, Reply, ReplyKind, Step};
use crate::seat::{SeatId, UserId};

/// The most steps that are told.
const LINES_MAX: usize = 40;

/// A user that does nothing for longer has stood still.
const STILL_NS: u64 = 1_000_000;

/// A story of more steps is told without the tries that came to nothing.
const LINES_SHORT: usize = 12;

/// A payment that is over sooner took no time that a person would name.
const INSTANT_NS: u64 = 100_000;

/// The interleaving that led to something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanation {
    /// What it led to.
    pub title: String,
    /// The steps and the crashes, in the order they were over.
    pub lines: Vec<ExplainedStep>,
}

/// One step of the interleaving, or the end of a user that crashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainedStep {
    /// When it was over, from the start of the race, in milliseconds.
    pub at_ms: f64,
    /// Whose step it was.
    pub user: UserId,
    /// What was asked, and of which of several lock services; `crash` where the user crashed.
    pub step: String,
    /// What was answered; `None` where the user crashed.
    pub reply: Option<Reply>,
    /// What it means for the seat; empty when it means nothing.
    pub note: String,
}

/// The steps that the witnesses took on their seat.
#[must_use]
pub fn explain(history: &History, witness: &Witness) -> Explanation {
    let is_part = |event: &Event| event.seat == witness.seat && witness.users.contains(&event.user);
    let mut events: Vec<Event> = history.events.iter().filter(is_part).collect();
    events.sort_by_key(|event| (event.completed_ns, event.invoked_ns));
    let all = events.clone();
    if events.len() > LINES_SHORT {
        events = without_idle_tries(events);
    }
    events.truncate(LINES_MAX);
    let commits = events.iter().filter(|event| event.step == Step::Commit);
    let transacting = commits.map(|event| event.user).collect();
    let mut teller = Explainer::new(witness.seat, history.header.ttl_ms, transacting);
    let lines = events.iter().map(|event| teller.line(event));
    let lines = lines.zip(&events).map(|(line, event)| {
        let still_ns = stood_still(&all, event);
        if still_ns < STILL_NS {
            return line;
        }
        let still = format!("after it stood still for {:.3} ms", ms(still_ns));
        let note = match line.note.as_str() {
            "" => still,
            note => format!("{note}; {still}"),
        };
        ExplainedStep { note, ..line }
    });
    let crashes = crashes(history, witness, &all);
    let mut lines: Vec<ExplainedStep> = lines.chain(crashes).collect();
    lines.sort_by(|one, other| one.at_ms.total_cmp(&other.at_ms));
    Explanation {
        title: witness.text.clone(),
        lines,
    }
}

/// Where those who took part crashed: they take no step more.
fn crashes(
    history: &History,
    witness: &Witness,
    events: &[Event],
) -> impl Iterator<Item = ExplainedStep> {
    let crashes = history.faults.iter();
    let crashes = crashes.filter(|it| it.fault == FaultKind::Crash);
    crashes.filter_map(|crash| {
        let user = crash.user.filter(|user| witness.users.contains(user))?;
        let note = if holds(events, user) {
            "it never moves again, and does not release what it holds"
        } else {
            "it never moves again"
        };
        Some(ExplainedStep {
            at_ms: ms(crash.completed_ns),
            user,
            step: FaultKind::Crash.to_string(),
            reply: None,
            note: note.to_owned(),
        })
    })
}

/// Whether the user was granted what it has not released.
fn holds(events: &[Event], user: UserId) -> bool {
    let own = events.iter().filter(|event| event.user == user);
    own.fold(false, |holds, event| {
        let frees = event.step.lock_effect() == LockEffect::Frees;
        event.reply == Reply::Granted || (holds && !(frees && event.reply.is_done()))
    })
}

/// How long the user did nothing before this step.
fn stood_still(all: &[Event], event: &Event) -> u64 {
    let is_before =
        |other: &Event| other.user == event.user && other.completed_ns <= event.invoked_ns;
    let earlier = all.iter().filter(|other| is_before(other));
    let last = earlier.map(|other| other.completed_ns).max();
    last.map_or(0, |last| event.invoked_ns - last)
}

/// Without what was refused and tried again, and without the release of what was never had.
fn without_idle_tries(events: Vec<Event>) -> Vec<Event> {
    let mut granted: Vec<(UserId, u8)> = Vec::new();
    let mut kept = Vec::new();
    for event in events {
        let lock = (event.user, event.node);
        let is_idle = match event.step {
            Step::Wait => true,
            Step::Acquire | Step::Hold => event.reply == Reply::Held,
            Step::Begin => event.reply == Reply::Busy,
            Step::Release => event.reply == Reply::NotHeld && !granted.contains(&lock),
            Step::SetTtl
            | Step::Validate
            | Step::Check
            | Step::Pay
            | Step::Insert
            | Step::Confirm
            | Step::Commit
            | Step::Rollback
            | Step::Verify => false,
        };
        if event.reply == Reply::Granted {
            granted.push(lock);
        }
        if !is_idle {
            kept.push(event);
        }
    }
    kept
}

/// What is known of the seat so far.
struct Explainer {
    seat: SeatId,
    ttl_ns: Option<u64>,
    holders: Vec<UserId>,
    told_available: Vec<UserId>,
    leases: Vec<(UserId, u64)>,
    /// Whose inserts are there only when they are committed.
    transacting: Vec<UserId>,
}

impl Explainer {
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

    fn line(&mut self, event: &Event) -> ExplainedStep {
        let note = match event.reply.kind() {
            ReplyKind::Done => self.done(event),
            ReplyKind::Refused => self.refused(event).to_owned(),
            ReplyKind::Failed => String::new(),
            ReplyKind::Lost => "done or not, the user cannot know".to_owned(),
        };
        ExplainedStep {
            at_ms: ms(event.completed_ns),
            user: event.user,
            step: event.what(),
            reply: Some(event.reply),
            note,
        }
    }

    fn done(&mut self, event: &Event) -> String {
        match event.step {
            Step::Check => self.available(event.user),
            Step::Insert if self.transacting.contains(&event.user) => {
                "nobody else sees it before the commit".to_owned()
            }
            Step::Insert | Step::Confirm | Step::Commit => self.inserted(event),
            Step::Acquire | Step::Hold => self.granted(event),
            Step::Pay => paid(event.completed_ns.saturating_sub(event.invoked_ns)),
            Step::SetTtl
            | Step::Validate
            | Step::Wait
            | Step::Begin
            | Step::Rollback
            | Step::Verify
            | Step::Release => String::new(),
        }
    }

    fn refused(&self, event: &Event) -> &'static str {
        let had_lock = || self.leases.iter().any(|(user, _)| *user == event.user);
        if event.reply == Reply::Stale {
            "somebody else was there since it looked"
        } else if event.step.lock_effect() == LockEffect::Frees && had_lock() {
            "its lock was gone already"
        } else {
            ""
        }
    }

    fn available(&mut self, user: UserId) -> String {
        let note = match self.told_available.first() {
            Some(other) if self.holders.is_empty() => {
                format!("told \"available\" too: user {other} has not inserted yet")
            }
            Some(_) | None => String::new(),
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
        let mut others = self.leases.iter().rev().map(|(user, _)| *user);
        let other = others.find(|user| *user != event.user);
        self.leases.push((event.user, event.completed_ns));
        other.map_or_else(String::new, |other| format!("user {other} had it before"))
    }

    /// For how many milliseconds the user's lock has been over; `None` while it lives.
    fn over_for(&self, event: &Event) -> Option<f64> {
        let (_, granted_ns) = self.leases.iter().rfind(|(user, _)| *user == event.user)?;
        let end_ns = granted_ns.saturating_add(self.ttl_ns?);
        (event.completed_ns > end_ns).then(|| ms(event.completed_ns - end_ns))
    }
}

/// What a payment tells that took so long.
fn paid(ns: u64) -> String {
    if ns > INSTANT_NS {
        format!("took {:.3} ms", ms(ns))
    } else {
        String::new()
    }
}

fn ms(ns: u64) -> f64 {
    crate::duration::as_millis(std::time::Duration::from_nanos(ns))
}
