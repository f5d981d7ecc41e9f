//! How many users wait for one service: a bulk inbox for it, a slot for each of them.
//!
//! A service takes everything that waits at once, so that it can share a commit or a round trip
//! among many users, and hands the replies back in bulk. A queued request is not a late one: only
//! a service that answers *nobody* for a while is given up.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
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

/// What a service says to a user's step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Said {
    /// It is done, or so.
    Yes,
    /// It is not done, or not so.
    No,
    /// Somebody else is at it.
    Busy,
    /// Somebody else was there since the user last looked.
    Stale,
}

/// What a service says, and a number that the user brings along next time: a seat's version, or the
/// token of a lock. 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// What it says.
    pub said: Said,
    /// The number.
    pub number: u32,
}

impl From<Said> for Response {
    fn from(said: Said) -> Self {
        Self { said, number: 0 }
    }
}

impl From<bool> for Response {
    fn from(is_done: bool) -> Self {
        Self::from(if is_done { Said::Yes } else { Said::No })
    }
}

/// What became of a request.
pub type Answer<R> = Result<R, CallError>;

/// What went wrong first with a service, told by whoever serves it.
#[derive(Debug, Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// Keeps this, if nothing went wrong before.
    pub fn note(&self, text: impl Into<String>) {
        self.lock().get_or_insert_with(|| text.into());
    }

    /// What went wrong first; `None` when nothing did.
    #[must_use]
    pub fn first(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a reply is owed: handed to the service with each request, given back with the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u32);

impl Ticket {
    /// Nothing is owed: the service had been given up.
    const NONE: Self = Self(u32::MAX);

    fn of(key: usize) -> Self {
        Self(u32::try_from(key).expect("there are fewer users than a u32 can count"))
    }

    fn key(self) -> usize {
        usize::try_from(self.0).expect("a slot's number came from a usize")
    }
}

/// What became of a request that was handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed<R> {
    /// Its reply will be there under this number.
    Waits(Ticket),
    /// It is answered already.
    Answered(Answer<R>),
}

/// The meeting place of a service and those who wait for it.
#[derive(Debug)]
pub struct Exchange<Q, R> {
    state: Mutex<State<Q, R>>,
    task_bell: Notify,
    thread_bell: Condvar,
    halted: AtomicBool,
}

#[derive(Debug)]
struct State<Q, R> {
    inbox: Vec<(Ticket, Q)>,
    /// So many may wait at once.
    room: usize,
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
                room: 0,
                slots: Slab::new(),
                answered: 0,
                closed: false,
            }),
            task_bell: Notify::new(),
            thread_bell: Condvar::new(),
            halted: AtomicBool::new(false),
        }
    }
}

impl<Q, R: Copy> Exchange<Q, R> {
    /// Makes room for so many who wait at once. Room that is not used is only promised by the
    /// system, never taken; growing would copy, and take twice as much for a moment.
    pub fn make_room_for(&self, many: usize) {
        let mut state = self.lock();
        state.room = many;
        state.inbox.reserve(many);
        state.slots.reserve(many);
    }

    /// Hands a request in. Its ticket is to be [polled](Self::poll) until the reply is there, or
    /// [given up](Self::abandon): a million users may each hold one, and it is only a number.
    pub fn hand_in(&self, request: Q) -> Ticket {
        let mut state = self.lock();
        if state.closed {
            return Ticket::NONE;
        }
        let ticket = Ticket::of(state.slots.insert(Slot::Waiting(None)));
        state.inbox.push((ticket, request));
        let waiting = state.inbox.len();
        drop(state);
        self.announce(waiting);
        ticket
    }

    /// The reply to a request, once it is there; the ticket has served its purpose then.
    pub fn poll(&self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<Answer<R>> {
        if ticket == Ticket::NONE {
            return Poll::Ready(Err(CallError::Failed));
        }
        let key = ticket.key();
        let mut state = self.lock();
        match &mut state.slots[key] {
            Slot::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Slot::Ready(answer) => {
                let answer = *answer;
                state.slots.remove(key);
                Poll::Ready(answer)
            }
            Slot::Abandoned => Poll::Pending,
        }
    }

    /// Nobody waits for this reply any more. The request stays.
    pub fn abandon(&self, ticket: Ticket) {
        if ticket == Ticket::NONE {
            return;
        }
        let key = ticket.key();
        let mut state = self.lock();
        match &mut state.slots[key] {
            slot @ Slot::Waiting(_) => *slot = Slot::Abandoned,
            Slot::Ready(_) => drop(state.slots.remove(key)),
            Slot::Abandoned => {}
        }
    }

    /// Hands a request in and waits for its reply. Dropped in the middle, it leaves its slot to
    /// the reply.
    ///
    /// # Errors
    /// [`CallError`] when the service failed, or has been given up.
    pub async fn call(&self, request: Q) -> Answer<R> {
        let mut held = Held {
            exchange: self,
            ticket: self.hand_in(request),
        };
        let answer = poll_fn(|cx| self.poll(held.ticket, cx)).await;
        held.ticket = Ticket::NONE;
        answer
    }

    /// Takes all that waits into `batch`, once there is anything; `false` when there never will be.
    pub async fn take(&self, batch: &mut Vec<(Ticket, Q)>) -> bool {
        loop {
            {
                let mut state = self.lock();
                if !state.inbox.is_empty() {
                    state.hand_over(batch);
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
        state.hand_over(batch);
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

    /// Tells the service to carry out nothing more of what waits.
    pub fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// Whether the service is to carry out nothing more of what waits.
    pub fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    /// Whether the service is to go.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Lets the service go, when nobody looks at replies any more: nobody is woken, however many wait.
    pub fn end(&self) {
        self.halt();
        let mut state = self.lock();
        state.closed = true;
        state.inbox.clear();
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
    /// Gives all that waits to the service, in exchange for the list that it is done with.
    fn hand_over(&mut self, done: &mut Vec<(Ticket, Q)>) {
        std::mem::swap(&mut self.inbox, done);
        self.inbox.reserve(self.room);
    }

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

/// A ticket that is given up when it is dropped.
struct Held<'a, Q, R: Copy> {
    exchange: &'a Exchange<Q, R>,
    ticket: Ticket,
}

impl<Q, R: Copy> Drop for Held<'_, Q, R> {
    fn drop(&mut self) {
        self.exchange.abandon(self.ticket);
    }
}
