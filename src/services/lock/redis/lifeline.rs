//! The connection of a lock service, made again when it was dropped.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::Link;
use crate::services::lock::LockError;
use crate::services::private_server::ProcessEnd;

/// How often a server that cannot be reached is tried again.
pub(super) const AGAIN: Duration = Duration::from_millis(20);

/// How long a node of a cluster may be silent before another is asked who serves its slots.
pub(super) const SILENCE: Duration = Duration::from_millis(500);

/// A connection that is made again, within a limit.
#[derive(Debug)]
pub(super) struct Lifeline {
    state: Mutex<State>,
    /// Held while connecting, so that two do not connect at once.
    connecting: tokio::sync::Mutex<()>,
    limit: Duration,
}

#[derive(Debug)]
struct State {
    link: Link,
    whose: Whose,
    /// Whether all waiting for the server is over: it is tried once and no more.
    is_given_up: bool,
}

#[derive(Debug)]
enum Whose {
    /// A server that may come back by itself: the person runs it, or it is a part of racesim.
    Lasting,
    /// A process of the run's own, which does not.
    Process(ProcessEnd),
    /// One of the run's own that is being started.
    Expected,
}

impl Whose {
    fn of(end: Option<ProcessEnd>) -> Self {
        end.map_or(Self::Lasting, Self::Process)
    }
}

impl Lifeline {
    pub(super) fn new(link: Link, end: Option<ProcessEnd>, limit: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                link,
                whose: Whose::of(end),
                is_given_up: false,
            }),
            connecting: tokio::sync::Mutex::new(()),
            limit,
        }
    }

    /// Whether the connection was dropped, and not made again so far.
    pub(super) fn is_dropped(&self) -> bool {
        self.lock().link.is_dropped()
    }

    /// Whether the connection is encrypted, so that a request cannot be held back before its last byte.
    pub(super) fn is_encrypted(&self) -> bool {
        self.lock().link.is_encrypted()
    }

    /// Whether the private server is being started again: its connection is to be dropped.
    pub(super) fn is_expecting(&self) -> bool {
        matches!(self.lock().whose, Whose::Expected)
    }

    pub(super) fn expect_another_server(&self) {
        self.lock().whose = Whose::Expected;
    }

    /// Ends all waiting for the server: it is tried once and no more.
    pub(super) fn give_up(&self) {
        self.lock().is_given_up = true;
    }

    /// A connection that was not dropped, as far as is known; made again if it was. The limit counts
    /// from the call: those who wait while another connects do not each begin it anew.
    ///
    /// # Errors
    /// When the server cannot be reached within the limit, or never will be.
    pub(super) async fn live(&self) -> Result<Link, LockError> {
        let live = self.live_within(self.limit).await;
        if live.is_err() {
            self.give_up();
        }
        live
    }

    /// The same within a limit of its own, after which more may be tried.
    ///
    /// # Errors
    /// When the server cannot be reached within it, or never will be.
    pub(super) async fn live_within(&self, limit: Duration) -> Result<Link, LockError> {
        let began = Instant::now();
        if let Some(link) = self.undropped() {
            return Ok(link);
        }
        let _alone = self.connecting.lock().await;
        loop {
            if let Some(link) = self.undropped() {
                return Ok(link);
            }
            let (old, is_given_up) = {
                let state = self.lock();
                if let Whose::Process(end) = &state.whose
                    && let Some(status) = *end.borrow()
                {
                    return Err(LockError::Ended(status.to_string()));
                }
                (state.link.clone(), state.is_given_up)
            };
            let rest = limit.saturating_sub(began.elapsed());
            match old.another(rest.max(AGAIN)).await {
                Ok(link) => self.lock().link = link,
                Err(error) if error.may_pass() && !is_given_up && rest > AGAIN => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Connects to the private server that was started in the place of another, on the same socket.
    pub(super) async fn move_to(
        &self,
        end: Option<ProcessEnd>,
        limit: Duration,
    ) -> Result<(), LockError> {
        let _alone = self.connecting.lock().await;
        let old = self.lock().link.clone();
        let link = old.another(limit).await?;
        let mut state = self.lock();
        state.link = link;
        state.whose = Whose::of(end);
        Ok(())
    }

    fn undropped(&self) -> Option<Link> {
        let state = self.lock();
        (!state.link.is_dropped()).then(|| state.link.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;
    use crate::services::lock::{KeyPrefix, Url};

    const LIMIT: Duration = Duration::from_millis(500);

    // Users with late requests wait for one connection. Each took the whole limit, one after another,
    // so that the last of 64 waited 64 times as long as the person allows.
    #[test]
    fn those_who_wait_together_for_a_silent_server_wait_for_one_limit() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            // It accepts connections, as the system does by itself, and never says a word.
            let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url: Url = format!("redis://{}", server.local_addr().unwrap())
                .parse()
                .unwrap();
            let link = Link::open(url, KeyPrefix::default(), LIMIT).await.unwrap();
            let lifeline = Arc::new(Lifeline::new(link, None, LIMIT));
            drop(server.accept().unwrap());
            while !lifeline.is_dropped() {
                tokio::task::yield_now().await;
            }
            let began = Instant::now();
            let mut waiting = JoinSet::new();
            for _ in 0..10 {
                let lifeline = Arc::clone(&lifeline);
                waiting.spawn(async move { lifeline.live().await.is_err() });
            }
            assert!(waiting.join_all().await.into_iter().all(|failed| failed));
            let took = began.elapsed();
            assert!(LIMIT <= took && took < 4 * LIMIT, "{took:?}");
        });
    }
}
