//! Targets: how a result reaches a file, a pipe or a device.
//!
//! A file is never half a result: what is written stands beside its place until it is whole. Only a
//! new history grows at its place, so that a run that is killed leaves what it recorded.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::output_error::OutputError;
use super::part::PartFile;
use super::place::{resolve, standard};

/// How long a pipe that is not ready is left alone.
const PAUSE: Duration = Duration::from_millis(1);

/// How a database begins, its two kinds of log, its journal, and the index of its log in either order of
/// bytes (<https://www.sqlite.org/fileformat2.html>, <https://www.sqlite.org/walformat.html>).
const DATABASES: [&[u8]; 6] = [
    b"SQLite format 3\0",
    b"\x37\x7f\x06\x82",
    b"\x37\x7f\x06\x83",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
    b"\x18\xe2\x2d\x00",
    b"\x00\x2d\xe2\x18",
];

/// Where one result goes.
#[derive(Debug)]
pub(super) struct Target {
    name: PathBuf,
    /// How long nobody may read what is written to a pipe.
    limit: Duration,
    way: Destination,
}

#[derive(Debug)]
enum Destination {
    /// A file that is replaced as a whole; its part is there from the first words on.
    Whole(PathBuf, Option<BufWriter<PartFile>>),
    /// A file that held nothing and grows at its place, from the first words on: a run that is killed before
    /// them leaves none.
    Growing(PathBuf, Option<BufWriter<File>>),
    /// A pipe, a terminal or another device.
    Stream(File),
}

impl Target {
    /// A target for one result, which takes the place of what is there when it is whole.
    ///
    /// # Errors
    /// When the result could not be written there, or nobody reads the pipe within the limit.
    pub(super) async fn whole(name: &Path, limit: Duration) -> Result<Self, OutputError> {
        let way = match stream(name, limit).await? {
            Some(stream) => Destination::Stream(stream),
            None => Destination::Whole(replaceable(name).map_err(cannot_write(name))?, None),
        };
        Ok(Self::new(name, limit, way))
    }

    /// A target for a history, which grows round by round. Where nothing is yet it grows at its place;
    /// what is there is kept until the history is whole.
    ///
    /// # Errors
    /// As [`whole`](Self::whole).
    pub(super) async fn growing(name: &Path, limit: Duration) -> Result<Self, OutputError> {
        if let Some(stream) = stream(name, limit).await? {
            return Ok(Self::new(name, limit, Destination::Stream(stream)));
        }
        let way = Destination::beginning(name).map_err(cannot_write(name))?;
        Ok(Self::new(name, limit, way))
    }

    fn new(name: &Path, limit: Duration, way: Destination) -> Self {
        Self {
            name: name.to_owned(),
            limit,
            way,
        }
    }

    /// Writes after what was written before.
    ///
    /// # Errors
    /// When the disk is full, or nobody has read from the pipe for as long as the limit.
    pub(super) async fn append(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<(), OutputError> {
        let written = match &mut self.way {
            Destination::Whole(place, part) => into_part(place, part, write),
            Destination::Growing(place, file) => into_new(place, file, write),
            Destination::Stream(stream) => {
                let mut bytes = Vec::new();
                match write(&mut bytes) {
                    Ok(()) => send(stream, &bytes, self.limit).await,
                    Err(error) => Err(error),
                }
            }
        };
        written.map_err(|source| incomplete(&self.name, source))
    }

    /// Puts a file at its place, now that it is whole.
    ///
    /// # Errors
    /// When the place cannot be had any more.
    pub(super) fn finish(self) -> Result<(), OutputError> {
        let Destination::Whole(place, Some(part)) = self.way else {
            return Ok(());
        };
        let finished = refuse_database(&place)
            .and_then(|()| part.into_inner().map_err(io::IntoInnerError::into_error))
            .and_then(|part| part.take_place(&place));
        finished.map_err(|source| incomplete(&self.name, source))
    }
}

impl Destination {
    fn beginning(name: &Path) -> io::Result<Self> {
        let place = resolve(name)?;
        let made = OpenOptions::new().write(true).create_new(true).open(&place);
        match made {
            // It can be made. If it cannot be removed again, an empty file does no harm.
            Ok(_) => drop(std::fs::remove_file(&place)),
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            Err(_) if place.metadata()?.len() > 0 => {
                let place = replaceable(name)?;
                let part = BufWriter::new(PartFile::beside(&place)?);
                return Ok(Self::Whole(place, Some(part)));
            }
            Err(_) => drop(OpenOptions::new().write(true).open(&place)?),
        }
        Ok(Self::Growing(place, None))
    }
}

/// Into a file that is made now, or holds nothing yet.
fn into_new(
    place: &Path,
    file: &mut Option<BufWriter<File>>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => file.insert(new_file(place)?),
    };
    write(file)?;
    file.flush()
}

/// A file that holds nothing yet.
fn new_file(place: &Path) -> io::Result<BufWriter<File>> {
    let new = OpenOptions::new().append(true).create(true).open(place)?;
    if new.metadata()?.len() > 0 {
        return Err(ErrorKind::AlreadyExists.into());
    }
    Ok(BufWriter::new(new))
}

fn into_part(
    place: &Path,
    part: &mut Option<BufWriter<PartFile>>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let part = match part {
        Some(part) => part,
        None => part.insert(BufWriter::new(PartFile::beside(place)?)),
    };
    write(part)?;
    part.flush()
}

fn cannot_write(name: &Path) -> impl FnOnce(io::Error) -> OutputError + '_ {
    |source| OutputError::Open {
        path: name.to_owned(),
        source,
    }
}

fn incomplete(name: &Path, source: io::Error) -> OutputError {
    OutputError::Write {
        place: format!("'{}'", name.display()),
        source,
    }
}

/// The place of a file that may be replaced: it could be written to, and a part made beside it.
fn replaceable(name: &Path) -> io::Result<PathBuf> {
    let place = resolve(name)?;
    if let Ok(earlier) = place.metadata() {
        if earlier.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        OpenOptions::new().write(true).open(&place)?;
        refuse_database(&place)?;
    }
    PartFile::beside(&place)?;
    Ok(place)
}

/// A result never replaces a database, also one of others.
fn refuse_database(place: &Path) -> io::Result<()> {
    let mut start = Vec::new();
    match File::open(place) {
        Ok(file) => file.take(16).read_to_end(&mut start)?,
        Err(_) => return Ok(()),
    };
    if DATABASES.iter().any(|magic| start.starts_with(magic)) {
        let text = "it is an SQLite database, which no result replaces; give another name";
        return Err(io::Error::other(text));
    }
    Ok(())
}

/// The pipe, terminal or device of that name, open; `None` when it is to be a file.
async fn stream(name: &Path, limit: Duration) -> Result<Option<File>, OutputError> {
    if let Some(standard) = standard(name) {
        return standard.map(Some).map_err(cannot_write(name));
    }
    match name.metadata() {
        Ok(found) if found.is_file() || found.is_dir() => Ok(None),
        Ok(found) => open_stream(name, &found, limit).await.map(Some),
        Err(_) => Ok(None),
    }
}

async fn open_stream(name: &Path, found: &Metadata, limit: Duration) -> Result<File, OutputError> {
    let kind = found.file_type();
    let refused = |text: &str| Err(cannot_write(name)(io::Error::other(text)));
    if kind.is_socket() {
        return refused("it is a socket; give a file or a pipe");
    }
    if kind.is_block_device() {
        return refused("it is a disk; give a file on it");
    }
    let begun = Instant::now();
    loop {
        // Without O_NONBLOCK a pipe that nobody reads would not even open.
        let opened = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(name);
        match opened {
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) && kind.is_fifo() => {
                if begun.elapsed() >= limit {
                    return Err(OutputError::Unread(name.to_owned()));
                }
                tokio::time::sleep(PAUSE).await;
            }
            opened => return opened.map_err(cannot_write(name)),
        }
    }
}

/// Writes all of it. The reader may take a pause, but none that is longer than the limit.
async fn send(mut to: &File, mut bytes: &[u8], limit: Duration) -> io::Result<()> {
    let mut heard = Instant::now();
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(count) => {
                bytes = &bytes[count..];
                heard = Instant::now();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if heard.elapsed() >= limit {
                    return Err(io::Error::other("its reader has stopped reading"));
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
