//! Loads the data files and answers "what does this path mean?".

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::model::{CallModel, ConstModel, Library, TypeModel};

/// A data file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not TOML, or not of the form the vocabulary asks for.
    #[error("{file}: {source}")]
    Form {
        /// Which file.
        file: String,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// Two entries claim one path.
    #[error("{file}: `{path}` is modelled twice")]
    Twice {
        /// Which file.
        file: String,
        /// Which path.
        path: SmolStr,
    },
}

/// All libraries of both languages.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    libraries: Vec<Library>,
    calls: FxHashMap<SmolStr, (u32, u32)>,
    types: FxHashMap<SmolStr, (u32, u32)>,
    constants: FxHashMap<SmolStr, (u32, u32)>,
}

impl Catalogue {
    /// All libraries, in the order of the file list.
    pub fn libraries(&self) -> &[Library] {
        &self.libraries
    }

    /// The model of a function or method by its full path.
    pub fn call(&self, path: &str) -> Option<&CallModel> {
        self.calls.get(path).map(|&(library, entry)| &self.libraries[library as usize].calls[entry as usize])
    }

    /// The model of a type by its full path.
    pub fn ty(&self, path: &str) -> Option<&TypeModel> {
        self.types.get(path).map(|&(library, entry)| &self.libraries[library as usize].types[entry as usize])
    }

    /// The model of a constant by its full path.
    pub fn constant(&self, path: &str) -> Option<&ConstModel> {
        self.constants.get(path).map(|&(library, entry)| &self.libraries[library as usize].constants[entry as usize])
    }
}
