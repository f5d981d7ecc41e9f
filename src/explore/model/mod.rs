//! All that users can do to each other, as a state machine for the model checker (the only
//! stateright).

pub(in crate::explore) mod bounds;
pub(in crate::explore) mod crowd;
mod database;
pub(in crate::explore) mod entrants;
mod late;
mod late_requests;
mod lease;
mod locks;
mod machine;
mod past;
pub(in crate::explore) mod room;
mod rows;
mod sqlite;
pub(in crate::explore) mod state;
pub(in crate::explore) mod user;
mod watched;

pub use entrants::Entrants;
pub use room::USERS_MAX;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::checker::Property;
use crate::client::Held;
use crate::fault::{Fault, SearchFault};
use crate::history::Reply;
use crate::schedule::{Delivery, Move};
use crate::strategy::Strategy;
use bounds::Bounds;
use crowd::Crowd;
use late_requests::LateRequests;
use machine::Machine;
use room::{LOCKS_MAX, Room, SEATS_MAX, narrow};
use state::ModelState;
use user::{Next, User};

/// Where everybody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::explore) struct State {
    /// The users; those beyond the model's number stay as they are.
    pub(in crate::explore) users: [User; USERS_MAX],
    pub(in crate::explore) services: ModelState,
    /// What is on its way.
    pub(in crate::explore) late: LateRequests,
    /// How often each fault has happened.
    used: [u8; Fault::ALL.len()],
}

// A search keeps millions of them, and copies each several times.
const _: () = assert!(size_of::<State>() <= 224, "a state of the search has grown");

/// The race of a few users for one seat, or for several.
#[derive(Debug)]
pub(in crate::explore) struct RaceModel<S> {
    /// What users do who want a seat, one for each.
    machines: Vec<Machine<S>>,
    pub(in crate::explore) crowd: Crowd,
    pub(in crate::explore) room: Room,
    allowed: [u8; Fault::ALL.len()],
    /// Whether a request may be lost or late.
    holds_back: bool,
    /// Users are alike, so that only their order of starting matters. A schedule that a person
    /// wrote may start them in any order.
    symmetry: Symmetry,
    pub(in crate::explore) question: Property,
    pub(in crate::explore) bounds: Bounds,
    /// Whether each fault was ever possible.
    possible: [AtomicBool; Fault::ALL.len()],
}

/// Whether users start in the order of their letters only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::explore) enum Symmetry {
    Reduced,
    Full,
}

impl<S: Strategy> RaceModel<S> {
    pub(in crate::explore) fn new(
        strategy: &S,
        crowd: Crowd,
        faults: &[SearchFault],
        question: Property,
        bounds: Bounds,
    ) -> Self {
        let mut allowed = [0_u8; Fault::ALL.len()];
        for SearchFault { fault, count } in faults {
            let sum = &mut allowed[fault.index()];
            *sum = sum.saturating_add(*count);
        }
        let mut room = crowd.room(usize::from(strategy.needs().locks));
        if room.nodes * room.seats > LOCKS_MAX {
            bounds.lose();
            room.nodes = LOCKS_MAX / room.seats;
        }
        let symmetry = if strategy.is_symmetric() {
            Symmetry::Reduced
        } else {
            Symmetry::Full
        };
        let seats = crowd.seats().iter();
        let machines = seats.map(|seat| Machine::new(strategy.clone(), *seat));
        Self {
            machines: machines.collect(),
            crowd,
            room,
            allowed,
            holds_back: allowed[Fault::LostRequest.index()].max(allowed[Fault::Late.index()]) > 0,
            symmetry,
            question,
            bounds,
            possible: Default::default(),
        }
    }

    /// The faults that may happen, and never could.
    pub(in crate::explore) fn impossible(&self) -> Vec<Fault> {
        let is_idle = |fault: &Fault| {
            let at = fault.index();
            self.allowed[at] > 0 && !self.possible[at].load(Ordering::Relaxed)
        };
        Fault::ALL.into_iter().filter(is_idle).collect()
    }

    /// The same race in which anybody may start, and everything may go wrong at any time: what a
    /// person's schedule is followed in.
    pub(in crate::explore) fn of_schedule(
        strategy: &S,
        crowd: Crowd,
        question: Property,
        bounds: Bounds,
    ) -> Self {
        let faults = Fault::ALL.map(|fault| SearchFault {
            fault,
            count: u8::MAX,
        });
        Self {
            symmetry: Symmetry::Full,
            ..Self::new(strategy, crowd, &faults, question, bounds)
        }
    }

    /// The same race without anything going wrong, in which anybody may start.
    pub(in crate::explore) fn of_all(
        strategy: &S,
        crowd: Crowd,
        question: Property,
        bounds: Bounds,
    ) -> Self {
        Self {
            symmetry: Symmetry::Full,
            ..Self::new(strategy, crowd, &[], question, bounds)
        }
    }

    pub(in crate::explore) fn start(&self) -> State {
        State {
            users: std::array::from_fn(|place| self.machine(place).fresh()),
            services: ModelState::default(),
            late: LateRequests::default(),
            used: [0; Fault::ALL.len()],
        }
    }

    /// A strategy that begins with something that is no step cannot be searched.
    pub(in crate::explore) fn look_at_the_start(&self) {
        if self
            .start()
            .users
            .iter()
            .any(|user| user.next == Next::Lost)
        {
            self.bounds.lose();
        }
    }

    /// Whether the move is possible here. Time may pass at any moment: a search has no use for it.
    pub(in crate::explore) fn can(&self, state: &State, step: Move) -> bool {
        let mut moves = Vec::new();
        self.moves(state, &mut moves);
        match step {
            Move::PauseRedis => self.room.nodes > 0,
            Move::Step { .. }
            | Move::Arrival { .. }
            | Move::Crash(_)
            | Move::GiveUp(_)
            | Move::Stall(_)
            | Move::Expire(_)
            | Move::Restart(_) => moves.contains(&step.without_delay()),
        }
    }

    /// Every move that is possible here.
    pub(in crate::explore) fn moves(&self, state: &State, moves: &mut Vec<Move>) {
        let mut is_one_made_ready = [false; SEATS_MAX];
        for (place, user) in state.users.iter().enumerate().take(self.crowd.len()) {
            let is_fresh = !user.has_started();
            let is_one_ready = &mut is_one_made_ready[self.room.seat_of(place)];
            if is_fresh && *is_one_ready {
                continue;
            }
            *is_one_ready |= is_fresh && self.symmetry == Symmetry::Reduced;
            self.moves_of(place, user, state, moves);
        }
        if self.holds_back {
            self.arrivals(state, moves);
        }
        for node in 0..self.room.nodes {
            let mut values = state.services.locks.may_expire(node, self.room);
            if self.is_left(Fault::Expire, state)
                && values.any(|value| !self.is_extended(state, node, value, None))
            {
                self.if_allowed(Fault::Expire, state, Move::Expire(narrow(node)), moves);
            }
            if self.is_left(Fault::Restart, state) && self.remembers(state, node) {
                self.if_allowed(Fault::Restart, state, Move::Restart(narrow(node)), moves);
            }
        }
        if state
            .services
            .database
            .rows()
            .good_claims()
            .next()
            .is_some()
        {
            self.if_allowed(Fault::Expire, state, Move::Expire(0), moves);
        }
    }

    fn moves_of(&self, place: usize, user: &User, state: &State, moves: &mut Vec<Move>) {
        let Next::Asks(pending) = user.next else {
            return;
        };
        let (who, step, node) = (self.crowd.id(place), pending.step(), pending.node());
        let taken = |reply| Move::Step {
            user: who,
            step,
            node,
            reply,
        };
        moves.push(taken(Delivery::Arrives));
        self.if_allowed(Fault::LostReply, state, taken(Delivery::Lost), moves);
        if self.holds_back {
            self.held_back(state, (place, pending), taken, moves);
        }
        if user.has_started() {
            self.if_allowed(Fault::Crash, state, Move::Crash(who), moves);
            if self.is_left(Fault::Stall, state) && self.may_stall(state, place) {
                self.if_allowed(Fault::Stall, state, Move::Stall(who), moves);
            }
            if self.is_left(Fault::GiveUp, state)
                && !step.is_tidying()
                && !self.machine(place).has_given_up(user)
            {
                self.if_allowed(Fault::GiveUp, state, Move::GiveUp(who), moves);
            }
        }
    }

    pub(in crate::explore) fn if_allowed(
        &self,
        fault: Fault,
        state: &State,
        step: Move,
        moves: &mut Vec<Move>,
    ) {
        if self.is_left(fault, state) {
            self.possible[fault.index()].store(true, Ordering::Relaxed);
            moves.push(step);
        }
    }

    /// Whether the fault may happen once more.
    const fn is_left(&self, fault: Fault, state: &State) -> bool {
        state.used[fault.index()] < self.allowed[fault.index()]
    }

    /// Carries out a move: where everybody is then, and what the service said, if one was asked.
    pub(in crate::explore) fn step(&self, state: &State, step: Move) -> (State, Option<Reply>) {
        let mut after = *state;
        let mut reply = None;
        let fault = match step {
            Move::Step {
                user,
                reply: delivery,
                ..
            } => {
                reply = self.act(&mut after, self.crowd.place(user), delivery);
                delivery.fault()
            }
            Move::Arrival { user, .. } => {
                reply = self.arrive(&mut after, self.crowd.place(user));
                None
            }
            Move::Crash(user) => {
                let place = self.crowd.place(user);
                after.users[place].next = Next::Crashed;
                self.look_after(&mut after, place);
                Some(Fault::Crash)
            }
            Move::GiveUp(user) => {
                let at = self.crowd.place(user);
                after.users[at] = self.machine(at).giving_up(after.users[at]);
                self.look_after(&mut after, at);
                Some(Fault::GiveUp)
            }
            Move::Stall(user) => {
                after.services.stall(self.crowd.place(user));
                Some(Fault::Stall)
            }
            Move::Expire(node) => {
                let node = usize::from(node);
                let may_expire = |value| !self.is_extended(state, node, value, None);
                after.services.expire(node, self.room, may_expire);
                Some(Fault::Expire)
            }
            Move::PauseRedis => Some(Fault::PauseRedis),
            Move::Restart(node) => {
                after.services.locks.restart(usize::from(node), self.room);
                self.cut(&mut after, usize::from(node));
                Some(Fault::Restart)
            }
        };
        if let Some(fault) = fault {
            after.used[fault.index()] = after.used[fault.index()].saturating_add(1);
        }
        (after, reply)
    }

    /// Who holds which lock, on each of the lock services for each seat.
    pub(in crate::explore) fn locks(&self, state: &State) -> Vec<Option<Held>> {
        let nodes = 0..self.room.nodes;
        let places = nodes.flat_map(|node| self.room.locks_on(node));
        places
            .map(|place| state.services.locks.held(place))
            .collect()
    }

    /// What follows from where the user is now: at its end its connection goes back.
    pub(in crate::explore) fn look_after(&self, state: &mut State, place: usize) {
        match state.users[place].next {
            Next::Asks(_) => {}
            Next::Ended(_) | Next::Crashed => state.services.database.disconnect(place),
            Next::Lost => self.bounds.lose(),
        }
    }

    /// What this user does when.
    pub(in crate::explore) fn machine(&self, place: usize) -> &Machine<S> {
        &self.machines[self.room.seat_of(place)]
    }

    /// The users of this race.
    pub(in crate::explore) fn users<'a>(&self, state: &'a State) -> &'a [User] {
        &state.users[..self.crowd.len()]
    }
}
