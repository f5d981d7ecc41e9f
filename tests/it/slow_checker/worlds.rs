//! Every order in which what was asked of a lock service may have been carried out.
//!
//! A step was carried out at one moment between its question and its answer; one without a reply at
//! any later moment until the end, or never. A lock may be lost once its time to live is over, or
//! something that takes it away has struck. An order that contradicts a reply is none, and so is one
//! that does not lead to the locks that were read at the end.

use std::collections::HashSet;

use racesim::history::{Conduct, Event, History, Reply, Step};
use racesim::seat::{SeatId, UserId};

use super::{Answer, done_by, has_crashed, lost_from, read_at};

/// The same when nothing explains the replies but that the strategy frees the locks of others, whatever
/// it says.
pub(super) fn no_foreign_release_refuted(history: &History) -> Option<Answer> {
    let mut refuted = history.clone();
    refuted.header.conduct.frees_others = Some(true);
    no_foreign_release(&refuted)
}

/// What can have come of one order, for all locks of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Outcome {
    /// Somebody's lock was freed or taken by another.
    is_foreign: bool,
    /// Somebody who had been told its outcome held a lock.
    is_left: bool,
    /// Somebody held a lock when that was read at the end.
    is_held: bool,
}

/// Nobody takes away a lock that another holds.
pub(super) fn no_foreign_release(history: &History) -> Option<Answer> {
    on_all_seats(history, |outcome| outcome.is_foreign)
}

/// Whoever was told its outcome holds no lock any more.
pub(super) fn no_lock_left(history: &History) -> Option<Answer> {
    on_all_seats(history, |outcome| outcome.is_left)
}

fn on_all_seats(history: &History, is_bad: impl Fn(&Outcome) -> bool) -> Option<Answer> {
    let mut seats: Vec<SeatId> = Vec::new();
    for event in history.events.iter() {
        if !seats.contains(&event.seat) {
            seats.push(event.seat);
        }
    }
    let on_seat = |seat| {
        let outcomes = on_seat(history, seat)?;
        Some(Answer::of(
            outcomes.iter().all(&is_bad),
            outcomes.iter().any(&is_bad),
        ))
    };
    let answers: Option<Vec<Answer>> = seats.into_iter().map(on_seat).collect();
    Some(answers?.into_iter().max().unwrap_or(Answer::Holds))
}

/// What can have come of it; `None` when nothing explains the replies.
fn on_seat(history: &History, seat: SeatId) -> Option<HashSet<Outcome>> {
    let outcomes = with(history, seat, history.header.conduct);
    (!outcomes.is_empty()).then_some(outcomes)
}

fn with(history: &History, seat: SeatId, conduct: Conduct) -> HashSet<Outcome> {
    let mut all = HashSet::from([Outcome {
        is_foreign: false,
        is_left: false,
        is_held: false,
    }]);
    let mut is_asked = false;
    for node in 0..16 {
        let ops = ops(history, node, seat);
        is_asked |= !ops.is_empty();
        let mut search = Search {
            history,
            node,
            conduct,
            ops,
            seen: HashSet::new(),
            outcomes: HashSet::new(),
        };
        search.go_on(&World::default());
        let both = |one: &Outcome| {
            let one = *one;
            let others = search.outcomes.iter();
            let joined = others.map(move |other| Outcome {
                is_foreign: one.is_foreign || other.is_foreign,
                is_left: one.is_left || other.is_left,
                is_held: one.is_held || other.is_held,
            });
            joined.collect::<Vec<_>>()
        };
        all = all.iter().flat_map(both).collect();
    }
    let is_left = history.footer.locks_left.iter().any(|it| it.seat == seat);
    if is_asked && !history.footer.locks_unread {
        all.retain(|outcome| outcome.is_held == is_left);
    }
    all
}

/// Something that is carried out at one moment.
#[derive(Debug, Clone, Copy)]
struct Op {
    user: UserId,
    what: What,
    from_ns: u64,
    until_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Asked(Step, Reply),
    Told,
}

impl Op {
    /// Whether it may never be carried out.
    fn is_optional(&self) -> bool {
        matches!(self.what, What::Asked(_, Reply::Lost))
    }
}

fn ops(history: &History, node: u8, seat: SeatId) -> Vec<Op> {
    let is_of_it = |event: &Event| {
        let is_about = matches!(event.step, Step::Acquire | Step::Release | Step::Verify);
        let may_be_done = event.reply != Reply::Failed;
        is_about && may_be_done && event.node == node && event.seat == seat
    };
    let asked = history.events.iter().filter(is_of_it).map(|event| Op {
        user: event.user,
        what: What::Asked(event.step, event.reply),
        from_ns: event.invoked_ns,
        until_ns: done_by(history, &event),
    });
    let mut ops: Vec<Op> = asked.collect();
    for attempt in history.attempts.iter() {
        let has_asked = ops.iter().any(|op| op.user == attempt.user);
        if has_asked && attempt.seat == seat && !has_crashed(history, attempt.user) {
            ops.push(Op {
                user: attempt.user,
                what: What::Told,
                from_ns: attempt.ended_ns,
                until_ns: attempt.ended_ns,
            });
        }
    }
    ops
}

/// How far an order has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct World {
    done: Vec<usize>,
    now_ns: u64,
    /// Who holds the lock, and until when it cannot be lost.
    holder: Option<(UserId, u64)>,
    is_foreign: bool,
    /// Who had been told its outcome, held the lock, and has done nothing about it since: of whom a
    /// request is on its way nothing is said before that arrives.
    left_by: Vec<UserId>,
}

struct Search<'h> {
    history: &'h History,
    node: u8,
    conduct: Conduct,
    ops: Vec<Op>,
    seen: HashSet<World>,
    outcomes: HashSet<Outcome>,
}

impl Search<'_> {
    fn go_on(&mut self, world: &World) {
        if !self.seen.insert(world.clone()) {
            return;
        }
        let is_done = |at: &usize| world.done.contains(at);
        let rest = (0..self.ops.len()).filter(|at| !is_done(at));
        let rest: Vec<usize> = rest.collect();
        if rest.iter().all(|at| self.ops[*at].is_optional()) {
            self.end(world);
        }
        let is_too_late = |at: &usize| self.ops[*at].until_ns < world.now_ns;
        if rest.iter().any(is_too_late) {
            return;
        }
        let is_next = |at: &usize| !rest.iter().any(|other| self.is_after(*at, *other));
        let next: Vec<usize> = rest.iter().copied().filter(is_next).collect();
        // What changes nothing and can be done at once is done at once.
        let idle = next.iter().copied().find_map(|at| self.idle(world, at));
        if let Some(world) = idle {
            return self.go_on(&world);
        }
        for at in next {
            for world in self.carry_out(world, at) {
                self.go_on(&world);
            }
        }
    }

    /// Whether one certainly comes after the other: as its user's next, or asked when that was answered.
    fn is_after(&self, one: usize, other: usize) -> bool {
        let (op, before) = (&self.ops[one], &self.ops[other]);
        let is_own = op.user == before.user && other < one;
        let took_time = op.until_ns > before.from_ns;
        !before.is_optional() && (is_own || (before.until_ns <= op.from_ns && took_time))
    }

    /// A lock that is held may still be lost before anybody looks.
    fn end(&mut self, world: &World) {
        let may_be_lost = |(_, lost_ns)| lost_ns < read_at(self.history);
        let is_held = world.holder.is_some();
        let may_be_free = world.holder.is_none_or(may_be_lost);
        let ends = [is_held.then_some(true), may_be_free.then_some(false)];
        self.outcomes
            .extend(ends.into_iter().flatten().map(|is_held| Outcome {
                is_foreign: world.is_foreign,
                is_left: !world.left_by.is_empty(),
                is_held,
            }));
    }

    fn idle(&self, world: &World, at: usize) -> Option<World> {
        let op = &self.ops[at];
        let only_looks = matches!(
            op.what,
            What::Asked(Step::Verify, _) | What::Asked(_, Reply::Held | Reply::NotHeld)
        );
        if !only_looks || op.is_optional() || op.from_ns > world.now_ns {
            return None;
        }
        let after = self.act(world.clone(), op)?;
        Some(self.having_done(after, at))
    }

    /// The worlds after this: the lock was still held, or was lost before.
    fn carry_out(&self, world: &World, at: usize) -> Vec<World> {
        let op = &self.ops[at];
        let now_ns = world.now_ns.max(op.from_ns);
        let mut befores = vec![World {
            now_ns,
            ..world.clone()
        }];
        if let Some((_, lost_ns)) = world.holder {
            befores.push(World {
                now_ns: now_ns.max(lost_ns.saturating_add(1)),
                holder: None,
                ..world.clone()
            });
        }
        let in_time = befores.into_iter().filter(|it| it.now_ns <= op.until_ns);
        let afters = in_time.filter_map(|it| self.act(it, op));
        afters.map(|after| self.having_done(after, at)).collect()
    }

    fn having_done(&self, mut world: World, at: usize) -> World {
        world.done.push(at);
        world.done.sort_unstable();
        let is_told = |user| {
            let mut done = world.done.iter().map(|at| &self.ops[*at]);
            done.any(|op| op.user == user && op.what == What::Told)
        };
        let holder = world
            .holder
            .map(|(user, _)| user)
            .filter(|user| is_told(*user));
        world.left_by.retain(|user| *user != self.ops[at].user);
        world.left_by.extend(holder);
        world.left_by.sort_unstable();
        world.left_by.dedup();
        world
    }

    /// The world after this was carried out; `None` when it could not have been answered so.
    fn act(&self, world: World, op: &Op) -> Option<World> {
        let holder = world.holder.map(|(user, _)| user);
        let is_own = holder == Some(op.user);
        let is_free = holder.is_none();
        let may_take = is_free || self.conduct.takes_over != Some(false);
        let may_free = is_own || self.conduct.frees_others != Some(false);
        match op.what {
            What::Told => Some(world),
            What::Asked(Step::Acquire, Reply::Granted) => may_take.then(|| self.taken(world, op)),
            What::Asked(Step::Acquire, Reply::Lost) if may_take => Some(self.taken(world, op)),
            What::Asked(Step::Acquire, Reply::Held) => (!is_free).then_some(world),
            What::Asked(Step::Release, Reply::Released) => {
                (!is_free && may_free).then(|| freed(world, op.user))
            }
            What::Asked(Step::Release, Reply::Lost) if !is_free && may_free => {
                Some(freed(world, op.user))
            }
            What::Asked(Step::Release | Step::Verify, Reply::NotHeld) => (!is_own).then_some(world),
            What::Asked(Step::Verify, Reply::StillHeld) => (!is_free && may_free).then_some(world),
            // A request without a reply that changes nothing is one that was never carried out.
            What::Asked(..) => None,
        }
    }

    fn taken(&self, world: World, op: &Op) -> World {
        let is_others = world.holder.is_some_and(|(other, _)| other != op.user);
        World {
            holder: Some((op.user, self.kept_until(op))),
            is_foreign: world.is_foreign || is_others,
            ..world
        }
    }

    /// Until when a lock cannot be lost that this has given its user.
    fn kept_until(&self, op: &Op) -> u64 {
        lost_from(self.history, (op.user, self.node), op.from_ns)
    }
}

fn freed(world: World, user: UserId) -> World {
    let is_others = world.holder.is_some_and(|(other, _)| other != user);
    World {
        holder: None,
        is_foreign: world.is_foreign || is_others,
        ..world
    }
}
