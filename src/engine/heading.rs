//! What is raced, on what: as a history's header tells it, and as the database keeps it.

use std::time::SystemTime;

use super::{Engine, EngineError};
use crate::history::{
    Conduct, Header, LockKind, LockRecord, LockServerRecord, PlanRecord, RunKind, SettingsRecord,
};
use crate::plan::Plan;
use crate::schedule::Schedule;
use crate::services::lock::ServerOwner;
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
            lock: self.lock_record(usize::from(strategy.needs().locks)),
            conduct: Conduct {
                locks: strategy.needs().locks,
                transactions: strategy.needs().transactions,
                takes_over: strategy.takes_over(),
                frees_others: strategy.frees_others(),
            },
            began: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        }
    }

    /// The first so many lock services; `None` when there is none of them.
    #[must_use]
    pub fn lock_record(&self, wanted: usize) -> Option<LockRecord> {
        let locks = &self.services.shared.locks;
        let servers = locks.len().min(wanted);
        let first = locks.first().filter(|_| servers > 0)?.identity();
        let description = match servers {
            1 => first.description.clone(),
            several => format!("{several} of them, the first: {}", first.description),
        };
        Some(LockRecord::Server(LockServerRecord {
            kind: match first.owner {
                ServerOwner::Embedded => LockKind::Embedded,
                ServerOwner::Run => LockKind::Private,
                ServerOwner::Person => LockKind::Yours,
            },
            server: first.server.to_lowercase(),
            version: first.version.clone(),
            servers,
            description,
        }))
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
