//! Where module variables are read and changed.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::names::Item;
use super::{BodyRef, Def, Program, Site};
use crate::source::Language;
use crate::unit::{Name, Place, StepKind};

/// The steps that may touch module variables, by the last name they speak.
#[derive(Debug, Default)]
pub(super) struct Globals<'a> {
    named: FxHashMap<&'a str, Named<'a>>,
}

/// The steps that speak one name.
#[derive(Debug, Default)]
struct Named<'a> {
    sites: Vec<Site>,
    /// Under which other names something of this name is spoken of.
    others: Vec<&'a str>,
    /// The steps that touch variables of this name, by the file of the variable, once somebody asked.
    touched: OnceLock<FxHashMap<u32, Touched>>,
}

/// The steps that touch one variable, in the order of the program.
#[derive(Debug, Default)]
struct Touched {
    all: Vec<Site>,
    /// Those that give a value, change or delete it: few, where many read.
    changes: Vec<Site>,
}

impl<'a> Program<'a> {
    /// Steps that read or write a module variable.
    pub fn global_sites(&self, file: u32, name: &str) -> &[Site] {
        self.touched(file, name).map_or(&[], |touched| touched.all.as_slice())
    }

    /// Those of them that write it.
    pub fn global_changes(&self, file: u32, name: &str) -> &[Site] {
        self.touched(file, name).map_or(&[], |touched| touched.changes.as_slice())
    }

    /// Notes which steps speak which names. What they mean is asked when one of that name is looked for.
    pub(super) fn link_globals(&mut self) {
        let mut globals = Globals::default();
        for (file, index) in self.files.iter_mut().zip(0u32..) {
            for (name, (body, step)) in std::mem::take(&mut file.spoken.globals) {
                let site = Site { body: BodyRef { file: index, body }, step };
                globals.named.entry(name).or_default().sites.push(site);
            }
            for (name, other) in std::mem::take(&mut file.spoken.renamed) {
                let others = &mut globals.named.entry(name).or_default().others;
                if !others.contains(&other.as_str()) {
                    others.push(other);
                }
            }
        }
        self.globals = globals;
    }

    fn touched(&self, file: u32, name: &str) -> Option<&Touched> {
        self.globals.named.get(name)?.touched.get_or_init(|| self.find_touched(name)).get(&file)
    }

    /// The steps that touch variables of one name, by the file of the variable.
    fn find_touched(&self, name: &str) -> FxHashMap<u32, Touched> {
        let mut names = vec![name];
        let mut at = 0;
        while let Some(known) = names.get(at) {
            let others = self.globals.named.get(known).into_iter().flat_map(|named| &named.others);
            let new: Vec<&str> = others.copied().filter(|other| !names.contains(other)).collect();
            names.extend(new);
            at += 1;
        }
        let spoken = names.into_iter().filter_map(|name| self.globals.named.get(name));
        let mut sites: Vec<Site> = spoken.flat_map(|named| &named.sites).copied().collect();
        sites.sort_unstable();
        let mut found: FxHashMap<u32, Touched> = FxHashMap::default();
        for site in sites {
            let Some((home, is_change)) = self.touch(site, name) else { continue };
            let touched = found.entry(home).or_default();
            touched.all.push(site);
            touched.changes.extend(Some(site).filter(|_| is_change));
        }
        found
    }

    /// The file of the variable of a name that a step touches, and whether it changes it.
    fn touch(&self, site: Site, name: &str) -> Option<(u32, bool)> {
        let kind = &self.flow(site.body).step(site.step)?.kind;
        let def = match kind {
            StepKind::Import { .. } => self.import_of(site.body.file, kind),
            StepKind::Store { place: Place::Global { path, .. }, .. } => match &**path {
                [own] => Some(Def::Variable { file: site.body.file, name: own.clone() }),
                path => self.resolve_path(site.body, path),
            },
            StepKind::Read { place: Place::Global { path, .. }, .. }
            | StepKind::Update { place: Place::Global { path, .. }, .. }
            | StepKind::Delete { place: Place::Global { path, .. } }
                if self.may_be_variable(site.body.file, path) =>
            {
                self.resolve_path(site.body, path)
            }
            _ => None,
        };
        match def {
            Some(Def::Variable { file, name: own }) if own == name => {
                Some((file, !matches!(kind, StepKind::Import { .. } | StepKind::Read { .. })))
            }
            _ => None,
        }
    }

    /// Whether a path can be that of a variable: most plainly are not.
    fn may_be_variable(&self, file: u32, path: &[Name]) -> bool {
        let (Language::Python, [name]) = (self.file(file).language, path) else { return true };
        match self.names.items(file, &[], name) {
            [] => self.file(file).lowered.outline.imports.iter().any(|import| import.binds.is_none()),
            items => items.iter().any(|item| matches!(item, Item::Variable { .. } | Item::Import(_))),
        }
    }
}
