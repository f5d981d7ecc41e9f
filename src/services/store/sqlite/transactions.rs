//! Connections to `SQLite` for transactions, each with a thread.

use std::path::Path;
use std::sync::Arc;

use rusqlite::ffi::SQLITE_BUSY_SNAPSHOT;

use super::connection::{StoreConnection, is_busy, prepare};
use super::current_run::CurrentRun;
use super::schema;
use crate::services::queue::ServiceReply;
use crate::services::store::StoreError;
use crate::services::store::request::TransactionWork;
use crate::services::store::transactions::{TransactionLine, TransactionReply, Transactions};
use crate::step::Reply;

/// So many connections to the database.
pub(super) fn open(
    path: &Path,
    current: &Arc<CurrentRun>,
    connections: usize,
) -> Result<Transactions, StoreError> {
    let (transactions, line) = Transactions::new(connections);
    // When one of them cannot be opened, those before it are closed again as these are dropped.
    let opened = (0..connections).try_for_each(|_| start(path, current, line.clone()));
    drop(line);
    opened.map(|()| transactions)
}

/// Opens a connection, with a thread that serves it.
fn start(path: &Path, current: &Arc<CurrentRun>, line: TransactionLine) -> Result<(), StoreError> {
    let (connection, _) = prepare(path)?;
    let (path, current) = (path.to_owned(), Arc::clone(current));
    let thread = std::thread::Builder::new().name("racesim-transaction".to_owned());
    let started = thread.spawn(move || {
        match StoreConnection::new(&connection, &path, current) {
            Ok(session) => serve(session, &line),
            Err(source) => line.note(&schema::failure(&path, source)),
        }
        drop(connection);
        drop(line);
    });
    started.map(drop).map_err(StoreError::Thread)
}

/// Serves one user after another, each until it is gone.
fn serve(mut session: StoreConnection<'_>, line: &TransactionLine) {
    while line.serve_next(|work| {
        let answer = understand(carry_out(&mut session, work), line);
        let is_open = session.note_whether_open();
        TransactionReply { answer, is_open }
    }) {
        if let Err(error) = session.roll_back() {
            line.note(&error);
        }
        session.note_whether_open();
    }
}

fn carry_out(
    session: &mut StoreConnection<'_>,
    work: TransactionWork,
) -> rusqlite::Result<ServiceReply> {
    match work {
        TransactionWork::Begin(begin) => {
            session.open(begin)?;
            Ok(Reply::Begun.into())
        }
        TransactionWork::Step(request, begin) => {
            if !session.is_open() {
                session.open(begin)?;
            }
            session.answer(request)
        }
        TransactionWork::Commit => session.close().map(|()| Reply::Committed.into()),
        TransactionWork::Rollback => session.roll_back().map(|()| Reply::RolledBack.into()),
    }
}

/// A busy database is an answer (<https://www.sqlite.org/rescode.html#busy_snapshot>).
fn understand(result: rusqlite::Result<ServiceReply>, line: &TransactionLine) -> ServiceReply {
    let error = match result {
        Ok(reply) => return reply,
        Err(error) => error,
    };
    let code = error.sqlite_error().map(|error| error.extended_code);
    if code == Some(SQLITE_BUSY_SNAPSHOT) {
        return Reply::Stale.into();
    }
    if is_busy(&error) {
        return Reply::Busy.into();
    }
    line.note(&error);
    Reply::Failed.into()
}
