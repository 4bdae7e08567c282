use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{ENDING, Recording};

/// A folder of recordings on their way to the archive. A recording is in it wholly or not at all.
///
/// One process has it at a time: it is locked while it is open.
#[derive(Debug)]
pub struct Spill {
    folder: PathBuf,
    /// Held for as long as the spill is open; the system lets go of it however the process ends.
    _lock: File,
}

/// Where recordings are set aside that are not what their names say.
const CORRUPT: &str = "corrupt";

/// Why a recording cannot be taken from the spill.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// It is not there: the archive has it.
    #[error("`{0}` is gone")]
    Gone(String),
    /// Its content is not what its name says. It was set aside.
    #[error("`{name}` is corrupt and was set aside as {aside}")]
    Corrupt {
        /// Its name.
        name: String,
        /// Where it is now.
        aside: String,
    },
    /// It cannot be read.
    #[error("`{0}` cannot be read: {1}")]
    Unreadable(String, io::Error),
}

impl Spill {
    /// Opens the spill in `folder`, which is made if it is not there.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let lock = File::create(folder.join("lock"))?;
        lock.try_lock().map_err(|error| {
            let why = format!("{} is in use by another process: {error}", folder.display());
            io::Error::new(io::ErrorKind::ResourceBusy, why)
        })?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// Writes recordings; they are there for good when this comes back. Together they wait for the disk once.
    pub fn put(&self, recordings: &[Recording]) -> io::Result<()> {
        let mut written = Vec::new();
        for (number, recording) in recordings.iter().enumerate() {
            let incoming = self.folder.join(format!("incoming-{number}.tmp"));
            let mut file = File::create(&incoming)?;
            file.write_all(recording.bytes())?;
            written.push((file, incoming, recording.name()));
        }
        for (file, incoming, name) in written {
            file.sync_all()?;
            fs::rename(&incoming, self.folder.join(name))?;
        }
        File::open(&self.folder)?.sync_all()
    }

    /// The names of what is in it, in order.
    pub fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(ENDING) {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads a recording. One that is corrupt is set aside, for somebody to look at.
    pub fn get(&self, name: &str) -> Result<Recording, SpillError> {
        let path = self.folder.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SpillError::Gone(name.to_owned())),
            Err(error) => return Err(SpillError::Unreadable(name.to_owned(), error)),
        };
        if let Some(recording) = Recording::read(name, bytes) {
            return Ok(recording);
        }
        let unreadable = |error| SpillError::Unreadable(name.to_owned(), error);
        fs::create_dir_all(self.folder.join(CORRUPT)).map_err(unreadable)?;
        let aside = self.folder.join(CORRUPT).join(name);
        fs::rename(&path, &aside).map_err(unreadable)?;
        Err(SpillError::Corrupt { name: name.to_owned(), aside: aside.display().to_string() })
    }

    /// Removes a recording that the archive has. That it is gone already is no error.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
