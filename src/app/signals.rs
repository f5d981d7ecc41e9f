//! What happens on Ctrl-C? The users finish the step they are in; a second one ends at once.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{AppError, Exit};

/// Does the work with a token that the first signal cancels. The second one gives the work up;
/// whatever it had started ends with the process.
pub(super) async fn heeding<W>(work: impl FnOnce(CancellationToken) -> W) -> Result<Exit, AppError>
where
    W: Future<Output = Result<Exit, AppError>>,
{
    let stop = CancellationToken::new();
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        // Without handlers a signal ends the process at once, as it does any other.
        return work(stop).await;
    };
    let mut work = Box::pin(work(stop.clone()));
    let first = tokio::select! {
        done = &mut work => return done,
        number = either(&mut interrupt, &mut terminate) => number,
    };
    stop.cancel();
    tokio::select! {
        done = work => done.map(|_| Exit::Signal(first)),
        number = either(&mut interrupt, &mut terminate) => Ok(Exit::Signal(number)),
    }
}

/// The number of the signal that comes first.
async fn either(interrupt: &mut Signal, terminate: &mut Signal) -> u8 {
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}
