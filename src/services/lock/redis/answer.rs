//! Answers of a Redis server: what each means for the request.

use redis::{ErrorKind, RedisError, Value};

use crate::services::lock::{LockRequest, Url};
use crate::services::queue::{FirstError, ServiceReply};
use crate::step::Reply;

/// What the server said to one command.
pub(super) type RedisAnswer = Result<Value, RedisError>;

/// What an answer of the server means: SET answers OK or nil, SETNX, a script or DEL a number, that of a
/// grant or 0 for "no". An error of the server's own means that nothing was done, a broken connection that
/// nobody knows.
pub(super) fn understand(
    request: LockRequest,
    answer: RedisAnswer,
    url: &Url,
    first_error: &FirstError,
) -> ServiceReply {
    let is_counted = matches!(request, LockRequest::Acquire(how) if how.is_fenced);
    match answer {
        Ok(Value::Okay) => request.reply(true).into(),
        Ok(Value::Nil) => request.reply(false).into(),
        Ok(Value::Int(number)) => ServiceReply {
            reply: request.reply(number > 0),
            stamp: u32::try_from(number)
                .ok()
                .filter(|_| is_counted)
                .unwrap_or(0),
        },
        Ok(_) => {
            first_error.note("it gave an answer that no lock gives".to_owned());
            Reply::Lost.into()
        }
        Err(error) => match error.kind() {
            ErrorKind::Server(_) | ErrorKind::Extension => {
                let text = format!(
                    "{} {}",
                    error.code().unwrap_or_default(),
                    error.detail().unwrap_or_default()
                );
                first_error.note(url.scrub(text.trim()));
                Reply::Failed.into()
            }
            // Told once, with what became of the connection.
            ErrorKind::Io => Reply::Lost.into(),
            _ => {
                first_error.note("it does not answer as a Redis does".to_owned());
                Reply::Lost.into()
            }
        },
    }
}
