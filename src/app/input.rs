//! Inputs: files and pipes, read while signals and limits are still heeded.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::engine::on_a_thread;

/// How much is read at once, and how much of that may wait to be understood.
const CHUNK: usize = 64 * 1024;
const CHUNKS_WAITING: usize = 4;

/// How long a pipe that has nothing is left alone.
const PAUSE: Duration = Duration::from_millis(1);

/// What is made of an input. It is understood on a thread of its own, which ends when the one who
/// waits for it gives up.
///
/// # Errors
/// When it cannot be read, or is a pipe that nobody writes within the limit.
pub(super) async fn read<T: Send + 'static>(
    path: &Path,
    limit: Duration,
    parse: impl FnOnce(BufReader<Chunks>) -> T + Send + 'static,
) -> io::Result<T> {
    // Without O_NONBLOCK a pipe that nobody writes would not even open.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let (sender, receiver) = channel(CHUNKS_WAITING);
    let chunks = Chunks {
        receiver,
        current: Vec::new(),
        at: 0,
    };
    let parsed = on_a_thread(move || parse(BufReader::new(chunks)))?;
    feed(file, limit, sender).await?;
    Ok(parsed.await)
}

/// Hands on all that is in the file. The writer of a pipe may take its time.
async fn feed(mut file: File, limit: Duration, to: Sender<Vec<u8>>) -> io::Result<()> {
    let is_pipe = file.metadata()?.file_type().is_fifo();
    let begun = Instant::now();
    let mut is_written = !is_pipe;
    loop {
        let mut chunk = vec![0; CHUNK];
        match file.read(&mut chunk) {
            Ok(0) if is_written => return Ok(()),
            Ok(0) if begun.elapsed() >= limit => {
                return Err(io::Error::other(
                    "nobody writes this pipe: start its writer first",
                ));
            }
            Ok(0) => tokio::time::sleep(PAUSE).await,
            Ok(count) => {
                is_written = true;
                chunk.truncate(count);
                if to.send(chunk).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                is_written = true;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The chunks of an input as a reader.
pub(super) struct Chunks {
    receiver: Receiver<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
}

impl Read for Chunks {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.at == self.current.len() {
            let Some(next) = self.receiver.blocking_recv() else {
                return Ok(0);
            };
            self.current = next;
            self.at = 0;
        }
        let count = (&self.current[self.at..]).read(to)?;
        self.at += count;
        Ok(count)
    }
}
