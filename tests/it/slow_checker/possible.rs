//! Can racesim have written this? Each rule is asked of every line, and of every pair of lines.

use racesim::history::{Event, FaultEvent, FaultKind, History, Outcome, Reply, Step};
use racesim::seat::UserId;

/// Whether it is broken.
type Rule = fn(&History) -> bool;

/// Why it cannot be; `None` when it can, as far as the strategy is not asked.
pub(crate) fn objection(history: &History) -> Option<&'static str> {
    let rules: [(&'static str, Rule); 7] = [
        ("a step", |history| {
            history
                .events
                .iter()
                .any(|event| is_bad_step(history, &event))
        }),
        ("a fault", |history| {
            history.faults.iter().any(|it| is_bad_fault(history, it))
        }),
        ("the attempts", are_bad_attempts),
        ("the order of a user's steps", are_out_of_turn),
        ("when the locks were read", is_read_early),
        ("the rows", are_bad_rows),
        ("the locks", are_bad_locks),
    ];
    let broken = rules.into_iter().find(|(_, is_broken)| is_broken(history));
    broken.map(|(name, _)| name)
}

fn is_nobody(history: &History, user: UserId) -> bool {
    user.0 < 1 || user.0 > history.header.users()
}

fn is_bad_step(history: &History, event: &Event) -> bool {
    use Reply as R;
    let replies: &[Reply] = match event.step {
        Step::Acquire => &[R::Granted, R::Held],
        Step::SetTtl => &[R::TtlSet, R::NotHeld],
        Step::Validate => &[R::InTime, R::Late],
        Step::Wait => &[R::Again, R::TimeUp],
        Step::Hold => &[R::Granted, R::Held, R::Taken],
        Step::Begin => &[R::Begun, R::Busy, R::Stale],
        Step::Check => &[R::Available, R::Taken, R::Busy, R::Stale],
        Step::Pay => &[R::Paid],
        Step::Insert | Step::Confirm => &[R::Inserted, R::Conflict, R::Busy, R::Stale],
        Step::Commit => &[R::Committed, R::Busy, R::Stale],
        Step::Rollback => &[R::RolledBack],
        Step::Verify => &[R::StillHeld, R::NotHeld],
        Step::Release => &[R::Released, R::NotHeld],
    };
    let is_answer = replies.contains(&event.reply) || [R::Failed, R::Lost].contains(&event.reply);
    let asks_lock =
        [Step::Acquire, Step::SetTtl, Step::Verify, Step::Release].contains(&event.step);
    // A strategy that asks for a lock service that is not there is answered that it failed.
    let is_there = event.node < history.header.conduct.locks || event.reply == R::Failed;
    let is_asked = if asks_lock { is_there } else { event.node == 0 };
    event.completed_ns < event.invoked_ns
        || !is_answer
        || !is_asked
        || is_nobody(history, event.user)
}

fn is_bad_fault(history: &History, fault: &FaultEvent) -> bool {
    let is_there = fault.node == 0 || fault.node < history.header.conduct.locks;
    let has_user = match fault.fault {
        FaultKind::Crash | FaultKind::Stall => fault.user.is_some(),
        FaultKind::Restart => fault.user.is_none(),
        FaultKind::Expire => true,
    };
    // Who has stopped for ever takes no step any more.
    let goes_on = |event: &Event| {
        let is_crash = fault.fault == FaultKind::Crash && Some(event.user) == fault.user;
        is_crash && event.completed_ns > fault.completed_ns
    };
    fault.completed_ns < fault.invoked_ns
        || !is_there
        || !has_user
        || fault.user.is_some_and(|user| is_nobody(history, user))
        || history.events.iter().any(|event| goes_on(&event))
}

fn are_bad_attempts(history: &History) -> bool {
    let of = |user: UserId| history.attempts.iter().filter(move |it| it.user == user);
    let users = || (1..=history.header.users()).map(UserId);
    let mut all = history.attempts.iter();
    all.any(|it| it.ended_ns < it.started_ns || is_nobody(history, it.user))
        || users().any(|user| of(user).count() > 1)
        || (!history.footer.interrupted && users().any(|user| of(user).count() == 0))
}

/// A user takes one step after another, about one seat, between its start and its end.
fn are_out_of_turn(history: &History) -> bool {
    let events: Vec<Event> = history.events.iter().collect();
    let is_out_of_turn = |place: usize| {
        let event = &events[place];
        let mut earlier = events[..place].iter().filter(|it| it.user == event.user);
        let mut told = history.attempts.iter().filter(|it| it.user == event.user);
        // Of two such lines next to each other one stands there twice, also when they took no time.
        let is_twice = earlier.clone().next_back() == Some(event);
        is_twice
            || earlier.any(|it| it.seat != event.seat || it.completed_ns > event.invoked_ns)
            || told.any(|it| {
                let is_outside =
                    event.invoked_ns < it.started_ns || event.completed_ns > it.ended_ns;
                it.seat != event.seat || is_outside
            })
    };
    (0..events.len()).any(is_out_of_turn)
}

fn is_read_early(history: &History) -> bool {
    let is_early = |at_ns: u64| history.footer.locks_read_ns.is_some_and(|it| it < at_ns);
    history.events.iter().any(|it| is_early(it.completed_ns))
        || history.attempts.iter().any(|it| is_early(it.ended_ns))
}

/// A user has one row for a seat at the most, and one when the database has said so, unless it was
/// told that it is booked: then it was lied to, which is for a property to say.
fn are_bad_rows(history: &History) -> bool {
    let rows = &history.bookings;
    let has_row = |event: &Event| {
        let mut rows = rows.iter();
        rows.any(|row| row.seat == event.seat && row.user == event.user)
    };
    let is_confirmed = |user: UserId| {
        let mut told = history.attempts.iter();
        told.any(|it| it.user == user && it.outcome == Outcome::Confirmed)
    };
    let events: Vec<Event> = history.events.iter().collect();
    let is_booked = |place: usize| {
        let event = &events[place];
        let own = events[..place].iter().filter(|it| it.user == event.user);
        // What the open transaction holds, if there is one.
        let since = own
            .rev()
            .take_while(|it| !matches!(it.step, Step::Begin | Step::Rollback));
        let mut since = since.map(|it| (it.step, it.reply));
        match (event.step, event.reply) {
            (Step::Confirm, Reply::Inserted) => true,
            (Step::Insert, Reply::Inserted) => !history.header.conduct.transactions,
            (Step::Commit, Reply::Committed) => {
                since.any(|it| it == (Step::Insert, Reply::Inserted))
            }
            _ => false,
        }
    };
    let is_lost = |place: usize| {
        let event = &events[place];
        is_booked(place) && !has_row(event) && !is_confirmed(event.user)
    };
    (0..rows.len()).any(|one| (0..one).any(|two| rows[one] == rows[two]))
        || (0..events.len()).any(is_lost)
}

/// A lock that nobody takes from another is granted to one at a time.
fn are_bad_locks(history: &History) -> bool {
    let conduct = history.header.conduct;
    if conduct.takes_over != Some(false) || !history.footer.troubles.is_empty() {
        return false;
    }
    let events: Vec<Event> = history.events.iter().collect();
    let is_grant = |it: &Event| (it.step, it.reply) == (Step::Acquire, Reply::Granted);
    let grants = (0..events.len()).filter(|place| is_grant(&events[*place]));
    let grants: Vec<usize> = grants.collect();
    let are_both = |one: usize, two: usize| {
        let (first, second) = (&events[one], &events[two]);
        let is_one_lock = first.seat == second.seat && first.node == second.node;
        let met_ns = first.completed_ns.max(second.completed_ns);
        let held = |place| held_until(history, &events, place) >= met_ns;
        if first.user == second.user {
            // Its own was not freed, nor lost, when it was granted again.
            let between = &events[one + 1..two];
            let mut between = between.iter().filter(|it| it.user == first.user);
            let is_freed = between.any(|it| it.step == Step::Release && it.node == first.node);
            is_one_lock && !is_freed && lost_from(history, first) >= second.completed_ns
        } else {
            is_one_lock && conduct.frees_others == Some(false) && held(one) && held(two)
        }
    };
    let pair = |at: usize| (0..at).any(|before| are_both(grants[before], grants[at]));
    (0..grants.len()).any(pair)
}

/// Until when a lock was certainly held: its user asks for it to be freed or to be granted again.
fn held_until(history: &History, events: &[Event], place: usize) -> u64 {
    let grant = &events[place];
    let mut later = events[place + 1..].iter();
    let ends = later.find(|it| {
        let is_it = it.user == grant.user && it.seat == grant.seat && it.node == grant.node;
        is_it
            && (it.step == Step::Release || (it.step, it.reply) == (Step::Acquire, Reply::Granted))
    });
    let asked_ns = ends.map_or(u64::MAX, |it| it.invoked_ns);
    asked_ns.min(lost_from(history, grant))
}

/// From when on it may be lost.
fn lost_from(history: &History, grant: &Event) -> u64 {
    super::lost_from(history, (grant.user, grant.node), grant.invoked_ns)
}
