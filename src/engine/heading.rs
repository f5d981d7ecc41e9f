//! What is raced, on what: as a history's header tells it, and as the database keeps it.

use std::time::SystemTime;

use super::{Engine, EngineError};
use crate::history::{Conduct, Header, PlanRecord, RunKind, SettingsRecord};
use crate::plan::Plan;
use crate::schedule::Schedule;
use crate::services::lock::LockService;
use crate::services::store::RunRecord;
use crate::strategy::Strategy;

impl Engine {
    /// Begins a race whose interleaving is forced.
    pub(super) async fn begin_forced<S: Strategy>(
        &self,
        strategy: &S,
        plan: &Plan,
        schedule: &Schedule,
    ) -> Result<Header, EngineError> {
        Ok(Header {
            run: RunKind::Replay(schedule.clone()),
            ..self.begin(strategy, plan, 0).await?
        })
    }

    pub(super) fn header<S: Strategy>(&self, strategy: &S, plan: &Plan, round: u32) -> Header {
        let needed = usize::from(strategy.needs().locks);
        let locks = self.services.shared.locks.iter().take(needed);
        let locks: Vec<&str> = locks.map(LockService::description).collect();
        let ttl = strategy.ttl();
        Header {
            version: Header::VERSION,
            strategy: strategy.name().to_owned(),
            settings: SettingsRecord::Options(strategy.settings()),
            run: self.run.clone(),
            round,
            plan: PlanRecord::Plan(Box::new(plan.clone())),
            ttl_ms: ttl.map(crate::client::Ttl::as_millis),
            database: self.services.database_for(strategy.needs()),
            lock: match locks.as_slice() {
                [] => None,
                [one] => Some((*one).to_owned()),
                [first, ..] => Some(format!("{} of them, the first: {first}", locks.len())),
            },
            is_lock_simulated: needed > 0 && self.services.is_lock_embedded(),
            conduct: Conduct {
                locks: strategy.needs().locks,
                transactions: strategy.needs().transactions,
                takes_over: strategy.takes_over(),
                frees_others: strategy.frees_others(),
            },
            began: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        }
    }
}

pub(super) fn record(header: &Header) -> RunRecord {
    RunRecord {
        began: header.began.clone(),
        strategy: header.strategy.clone(),
        round: header.round,
        users: header.users(),
        seed: header.seed(),
    }
}
