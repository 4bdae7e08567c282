//! From named paths to what the analysis says of the projects around them: the only code that reads files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rayon::prelude::*;
use unleak_analysis::ledger::{Fact, Location};
use unleak_analysis::source::{Encoding, Language, Source};
use unleak_analysis::unit::Span;
use unleak_analysis::{Analysis, Course, analyse};
use unleak_catalogue::Catalogue;

use crate::discover::{self, Context, Found, Named, Unreadable, Walked};
use crate::place::{File, FileId, Files, Place, Scope};
use crate::report::{Evidence, Problem};
use crate::settings::{Hierarchy, Overrides, Policy, Settings};
use crate::since;

/// Files beyond this size are not source code that anybody wrote.
const LARGEST: u64 = 64 << 20;

/// Where paths are looked up from, and shown relative to.
#[derive(Debug)]
pub(crate) struct Working {
    folder: PathBuf,
}

/// What the analysis says of one context.
#[derive(Debug)]
pub(crate) struct Part {
    /// What it says.
    pub(crate) analysis: Analysis,
    /// The files, in the order of the sources.
    pub(crate) ids: Vec<FileId>,
    /// What is asked of each of them, in the same order.
    pub(crate) policies: Vec<Arc<Policy>>,
    by_path: HashMap<Arc<str>, FileId>,
}

/// The projects around the named paths.
#[derive(Debug, Default)]
pub(crate) struct Project {
    /// All files.
    pub(crate) files: Files,
    /// What the analysis says, a part a context.
    pub(crate) parts: Vec<Part>,
    /// What could not be read, in any file.
    pub(crate) problems: Vec<Problem>,
}

impl Working {
    /// The working directory.
    pub(crate) fn now() -> anyhow::Result<Working> {
        let folder = std::env::current_dir().and_then(|folder| folder.canonicalize());
        Ok(Working { folder: folder.context("cannot tell the working directory; change to a folder that exists")? })
    }

    /// The working directory itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path as people see it: relative to the working directory when below it, with `/` on every system.
    pub(crate) fn show(&self, path: &Path) -> String {
        slashed(path.strip_prefix(&self.folder).unwrap_or(path))
    }
}

/// The files of the projects around the named paths, before any is read.
#[derive(Debug)]
pub(crate) struct Tree {
    contexts: Vec<Context>,
    walked: Vec<(Walked, Arc<Hierarchy>)>,
    texts: Texts,
}

/// Where the text of files comes from.
#[derive(Debug)]
enum Texts {
    /// They are on disk.
    OnDisk,
    /// They were in a commit.
    InCommit(since::Files),
}

/// Looks for the files of the projects around the named paths.
pub(crate) fn look(paths: &[PathBuf], overrides: &Overrides, working: &Working) -> anyhow::Result<Tree> {
    let named = paths.iter().map(|path| Named::find(path, working.folder())).collect::<Result<Vec<_>, _>>()?;
    walk(discover::contexts(named), overrides, working)
}

/// Looks for the files of the project around one file. One that stands in none is seen as a run over the working
/// directory sees it, so that what is said of it there can be asked about.
pub(crate) fn look_around(file: &Path, overrides: &Overrides, working: &Working) -> anyhow::Result<Tree> {
    let contexts = discover::contexts(vec![Named::find(file, working.folder())?]);
    walk(contexts.into_iter().map(|context| context.within(working.folder())).collect(), overrides, working)
}

fn walk(contexts: Vec<Context>, overrides: &Overrides, working: &Working) -> anyhow::Result<Tree> {
    let overrides = overrides.clone().below(&working.folder)?;
    let mut walked = Vec::new();
    for context in &contexts {
        let settings = Arc::new(Hierarchy::new(context.root.clone(), overrides.clone()));
        let found = discover::walk(context, &settings);
        for file in &found.files {
            settings.of(file.path.parent().unwrap_or(&context.root));
        }
        if let Some(wrong) = settings.wrong() {
            return Err(wrong.into());
        }
        walked.push((found, settings));
    }
    Ok(Tree { contexts, walked, texts: Texts::OnDisk })
}

/// Reads and analyses the projects around the named paths.
pub(crate) fn load(tree: Tree, working: &Working, course: &Course<'_>) -> anyhow::Result<Project> {
    let mut project = Project::default();
    let owners = Owners::of(&tree.contexts);
    for (index, (context, (walked, settings))) in tree.contexts.iter().zip(tree.walked).enumerate() {
        project.read(context, (walked, &tree.texts), &settings, working, course, |path| owners.scope(path, index))?;
    }
    Ok(project)
}

impl Tree {
    /// How many files there are.
    pub(crate) fn files(&self) -> usize {
        self.walked.iter().map(|(walked, _)| walked.files.len()).sum()
    }

    /// The folders of the projects.
    pub(crate) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.contexts.iter().map(|context| context.root.as_path())
    }

    /// The same projects with the files that were in a commit, as far as the settings of today do not leave them out.
    pub(crate) fn before(&self, files: since::Files) -> Tree {
        let mut walked = Vec::new();
        for (context, (_, settings)) in self.contexts.iter().zip(&self.walked) {
            let inside = |path: &&PathBuf| {
                path.starts_with(&context.root)
                    && !settings.excludes(path, false)
                    && !path.parent().is_some_and(|folder| settings.covers(folder))
            };
            let found = files.keys().filter(inside).filter_map(|path| {
                let language = Language::of_path(&path.file_name()?.to_string_lossy())?;
                Some(Found { path: path.clone(), language })
            });
            walked.push((Walked { files: found.collect(), unreadable: Vec::new() }, Arc::clone(settings)));
        }
        Tree { contexts: self.contexts.clone(), walked, texts: Texts::InCommit(files) }
    }

    /// The files that are reported on, with the settings that count for each, in the order of paths.
    pub(crate) fn named(&self) -> BTreeMap<&Path, Arc<Settings>> {
        let owners = Owners::of(&self.contexts);
        let mut named = BTreeMap::new();
        for (index, (walked, settings)) in self.walked.iter().enumerate() {
            for file in walked.files.iter().filter(|file| owners.scope(&file.path, index) == Scope::Named) {
                named.insert(file.path.as_path(), settings.of(file.path.parent().unwrap_or(&file.path)));
            }
        }
        named
    }
}

impl Project {
    fn read(
        &mut self,
        context: &Context,
        (walked, texts): (Walked, &Texts),
        settings: &Hierarchy,
        working: &Working,
        course: &Course<'_>,
        scope: impl Fn(&Path) -> Scope,
    ) -> anyhow::Result<()> {
        for Unreadable { path, why } in walked.unreadable {
            let file = File::new(working.show(&path), "".into(), None, scope(&path));
            self.problem(file, Span::default(), format!("cannot be read: {why}"));
        }
        let root = &context.root;
        let languages: BTreeSet<Language> = walked.files.iter().map(|found| found.language).collect();
        let own = settings.catalogue()?;
        let (read, catalogue): (Vec<_>, _) = rayon::join(
            || walked.files.into_par_iter().map(|found| (source(root, &found, texts), found)).collect(),
            || own.as_ref().unwrap_or_else(|| shipped(&languages)),
        );
        let (mut sources, mut ids, mut policies) = (Vec::new(), Vec::new(), Vec::new());
        for (source, Found { path, language }) in read {
            let (shown, scope) = (working.show(&path), scope(&path));
            match source {
                Err(why) => {
                    let file = File::new(shown, "".into(), Some(language), scope);
                    self.problem(file, Span::default(), format!("cannot be read: {why}"));
                }
                Ok((mut source, replaced)) => {
                    let said = settings.of(path.parent().unwrap_or(root));
                    source.budgets = said.written.budgets.budgets();
                    let id = self.files.add(File::new(shown, Arc::clone(&source.text), Some(language), scope));
                    let place = replaced.map(|span| Place { file: id, span });
                    self.problems.extend(place.map(|place| Problem { message: NOT_UTF8.into(), place }));
                    sources.push(source);
                    ids.push(id);
                    policies.push(said.policy.for_file(&path));
                }
            }
        }
        let analysis = analyse(&sources, catalogue, course);
        self.analysed(analysis, &sources, ids, policies);
        Ok(())
    }

    fn analysed(&mut self, analysis: Analysis, sources: &[Source], ids: Vec<FileId>, policies: Vec<Arc<Policy>>) {
        let by_path = sources.iter().map(|source| Arc::clone(&source.path)).zip(ids.iter().copied()).collect();
        for (index, problem) in &analysis.problems {
            let place = Place { file: ids[*index], span: problem.span };
            self.problems.push(Problem { message: problem.message.clone(), place });
        }
        self.parts.push(Part { analysis, ids, policies, by_path });
    }

    fn problem(&mut self, file: File, span: Span, message: String) {
        let file = self.files.add(file);
        self.problems.push(Problem { message, place: Place { file, span } });
    }
}

/// What is known of the libraries of some languages.
fn shipped(languages: &BTreeSet<Language>) -> &'static Catalogue {
    match (languages.first(), languages.len()) {
        (Some(language), 1) => Catalogue::embedded_of(language.name()),
        (None, _) => Catalogue::embedded_of(Language::Python.name()),
        _ => Catalogue::embedded(),
    }
}

impl Part {
    /// The place of a location the analysis speaks of. One in a file it was not given (there is none)
    /// would stand in an empty file of that name, so that nothing is lost.
    pub(crate) fn place(&self, location: &Location, files: &mut Files) -> Place {
        let unknown = || files.add(File::new(location.path.to_string(), "".into(), None, Scope::Named));
        let file = self.by_path.get(&location.path).copied().unwrap_or_else(unknown);
        Place { file, span: location.span }
    }

    /// The lines of a story, with their places.
    pub(crate) fn story(&self, facts: &[Fact], files: &mut Files) -> Vec<Evidence> {
        let evidence = |fact: &Fact| Evidence { label: fact.label.clone(), place: self.place(&fact.location, files) };
        facts.iter().map(evidence).collect()
    }
}

const NOT_UTF8: &str = "the text is not UTF-8 from here on; save it as UTF-8 to have all of it read";

/// A file's text, and the place from which on it is not UTF-8.
fn source(root: &Path, found: &Found, texts: &Texts) -> Result<(Source, Option<Span>), String> {
    let bytes = match texts {
        Texts::OnDisk => bytes(&found.path)?,
        Texts::InCommit(files) => files.get(&found.path).cloned().unwrap_or_default(),
    };
    let path = slashed(found.path.strip_prefix(root).unwrap_or(&found.path));
    let source =
        Source { library: discover::library_of(&found.path), ..Source::from_bytes(&path, found.language, &bytes) };
    let replaced = (source.encoding == Encoding::Replaced).then(|| {
        let valid = std::str::from_utf8(&bytes).map_or_else(|error| error.valid_up_to(), str::len) as u32;
        Span::new(valid, valid + '\u{fffd}'.len_utf8() as u32)
    });
    Ok((source, replaced))
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let said = |error: std::io::Error| error.to_string();
    let file = std::fs::File::open(path).map_err(said)?;
    let size = file.metadata().map_or(0, |about| about.len().min(LARGEST));
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(said)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it is larger than {} MiB; exclude it if it is no source code", LARGEST >> 20));
    }
    Ok(bytes)
}

/// Which context each named path belongs to.
struct Owners<'a> {
    /// Letter for letter, as paths of a walk are.
    by_path: HashMap<&'a OsStr, usize>,
    /// The folder that was asked for last: most files stand beside the one before.
    last: RefCell<Option<(PathBuf, Option<usize>)>>,
}

impl<'a> Owners<'a> {
    fn of(contexts: &'a [Context]) -> Owners<'a> {
        let named = contexts
            .iter()
            .enumerate()
            .flat_map(|(index, context)| context.named.iter().map(move |n| (n.path().as_os_str(), index)));
        Owners { by_path: named.collect(), last: RefCell::default() }
    }

    /// A file is reported on in the context of the innermost named path that it is or lies in.
    fn scope(&self, path: &Path, context: usize) -> Scope {
        let itself = self.by_path.get(path.as_os_str()).copied();
        let innermost = itself.or_else(|| self.around(path.parent()?));
        if innermost == Some(context) { Scope::Named } else { Scope::Context }
    }

    /// The context of the innermost named path that a folder is or lies in.
    fn around(&self, folder: &Path) -> Option<usize> {
        let mut last = self.last.borrow_mut();
        match &*last {
            Some((known, innermost)) if known.as_os_str() == folder.as_os_str() => *innermost,
            _ => {
                let innermost = folder.ancestors().find_map(|around| self.by_path.get(around.as_os_str())).copied();
                *last = Some((folder.to_owned(), innermost));
                innermost
            }
        }
    }
}

/// A path with `/` between its parts on every system.
pub(crate) fn slashed(path: &Path) -> String {
    let mut shown = String::with_capacity(path.as_os_str().len());
    for part in path.components() {
        match part {
            Component::RootDir if shown.is_empty() => shown.push('/'),
            Component::RootDir => {}
            part => {
                if !shown.is_empty() && !shown.ends_with('/') {
                    shown.push('/');
                }
                shown.push_str(part.as_os_str().to_string_lossy().trim_start_matches(r"\\?\"));
            }
        }
    }
    shown
}

/// Whether a front end reads a file of that name.
pub(crate) fn is_source(path: &Path) -> bool {
    path.file_name().is_some_and(|name| Language::of_path(&name.to_string_lossy()).is_some())
}
