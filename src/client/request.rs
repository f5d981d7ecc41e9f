//! Requests of a strategy: what a user may ask, of a service or of itself.

use crate::services::lock::LockRequest;
use crate::services::request::ServiceRequest;
use crate::services::store::StoreStep;
use crate::step::Step;

/// A step that a user wants to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum StepRequest {
    /// One that a service takes.
    Service(ServiceRequest),
    /// Look at the clock.
    Validate {
        /// Whether there is time left, by the user's own clock.
        is_in_time: bool,
    },
    /// Let a random time pass.
    Wait,
}

impl StepRequest {
    /// A step on the lock service of this number, from 0.
    pub(super) const fn on_lock(node: u8, request: LockRequest) -> Self {
        Self::Service(ServiceRequest::Lock { node, request })
    }

    /// The step's name.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::Service(request) => request.step(),
            Self::Validate { .. } => Step::Validate,
            Self::Wait => Step::Wait,
        }
    }

    /// Which of several lock services is asked, from 0; 0 for a step that asks none.
    pub(crate) const fn node(self) -> u8 {
        match self {
            Self::Service(request) => request.node(),
            Self::Validate { .. } | Self::Wait => 0,
        }
    }

    /// Whether it can be late: see [`Step::can_be_late`].
    pub(crate) const fn can_be_late(self) -> bool {
        match self {
            Self::Service(request) => request.can_be_late(),
            Self::Validate { .. } | Self::Wait => false,
        }
    }
}

impl From<StoreStep> for StepRequest {
    fn from(step: StoreStep) -> Self {
        Self::Service(ServiceRequest::Store(step))
    }
}
