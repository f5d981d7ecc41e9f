//! Progress on stderr (the only indicatif): a bar for a run longer than a blink, a line for a long search.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::checker::Property;
use crate::explore::SearchProgress;

/// A run that is over sooner is not worth a bar.
const BLINK: Duration = Duration::from_millis(300);

/// How often the bar is brought up to date.
const PERIOD: Duration = Duration::from_millis(100);

/// What is said once more is done than was to be: a comparison measures speed after its rounds.
const MEASURING: &str = "; measuring speed";

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
                let now = finished.load(Ordering::Relaxed);
                bar.set_position(now.min(total));
                if now > total {
                    bar.set_message(MEASURING);
                }
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

/// A search that is over sooner is not worth a line.
const SHORT_SEARCH: Duration = Duration::from_secs(1);

/// A line that says how far a search is, for as long as this lives; it leaves nothing behind.
#[derive(Debug)]
pub(super) struct SearchLine {
    property: Property,
    begun: Instant,
    line: OnceLock<ProgressBar>,
}

impl SearchLine {
    /// A line for the search that begins now; `None` when stderr is no terminal.
    pub(super) fn begin(property: Property) -> Option<Self> {
        std::io::stderr().is_terminal().then(|| Self {
            property,
            begun: Instant::now(),
            line: OnceLock::new(),
        })
    }

    /// Shows how far the search is now, unless it is still short.
    pub(super) fn show(&self, now: SearchProgress) {
        let took = self.begun.elapsed();
        if took < SHORT_SEARCH {
            return;
        }
        let line = self.line.get_or_init(|| line(took));
        let a_second = u128::from(now.states) * 1000 / took.as_millis().max(1);
        line.set_message(format!(
            "{}: {} states, depth {}, {} states/s",
            self.property,
            HumanCount(now.states),
            now.depth,
            HumanCount(u64::try_from(a_second).unwrap_or(u64::MAX)),
        ));
        line.tick();
    }
}

impl Drop for SearchLine {
    fn drop(&mut self) {
        if let Some(line) = self.line.get() {
            line.finish_and_clear();
        }
    }
}

fn line(took: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        .with_style(style)
        .with_elapsed(took)
}

fn bar(total: u64, things: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!(
        "{{elapsed_precise}} {{wide_bar}} {{human_pos}}/{{human_len}} {things}, {{per_sec}}{{msg}}",
    ))
    .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr()).with_style(style)
}
