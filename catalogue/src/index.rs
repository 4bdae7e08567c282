//! Finds entries by path. One index a language, so that their names never mix.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

/// Where an entry stands: which library, which of its entries.
pub(crate) type Entry = (u32, u32);

/// How many renamings in a row are followed.
const RENAMINGS: usize = 8;

/// All paths of one language.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    separator: &'static str,
    pub(crate) calls: FxHashMap<SmolStr, Entry>,
    pub(crate) types: FxHashMap<SmolStr, Entry>,
    pub(crate) constants: FxHashMap<SmolStr, Entry>,
    /// From another path of an entry or module to its own path.
    pub(crate) renamed: FxHashMap<SmolStr, SmolStr>,
    /// Methods of the catalogue's types by their last segment, in the order of the files.
    pub(crate) methods: FxHashMap<SmolStr, Vec<Entry>>,
    /// Those whose type extends any receiver.
    pub(crate) extensions: FxHashMap<SmolStr, Vec<Entry>>,
    /// From a variable name to the types it suggests.
    pub(crate) hints: FxHashMap<SmolStr, Vec<SmolStr>>,
    /// Names of code that begins or ends a life.
    pub(crate) lifecycles: FxHashMap<SmolStr, Entry>,
    /// The trait whose method says what a value stands for.
    pub(crate) shown: Option<(SmolStr, SmolStr)>,
    /// Every proper prefix of a path.
    modules: FxHashSet<SmolStr>,
}

impl Index {
    pub(crate) fn new(separator: &'static str) -> Index {
        Index {
            separator,
            calls: FxHashMap::default(),
            types: FxHashMap::default(),
            constants: FxHashMap::default(),
            renamed: FxHashMap::default(),
            methods: FxHashMap::default(),
            extensions: FxHashMap::default(),
            hints: FxHashMap::default(),
            lifecycles: FxHashMap::default(),
            shown: None,
            modules: FxHashSet::default(),
        }
    }

    /// Whether an entry of any sort has this path as its own.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.calls.contains_key(path) || self.types.contains_key(path) || self.constants.contains_key(path)
    }

    /// The path up to its last segment, and that segment.
    pub(crate) fn split<'a>(&self, path: &'a str) -> Option<(&'a str, &'a str)> {
        // Paths are short: the library's search for a text takes longer to begin than this does to end.
        let separator = self.separator.as_bytes();
        let at = path
            .as_bytes()
            .windows(separator.len())
            .rposition(|part| part.first() == separator.first() && part == separator)?;
        Some((&path[..at], &path[at + separator.len()..]))
    }

    /// A member of something.
    pub(crate) fn join(&self, prefix: &str, name: &str) -> SmolStr {
        if prefix.is_empty() { name.into() } else { format_smolstr!("{prefix}{}{name}", self.separator) }
    }

    /// Makes every proper prefix of a path a module.
    pub(crate) fn add_modules_of(&mut self, path: &str) {
        let mut rest = path;
        while let Some((prefix, _)) = self.split(rest) {
            if !self.modules.insert(prefix.into()) {
                break;
            }
            rest = prefix;
        }
    }

    /// Whether some entry lies below this prefix.
    pub(crate) fn is_module(&self, path: &str) -> bool {
        self.modules.contains(path)
            || self.prefix_renamed(path).is_some_and(|own| own.is_empty() || self.modules.contains(&own))
    }

    /// The path with other names of its entry, its type or its modules replaced by their own, as far as that goes.
    pub(crate) fn own(&self, path: &str) -> SmolStr {
        let mut path = SmolStr::new(path);
        for _ in 0..RENAMINGS {
            if self.has(&path) {
                break;
            }
            match self.prefix_renamed(&path) {
                Some(next) => path = next,
                None => break,
            }
        }
        path
    }

    /// One renaming: of the longest prefix that has one.
    fn prefix_renamed(&self, path: &str) -> Option<SmolStr> {
        if let Some(own) = self.renamed.get(path) {
            return Some(own.clone());
        }
        let mut prefix = path;
        while let Some((shorter, _)) = self.split(prefix) {
            if let Some(own) = self.renamed.get(shorter) {
                return Some(self.join(own, &path[shorter.len() + self.separator.len()..]));
            }
            prefix = shorter;
        }
        None
    }
}
