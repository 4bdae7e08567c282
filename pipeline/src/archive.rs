//! The user's audio, of which there is no second copy: kept on disk before anyone is told that it was heard, and
//! in the archive exactly once, whenever the process is killed.
//!
//! **The way of an utterance.** A conversation hands it to the [`Keeper`], through a queue with a bound, and waits.
//! The keeper writes it into the *spill*, a folder, under the hash of its content, and only then does the
//! conversation tell its client that the utterance is committed. The archiver takes it from memory if it is still
//! there, from the spill otherwise, puts it into the archive under the same name, and removes it from the spill
//! when the archive has it. What is in the spill at a start is what was on its way: it is resumed. A name that the
//! archive has already is not put there again. The archive is a folder, or a bucket in a store that speaks S3.
//!
//! **When the disk is full**, the keeper says so and tries again; conversations wait, their queues fill, and
//! clients are held back. Nothing is thrown away.

mod archiver;
mod folder;
mod keeper;
mod s3;
mod spill;

use std::sync::Arc;

use hyper::body::Bytes;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::audio::Audio;

pub use archiver::{Archive, Archiver, Putting};
pub use folder::FolderArchive;
pub use keeper::{Keeper, KeeperTask, NotKept, Unsaved};
pub use s3::S3Archive;
pub use spill::{Spill, SpillError};

/// What somebody said, as it was heard.
#[derive(Debug, Clone)]
pub struct Utterance {
    /// The conversation, by a name that no other has.
    pub session: String,
    /// The entry of the conversation.
    pub item: String,
    /// What was heard.
    pub audio: Arc<Audio>,
}

/// A recording: an audio file whose name is the hash of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    name: String,
    bytes: Bytes,
}

/// The ending of the names of recordings.
const ENDING: &str = ".wav";

impl Recording {
    /// The recording of an utterance: a WAV file, with a chunk of its own that says whose it is.
    pub fn of(utterance: &Utterance) -> Self {
        let about = json!({ "session": utterance.session, "item": utterance.item }).to_string();
        let mut about = about.into_bytes();
        if about.len() % 2 == 1 {
            about.push(b' ');
        }
        let bytes = utterance.audio.wave(&[(b"whos", &about)]);
        Self { name: name_of(&bytes), bytes: bytes.into() }
    }

    /// A recording that was read, if `bytes` are what `name` says.
    pub fn read(name: &str, bytes: Vec<u8>) -> Option<Self> {
        (name_of(&bytes) == name).then(|| Self { name: name.to_owned(), bytes: bytes.into() })
    }

    /// The name: the hash of the content.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The content: a WAV file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

fn name_of(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    hash + ENDING
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
