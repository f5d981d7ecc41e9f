//! Recordings that are changed a little: a line is lost, doubled or moved, a field says something else.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

/// What is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Drop,
    Double,
    Swap,
    User,
    Seat,
    Time,
    Shift,
    Reply,
    Step,
    Outcome,
    Node,
    Round,
    Count,
    Fault,
    Conduct,
    Ending,
}

impl Kind {
    pub(super) const ALL: [Self; 16] = [
        Self::Drop,
        Self::Double,
        Self::Swap,
        Self::User,
        Self::Seat,
        Self::Time,
        Self::Shift,
        Self::Reply,
        Self::Step,
        Self::Outcome,
        Self::Node,
        Self::Round,
        Self::Count,
        Self::Fault,
        Self::Conduct,
        Self::Ending,
    ];
}

const REPLIES: [&str; 22] = [
    "granted",
    "held",
    "in-time",
    "late",
    "ttl-set",
    "again",
    "time-up",
    "begun",
    "busy",
    "stale",
    "available",
    "taken",
    "paid",
    "inserted",
    "conflict",
    "committed",
    "rolled-back",
    "still-held",
    "released",
    "not-held",
    "failed",
    "lost",
];

const STEPS: [&str; 14] = [
    "acquire", "set-ttl", "validate", "wait", "hold", "begin", "check", "pay", "insert", "confirm",
    "commit", "rollback", "verify", "release",
];

/// Replies that stand for each other without contradicting the step.
const LIKELY: [(&str, &[&str]); 6] = [
    ("acquire", &["granted", "held", "lost", "failed"]),
    ("release", &["released", "not-held", "lost", "failed"]),
    ("insert", &["inserted", "conflict", "lost", "failed"]),
    ("verify", &["still-held", "not-held"]),
    ("commit", &["committed", "lost", "failed"]),
    ("validate", &["in-time", "late"]),
];

const OUTCOMES: [&str; 6] = [
    "confirmed",
    "locked",
    "taken",
    "conflict",
    "failed",
    "unknown",
];

/// A recording, a line each.
pub(super) struct Draft<'r> {
    pub(super) lines: Vec<Value>,
    pub(super) chance: &'r mut Xoshiro256PlusPlus,
}

impl Draft<'_> {
    pub(super) fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| format!("{line}\n"));
        lines.collect()
    }

    fn below(&mut self, many: usize) -> usize {
        self.chance.random_range(0..many.max(1))
    }

    fn one_of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(super) fn is_chosen(&mut self, percent: u32) -> bool {
        self.chance.next_u32() % 100 < percent
    }

    /// A line of one of these types, if there is any.
    fn line_of(&mut self, types: &[&str]) -> Option<usize> {
        let is_one = |at: &usize| types.iter().any(|name| self.lines[*at]["type"] == **name);
        let places: Vec<usize> = (0..self.lines.len()).filter(is_one).collect();
        let at = self.below(places.len());
        places.get(at).copied()
    }

    /// Changes one thing; nothing where there is no such thing.
    pub(super) fn mutate(&mut self, kind: Kind) -> Option<()> {
        match kind {
            Kind::Drop => self.drop_line(),
            Kind::Double => self.double(),
            Kind::Swap => self.swap(),
            Kind::User => self.user(),
            Kind::Seat => self.seat(),
            Kind::Time => self.time()?,
            Kind::Shift => self.shift()?,
            Kind::Reply => self.reply()?,
            Kind::Step => {
                let at = self.line_of(&["step"])?;
                self.lines[at]["step"] = json!(self.one_of(&STEPS));
            }
            Kind::Outcome => {
                let at = self.line_of(&["attempt"])?;
                self.lines[at]["outcome"] = json!(self.one_of(&OUTCOMES));
            }
            Kind::Node => {
                let at = self.line_of(&["step", "fault"])?;
                self.lines[at]["node"] = json!(self.below(6) * (1 + self.below(4)));
            }
            Kind::Round => self.round()?,
            Kind::Count => self.count()?,
            Kind::Fault => self.fault()?,
            Kind::Conduct => self.conduct()?,
            Kind::Ending => self.ending()?,
        }
        Some(())
    }

    fn drop_line(&mut self) {
        let at = self.below(self.lines.len());
        self.lines.remove(at);
    }

    fn double(&mut self) {
        let at = self.below(self.lines.len());
        let line = self.lines[at].clone();
        self.lines.insert(at, line);
    }

    /// Two lines change places: any, or two next to each other.
    fn swap(&mut self) {
        let many = self.lines.len();
        let one = self.below(many);
        let two = if self.is_chosen(50) {
            (one + 1) % many
        } else {
            self.below(many)
        };
        self.lines.swap(one, two);
    }

    fn user(&mut self) {
        let user = self.below(6);
        if let Some(at) = self.line_of(&["step", "attempt", "booking", "fault"]) {
            self.lines[at]["user"] = json!(user);
        }
    }

    fn seat(&mut self) {
        let seat = self.one_of(&[&1, &2, &10]);
        if let Some(at) = self.line_of(&["step", "attempt", "booking"]) {
            self.lines[at]["seat"] = json!(seat);
        }
    }

    /// A moment that some line has, or one next to it: those that touch are the ones that matter.
    fn moment(&mut self) -> Option<u64> {
        let at = self.line_of(&["step", "attempt", "fault"])?;
        let names = ["invoked_ns", "completed_ns", "started_ns", "ended_ns"];
        let times = names
            .iter()
            .filter_map(|name| self.lines[at][name].as_u64());
        let times: Vec<u64> = times.collect();
        let at = self.below(times.len());
        let time = times.get(at).copied()?;
        let offset = *self.one_of(&[&0, &0, &0, &1, &1_000_000, &10_000_000]);
        Some(if self.is_chosen(50) {
            time + offset
        } else {
            time.saturating_sub(offset)
        })
    }

    fn time(&mut self) -> Option<()> {
        let moment = self.moment()?;
        let at = self.line_of(&["step", "step", "attempt", "fault"])?;
        let is_attempt = self.lines[at]["type"] == "attempt";
        let is_first = self.is_chosen(50);
        let name = match (is_attempt, is_first) {
            (true, true) => "started_ns",
            (true, false) => "ended_ns",
            (false, true) => "invoked_ns",
            (false, false) => "completed_ns",
        };
        self.lines[at][name] = json!(moment);
        Some(())
    }

    /// All that one user does is later or earlier, so that it meets others elsewhere.
    fn shift(&mut self) -> Option<()> {
        let at = self.line_of(&["step"])?;
        let user = self.lines[at]["user"].clone();
        let here = self.lines[at]["invoked_ns"].as_u64()?;
        let there = self.moment()?;
        for line in self.lines.iter_mut().filter(|line| line["user"] == user) {
            for name in ["invoked_ns", "completed_ns", "started_ns", "ended_ns"] {
                if let Some(time) = line[name].as_u64() {
                    line[name] = json!((time + there).saturating_sub(here));
                }
            }
        }
        Some(())
    }

    fn reply(&mut self) -> Option<()> {
        let at = self.line_of(&["step"])?;
        let step = self.lines[at]["step"].clone();
        let likely = LIKELY.iter().find(|(name, _)| step == **name);
        let reply = match likely.filter(|_| self.is_chosen(80)) {
            Some((_, replies)) => self.one_of(replies),
            None => self.one_of(&REPLIES),
        };
        self.lines[at]["reply"] = json!(reply);
        Some(())
    }

    fn round(&mut self) -> Option<()> {
        let at = self.line_of(&["header"])?;
        let name = self.one_of(&["round", "rounds"]);
        self.lines[at][name] = json!(self.below(4));
        Some(())
    }

    fn count(&mut self) -> Option<()> {
        let at = self.line_of(&["footer", "footer", "end"])?;
        let names: [&str; 4] = ["steps", "attempts", "bookings", "fault_events"];
        let name = if self.lines[at]["type"] == "end" {
            "races"
        } else {
            self.one_of(&names)
        };
        let count = self.lines[at][name].as_u64().unwrap_or(0);
        let is_more = self.is_chosen(50);
        self.lines[at][name] = json!(if is_more {
            count + 1
        } else {
            count.saturating_sub(1)
        });
        Some(())
    }

    /// Something goes wrong that did not, or another thing does.
    fn fault(&mut self) -> Option<()> {
        let at = self.line_of(&["footer"])?;
        let kind = self.one_of(&["expire", "stall", "restart", "crash"]);
        let (one, two) = (self.moment()?, self.moment()?);
        let mut fault = json!({
            "type": "fault",
            "fault": kind,
            "invoked_ns": one.min(two),
            "completed_ns": one.max(two),
        });
        let is_of_all = kind == "restart" || (kind == "expire" && self.is_chosen(50));
        if !is_of_all {
            fault["user"] = json!(1 + self.below(4));
        }
        if self.is_chosen(20) {
            fault["node"] = json!(self.below(3));
        }
        let known = self.line_of(&["fault"]);
        if let Some(known) = known.filter(|_| self.is_chosen(30)) {
            self.lines[known] = fault;
        } else {
            self.lines.insert(at, fault);
            let count = self.lines[at + 1]["fault_events"].as_u64().unwrap_or(0);
            self.lines[at + 1]["fault_events"] = json!(count + 1);
        }
        Some(())
    }

    fn conduct(&mut self) -> Option<()> {
        let at = self.line_of(&["header"])?;
        let name = self.one_of(&[
            "takes_over",
            "frees_others",
            "transactions",
            "locks",
            "ttl",
            "users",
        ]);
        let three = [&json!(true), &json!(false), &json!(null)];
        let value = match name {
            "transactions" => json!(self.is_chosen(50)),
            "locks" => json!(self.below(4)),
            "users" => json!(self.below(5)),
            "ttl" => json!(self.below(12)),
            _ => self.one_of(&three).clone(),
        };
        match name {
            "ttl" => self.lines[at]["ttl_ms"] = value,
            "users" => self.lines[at]["users"] = value,
            _ => self.lines[at]["conduct"][name] = value,
        }
        Some(())
    }

    fn ending(&mut self) -> Option<()> {
        let at = self.line_of(&["footer"])?;
        match self.below(5) {
            0 => self.lines[at]["interrupted"] = json!(true),
            1 => self.lines[at]["troubles"] = json!(["the lock service died"]),
            2 => self.lines[at]["locks_unread"] = json!(true),
            3 => self.lines[at]["has_renewed"] = json!(true),
            _ => {
                let left = [json!(null), json!(7)];
                let left = left[usize::from(self.is_chosen(70))].clone();
                self.lines[at]["locks_left"] = json!([{"seat": 10, "left_ms": left}]);
            }
        }
        Some(())
    }

    /// Says at the end of each race what there is, so that it is not the counts that tell.
    pub(super) fn mend_counts(&mut self) {
        let mut counts = [0_u64; 4];
        for line in &mut self.lines {
            match line["type"].as_str() {
                Some("header") => counts = [0; 4],
                Some("step") => counts[0] += 1,
                Some("attempt") => counts[1] += 1,
                Some("booking") => counts[2] += 1,
                Some("fault") => counts[3] += 1,
                Some("footer") => {
                    let names = ["steps", "attempts", "bookings", "fault_events"];
                    for (name, count) in names.into_iter().zip(counts) {
                        line[name] = json!(count);
                    }
                }
                _ => {}
            }
        }
    }

    /// The same race by a strategy that racesim does not know, and so cannot follow.
    pub(super) fn rename(&mut self) {
        let headers = self
            .lines
            .iter_mut()
            .filter(|line| line["type"] == "header");
        for header in headers {
            let (name, settings) = (&header["strategy"], &header["settings"]);
            let none = if settings.is_string() {
                json!("")
            } else {
                json!([])
            };
            header["strategy"] = json!(format!("my own {name} {settings}"));
            header["settings"] = none;
        }
    }

    /// The steps in the order they were answered, as racesim writes them.
    pub(super) fn sort(&mut self) {
        for race in self.lines.split_mut(|line| line["type"] != "step") {
            race.sort_by_key(|line| line["completed_ns"].as_u64());
        }
    }
}
