//! What projects say about how they are read: the nearest settings file above a source file counts for it.

mod file;
mod policy;
mod written;

pub(crate) use file::{SettingsError, may_be_settings};
pub(crate) use policy::Policy;
pub(crate) use written::{Bad, Least, Sure, Written};

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use unleak_catalogue::model::Library;
use unleak_catalogue::{Catalogue, LoadError};
use unleak_lints::{Confidence, Strictness};

use crate::selection::{Choice, Selection, known, known_all};
use policy::Ignored;

/// What the command line says; it comes before every file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overrides {
    /// As in a file.
    pub(crate) written: Written,
    /// Lints that are not asked beside those that files ignore.
    pub(crate) also_ignore: BTreeSet<&'static str>,
    /// Which files count.
    pub(crate) files: Files,
    /// What relative paths in it are relative to.
    pub(crate) folder: PathBuf,
}

/// Which settings files count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Files {
    /// The nearest of each source file.
    #[default]
    Nearest,
    /// This one, for everything.
    This(PathBuf),
    /// None.
    None,
}

/// What counts for the files of a folder.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where it stands, the nearest first.
    pub(crate) sources: Vec<PathBuf>,
    /// All of it, as it would be written.
    pub(crate) written: Written,
    /// What it means for findings.
    pub(crate) policy: Arc<Policy>,
    /// What other libraries mean, with the names of the files.
    pub(crate) models: Vec<(String, Library)>,
    exclude: Option<(PathBuf, Gitignore)>,
}

/// The settings of every folder of a context, read when they are asked for.
#[derive(Debug)]
pub(crate) struct Hierarchy {
    root: PathBuf,
    overrides: Overrides,
    /// By the folder, letter for letter: to hash the parts of a path one by one would take longer than to read it.
    known: Mutex<HashMap<OsString, Arc<Settings>>>,
    wrong: Mutex<BTreeMap<PathBuf, SettingsError>>,
}

/// One file, or the command line.
struct Layer {
    source: Option<PathBuf>,
    folder: PathBuf,
    /// Nothing outside is read for its sake.
    boundary: Option<PathBuf>,
    written: Written,
}

impl Hierarchy {
    /// The settings below a folder; nothing above it counts.
    pub(crate) fn new(root: PathBuf, overrides: Overrides) -> Hierarchy {
        Hierarchy { root, overrides, known: Mutex::default(), wrong: Mutex::default() }
    }

    /// What counts for the files in a folder. A settings file that cannot be used counts for nothing; see [`Self::wrong`].
    pub(crate) fn of(&self, folder: &Path) -> Arc<Settings> {
        if let Some(settings) = self.known().get(folder.as_os_str()) {
            return Arc::clone(settings);
        }
        let settings = match self.read(folder) {
            Ok(Some(settings)) => Arc::new(settings),
            Ok(None) => match folder.parent().filter(|parent| parent.starts_with(&self.root)) {
                Some(parent) => self.of(parent),
                None => Arc::new(self.without_files()),
            },
            Err(error) => {
                self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned(), error);
                Arc::new(self.without_files())
            }
        };
        // Another thread may have come first: what it found is the same.
        Arc::clone(self.known().entry(folder.as_os_str().to_owned()).or_insert(settings))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<OsString, Arc<Settings>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first file, in the order of paths, that could not be used.
    pub(crate) fn wrong(&self) -> Option<SettingsError> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).pop_first().map(|(_, error)| error)
    }

    /// The catalogue with the models of all settings that were read.
    pub(crate) fn catalogue(&self) -> Result<Option<Catalogue>, LoadError> {
        let known = self.known();
        let models: BTreeMap<&str, &Library> = known
            .values()
            .flat_map(|settings| &settings.models)
            .map(|(name, library)| (name.as_str(), library))
            .collect();
        let mut catalogue = None;
        for (name, library) in models {
            let before = catalogue.as_ref().unwrap_or_else(|| Catalogue::embedded());
            catalogue = Some(before.with(name, library.clone())?);
        }
        Ok(catalogue)
    }

    /// Whether a path itself is excluded; in a walk the folders above it have been asked before.
    pub(crate) fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        let around = path.parent().filter(|_| path.as_os_str() != self.root.as_os_str());
        self.of(around.unwrap_or(&self.root)).excludes(path, is_folder)
    }

    /// Whether a folder or one above it is excluded.
    pub(crate) fn covers(&self, folder: &Path) -> bool {
        let within = folder.ancestors().take_while(|above| above.starts_with(&self.root) && **above != self.root);
        within.into_iter().any(|folder| self.excludes(folder, true))
    }

    fn read(&self, folder: &Path) -> Result<Option<Settings>, SettingsError> {
        let found = match &self.overrides.files {
            Files::Nearest => file::of_folder(folder)?,
            Files::This(file) if folder == self.root => Some((file.clone(), file::read(file)?.unwrap_or_default())),
            Files::This(_) | Files::None => None,
        };
        let Some((file, written)) = found else { return Ok(None) };
        let boundary = if self.overrides.files == Files::Nearest { Some(self.root.as_path()) } else { None };
        let mut layers = vec![self.typed()];
        layers.extend(extended(file, written, boundary)?);
        Settings::of(layers, &self.overrides.also_ignore).map(Some)
    }

    /// What the command line alone says. Its words have been looked at before.
    fn without_files(&self) -> Settings {
        let plain = || Settings::of(Vec::new(), &BTreeSet::new());
        Settings::of(vec![self.typed()], &self.overrides.also_ignore)
            .or_else(|_| plain())
            .expect("no settings are settings")
    }

    fn typed(&self) -> Layer {
        self.overrides.layer()
    }
}

impl Overrides {
    /// With paths relative to a folder, and looked at: what was typed has to mean something.
    pub(crate) fn below(mut self, folder: &Path) -> Result<Overrides, SettingsError> {
        self.folder = folder.to_owned();
        if let Files::This(file) = &mut self.files {
            *file = folder.join(&*file);
        }
        Settings::of(vec![self.layer()], &self.also_ignore)?;
        Ok(self)
    }

    fn layer(&self) -> Layer {
        Layer { source: None, folder: self.folder.clone(), boundary: None, written: self.written.clone() }
    }
}

/// What pairs on the command line say.
pub(crate) fn typed(text: &str) -> Result<Written, SettingsError> {
    file::parse("--config", text)
}

/// `KEY=VALUE` as a line of a settings file; a value that would mean nothing there is a word.
pub(crate) fn line(pair: &str) -> String {
    match pair.split_once('=') {
        Some((key, value)) if pair.parse::<toml::Table>().is_err() => {
            format!("{key} = {}", toml::Value::String(value.trim().to_owned()))
        }
        _ => pair.to_owned(),
    }
}

/// A file and those that it extends, the nearest first. None may stand outside the boundary.
fn extended(file: PathBuf, written: Written, boundary: Option<&Path>) -> Result<Vec<Layer>, SettingsError> {
    let layer = |file: PathBuf, written| Layer {
        folder: folder_of(&file),
        source: Some(file),
        boundary: boundary.map(Path::to_owned),
        written,
    };
    let mut layers = vec![layer(file, written)];
    while let Some(last) = layers.last()
        && let Some(other) = last.written.extend.clone()
    {
        let path = || last.source.as_deref().unwrap_or(&last.folder).display().to_string();
        let wrong = |why: String| SettingsError::Extend { path: path(), other: other.clone(), why };
        let next = last.folder.join(&other).canonicalize().map_err(|error| wrong(error.to_string()))?;
        let known = |layer: &Layer| {
            layer.source.as_ref().is_some_and(|source| source.canonicalize().is_ok_and(|it| it == next))
        };
        if boundary.is_some_and(|boundary| !next.starts_with(boundary)) {
            return Err(wrong("it stands outside the repository".into()));
        }
        if layers.iter().any(known) {
            return Err(wrong("it leads back to itself".into()));
        }
        let written = file::read(&next)?.ok_or_else(|| wrong("it has no settings of `unleak`".into()))?;
        layers.push(layer(next, written));
    }
    Ok(layers)
}

fn folder_of(file: &Path) -> PathBuf {
    file.parent().unwrap_or(file).to_owned()
}

impl Settings {
    /// Lists come from the nearest layer that has one, tables are added; paths are relative to their own layer.
    fn of(layers: Vec<Layer>, also_ignore: &BTreeSet<&'static str>) -> Result<Settings, SettingsError> {
        let (mut exclude, mut ignored, mut models) = (None, Vec::new(), None);
        for layer in &layers {
            if exclude.is_none()
                && let Some(globs) = &layer.written.exclude
            {
                exclude = Some((layer.folder.clone(), layer.globs(globs)?));
            }
            if models.is_none()
                && let Some(files) = &layer.written.models
            {
                models = Some(files.iter().map(|file| layer.library(file)).collect::<Result<Vec<_>, _>>()?);
            }
            for (glob, lints) in &layer.written.per_file_ignores {
                let known: &Vec<Ignored> = &ignored;
                if known.iter().all(|known| known.glob != *glob) {
                    ignored.push(layer.ignored(glob, lints)?);
                }
            }
            layer.check_names()?;
        }
        let sources = layers.iter().filter_map(|layer| layer.source.clone()).collect();
        let nearest = layers.first().is_some_and(|layer| layer.source.is_none() && layer.written.select.is_some());
        let written = layers.into_iter().fold(Written::default(), |near, layer| near.or(layer.written));
        let mut policy = Policy { ignored, ..policy(&written) };
        policy.selection = Selection::of(&choice(&written, also_ignore, nearest));
        Ok(Settings { sources, written, policy: Arc::new(policy), models: models.unwrap_or_default(), exclude })
    }

    /// Whether they exclude anything at all.
    pub(crate) fn excludes_something(&self) -> bool {
        self.exclude.is_some()
    }

    fn excludes(&self, path: &Path, is_folder: bool) -> bool {
        let below = self.exclude.as_ref().filter(|(folder, _)| path.starts_with(folder));
        below.is_some_and(|(_, globs)| globs.matched(path, is_folder).is_ignore())
    }
}

fn policy(written: &Written) -> Policy {
    let levels = written.levels.iter().filter_map(|(lint, bad)| Some((known(lint).ok()?, bad.level()?)));
    Policy {
        min_confidence: written.min_confidence.map_or(Confidence::Likely, Sure::confidence),
        min_level: written.min_level.map(Least::level),
        levels: levels.collect(),
        owners: written.owners.clone().unwrap_or_default(),
        safe_calls: written.safe_calls.clone().unwrap_or_default(),
        prefer: written.prefer.clone(),
        ..Policy::everything()
    }
}

/// What is selected on the command line is asked, whatever a file ignores.
fn choice(written: &Written, also_ignore: &BTreeSet<&'static str>, typed: bool) -> Choice {
    let names = |list: &Option<Vec<String>>| known_all(list.as_deref().unwrap_or_default()).unwrap_or_default();
    let off = written.levels.iter().filter(|(_, bad)| **bad == Bad::Off).filter_map(|(lint, _)| known(lint).ok());
    let only = names(&written.select);
    let mut never: BTreeSet<&'static str> = names(&written.ignore).into_iter().chain(off).collect();
    if typed {
        never.retain(|name| !only.contains(name));
    }
    never.extend(also_ignore);
    let also = [(written.strict, Strictness::Strict), (written.preview, Strictness::Preview)];
    let also = also.into_iter().filter(|(asked, _)| *asked == Some(true)).map(|(_, strictness)| strictness);
    Choice { only, never, also: also.collect() }
}

impl Layer {
    fn path(&self) -> String {
        self.source.as_ref().map_or_else(|| "--config".to_owned(), |source| source.display().to_string())
    }

    fn globs(&self, globs: &[String]) -> Result<Gitignore, SettingsError> {
        let mut builder = GitignoreBuilder::new(&self.folder);
        let wrong = |glob: &str, error: ignore::Error| SettingsError::Glob {
            path: self.path(),
            glob: glob.to_owned(),
            message: error.to_string(),
        };
        for glob in globs {
            builder.add_line(None, glob).map_err(|error| wrong(glob, error))?;
        }
        builder.build().map_err(|error| wrong(&globs.join(", "), error))
    }

    fn ignored(&self, glob: &str, lints: &[String]) -> Result<Ignored, SettingsError> {
        let lints = known_all(lints).map_err(|source| SettingsError::Lint { path: self.path(), source })?;
        let files = self.globs(&[glob.to_owned()])?;
        Ok(Ignored { glob: glob.to_owned(), files, below: self.folder.clone(), lints })
    }

    fn library(&self, file: &str) -> Result<(String, Library), SettingsError> {
        let name = self.folder.join(file).display().to_string();
        let unreadable = |source| SettingsError::Unreadable { path: name.clone(), source };
        let path = self.folder.join(file).canonicalize().map_err(unreadable)?;
        if self.boundary.as_ref().is_some_and(|boundary| !path.starts_with(boundary)) {
            return Err(SettingsError::Outside { path: self.path(), other: file.to_owned() });
        }
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let library =
            Catalogue::parse(&name, &text).map_err(|source| SettingsError::Models { path: self.path(), source })?;
        Ok((name, library))
    }

    fn check_names(&self) -> Result<(), SettingsError> {
        let lists = [&self.written.select, &self.written.ignore].into_iter().flatten().flatten();
        for name in lists.chain(self.written.levels.keys()) {
            known(name.trim()).map_err(|source| SettingsError::Lint { path: self.path(), source })?;
        }
        Ok(())
    }
}
