//! How a connection is made, and how it is known to have been dropped.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionAddr, RedisConnectionInfo, RedisError};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::services::lock::Url;
use crate::services::lock::{LockError, Unfit};

/// A connection whose end is noticed when it comes, and not by the next command.
#[derive(Clone, Debug)]
pub(super) struct WatchedConnection {
    pub(super) connection: MultiplexedConnection,
    life: Arc<Life>,
}

/// What carries the connection, for as long as anybody has it.
#[derive(Debug)]
struct Life {
    carrier: AbortHandle,
    dropped: watch::Receiver<bool>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.carrier.abort();
    }
}

impl WatchedConnection {
    /// Whether the connection was dropped: by the server, by somebody on the way, or by the system.
    pub(super) fn is_dropped(&self) -> bool {
        let dropped = &self.life.dropped;
        // What tells it goes with what carries the connection.
        *dropped.borrow() || dropped.has_changed().is_err()
    }

    /// Drops the connection: all who wait for an answer on it are told so.
    pub(super) fn hang_up(&self) {
        self.life.carrier.abort();
    }

    /// Connects within the limit, as whom the URL says. A command may then wait without a limit.
    pub(super) async fn open(url: &Url, limit: Duration) -> Result<Self, LockError> {
        let end = Instant::now() + limit;
        let opening = tokio::time::timeout_at(end, Self::connect(url, limit, end)).await;
        opening.unwrap_or_else(|_| Err(LockError::silent(url, limit)))
    }

    async fn connect(url: &Url, limit: Duration, end: Instant) -> Result<Self, LockError> {
        let talked = |error| LockError::of_server(&error, url, limit);
        let mut line = match url.place() {
            ConnectionAddr::Unix(path) => {
                let stream = UnixStream::connect(path).await;
                Self::over(stream.map_err(|error| unreachable(url, &error))?).await
            }
            ConnectionAddr::Tcp(host, port) => Self::over(tcp(url, host, *port).await?).await,
            ConnectionAddr::TcpTls { host, port, .. } => {
                let stream = tcp(url, host, *port).await?;
                // A Redis that speaks no TLS waits for more of what it takes for a command.
                let secured = tokio::time::timeout_at(end, tls(url, host, stream)).await;
                let secured = secured.unwrap_or_else(|_| Err(LockError::NoTls(url.address())));
                Self::over(secured?).await
            }
            // The library knows no other.
            _ => return Err(LockError::Url),
        }
        .map_err(talked)?;
        let who = url.settings();
        if let Some(password) = who.password() {
            let mut auth = redis::cmd("AUTH");
            who.username().into_iter().for_each(|name| {
                auth.arg(name);
            });
            auth.arg(password);
            let greeted = auth.exec_async(&mut line.connection).await;
            greeted.map_err(|error| LockError::of_greeting(&error, url, limit))?;
        }
        if who.db() != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(who.db());
            let selected = select.exec_async(&mut line.connection).await;
            selected.map_err(talked)?;
        }
        Ok(line)
    }

    async fn over<S>(stream: S) -> Result<Self, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let made = MultiplexedConnection::new_with_config(&nobody, stream, config).await;
        let (connection, carrying) = made?;
        let (dropping, dropped) = watch::channel(false);
        let carrier = tokio::spawn(async move {
            carrying.await;
            dropping.send_replace(true);
        });
        let life = Arc::new(Life {
            carrier: carrier.abort_handle(),
            dropped,
        });
        Ok(Self { connection, life })
    }
}

/// How long a server that closes connections may take to say why.
const FAREWELL: Duration = Duration::from_millis(500);

/// Why a connection was closed before anything was said: a server that is full, or that does not answer
/// other machines, says so at once, before it was asked, and hangs up.
pub(super) async fn why_closed(url: &Url) -> LockError {
    let said = match url.place() {
        ConnectionAddr::Unix(path) => match UnixStream::connect(path).await {
            Ok(stream) => farewell(stream).await,
            Err(error) => return unreachable(url, &error),
        },
        ConnectionAddr::Tcp(host, port) => match tcp(url, host, *port).await {
            Ok(stream) => farewell(stream).await,
            Err(error) => return error,
        },
        _ => String::new(),
    };
    let address = url.address();
    let why = if said.contains("max number of clients") {
        Unfit::Full
    } else if said.starts_with("-DENIED") {
        Unfit::Protected
    } else {
        return LockError::Closed(address);
    };
    LockError::Unfit { address, why }
}

async fn farewell(mut stream: impl AsyncRead + Unpin) -> String {
    let mut words = [0; 256];
    let read = tokio::time::timeout(FAREWELL, stream.read(&mut words)).await;
    let read = read.ok().and_then(Result::ok).unwrap_or(0);
    String::from_utf8_lossy(&words[..read]).into_owned()
}

async fn tcp(url: &Url, host: &str, port: u16) -> Result<TcpStream, LockError> {
    let no_host = |reason| LockError::NoHost {
        host: host.to_owned(),
        reason,
    };
    let found = lookup_host((host, port)).await;
    let addresses: Vec<_> = found.map_err(|error| no_host(words(&error)))?.collect();
    let mut refused = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A small command must not wait for a bigger packet; if it does, it is only slower.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => refused = Some(error),
        }
    }
    Err(match refused {
        Some(error) => unreachable(url, &error),
        None => no_host("it has no address".to_owned()),
    })
}

async fn tls(
    url: &Url,
    host: &str,
    stream: TcpStream,
) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + use<>, LockError> {
    // Whichever provider is installed first serves; a second one is refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = rustls::RootCertStore::empty();
    // One that cannot be read is not trusted, which is said when it would have been needed.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| LockError::Url)?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    connecting.await.map_err(|error| without_tls(url, &error))
}

/// Why there is no TLS.
fn without_tls(url: &Url, error: &io::Error) -> LockError {
    let address = url.address();
    let inner = error.get_ref();
    match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => LockError::Certificate {
            address,
            reason: url.scrub(&why.to_string()),
        },
        Some(rustls::Error::AlertReceived(alert)) => LockError::Refused {
            address,
            reason: format!("TLS failed ({alert:?}); client certificates are not supported"),
        },
        // Whatever speaks no TLS answers in its own way, or not at all.
        _ => LockError::NoTls(address),
    }
}

fn unreachable(url: &Url, error: &io::Error) -> LockError {
    LockError::Unreachable {
        address: url.address(),
        reason: words(error),
    }
}

/// What the system says, without its number.
fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let text = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(text);
    text.to_owned()
}
