//! Foreign releases: whether anybody freed another's lock, or took it away.
//!
//! What happened in which order is known only as far as the times at which steps were asked and
//! answered tell it. So a release is certainly another's, certainly nobody else's, or neither is known.

use std::cmp::Reverse;

use super::grants::{Contended, Grant, TopTwo, by_seat};
use super::{Verdict, Witness};
use crate::history::index::ByUser;
use crate::history::{Conduct, Event, LockNews as News};
use crate::seat::{SeatId, UserId};

/// Nobody frees the lock of another, nor takes it away while the other still holds it.
pub(super) fn no_foreign_release(contended: &Contended<'_>) -> Verdict {
    let nodes = contended.history.nodes();
    nodes
        .map(|node| on_node(node, contended))
        .max_by_key(Verdict::kind)
        .unwrap_or(Verdict::Holds)
}

fn on_node(node: u8, contended: &Contended<'_>) -> Verdict {
    let mut grants = contended.grants(node);
    // Stable: of those answered at once, in the order of the history.
    grants.sort_by_key(|grant| grant.event.seat);
    let mut tenures = contended.tenures(node);
    tenures.sort_by_key(|tenure| tenure.event.seat);
    let releases = releases(node, contended);
    let mut worst = Verdict::Holds;
    let mut worsen = |verdict: Verdict| {
        if verdict.kind() > worst.kind() {
            worst = verdict;
        }
    };
    if let Some((other, grant)) = contended.taken_away(node) {
        worsen(overtaken(contended, other, grant));
    }
    if contended.history.header.conduct.takes_over != Some(false)
        && let Some((other, grant)) = contended.perhaps_taken_away(node)
    {
        worsen(perhaps_overtaken(other, grant));
    }
    for releases in by_seat(&releases, |release| release.event.seat) {
        let seat = releases[0].event.seat;
        let others = Others {
            certain: Certain::of(on_seat(&grants, seat)),
            possible: Possible::of(on_seat(&tenures, seat)),
        };
        worsen(freed(contended.history.header.conduct, &others, releases));
    }
    worst
}

/// Those of one seat, of what is sorted by seat.
fn on_seat(grants: &[Grant], seat: SeatId) -> &[Grant] {
    let first = grants.partition_point(|grant| grant.event.seat < seat);
    let last = grants.partition_point(|grant| grant.event.seat <= seat);
    &grants[first..last]
}

fn overtaken(contended: &Contended<'_>, other: UserId, grant: Event) -> Verdict {
    let (seat, user) = (grant.seat, grant.user);
    let text = format!("user {user} was granted the lock of seat {seat} that user {other} held");
    let Conduct {
        takes_over,
        frees_others,
        ..
    } = contended.history.header.conduct;
    let is_harmless = takes_over == Some(false) && frees_others == Some(false);
    if is_harmless {
        return Verdict::Unknown(format!("{text}: the lock service has lost it"));
    }
    Verdict::Violated(Witness {
        text,
        seat,
        users: vec![other, user],
    })
}

fn perhaps_overtaken(other: UserId, grant: Event) -> Verdict {
    let (seat, user) = (grant.seat, grant.user);
    Verdict::Unknown(format!(
        "user {user} may have taken the lock of seat {seat} while user {other} held it: which came first is not known"
    ))
}

/// A release that freed something, or may have, and the last time its user was given the lock before.
struct Release {
    event: Event,
    /// When it was carried out at the latest: before what was left was read, where no reply has come.
    until_ns: u64,
    own: Option<Own>,
}

/// A grant to oneself, or a request for one whose reply was lost.
#[derive(Clone, Copy)]
struct Own {
    event: Event,
    lost_ns: u64,
}

fn releases(node: u8, contended: &Contended<'_>) -> Vec<Release> {
    let mut own: ByUser<Own> = ByUser::for_about(contended.events.len());
    let mut releases = Vec::new();
    let read_ns = contended.history.footer.locks_read_ns.unwrap_or(u64::MAX);
    for event in contended.events.iter().filter(|event| event.node == node) {
        match event.lock_news() {
            News::Granted | News::PerhapsGranted => {
                let lost_ns = contended.losses.earliest(event);
                let event = *event;
                own.insert(event.seat, event.user, Own { event, lost_ns });
            }
            news @ (News::Freed | News::PerhapsFreed) => releases.push(Release {
                event: *event,
                until_ns: if news == News::PerhapsFreed {
                    read_ns.max(event.completed_ns)
                } else {
                    event.completed_ns
                },
                own: own.get(event.seat, event.user).copied(),
            }),
            News::Gone | News::Nothing => {}
        }
    }
    releases.sort_by_key(|release| release.event.seat);
    releases
}

/// Whose lock each of these releases freed, of one seat.
fn freed(conduct: Conduct, others: &Others<'_>, releases: &[Release]) -> Verdict {
    let Others { certain, possible } = others;
    let mut worst = Verdict::Holds;
    for release in releases {
        let event = release.event;
        let is_heard = event.reply.is_done();
        let other = certain.between(release);
        match other.or_else(|| certain.during(release)) {
            Some(other) if is_heard => return foreign(event, other),
            Some(other) if conduct.frees_others != Some(false) => {
                worst = Verdict::Unknown(unsure(event, other));
            }
            Some(_) | None => {}
        }
        if conduct.frees_others != Some(false) && worst == Verdict::Holds {
            let other = possible.holder(release, conduct.takes_over != Some(false));
            if let Some(other) = other {
                worst = Verdict::Unknown(unsure(event, other));
            }
        }
    }
    worst
}

fn foreign(release: Event, other: UserId) -> Verdict {
    let (seat, user) = (release.seat, release.user);
    Verdict::Violated(Witness {
        text: format!("user {user} freed the lock of seat {seat} that user {other} held"),
        seat,
        users: vec![user, other],
    })
}

fn unsure(release: Event, other: UserId) -> String {
    let (seat, user) = (release.seat, release.user);
    format!(
        "user {user} may have freed the lock of seat {seat} that user {other} held: which came first is not known"
    )
}

/// The locks of one seat, ready to be asked about those of other users.
struct Others<'g> {
    certain: Certain<'g>,
    possible: Possible,
}

/// The grants, in the order they were answered.
struct Certain<'g> {
    grants: &'g [Grant],
    /// Of the first so many, the latest that was asked for.
    latest: Vec<TopTwo<u64>>,
    /// Of the first so many, the one that was certainly held for the longest.
    longest: Vec<TopTwo<u64>>,
}

impl<'g> Certain<'g> {
    fn of(grants: &'g [Grant]) -> Self {
        let (mut latest, mut longest) = (vec![TopTwo::default()], vec![TopTwo::default()]);
        let (mut late, mut long) = (TopTwo::default(), TopTwo::default());
        for grant in grants {
            late.add(grant.user(), grant.event.invoked_ns);
            long.add(grant.user(), grant.until_ns);
            latest.push(late);
            longest.push(long);
        }
        Self {
            grants,
            latest,
            longest,
        }
    }

    /// Somebody else who was certainly granted the lock after its user had it last, and before the
    /// release: one's own is gone for ever then.
    fn between(&self, release: &Release) -> Option<UserId> {
        let event = release.event;
        let is_before = |grant: &Grant| grant.event.completed_ns <= event.invoked_ns;
        let before = self.grants.partition_point(is_before);
        let (other, invoked_ns) = self.latest[before].of_others(event.user)?;
        let is_after = release
            .own
            .is_none_or(|own| own.event.reply.is_done() && own.event.completed_ns <= invoked_ns);
        is_after.then_some(other)
    }

    /// Somebody else who certainly held the lock all the time that the release took.
    fn during(&self, release: &Release) -> Option<UserId> {
        let event = release.event;
        let is_before = |grant: &Grant| grant.event.completed_ns <= event.invoked_ns;
        let before = self.grants.partition_point(is_before);
        let holder = self.longest[before].of_others(event.user);
        let (other, _) = holder.filter(|(_, until_ns)| *until_ns >= event.completed_ns)?;
        Some(other)
    }
}

/// The times for which the lock may have been held.
struct Possible {
    /// When each was asked for, in order.
    asked_ns: Vec<u64>,
    /// Of the first so many, the one that may have been held for the longest.
    longest: Vec<TopTwo<u64>>,
    /// When each may have been granted at the latest, in order.
    granted_ns: Vec<u64>,
    /// Of all but the first so many, the earliest that was asked for; larger is earlier.
    earliest: Vec<TopTwo<Reverse<u64>>>,
}

impl Possible {
    fn of(tenures: &[Grant]) -> Self {
        let mut by_start = tenures.to_vec();
        by_start.sort_by_key(|tenure| tenure.event.invoked_ns);
        let mut longest = vec![TopTwo::default()];
        let mut top = TopTwo::default();
        for tenure in &by_start {
            top.add(tenure.user(), tenure.until_ns);
            longest.push(top);
        }
        let mut by_grant = tenures.to_vec();
        by_grant.sort_by_key(Grant::granted_ns);
        let mut earliest = vec![TopTwo::default()];
        let mut top = TopTwo::default();
        for tenure in by_grant.iter().rev() {
            top.add(tenure.user(), Reverse(tenure.event.invoked_ns));
            earliest.push(top);
        }
        earliest.reverse();
        Self {
            asked_ns: by_start.iter().map(|it| it.event.invoked_ns).collect(),
            longest,
            granted_ns: by_grant.iter().map(Grant::granted_ns).collect(),
            earliest,
        }
    }

    /// Somebody else whose lock the release may have freed.
    fn holder(&self, release: &Release, takes_over: bool) -> Option<UserId> {
        let event = release.event;
        let holds = |own: &Own| own.event.reply.is_done();
        let Some(own) = release.own.filter(holds) else {
            // Its user may have had no lock, and whoever had it at that time is robbed.
            let asked = self.asked_ns.partition_point(|at| *at <= release.until_ns);
            let (other, until_ns) = self.longest[asked].of_others(event.user)?;
            return (until_ns >= event.invoked_ns).then_some(other);
        };
        // One's own may have been lost from then on, or taken over.
        let from_ns = if takes_over {
            own.event.invoked_ns
        } else {
            own.lost_ns.saturating_add(1)
        };
        if from_ns > release.until_ns {
            return None;
        }
        let over = self.granted_ns.partition_point(|at| *at < from_ns);
        let (other, Reverse(asked_ns)) = self.earliest[over].of_others(event.user)?;
        (asked_ns <= release.until_ns).then_some(other)
    }
}
