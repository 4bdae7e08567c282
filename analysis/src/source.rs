//! One file, as read from disk: the only place that knows file endings and comment marks.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The languages that have a front end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Python 3, `.py` and `.pyi`.
    Python,
    /// Rust, `.rs`.
    Rust,
}

impl Language {
    /// Every language, in a fixed order.
    pub const ALL: [Language; 2] = [Language::Python, Language::Rust];

    /// The language of a path by its ending, `None` if no front end reads it.
    pub fn of_path(path: &str) -> Option<Language> {
        let ending = path.rsplit_once('.')?.1;
        Self::ALL.into_iter().find(|language| language.endings().contains(&ending))
    }

    /// The file endings of this language, without the dot.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Language::Python => &["py", "pyi"],
            Language::Rust => &["rs"],
        }
    }

    /// What starts a line comment.
    pub fn comment_mark(self) -> &'static str {
        match self {
            Language::Python => "#",
            Language::Rust => "//",
        }
    }

    /// The lower-case name people write.
    pub fn name(self) -> &'static str {
        match self {
            Language::Python => "python",
            Language::Rust => "rust",
        }
    }
}

/// One file of the analysed code.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path relative to the context's root, with `/` on every system.
    pub path: Arc<str>,
    /// Which front end reads it.
    pub language: Language,
    /// The text; bytes that were not UTF-8 stand as U+FFFD.
    pub text: Arc<str>,
    /// Whether bytes had to be replaced to make `text`.
    pub encoding: Encoding,
    /// Above which numbers a bound in it is none.
    pub budgets: Budgets,
    /// Rust: the name under which others use the library whose root file it is, where that is known.
    pub library: Option<Arc<str>>,
}

/// Above which numbers a bound is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// The items of a queue.
    pub queue: i64,
    /// What runs at once.
    pub at_once: i64,
    /// The workers of a pool.
    pub workers: i64,
}

impl Default for Budgets {
    /// What nobody means as a bound: nobody has the memory for as many items, nor anything that serves as many at once.
    fn default() -> Budgets {
        Budgets { queue: 1 << 24, at_once: 10_000, workers: 500 }
    }
}

/// How the bytes of a file became text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The bytes were UTF-8.
    Utf8,
    /// Some bytes were not, and were replaced.
    Replaced,
}

impl Source {
    /// Makes a source out of raw bytes; never fails.
    pub fn from_bytes(path: &str, language: Language, bytes: &[u8]) -> Source {
        let (text, encoding) = match std::str::from_utf8(bytes) {
            Ok(text) => (text.into(), Encoding::Utf8),
            Err(_) => (String::from_utf8_lossy(bytes).into(), Encoding::Replaced),
        };
        Source { path: path.into(), language, text, encoding, budgets: Budgets::default(), library: None }
    }
}
