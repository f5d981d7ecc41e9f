//! How many users wait for one service: a bulk inbox for it, a slot for each of them.
//!
//! A service takes everything that waits at once, so that it can share a commit or a round trip
//! among many users, and hands the replies back in bulk. A queued request is not a late one: only
//! a service that answers *nobody* for a while is given up.

use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use tokio::sync::Notify;

/// So many at once are worth a service's while, however many more are about to come.
const BULK: usize = 1024;

/// Why a request has no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallError {
    /// It was not carried out.
    Failed,
    /// It may have been carried out, or not.
    Lost,
}

/// What became of a request.
pub type Answer<R> = Result<R, CallError>;

/// Where a reply is owed: handed to the service with each request, given back with the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u32);

impl Ticket {
    /// Nothing is owed.
    const NONE: Self = Self(u32::MAX);

    fn of(key: usize) -> Self {
        Self(u32::try_from(key).expect("there are fewer users than a u32 can count"))
    }

    fn key(self) -> usize {
        usize::try_from(self.0).expect("a slot's number came from a usize")
    }
}

/// The meeting place of a service and those who wait for it.
#[derive(Debug)]
pub struct Exchange<Q, R> {
    state: Mutex<State<Q, R>>,
    task_bell: Notify,
    thread_bell: Condvar,
}

#[derive(Debug)]
struct State<Q, R> {
    inbox: Vec<(Ticket, Q)>,
    slots: Slab<Slot<R>>,
    answered: u64,
    closed: bool,
}

#[derive(Debug)]
enum Slot<R> {
    /// Whom to wake; `None` until the caller has looked for the first time.
    Waiting(Option<Waker>),
    Ready(Answer<R>),
    /// Nobody waits any more; the slot is free once the reply has come.
    Abandoned,
}

/// How much a service has answered and owes: two looks at it tell whether it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// Replies given since the start.
    pub answered: u64,
    /// Whether anybody waits.
    pub is_owing: bool,
}

impl<Q, R> Default for Exchange<Q, R> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                inbox: Vec::new(),
                slots: Slab::new(),
                answered: 0,
                closed: false,
            }),
            task_bell: Notify::new(),
            thread_bell: Condvar::new(),
        }
    }
}

impl<Q, R: Copy> Exchange<Q, R> {
    /// Hands a request in; what it gives is ready when the service has replied. A caller that is
    /// dropped gives its slot up; its request stays.
    ///
    /// # Errors
    /// [`CallError`] when the service failed, or has been given up.
    pub fn call(&self, request: Q) -> Call<'_, Q, R> {
        let mut state = self.lock();
        if state.closed {
            return Call {
                exchange: self,
                ticket: Ticket::NONE,
            };
        }
        let ticket = Ticket::of(state.slots.insert(Slot::Waiting(None)));
        state.inbox.push((ticket, request));
        let waiting = state.inbox.len();
        drop(state);
        self.announce(waiting);
        Call {
            exchange: self,
            ticket,
        }
    }

    /// Takes all that waits into `batch`, once there is anything; `false` when there never will be.
    pub async fn take(&self, batch: &mut Vec<(Ticket, Q)>) -> bool {
        loop {
            {
                let mut state = self.lock();
                if !state.inbox.is_empty() {
                    std::mem::swap(&mut state.inbox, batch);
                    return true;
                }
                if state.closed {
                    return false;
                }
            }
            self.task_bell.notified().await;
        }
    }

    /// [`take`](Self::take) for a service that is a thread.
    pub fn take_blocking(&self, batch: &mut Vec<(Ticket, Q)>) -> bool {
        let mut state = self.lock();
        while state.inbox.is_empty() {
            if state.closed {
                return false;
            }
            state = self
                .thread_bell
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.inbox, batch);
        true
    }

    /// Hands replies to those who wait for them and wakes them.
    pub fn deliver(&self, replies: impl IntoIterator<Item = (Ticket, Answer<R>)>) {
        let mut state = self.lock();
        for (ticket, answer) in replies {
            state.answered += 1;
            state.settle(ticket, answer);
        }
    }

    /// Ends all waiting: what the service has not taken yet has failed, the rest is lost. Later
    /// calls fail at once.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for (ticket, _) in std::mem::take(&mut state.inbox) {
            state.settle(ticket, Err(CallError::Failed));
        }
        for (_, slot) in &mut state.slots {
            if let Slot::Waiting(waker) = slot {
                let waker = waker.take();
                *slot = Slot::Ready(Err(CallError::Lost));
                waker.into_iter().for_each(Waker::wake);
            }
        }
        drop(state);
        self.task_bell.notify_one();
        self.thread_bell.notify_one();
    }

    /// What the service has answered and owes at this moment.
    pub fn pulse(&self) -> Pulse {
        let state = self.lock();
        let is_owing = state
            .slots
            .iter()
            .any(|(_, slot)| matches!(slot, Slot::Waiting(_)));
        Pulse {
            answered: state.answered,
            is_owing,
        }
    }

    /// Rings for a service that is a thread, for as long as it is polled.
    ///
    /// The first of a crowd only wakes this task, which has its turn after the others who are ready
    /// to call: a thread woken at once would take the processor from the crowd half-way (seen as a
    /// start spread of 6 ms instead of 0.3).
    pub async fn ring(&self) {
        loop {
            self.task_bell.notified().await;
            self.thread_bell.notify_one();
        }
    }

    /// Tells the service that this many wait.
    fn announce(&self, waiting: usize) {
        if waiting == 1 {
            self.task_bell.notify_one();
        } else if waiting.is_multiple_of(BULK) {
            self.thread_bell.notify_one();
        }
    }

    /// The state. It is never left half-changed, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State<Q, R>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q, R> State<Q, R> {
    fn settle(&mut self, ticket: Ticket, answer: Answer<R>) {
        match self.slots.get_mut(ticket.key()) {
            Some(slot @ Slot::Waiting(_)) => {
                if let Slot::Waiting(Some(waker)) = std::mem::replace(slot, Slot::Ready(answer)) {
                    waker.wake();
                }
            }
            Some(Slot::Abandoned) => drop(self.slots.remove(ticket.key())),
            // Closed in between: the reply comes too late and changes nothing.
            Some(Slot::Ready(_)) | None => {}
        }
    }
}

/// A request on its way; dropped in the middle, it leaves its slot to the reply.
///
/// It holds no more than the way to its slot, for a million users may each have one.
#[derive(Debug)]
pub struct Call<'a, Q, R: Copy> {
    exchange: &'a Exchange<Q, R>,
    ticket: Ticket,
}

impl<Q, R: Copy> Future for Call<'_, Q, R> {
    type Output = Answer<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer<R>> {
        if self.ticket == Ticket::NONE {
            return Poll::Ready(Err(CallError::Failed));
        }
        let key = self.ticket.key();
        let mut state = self.exchange.lock();
        match &mut state.slots[key] {
            Slot::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Slot::Ready(answer) => {
                let answer = *answer;
                state.slots.remove(key);
                drop(state);
                self.ticket = Ticket::NONE;
                Poll::Ready(answer)
            }
            Slot::Abandoned => Poll::Pending,
        }
    }
}

impl<Q, R: Copy> Drop for Call<'_, Q, R> {
    fn drop(&mut self) {
        if self.ticket == Ticket::NONE {
            return;
        }
        let key = self.ticket.key();
        let mut state = self.exchange.lock();
        match &mut state.slots[key] {
            slot @ Slot::Waiting(_) => *slot = Slot::Abandoned,
            Slot::Ready(_) => drop(state.slots.remove(key)),
            Slot::Abandoned => {}
        }
    }
}
