use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::archiver::blocking;
use super::{Archive, Putting, Recording};

/// An archive in a folder. A recording is in it wholly or not at all, and once.
#[derive(Debug)]
pub struct FolderArchive {
    folder: PathBuf,
}

impl FolderArchive {
    /// The archive in `folder`, which is made if it is not there.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }
}

impl Archive for FolderArchive {
    fn put<'a>(&'a self, recording: &'a Recording) -> Putting<'a> {
        let (folder, recording) = (self.folder.clone(), recording.clone());
        Box::pin(blocking(move || write(&folder, &recording)))
    }
}

fn write(folder: &Path, recording: &Recording) -> io::Result<()> {
    let path = folder.join(recording.name());
    if path.try_exists()? {
        return Ok(());
    }
    let incoming = folder.join("incoming.tmp");
    let mut file = File::create(&incoming)?;
    file.write_all(recording.bytes())?;
    file.sync_all()?;
    fs::rename(&incoming, &path)?;
    File::open(folder)?.sync_all()
}
