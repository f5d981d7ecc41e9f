//! Request queue of a service: a bulk inbox for the service, a slot for each user who waits.
//!
//! A service takes everything that waits at once, so that it can share a commit or a round trip
//! among many users, and hands the replies back in bulk. A queued request is not a late one: only
//! a service that answers *nobody* for a while is given up.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use slab::Slab;
use tokio::sync::{Notify, oneshot};

use crate::step::Reply;

/// So many at once are worth a service's while, however many more are about to come.
const BULK: usize = 1024;

/// A reply, and the number that its service counts and the user brings along next time: the token of
/// a lock that it was granted, or the version of a seat that it read; 0 for none.
///
/// One number for both: a user goes by a token or by a version, and a million of them may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceReply {
    /// What it says.
    pub reply: Reply,
    /// The token or the version.
    pub stamp: u32,
}

impl From<Reply> for ServiceReply {
    fn from(reply: Reply) -> Self {
        Self { reply, stamp: 0 }
    }
}

/// What went wrong first with a service, noted by the task or thread that serves it.
#[derive(Debug, Clone, Default)]
pub(crate) struct FirstError(Arc<Mutex<Option<String>>>);

impl FirstError {
    /// Keeps this, if nothing went wrong before.
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.lock().get_or_insert_with(|| text.into());
    }

    /// What went wrong first; `None` when nothing did.
    #[must_use]
    pub(crate) fn first(&self) -> Option<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a reply is owed: handed to the service with each request, given back with the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(u32);

impl RequestId {
    /// Nothing is owed: the service had been given up, or there is none that could be asked.
    pub const NONE: Self = Self(u32::MAX);

    fn of(key: usize) -> Self {
        Self(u32::try_from(key).expect("there are fewer users than a u32 can count"))
    }

    fn key(self) -> usize {
        usize::try_from(self.0).expect("a slot's number came from a usize")
    }
}

/// The requests that wait for a service, and the replies that wait for users.
#[derive(Debug)]
pub struct RequestQueue<Q> {
    state: Mutex<State<Q>>,
    task_wake: Notify,
    thread_wake: Condvar,
    halted: AtomicBool,
}

#[derive(Debug)]
struct State<Q> {
    inbox: Vec<(RequestId, Q)>,
    /// So many may wait at once.
    room: usize,
    slots: Slab<Slot>,
    answered: u64,
    closed: bool,
}

#[derive(Debug)]
enum Slot {
    /// Whom to wake; `None` until the caller has looked for the first time.
    Waiting(Option<Waker>),
    Ready(ServiceReply),
    /// Nobody waits any more; the slot is free once the reply has come.
    Abandoned,
}

/// How much a service has answered and owes: two looks at it tell whether it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Replies given since the start.
    pub(crate) answered: u64,
    /// Whether anybody waits.
    pub(crate) is_owing: bool,
}

impl<Q> Default for RequestQueue<Q> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                inbox: Vec::new(),
                room: 0,
                slots: Slab::new(),
                answered: 0,
                closed: false,
            }),
            task_wake: Notify::new(),
            thread_wake: Condvar::new(),
            halted: AtomicBool::new(false),
        }
    }
}

impl<Q> RequestQueue<Q> {
    /// Makes room for so many who wait at once. Room that is not used is only promised by the
    /// system, never taken; growing would copy, and take twice as much for a moment.
    pub(crate) fn make_room_for(&self, many: usize) {
        let mut state = self.lock();
        state.room = many;
        state.inbox.reserve(many);
        state.slots.reserve(many);
    }

    /// Submits a request. Its id is to be [polled](Self::poll) until the reply is there, or
    /// [abandoned](Self::abandon): a million users may each hold one, and it is only a number.
    pub fn submit(&self, request: Q) -> RequestId {
        let mut state = self.lock();
        if state.closed {
            return RequestId::NONE;
        }
        let id = RequestId::of(state.slots.insert(Slot::Waiting(None)));
        state.inbox.push((id, request));
        let waiting = state.inbox.len();
        drop(state);
        self.wake(waiting);
        id
    }

    /// The reply to a request, once it is there; the id is void then.
    pub fn poll(&self, id: RequestId, cx: &mut Context<'_>) -> Poll<ServiceReply> {
        if id == RequestId::NONE {
            return Poll::Ready(Reply::Failed.into());
        }
        let key = id.key();
        let mut state = self.lock();
        match &mut state.slots[key] {
            Slot::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Slot::Ready(reply) => {
                let reply = *reply;
                state.slots.remove(key);
                Poll::Ready(reply)
            }
            Slot::Abandoned => Poll::Pending,
        }
    }

    /// Nobody waits for this reply any more. The request stays.
    pub(crate) fn abandon(&self, id: RequestId) {
        if id == RequestId::NONE {
            return;
        }
        let key = id.key();
        let mut state = self.lock();
        match &mut state.slots[key] {
            slot @ Slot::Waiting(_) => *slot = Slot::Abandoned,
            Slot::Ready(_) => drop(state.slots.remove(key)),
            Slot::Abandoned => {}
        }
    }

    /// Submits a request and waits for its reply, [`Reply::Failed`] or [`Reply::Lost`] when the service
    /// failed or has been given up. Dropped in the middle, it leaves its slot to the reply.
    pub(crate) async fn call(&self, request: Q) -> ServiceReply {
        let mut held = PendingReply {
            queue: self,
            id: self.submit(request),
        };
        let reply = poll_fn(|cx| self.poll(held.id, cx)).await;
        held.id = RequestId::NONE;
        reply
    }

    /// Submits a request that is answered aside, and waits for that answer; `None` when the service has
    /// failed or has been given up. Its service says when it is [done](Self::done_aside).
    pub(crate) async fn call_aside<T>(
        &self,
        request: Q,
        mut answer: oneshot::Receiver<T>,
    ) -> Option<T> {
        let mut held = PendingReply {
            queue: self,
            id: self.submit(request),
        };
        let id = held.id;
        tokio::select! {
            biased;
            answered = &mut answer => answered.ok(),
            _ = poll_fn(|cx| self.poll(id, cx)) => {
                held.id = RequestId::NONE;
                // It may have come between the two looks.
                answer.try_recv().ok()
            }
        }
    }

    /// A request was answered aside. Who still waits for it here has had no answer there.
    pub(crate) fn done_aside(&self, id: RequestId) {
        self.deliver([(id, Reply::Failed.into())]);
    }

    /// Takes all that waits into `batch`, once there is anything; `false` when there never will be.
    pub(crate) async fn take(&self, batch: &mut Vec<(RequestId, Q)>) -> bool {
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
            self.task_wake.notified().await;
        }
    }

    /// [`take`](Self::take) for a service that is a thread.
    pub fn take_blocking(&self, batch: &mut Vec<(RequestId, Q)>) -> bool {
        let mut state = self.lock();
        while state.inbox.is_empty() {
            if state.closed {
                return false;
            }
            state = self
                .thread_wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.hand_over(batch);
        true
    }

    /// Hands replies to those who wait for them and wakes them.
    pub fn deliver(&self, replies: impl IntoIterator<Item = (RequestId, ServiceReply)>) {
        let mut state = self.lock();
        for (id, reply) in replies {
            state.answered += 1;
            state.complete(id, reply);
        }
    }

    /// Ends all waiting: what the service has not taken yet has failed, the rest is lost. Later
    /// calls fail at once.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for (id, _) in std::mem::take(&mut state.inbox) {
            state.complete(id, Reply::Failed.into());
        }
        for (_, slot) in &mut state.slots {
            if let Slot::Waiting(waker) = slot {
                let waker = waker.take();
                *slot = Slot::Ready(Reply::Lost.into());
                waker.into_iter().for_each(Waker::wake);
            }
        }
        drop(state);
        self.task_wake.notify_one();
        self.thread_wake.notify_one();
    }

    /// Tells the service to carry out nothing more of what waits.
    pub(crate) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// Whether the service is to carry out nothing more of what waits.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Relaxed)
    }

    /// Whether the service is to go.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Lets the service go, when nobody looks at replies any more: nobody is woken, however many wait.
    pub(crate) fn end(&self) {
        self.halt();
        let mut state = self.lock();
        state.closed = true;
        state.inbox.clear();
        drop(state);
        self.task_wake.notify_one();
        self.thread_wake.notify_one();
    }

    /// What the service has answered and owes at this moment.
    pub(crate) fn progress(&self) -> Progress {
        let state = self.lock();
        let is_owing = state
            .slots
            .iter()
            .any(|(_, slot)| matches!(slot, Slot::Waiting(_)));
        Progress {
            answered: state.answered,
            is_owing,
        }
    }

    /// Wakes a service that is a thread, for as long as it is polled.
    ///
    /// The first of a crowd only wakes this task, which has its turn after the others who are ready
    /// to call: a thread woken at once would take the processor from the crowd half-way (seen as a
    /// start spread of 6 ms instead of 0.3).
    pub(crate) async fn wake_thread(&self) {
        loop {
            self.task_wake.notified().await;
            self.thread_wake.notify_one();
        }
    }

    /// Wakes the service when so many wait.
    fn wake(&self, waiting: usize) {
        if waiting == 1 {
            self.task_wake.notify_one();
        } else if waiting.is_multiple_of(BULK) {
            self.thread_wake.notify_one();
        }
    }

    /// The state. It is never left half-changed, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State<Q>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Q> State<Q> {
    /// Gives all that waits to the service, in exchange for the list that it is done with.
    fn hand_over(&mut self, done: &mut Vec<(RequestId, Q)>) {
        std::mem::swap(&mut self.inbox, done);
        self.inbox.reserve(self.room);
    }

    fn complete(&mut self, id: RequestId, reply: ServiceReply) {
        match self.slots.get_mut(id.key()) {
            Some(slot @ Slot::Waiting(_)) => {
                if let Slot::Waiting(Some(waker)) = std::mem::replace(slot, Slot::Ready(reply)) {
                    waker.wake();
                }
            }
            Some(Slot::Abandoned) => drop(self.slots.remove(id.key())),
            // Closed in between: the reply comes too late and changes nothing.
            Some(Slot::Ready(_)) | None => {}
        }
    }
}

/// A request that is abandoned when it is dropped.
struct PendingReply<'a, Q> {
    queue: &'a RequestQueue<Q>,
    id: RequestId,
}

impl<Q> Drop for PendingReply<'_, Q> {
    fn drop(&mut self) {
        self.queue.abandon(self.id);
    }
}
