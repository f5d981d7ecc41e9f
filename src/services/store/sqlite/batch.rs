//! Batches of the store's thread: what it takes at once, and what it answers at once.

use std::time::Duration;

use crate::services::queue::{RequestId, ServiceReply};
use crate::services::store::StoreWork;

/// How long the end of a run waits for the file to be closed.
pub(super) const CLOSE_LIMIT: Duration = Duration::from_secs(2);

pub(super) type Batch = Vec<(RequestId, StoreWork)>;

pub(super) type ReplyBatch = Vec<(RequestId, ServiceReply)>;
