//! Places: which file a name stands for, whichever way it is written.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::output_error::OutputError;

/// A chain of links that is longer leads nowhere.
const LINKS_MAX: usize = 40;

/// What SQLite keeps beside a database while it is open.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The names of what the process was started with, for its results or its errors.
const STANDARD: [&str; 6] = [
    "/dev/stdout",
    "/dev/fd/1",
    "/proc/self/fd/1",
    "/dev/stderr",
    "/dev/fd/2",
    "/proc/self/fd/2",
];

/// A place in the file system. Two names are the same place when these are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Something that is there.
    There(Id),
    /// A file that is not there yet, in a folder that is.
    New(Id, OsString),
}

/// The device and the inode.
type Id = (u64, u64);

fn id(found: &Metadata) -> Id {
    (found.dev(), found.ino())
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        match path.metadata() {
            Ok(found) => return Ok(Self::There(id(&found))),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        let path = resolve(path)?;
        let (folder, name) = split(&path)?;
        Ok(Self::New(id(&folder.metadata()?), name.to_owned()))
    }
}

/// Where a name leads in the end: links are followed, also one to a file that is not there yet.
///
/// # Errors
/// When a folder on the way is missing, or the name is a folder's.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match path.canonicalize() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            known => return known,
        }
        let (folder, name) = split(&path)?;
        let folder = folder.canonicalize()?;
        path = match path.read_link() {
            Ok(next) => folder.join(next),
            Err(_) => return Ok(folder.join(name)),
        };
    }
    Err(ErrorKind::InvalidFilename.into())
}

/// The folder and the name in it.
fn split(path: &Path) -> io::Result<(&Path, &OsStr)> {
    let name = path.file_name().ok_or(ErrorKind::IsADirectory)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")), name))
}

/// The standard output or error that the name stands for, as a file of its own.
pub(super) fn standard(path: &Path) -> Option<io::Result<File>> {
    let at = STANDARD.iter().position(|name| Path::new(name) == path)?;
    let own = if at < STANDARD.len() / 2 {
        io::stdout().as_fd().try_clone_to_owned()
    } else {
        io::stderr().as_fd().try_clone_to_owned()
    };
    Some(own.map(File::from))
}

/// What a command reads or keeps beside its results.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uses<'a> {
    /// The file of bookings.
    pub(super) database: Option<&'a Path>,
    /// The file that is read.
    pub(super) input: Option<&'a Path>,
    /// The file of events.
    pub(super) history: Option<&'a Path>,
}

/// The places that are taken, and what for.
#[derive(Debug, Default)]
struct Taken(Vec<(Place, &'static str)>);

impl Taken {
    /// Takes a place that nothing else may have taken.
    fn take(&mut self, path: &Path, what: &'static str) -> Result<(), OutputError> {
        if standard(path).is_some() || path.metadata().is_ok_and(|found| is_stream(&found)) {
            return Ok(());
        }
        // A place that cannot be had is refused where it is opened.
        let Ok(place) = Place::of(path) else {
            return Ok(());
        };
        if let Some((_, owner)) = self.0.iter().find(|(taken, _)| *taken == place) {
            return Err(OutputError::Shared {
                path: path.to_owned(),
                owner,
            });
        }
        self.0.push((place, what));
        Ok(())
    }

    /// Takes what the process was started with. Both may go to one file.
    fn take_standard(&mut self) {
        let names = [
            ("/dev/stdout", "where stdout goes"),
            ("/dev/stderr", "where stderr goes"),
        ];
        for (name, what) in names {
            let found = standard(Path::new(name)).and_then(|own| own.ok()?.metadata().ok());
            if let Some(found) = found.filter(|found| !is_stream(found)) {
                self.0.push((Place::There(id(&found)), what));
            }
        }
    }

    fn take_database(&mut self, database: &Path) -> Result<(), OutputError> {
        self.take(database, "the database")?;
        let Ok(real) = resolve(database) else {
            return Ok(());
        };
        COMPANIONS.iter().try_for_each(|ending| {
            let mut name = real.clone().into_os_string();
            name.push(ending);
            self.take(Path::new(&name), "the database's log")
        })
    }
}

/// Refuses results that would take the place of one another, or of what is read or kept.
///
/// # Errors
/// [`OutputError::Shared`] for the first two that are one.
pub(super) fn refuse_shared<'a>(
    uses: Uses<'_>,
    results: impl Iterator<Item = &'a Path>,
) -> Result<(), OutputError> {
    let mut taken = Taken::default();
    taken.take_standard();
    if let Some(input) = uses.input {
        taken.take(input, "the file that is read")?;
    }
    if let Some(database) = uses.database {
        taken.take_database(database)?;
    }
    if let Some(history) = uses.history {
        taken.take(history, "the history")?;
    }
    let results: Vec<&Path> = results.collect();
    for result in &results {
        taken.take(result, "the place of another result")?;
    }
    let written = uses.database.into_iter().chain(uses.history);
    written.chain(results).try_for_each(refuse_companion)
}

/// Refuses a name under which SQLite keeps the log of a database that is there: it would be taken for that.
fn refuse_companion(path: &Path) -> Result<(), OutputError> {
    // A place that cannot be had is refused where it is opened.
    let Ok(real) = resolve(path) else {
        return Ok(());
    };
    let name = real.as_os_str().as_bytes();
    let owners = COMPANIONS
        .iter()
        .filter_map(|ending| name.strip_suffix(ending.as_bytes()));
    let mut owners = owners.map(|owner| PathBuf::from(OsStr::from_bytes(owner)));
    match owners.find(|owner| is_database(owner)) {
        Some(database) => Err(OutputError::Companion {
            path: path.to_owned(),
            database,
        }),
        None => Ok(()),
    }
}

/// Whether it is a file that begins as an SQLite database does
/// (<https://www.sqlite.org/fileformat2.html#the_database_header>).
fn is_database(path: &Path) -> bool {
    let mut start = [0; 16];
    path.is_file()
        && File::open(path)
            .and_then(|mut file| file.read_exact(&mut start))
            .is_ok_and(|()| &start == b"SQLite format 3\0")
}

/// Whether it is something like a pipe or a terminal, which takes any number of results.
fn is_stream(found: &Metadata) -> bool {
    !found.is_file() && !found.is_dir()
}
