//! What the steps of a file speak of, by name: found in one look at each, as long as it is near.

use super::flow::{Flow, Sorts};
use crate::unit::{self, BodyId, BodyKind, Import, Item, Lowered, Name, Place, Shape, StepId, StepKind};

/// A step of a file.
pub(super) type At = (BodyId, StepId);

/// What the steps of a file speak of, each list in the order of the text. Each is gone once the files are linked by it.
#[derive(Debug, Default)]
pub(super) struct Spoken<'a> {
    /// Those that speak of a field, with its name.
    pub(super) fields: Vec<(&'a Name, At)>,
    /// Those that touch what may be a module's variable, with its last name.
    pub(super) globals: Vec<(&'a Name, At)>,
    /// Names under which an import or a variable gives what has another: that other, then the name.
    pub(super) renamed: Vec<(&'a Name, &'a Name)>,
}

impl<'a> Spoken<'a> {
    /// What the headers and the steps of a file speak of.
    pub(super) fn of(lowered: &'a Lowered, flows: &[Flow<'a>]) -> Spoken<'a> {
        let mut spoken = Spoken::default();
        let outline = &lowered.outline;
        spoken.renamed.extend(outline.imports.iter().filter_map(renames));
        let same = outline.constants.iter();
        spoken.renamed.extend(same.filter_map(|it| Some((it.same_as.as_ref()?.last()?, &it.name))));
        for (flow, body) in flows.iter().zip(0u32..) {
            for node in flow.nodes_of(Sorts::FIELDS.or(Sorts::STORES).or(Sorts::GLOBALS)) {
                spoken.step(flow, &node.step.kind, (BodyId(body), node.step.id));
            }
        }
        spoken
    }

    fn step(&mut self, flow: &Flow<'a>, kind: &'a StepKind, at: At) {
        match kind {
            StepKind::Import { path, item, .. } => {
                let name = item.as_deref().or(path.last());
                self.globals.extend(name.map(|name| (name, at)));
            }
            StepKind::Collect { shape: Shape::Struct(_), items, .. } => {
                self.fields.extend(items.iter().filter_map(given_field).map(|name| (name, at)));
            }
            StepKind::Part { part: unit::Part::Field(name), .. } => self.fields.push((name, at)),
            StepKind::Read { place, .. }
            | StepKind::Store { place, .. }
            | StepKind::Update { place, .. }
            | StepKind::Delete { place } => match place {
                Place::Field { name, .. } => self.fields.push((name, at)),
                Place::Global { path, .. } => self.globals.extend(path.last().map(|name| (name, at))),
                // The variables of a class block are the class's attributes.
                Place::Local(local) if flow.body.kind == BodyKind::Class && matches!(kind, StepKind::Store { .. }) => {
                    self.fields.push((&flow.body.locals[local.0 as usize].name, at));
                }
                _ => {}
            },
            _ => {}
        }
    }
}

/// The field that an item of a literal gives.
fn given_field(item: &Item) -> Option<&Name> {
    match item {
        Item::Field(name, _) => Some(name),
        _ => None,
    }
}

/// The name of something that an import binds to another, and that other.
fn renames(import: &Import) -> Option<(&Name, &Name)> {
    let (own, binds) = (import.item.as_ref().or(import.path.last())?, import.binds.as_ref()?);
    (own != binds).then_some((own, binds))
}
