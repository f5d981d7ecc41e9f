//! Batches of the store's thread: what it takes at once, and what it answers at once.

use crate::services::queue::{RequestId, ServiceReply};
use crate::services::store::request::{StoreRequest, StoreWork};

/// What is taken from the queue.
pub(super) type Batch = Vec<(RequestId, StoreWork)>;

/// Steps that share a commit.
pub(super) type CommitGroup = Vec<(RequestId, StoreRequest)>;

pub(super) type ReplyBatch = Vec<(RequestId, ServiceReply)>;
