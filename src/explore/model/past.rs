//! What can happen to a user of a model, as a tree: the replies that it has had, one after another.

use super::user::{Next, PastId, User};
use crate::history::Reply;

/// What happens to a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserEvent {
    /// It has a reply to its step.
    Replied(Reply),
    /// It abandons its attempt.
    GaveUp,
}

/// Everything that has happened to any user, each once.
#[derive(Debug)]
pub(super) struct Pasts(Vec<Past>);

/// What has happened to a user.
#[derive(Debug)]
struct Past {
    /// What it was before the last event, and that; `None` where nothing has happened.
    last: Option<(PastId, UserEvent)>,
    /// How many replies there are.
    replies: u8,
    has_given_up: bool,
    /// What follows from it.
    next: Next,
    /// What it is after each event that came to it.
    after: Vec<(UserEvent, PastId)>,
}

/// The replies of a user, and after how many of them it gave up.
#[derive(Debug, PartialEq, Eq, Default)]
pub(super) struct Listed {
    pub(super) replies: Vec<Reply>,
    pub(super) gave_up_after: Option<usize>,
}

impl Pasts {
    /// Nothing has happened, from which this follows.
    pub(super) fn new(next: Next) -> Self {
        Self(vec![Past {
            last: None,
            replies: 0,
            has_given_up: false,
            next,
            after: Vec::new(),
        }])
    }

    /// How many replies there are.
    pub(super) fn replies(&self, past: PastId) -> usize {
        usize::from(self.get(past).replies)
    }

    pub(super) fn has_given_up(&self, past: PastId) -> bool {
        self.get(past).has_given_up
    }

    /// A user to whom this has happened.
    pub(super) fn user(&self, past: PastId) -> User {
        User {
            past,
            next: self.get(past).next,
        }
    }

    /// What it is after this event; `None` when that has never come to it.
    pub(super) fn after(&self, past: PastId, event: UserEvent) -> Option<PastId> {
        let mut after = self.get(past).after.iter();
        let (_, known) = after.find(|(came, _)| *came == event)?;
        Some(*known)
    }

    /// Adds what it is after this event, from which this follows.
    pub(super) fn add(&mut self, past: PastId, event: UserEvent, next: Next) -> PastId {
        let id = PastId(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        let before = self.get(past);
        let new = Past {
            last: Some((past, event)),
            replies: before.replies + u8::from(event != UserEvent::GaveUp),
            has_given_up: before.has_given_up || event == UserEvent::GaveUp,
            next,
            after: Vec::new(),
        };
        self.0.push(new);
        self.0[at(past)].after.push((event, id));
        id
    }

    /// What it was when there had been so many replies.
    pub(super) fn with_replies(&self, past: PastId, many: usize) -> PastId {
        let mut earlier = self.back_from(past);
        let then = earlier.find(|past| self.replies(*past) <= many);
        then.unwrap_or(PastId::NONE)
    }

    /// The events one by one, with this after them.
    pub(super) fn listed(&self, past: PastId, event: Option<UserEvent>) -> Listed {
        let events = self.back_from(past).filter_map(|past| self.get(past).last);
        let mut events: Vec<UserEvent> = events.map(|(_, event)| event).collect();
        events.reverse();
        let mut listed = Listed::default();
        for event in events.into_iter().chain(event) {
            match event {
                UserEvent::Replied(reply) => listed.replies.push(reply),
                UserEvent::GaveUp => listed.gave_up_after = Some(listed.replies.len()),
            }
        }
        listed
    }

    /// This, and all that it was before, back to the start.
    fn back_from(&self, past: PastId) -> impl Iterator<Item = PastId> {
        std::iter::successors(Some(past), |past| Some(self.get(*past).last?.0))
    }

    fn get(&self, past: PastId) -> &Past {
        &self.0[at(past)]
    }
}

fn at(past: PastId) -> usize {
    usize::try_from(past.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Step;

    #[test]
    fn what_has_happened_is_listed_as_it_came() {
        for step in Step::ALL {
            let all = [&[Reply::Failed, Reply::Lost], step.replies()].concat();
            let mut pasts = Pasts::new(Next::Lost);
            let mut past = PastId::NONE;
            for (many, reply) in all.iter().enumerate() {
                if many == 1 {
                    past = pasts.add(past, UserEvent::GaveUp, Next::Lost);
                }
                assert_eq!(pasts.after(past, UserEvent::Replied(*reply)), None);
                let added = pasts.add(past, UserEvent::Replied(*reply), Next::Lost);
                assert_eq!(pasts.after(past, UserEvent::Replied(*reply)), Some(added));
                past = added;
            }
            for many in 0..=all.len() {
                let earlier = pasts.with_replies(past, many);
                assert_eq!(pasts.replies(earlier), many, "{step}");
                let listed = Listed {
                    replies: all[..many].to_vec(),
                    gave_up_after: (many > 0).then_some(1),
                };
                assert_eq!(pasts.listed(earlier, None), listed);
                assert_eq!(pasts.has_given_up(earlier), many > 0);
            }
        }
    }
}
