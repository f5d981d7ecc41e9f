//! Requests that arrive late at a lock service.
//!
//! A command goes on a connection of its own, and the server has all of it but the last byte:
//! it can do nothing before that comes
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/>). A connection that ends before, or
//! a server, takes the command with it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ErrorKind, RedisConnectionInfo, RedisError,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::answer::RedisAnswer;
use crate::services::lock::Url;
use crate::services::queue::ServiceReply;
use crate::step::Reply;

/// A request that was sent, and has not arrived. Dropped, it never will.
#[derive(Debug)]
pub struct LateRequest {
    gate: ByteGate,
    driving: JoinHandle<()>,
    answering: JoinHandle<ServiceReply>,
    limit: Duration,
}

impl LateRequest {
    /// Sends a command to a server, and waits until all but the last byte of it is gone.
    pub(in crate::services::lock) async fn send(
        url: &Url,
        command: Cmd,
        limit: Duration,
        understood: impl FnOnce(RedisAnswer) -> ServiceReply + Send + 'static,
    ) -> Result<Self, RedisError> {
        let settings = url.settings();
        let gate = ByteGate::default();
        let (connection, driving) = match url.place() {
            ConnectionAddr::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                connect(settings, stream, &gate).await?
            }
            ConnectionAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await?;
                connect(settings, stream, &gate).await?
            }
            other => {
                let reason = format!("nothing can be held back on the way to {other}");
                return Err(RedisError::from((
                    ErrorKind::InvalidClientConfig,
                    "late",
                    reason,
                )));
            }
        };
        let is_gone = gate.shut();
        let answering = tokio::spawn(ask(connection, command, understood));
        let late = Self {
            gate,
            driving,
            answering,
            limit,
        };
        match is_gone.await {
            Ok(()) => Ok(late),
            Err(_) => Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
        }
    }

    /// Lets it arrive: what it is answered.
    pub async fn arrive(mut self) -> ServiceReply {
        self.gate.open();
        match tokio::time::timeout(self.limit, &mut self.answering).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) | Err(_) => Reply::Lost.into(),
        }
    }
}

/// A late request that was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSent;

impl Drop for LateRequest {
    fn drop(&mut self) {
        self.answering.abort();
        self.driving.abort();
    }
}

/// A connection whose bytes pass through a gate.
async fn connect<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    settings: &RedisConnectionInfo,
    stream: S,
    gate: &ByteGate,
) -> Result<(MultiplexedConnection, JoinHandle<()>), RedisError> {
    let held = HeldBack {
        stream,
        gate: gate.clone(),
        bytes: Vec::new(),
    };
    // It is late on purpose.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let (connection, driver) =
        MultiplexedConnection::new_with_config(settings, held, config).await?;
    Ok((connection, tokio::spawn(driver)))
}

async fn ask(
    mut connection: MultiplexedConnection,
    command: Cmd,
    understood: impl FnOnce(RedisAnswer) -> ServiceReply,
) -> ServiceReply {
    understood(connection.send_packed_command(&command).await)
}

/// Whether the last byte may pass.
#[derive(Debug, Clone, Default)]
struct ByteGate(Arc<Mutex<GateState>>);

#[derive(Debug, Default)]
struct GateState {
    is_shut: bool,
    /// Where it is said that all but the last byte is gone.
    gone: Option<oneshot::Sender<()>>,
    /// Whom to wake when it opens.
    waker: Option<Waker>,
}

impl ByteGate {
    /// Nothing passes whole from now on; tells when a command has come as far as it can.
    fn shut(&self) -> oneshot::Receiver<()> {
        let (gone, is_gone) = oneshot::channel();
        let mut state = self.lock();
        state.is_shut = true;
        state.gone = Some(gone);
        is_gone
    }

    fn open(&self) {
        let mut state = self.lock();
        state.is_shut = false;
        state.waker.take().into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that keeps the last byte while its gate is shut.
struct HeldBack<S> {
    stream: S,
    gate: ByteGate,
    /// What is not gone yet.
    bytes: Vec<u8>,
}

impl<S: AsyncWrite + Unpin> HeldBack<S> {
    /// Writes what may pass.
    fn pass(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let kept = {
                let mut state = self.gate.lock();
                state.waker = Some(cx.waker().clone());
                usize::from(state.is_shut)
            };
            let passing = self.bytes.len().saturating_sub(kept);
            if passing == 0 {
                break;
            }
            let written =
                ready!(Pin::new(&mut self.stream).poll_write(cx, &self.bytes[..passing]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bytes.drain(..written);
        }
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        if !self.bytes.is_empty()
            && let Some(gone) = self.gate.lock().gone.take()
        {
            // The receiver may be gone.
            let _ = gone.send(());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for HeldBack<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // The waiting task is woken when the gate opens: what was kept goes first.
        if let Poll::Ready(Err(error)) = self.pass(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for HeldBack<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pass(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
