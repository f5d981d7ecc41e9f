//! The progress bar on stderr (the only indicatif), for a run longer than a blink.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A run that is over sooner is not worth a bar.
const BLINK: Duration = Duration::from_millis(300);

/// How often the bar is brought up to date.
const PERIOD: Duration = Duration::from_millis(100);

/// A bar that lives as long as this; it leaves nothing behind.
#[derive(Debug)]
pub(super) struct ProgressWatch {
    over: Option<Sender<()>>,
    drawer: Option<JoinHandle<()>>,
}

impl ProgressWatch {
    /// Watches `finished` grow to a `total` of these things, when stderr is a terminal.
    #[must_use]
    pub(super) fn begin(finished: Arc<AtomicU64>, total: u64, things: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self {
                over: None,
                drawer: None,
            };
        }
        let (over, is_over) = mpsc::channel::<()>();
        let drawer = std::thread::Builder::new().spawn(move || {
            if is_over.recv_timeout(BLINK) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = bar(total, things);
            while is_over.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(finished.load(Ordering::Relaxed));
            }
            bar.finish_and_clear();
        });
        Self {
            over: Some(over),
            // Without a thread there is no bar; the run does not depend on it.
            drawer: drawer.ok(),
        }
    }
}

impl Drop for ProgressWatch {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(drawer) = self.drawer.take() {
            // A drawer that panicked has drawn its last; the run does not depend on it.
            let _ = drawer.join();
        }
    }
}

fn bar(total: u64, things: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!(
        "{{elapsed_precise}} {{wide_bar}} {{human_pos}}/{{human_len}} {things}, {{per_sec}}",
    ))
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
}
