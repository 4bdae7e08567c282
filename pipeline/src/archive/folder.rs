use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Archive, Recording};

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
    fn put(&self, recording: &Recording) -> io::Result<()> {
        let path = self.folder.join(recording.name());
        if path.try_exists()? {
            return Ok(());
        }
        let incoming = self.folder.join("incoming.tmp");
        let mut file = File::create(&incoming)?;
        file.write_all(recording.bytes())?;
        file.sync_all()?;
        fs::rename(&incoming, &path)?;
        File::open(&self.folder)?.sync_all()
    }
}
