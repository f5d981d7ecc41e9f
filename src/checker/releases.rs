//! Did anybody free a lock that another held, or take it away?
//!
//! What happened in which order is known only as far as the times at which steps were asked and
//! answered tell it. So a release is certainly another's, certainly nobody else's, or neither is known.

use super::grants::{Contended, Grant, TopTwo, by_seat};
use super::{Verdict, Witness};
use crate::history::{Conduct, Event, Reply, Step};
use crate::index::ByUser;
use crate::seat::UserId;

/// Nobody frees the lock of another, nor takes it away while the other still holds it.
pub(super) fn no_foreign_release(contended: &Contended<'_>) -> Verdict {
    let nodes = contended.history.nodes();
    nodes
        .map(|node| on_node(node, contended))
        .max_by_key(Verdict::severity)
        .unwrap_or(Verdict::Holds)
}

fn on_node(node: u8, contended: &Contended<'_>) -> Verdict {
    let mut grants = contended.grants(node);
    // Stable: of those answered at once, in the order of the history.
    grants.sort_by_key(|grant| grant.event.seat);
    let releases = releases(node, contended);
    let mut worst = Verdict::Holds;
    let mut worsen = |verdict: Verdict| {
        if verdict.severity() > worst.severity() {
            worst = verdict;
        }
    };
    if let Some((other, grant)) = contended.taken_away(node) {
        worsen(overtaken(contended, other, grant));
    }
    for releases in by_seat(&releases, |release| release.event.seat) {
        let seat = releases[0].event.seat;
        let first = grants.partition_point(|grant| grant.event.seat < seat);
        let last = grants.partition_point(|grant| grant.event.seat <= seat);
        worsen(freed(
            contended.history.header.conduct,
            &grants[first..last],
            releases,
        ));
    }
    worst
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
    if is_harmless || !contended.history.footer.troubles.is_empty() {
        return Verdict::Unknown(format!("{text}: the lock service has lost it"));
    }
    Verdict::Violated(Witness {
        text,
        seat,
        users: vec![other, user],
    })
}

/// A release that freed something, or may have, and the last time its user was given the lock before.
struct Release {
    event: Event,
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
    for event in contended.events.iter().filter(|event| event.node == node) {
        match (event.step, event.reply) {
            (Step::Acquire, _) => {
                let lost_ns = contended.losses.earliest(event);
                let event = *event;
                own.insert(event.seat, event.user, Own { event, lost_ns });
            }
            (Step::Release, Reply::Released | Reply::Lost) => releases.push(Release {
                event: *event,
                own: own.get(event.seat, event.user).copied(),
            }),
            _ => {}
        }
    }
    releases.sort_by_key(|release| release.event.seat);
    releases
}

/// Whose lock each of these releases freed, of one seat.
fn freed(conduct: Conduct, grants: &[Grant], releases: &[Release]) -> Verdict {
    let others = Others::of(grants);
    let mut worst = Verdict::Holds;
    for release in releases {
        let event = release.event;
        let is_heard = event.reply == Reply::Released;
        let certain = others.between(release).or_else(|| others.during(release));
        match certain {
            Some(other) if is_heard => return foreign(event, other),
            Some(other) if conduct.frees_others != Some(false) => {
                worst = Verdict::Unknown(unsure(event, other));
            }
            _ => {}
        }
        let possible = others.perhaps_between(release, conduct.takes_over == Some(true));
        let may_free = conduct.frees_others != Some(false);
        if let Some(other) = possible.filter(|_| may_free && worst == Verdict::Holds) {
            worst = Verdict::Unknown(unsure(event, other));
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

/// The grants of one seat, ready to be asked about those of other users.
struct Others<'g> {
    grants: &'g [Grant],
    /// Of the first so many, the latest that was asked for.
    latest: Vec<TopTwo<u64>>,
    /// Of the first so many, the one that was certainly held for the longest.
    longest: Vec<TopTwo<u64>>,
    /// Of all but the first so many, the earliest that was asked for; larger is earlier.
    earliest: Vec<TopTwo<std::cmp::Reverse<u64>>>,
}

impl<'g> Others<'g> {
    fn of(grants: &'g [Grant]) -> Self {
        let (mut latest, mut longest) = (vec![TopTwo::default()], vec![TopTwo::default()]);
        let (mut late, mut long) = (TopTwo::default(), TopTwo::default());
        for grant in grants {
            late.add(grant.user(), grant.event.invoked_ns);
            long.add(grant.user(), grant.until_ns);
            latest.push(late);
            longest.push(long);
        }
        let mut earliest = vec![TopTwo::default()];
        let mut top = TopTwo::default();
        for grant in grants.iter().rev() {
            top.add(grant.user(), std::cmp::Reverse(grant.event.invoked_ns));
            earliest.push(top);
        }
        earliest.reverse();
        Self {
            grants,
            latest,
            longest,
            earliest,
        }
    }

    /// Somebody else who was certainly granted the lock after its user had it last, and before the
    /// release: one's own is gone for ever then.
    fn between(&self, release: &Release) -> Option<UserId> {
        let event = release.event;
        let is_before = |grant: &Grant| grant.event.completed_ns <= event.invoked_ns;
        let before = self.grants.partition_point(is_before);
        let (other, invoked_ns) = self.latest[before].of_others(event.user)?;
        let is_after = release.own.is_none_or(|own| {
            own.event.reply == Reply::Granted && own.event.completed_ns <= invoked_ns
        });
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

    /// Somebody else who may have been granted the lock in that time: if it may be taken over, or if it
    /// may have been lost by then.
    fn perhaps_between(&self, release: &Release, takes_over: bool) -> Option<UserId> {
        let event = release.event;
        // A request whose reply was lost may never have been carried out.
        let from_ns = release.own.map_or(0, |own| match own.event.reply {
            Reply::Granted if !takes_over => own.lost_ns,
            _ => own.event.invoked_ns,
        });
        if from_ns >= event.completed_ns {
            return None;
        }
        let is_over = |grant: &Grant| grant.event.completed_ns <= from_ns;
        let over = self.grants.partition_point(is_over);
        let (other, invoked_ns) = self.earliest[over].of_others(event.user)?;
        (invoked_ns.0 < event.completed_ns).then_some(other)
    }
}
