//! What the front ends said of files before, kept in a folder that a flag names.
//!
//! It is found by the content of a file and the build of `unleak`, so nothing that is kept can be wrong, only of no use.
//! What cannot be read is as if it were not there, and what cannot be written is told and costs nothing else.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use unleak_analysis::lower;
use unleak_analysis::source::Source;
use unleak_analysis::unit::Lowered;

use crate::write;

type Key = [u8; 16];

/// What is kept of the files of some projects.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    pack: PathBuf,
    build: Key,
    kept: HashMap<Key, Vec<u8>>,
    /// The files of this run, and what is new of them.
    met: Mutex<HashMap<Key, Option<Vec<u8>>>>,
    reused: AtomicUsize,
}

/// A file of the cache: what was kept, and what it was then.
#[derive(Serialize, Deserialize)]
struct Pack {
    build: Key,
    entries: Vec<(Key, Vec<u8>)>,
}

impl Cache {
    /// What a folder keeps of the projects with these roots.
    pub(crate) fn open<'p>(folder: &Path, roots: impl Iterator<Item = &'p Path>) -> Cache {
        let mut name = Sha256::new();
        for root in roots {
            name.update(root.as_os_str().as_encoded_bytes());
            name.update([0]);
        }
        let name: String = short(name).iter().map(|byte| format!("{byte:02x}")).collect();
        let pack = folder.join(format!("{name}.pack"));
        let build = build();
        let kept = read(&pack, build).unwrap_or_default().into_iter().collect();
        let folder = folder.to_owned();
        Cache { folder, pack, build, kept, met: Mutex::default(), reused: AtomicUsize::new(0) }
    }

    /// What the front end says of a file.
    pub(crate) fn lower(&self, source: &Source) -> Lowered {
        let mut key = Sha256::new();
        key.update(source.language.name());
        key.update([0]);
        key.update(&*source.text);
        let key = short(key);
        if let Some(lowered) = self.kept.get(&key).and_then(|bytes| postcard::from_bytes(bytes).ok()) {
            self.reused.fetch_add(1, Ordering::Relaxed);
            self.meet(key, None);
            return lowered;
        }
        let lowered = lower(source);
        if let Ok(bytes) = postcard::to_stdvec(&lowered) {
            self.meet(key, Some(bytes));
        }
        lowered
    }

    fn meet(&self, key: Key, new: Option<Vec<u8>>) {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(key, new);
    }

    /// How many files were not read anew.
    pub(crate) fn reused(&self) -> usize {
        self.reused.load(Ordering::Relaxed)
    }

    /// Keeps what this run has looked at, and nothing else, if any of it is new.
    pub(crate) fn keep(self) -> anyhow::Result<()> {
        let (met, mut kept) = (self.met.into_inner().unwrap_or_else(PoisonError::into_inner), self.kept);
        if met.values().all(Option::is_none) {
            return Ok(());
        }
        let entry = |(key, new): (Key, Option<Vec<u8>>)| Some((key, new.or_else(|| kept.remove(&key))?));
        let mut entries: Vec<_> = met.into_iter().filter_map(entry).collect();
        entries.sort_unstable();
        let body = postcard::to_stdvec(&Pack { build: self.build, entries })?;
        write::folder_of_ours(&self.folder)?;
        write::at_once(&self.pack, &[&short(Sha256::new_with_prefix(&body)), body.as_slice()].concat())
    }
}

/// The entries of a pack that is whole and of this build.
fn read(pack: &Path, build: Key) -> Option<Vec<(Key, Vec<u8>)>> {
    let bytes = std::fs::read(pack).ok()?;
    let (sum, body) = bytes.split_first_chunk::<16>()?;
    if *sum != short(Sha256::new_with_prefix(body)) {
        return None;
    }
    let pack: Pack = postcard::from_bytes(body).ok()?;
    (pack.build == build).then_some(pack.entries)
}

/// What tells this build from any other: its version and its file, so that what is kept survives that it is installed anew.
fn build() -> Key {
    let mut build = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
    if let Ok(file) = std::env::current_exe().and_then(std::fs::read) {
        build.update(file);
    }
    short(build)
}

fn short(digest: Sha256) -> Key {
    let whole = digest.finalize();
    let mut key = Key::default();
    key.copy_from_slice(&whole[..16]);
    key
}
