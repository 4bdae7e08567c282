//! Where module variables are read and changed.

use rustc_hash::FxHashMap;

use super::flow::Sorts;
use super::names::Item;
use super::{Def, Part, Program, Site};
use crate::source::Language;
use crate::unit::{Name, Place, StepKind};

/// The steps that touch module variables, by file and name, in the order of the program.
#[derive(Debug, Default)]
pub(super) struct Globals {
    all: FxHashMap<(u32, Name), Vec<Site>>,
    /// Those of `all` that give a value, change or delete it: few, where many read.
    changes: FxHashMap<(u32, Name), Vec<Site>>,
}

/// A step that touches a module variable.
struct Touch {
    home: (u32, Name),
    site: Site,
    changes: bool,
}

impl Program<'_> {
    /// Steps that read or write a module variable.
    pub fn global_sites(&self, file: u32, name: &str) -> &[Site] {
        self.globals.all.get(&(file, Name::new(name))).map_or(&[], Vec::as_slice)
    }

    /// Those of them that write it.
    pub fn global_changes(&self, file: u32, name: &str) -> &[Site] {
        self.globals.changes.get(&(file, Name::new(name))).map_or(&[], Vec::as_slice)
    }

    pub(super) fn link_globals(&mut self) {
        let mut found = Globals::default();
        for Touch { home, site, changes } in self.in_parts(Program::globals_in).into_iter().flatten() {
            if changes {
                found.changes.entry(home.clone()).or_default().push(site);
            }
            found.all.entry(home).or_default().push(site);
        }
        self.globals = found;
    }

    fn globals_in(&self, part: Part) -> Vec<Touch> {
        let mut found = Vec::new();
        for body in self.bodies_of(part) {
            for node in self.flow(body).nodes_of(Sorts::GLOBALS) {
                let site = Site { body, step: node.step.id };
                let home = match &node.step.kind {
                    kind @ StepKind::Import { .. } => variable(self.import_of(body.file, kind)),
                    StepKind::Store { place: Place::Global { path, .. }, .. } => match &**path {
                        [name] => Some((body.file, name.clone())),
                        path => variable(self.resolve_path(body, path)),
                    },
                    StepKind::Read { place: Place::Global { path, .. }, .. }
                    | StepKind::Update { place: Place::Global { path, .. }, .. }
                    | StepKind::Delete { place: Place::Global { path, .. } }
                        if self.may_be_variable(body.file, path) =>
                    {
                        variable(self.resolve_path(body, path))
                    }
                    _ => continue,
                };
                let changes = !matches!(node.step.kind, StepKind::Import { .. } | StepKind::Read { .. });
                found.extend(home.map(|home| Touch { home, site, changes }));
            }
        }
        found
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

fn variable(def: Option<Def>) -> Option<(u32, Name)> {
    match def {
        Some(Def::Variable { file, name }) => Some((file, name)),
        _ => None,
    }
}
