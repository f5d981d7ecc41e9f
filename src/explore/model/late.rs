//! Whether requests arrive, and those that are on their way while their users have been told that there
//! is no reply.
//!
//! A user has at most one of them: a second is not sent late while the first has not arrived.

use super::room::Act;
use super::user::Next;
use super::{RaceModel, State};
use crate::client::PendingStep;
use crate::fault::Fault;
use crate::history::{LockEffect, Reply, Service, Step};
use crate::schedule::{Delivery, Move};
use crate::seat::UserId;
use crate::strategy::Strategy;

impl<S: Strategy> RaceModel<S> {
    /// The user's next request does not arrive now: it is lost, or on its way.
    fn hold_back(&self, state: &mut State, user: usize, pending: PendingStep, is_late: bool) {
        if is_late {
            let after = self.machine(user).replies(&state.users[user]);
            state.late.send(user, after, state.services.sent_by(user));
        }
        if pending.step().lock_effect() == LockEffect::Frees {
            state.services.stop_going_by_the_lock(user);
        }
    }

    /// What the user's request that is on its way asks for.
    pub(in crate::explore) fn late_request(
        &self,
        state: &State,
        user: usize,
    ) -> Option<PendingStep> {
        let after = usize::from(state.late.after[user]).checked_sub(1)?;
        match self.machine(user).next_after(&state.users[user], after) {
            Next::Asks(pending) => Some(pending),
            Next::Ended(_) | Next::Crashed | Next::Lost => None,
        }
    }

    /// The user takes its next step, as far as it arrives: what the service says.
    pub(in crate::explore) fn act(
        &self,
        state: &mut State,
        place: usize,
        delivery: Delivery,
    ) -> Option<Reply> {
        let Next::Asks(pending) = state.users[place].next else {
            return None;
        };
        let is_heard = delivery.is_heard();
        let reply = if delivery.reaches_the_service() {
            state.services.act(&Act {
                user: place,
                id: self.crowd.id(place),
                pending,
                is_heard,
                room: self.room,
            })
        } else {
            self.hold_back(state, place, pending, delivery == Delivery::Late);
            Reply::Lost
        };
        let heard = if is_heard { reply } else { Reply::Lost };
        state.users[place] = self.machine(place).after(state.users[place], heard);
        self.look_after(state, place);
        Some(reply)
    }

    /// The arrivals that are possible: none, of what the service could not carry out now.
    pub(in crate::explore) fn arrivals(&self, state: &State, moves: &mut Vec<Move>) {
        if !state.late.are_pending() {
            return;
        }
        for user in 0..self.crowd.len() {
            let late = self.late_request(state, user);
            if let Some(pending) = late.filter(|pending| state.services.can_carry_out(*pending)) {
                moves.push(Move::Arrival {
                    user: self.crowd.id(user),
                    step: pending.step(),
                    node: pending.node(),
                });
            }
        }
    }

    /// The ways in which the user's next request may not arrive now.
    pub(in crate::explore) fn held_back(
        &self,
        state: &State,
        (user, pending): (usize, PendingStep),
        taken: impl Fn(Delivery) -> Move,
        moves: &mut Vec<Move>,
    ) {
        if pending.step().service() != Service::Nobody {
            let lost = taken(Delivery::LostRequest);
            self.if_allowed(Fault::LostRequest, state, lost, moves);
        }
        if pending.request.can_be_late() && !state.late.is_pending(user) {
            self.if_allowed(Fault::Late, state, taken(Delivery::Late), moves);
        }
    }

    /// Whether there is anything that a lock service could forget, or that is on its way to it.
    pub(in crate::explore) fn remembers(&self, state: &State, node: usize) -> bool {
        state.services.locks.remembers(node, self.room)
            || state.late.are_pending()
                && (0..self.crowd.len()).any(|user| self.is_on_its_way_to(state, user, node))
    }

    /// The user's late request is carried out: what it is answered, which nobody hears.
    pub(in crate::explore) fn arrive(&self, state: &mut State, user: usize) -> Option<Reply> {
        let pending = self.late_request(state, user)?;
        let act = Act {
            user,
            id: self.crowd.id(user),
            pending,
            is_heard: false,
            room: self.room,
        };
        let reply = state.services.arrive(&act, state.late.sent(user));
        state.late.forget(user);
        Some(reply)
    }

    /// The connections to this lock service end: what was on its way to it never arrives.
    pub(in crate::explore) fn cut(&self, state: &mut State, node: usize) {
        for user in 0..self.crowd.len() {
            if self.is_on_its_way_to(state, user, node) {
                state.late.forget(user);
            }
        }
    }

    /// What stands against a move because of what is on its way, or can never be.
    pub(in crate::explore) fn objection_to_late(
        &self,
        state: &State,
        step: Move,
    ) -> Option<String> {
        match step {
            Move::Arrival { user, step, node } => {
                let letter = user.letter();
                let late = self.late_request(state, self.crowd.place(user));
                Some(match late.map(|pending| (pending.step(), pending.node())) {
                    None => format!("nothing of {letter} is on its way"),
                    Some(same) if same == (step, node) => {
                        "it waits behind an open transaction".to_owned()
                    }
                    Some((step, node)) => {
                        format!("what is on its way of {letter} is {}", step.at(node))
                    }
                })
            }
            Move::Step {
                user,
                step,
                node,
                reply,
            } => match state.users[self.crowd.place(user)].next {
                Next::Asks(pending) if (pending.step(), pending.node()) == (step, node) => {
                    self.objection_to_holding_back(state, user, step, reply)
                }
                Next::Asks(_) | Next::Ended(_) | Next::Crashed | Next::Lost => None,
            },
            Move::Crash(_)
            | Move::GiveUp(_)
            | Move::Stall(_)
            | Move::Expire(_)
            | Move::Restart(_)
            | Move::PauseRedis => None,
        }
    }

    fn objection_to_holding_back(
        &self,
        state: &State,
        user: UserId,
        step: Step,
        reply: Delivery,
    ) -> Option<String> {
        match reply {
            Delivery::Late => Some(match self.late_request(state, self.crowd.place(user)) {
                Some(late) => format!(
                    "{} of {} is still on its way, and a user has one late request at a time",
                    late.step().at(late.node()),
                    user.letter(),
                ),
                None => format!("{step} is never late: {}", step.why_never_late()),
            }),
            Delivery::LostRequest => Some(format!("{step} sends no request")),
            Delivery::Arrives | Delivery::Slow | Delivery::Lost => None,
        }
    }

    /// Whether this user's late request is to arrive at this lock service.
    pub(in crate::explore) fn is_on_its_way_to(
        &self,
        state: &State,
        user: usize,
        node: usize,
    ) -> bool {
        self.late_request(state, user).is_some_and(|pending| {
            pending.step().service() == Service::Lock && usize::from(pending.node()) == node
        })
    }
}
