//! One body laid flat: where each step stands, what defines each value and what uses it.

use crate::unit::{Block, Body, Cond, Driver, Item, LocalId, Place, Step, StepId, StepKind, ValueId};

/// In which part of a compound step another step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The `then` of an `if`.
    Then,
    /// Its `else`.
    Otherwise,
    /// What a loop computes before each turn.
    LoopHead,
    /// A loop's body.
    LoopBody,
    /// What runs when a loop ends without `break`.
    LoopElse,
    /// A `try`'s body.
    TryBody,
    /// Its n-th handler.
    Handler(u32),
    /// Its `else`.
    TryElse,
    /// Its `finally`.
    Finally,
    /// A `with`'s body.
    ScopeBody,
    /// The n-th arm of a `match`.
    Arm(u32),
    /// What the n-th arm of a race computes first.
    SelectHead(u32),
    /// The n-th arm of a race.
    SelectBody(u32),
    /// What runs when no arm can.
    SelectElse,
    /// A nested block.
    Nested,
}

/// A step and its place.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// The step.
    pub step: &'a Step,
    /// The compound step it stands in, and in which part; `None` at the top of the body.
    pub parent: Option<(StepId, Slot)>,
}

/// A body laid flat.
#[derive(Debug)]
pub struct Flow<'a> {
    /// The body.
    pub body: &'a Body,
    nodes: Vec<Option<Node<'a>>>,
    defs: Vec<Option<StepId>>,
    uses: Vec<Vec<StepId>>,
    reads: Vec<Vec<StepId>>,
    stores: Vec<Vec<StepId>>,
}

impl<'a> Flow<'a> {
    /// Lays a body flat.
    pub fn new(body: &'a Body) -> Flow<'a> {
        let values = body.value_count as usize;
        let mut flow = Flow {
            body,
            nodes: vec![None; body.step_count as usize],
            defs: vec![None; values],
            uses: vec![Vec::new(); values],
            reads: vec![Vec::new(); body.locals.len()],
            stores: vec![Vec::new(); body.locals.len()],
        };
        flow.block(&body.root, None);
        flow
    }

    /// The step with this number.
    pub fn node(&self, id: StepId) -> Option<Node<'a>> {
        self.nodes.get(id.0 as usize).copied().flatten()
    }

    /// The step with this number.
    pub fn step(&self, id: StepId) -> Option<&'a Step> {
        self.node(id).map(|node| node.step)
    }

    /// All steps in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> + '_ {
        self.nodes.iter().flatten().copied()
    }

    /// The step that defines a value.
    pub fn def(&self, value: ValueId) -> Option<&'a Step> {
        self.defs.get(value.0 as usize).copied().flatten().and_then(|id| self.step(id))
    }

    /// The steps that use a value.
    pub fn uses(&self, value: ValueId) -> &[StepId] {
        self.uses.get(value.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The steps that read a variable.
    pub fn reads(&self, local: LocalId) -> &[StepId] {
        self.reads.get(local.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The steps that bind, assign, update or delete a variable.
    pub fn stores(&self, local: LocalId) -> &[StepId] {
        self.stores.get(local.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The compound steps around a step, innermost first, each with the part it stands in.
    pub fn around(&self, id: StepId) -> impl Iterator<Item = (&'a Step, Slot)> + '_ {
        let mut at = self.node(id).and_then(|node| node.parent);
        std::iter::from_fn(move || {
            let (parent, slot) = at?;
            let node = self.node(parent)?;
            at = node.parent;
            Some((node.step, slot))
        })
    }

    /// Whether `inner` stands within `outer` (at any depth).
    pub fn within(&self, inner: StepId, outer: StepId) -> bool {
        self.around(inner).any(|(step, _)| step.id == outer)
    }

    fn block(&mut self, block: &'a Block, parent: Option<(StepId, Slot)>) {
        for step in &block.steps {
            if let Some(slot) = self.nodes.get_mut(step.id.0 as usize) {
                *slot = Some(Node { step, parent });
            }
            self.note(step);
            for (inner, slot) in blocks(&step.kind) {
                self.block(inner, Some((step.id, slot)));
            }
        }
    }

    fn note(&mut self, step: &'a Step) {
        for value in defined(&step.kind) {
            if let Some(def) = self.defs.get_mut(value.0 as usize) {
                *def = Some(step.id);
            }
        }
        for value in used(&step.kind) {
            if let Some(uses) = self.uses.get_mut(value.0 as usize)
                && uses.last() != Some(&step.id)
            {
                uses.push(step.id);
            }
        }
        let (read, stored) = match &step.kind {
            StepKind::Read { place: Place::Local(local), .. } => (Some(*local), None),
            StepKind::Update { place: Place::Local(local), .. } => (Some(*local), Some(*local)),
            StepKind::Store { place: Place::Local(local), .. } | StepKind::Delete { place: Place::Local(local) } => {
                (None, Some(*local))
            }
            _ => (None, None),
        };
        if let Some(reads) = read.and_then(|local| self.reads.get_mut(local.0 as usize)) {
            reads.push(step.id);
        }
        if let Some(stores) = stored.and_then(|local| self.stores.get_mut(local.0 as usize)) {
            stores.push(step.id);
        }
        if let StepKind::Opaque { locals, .. } = &step.kind {
            for local in locals {
                if let Some(reads) = self.reads.get_mut(local.0 as usize) {
                    reads.push(step.id);
                }
            }
        }
    }
}

/// The blocks inside a step, with the part each is.
pub fn blocks(kind: &StepKind) -> Vec<(&Block, Slot)> {
    match kind {
        StepKind::If { then, otherwise, .. } => vec![(then, Slot::Then), (otherwise, Slot::Otherwise)],
        StepKind::Match { arms, .. } => {
            arms.iter().zip(0..).map(|(arm, index)| (&arm.body, Slot::Arm(index))).collect()
        }
        StepKind::Loop { driver, body, otherwise, .. } => {
            let mut all = Vec::with_capacity(3);
            if let Driver::While { head, .. } = driver {
                all.push((head, Slot::LoopHead));
            }
            all.push((body, Slot::LoopBody));
            all.push((otherwise, Slot::LoopElse));
            all
        }
        StepKind::Try { body, handlers, otherwise, finally } => {
            let mut all = vec![(body, Slot::TryBody)];
            all.extend(handlers.iter().zip(0..).map(|(handler, index)| (&handler.body, Slot::Handler(index))));
            all.push((otherwise, Slot::TryElse));
            all.push((finally, Slot::Finally));
            all
        }
        StepKind::Scope { body, .. } => vec![(body, Slot::ScopeBody)],
        StepKind::Select { arms, otherwise, .. } => {
            let mut all = Vec::new();
            for (arm, index) in arms.iter().zip(0..) {
                all.push((&arm.head, Slot::SelectHead(index)));
            }
            for (arm, index) in arms.iter().zip(0..) {
                all.push((&arm.body, Slot::SelectBody(index)));
            }
            all.extend(otherwise.iter().map(|block| (block, Slot::SelectElse)));
            all
        }
        StepKind::Nested { block, .. } => vec![(block, Slot::Nested)],
        _ => Vec::new(),
    }
}

/// The values a step defines.
pub fn defined(kind: &StepKind) -> Vec<ValueId> {
    match kind {
        StepKind::Const { out, .. }
        | StepKind::Read { out, .. }
        | StepKind::Call { out, .. }
        | StepKind::Await { out, .. }
        | StepKind::Propagate { out, .. }
        | StepKind::Collect { out, .. }
        | StepKind::Closure { out, .. }
        | StepKind::Class { out, .. }
        | StepKind::Import { out, .. }
        | StepKind::Part { out, .. }
        | StepKind::Operate { out, .. }
        | StepKind::Format { out, .. }
        | StepKind::Join { out, .. }
        | StepKind::View { out, .. }
        | StepKind::Opaque { out, .. }
        | StepKind::Yield { out, .. } => vec![*out],
        StepKind::Select { out, arms, .. } => std::iter::once(*out).chain(arms.iter().map(|arm| arm.got)).collect(),
        StepKind::Loop { driver: Driver::Each { item, .. }, .. } => vec![*item],
        StepKind::Scope { items, .. } => items.iter().map(|item| item.entered).collect(),
        _ => Vec::new(),
    }
}

/// The values a step uses itself (not those used by the steps in its blocks).
pub fn used(kind: &StepKind) -> Vec<ValueId> {
    match kind {
        StepKind::Read { place, .. } | StepKind::Delete { place } => place_values(place),
        StepKind::Call { callee, args, .. } => {
            std::iter::once(*callee).chain(args.iter().map(|arg| arg.value)).collect()
        }
        StepKind::Await { value, .. } | StepKind::Propagate { value, .. } | StepKind::View { value, .. } => {
            vec![*value]
        }
        StepKind::Discard { value, .. } => vec![*value],
        StepKind::Collect { items, .. } => items.iter().flat_map(item_values).collect(),
        StepKind::Grow { into, key, value } => [Some(*into), *key, Some(*value)].into_iter().flatten().collect(),
        StepKind::Part { of, .. } => vec![*of],
        StepKind::Operate { operands, .. } => operands.clone(),
        StepKind::Format { parts, .. } => parts.clone(),
        StepKind::Join { from, .. } => from.clone(),
        StepKind::Store { place, value, .. } | StepKind::Update { place, value, .. } => {
            let mut all = place_values(place);
            all.push(*value);
            all
        }
        StepKind::Decorate { target, decorator } => vec![*target, *decorator],
        StepKind::If { cond, .. } | StepKind::Assert { cond } => cond_values(cond),
        StepKind::Match { subject, arms } => {
            let guards = arms.iter().filter_map(|arm| arm.guard.as_ref()).flat_map(cond_values);
            std::iter::once(*subject).chain(guards).collect()
        }
        StepKind::Loop { driver: Driver::While { cond, .. }, .. } => cond_values(cond),
        StepKind::Loop { driver: Driver::Each { source, .. }, .. } => vec![*source],
        StepKind::Scope { items, .. } => items.iter().map(|item| item.context).collect(),
        StepKind::Select { arms, .. } => arms.iter().map(|arm| arm.future).collect(),
        StepKind::Return { value } | StepKind::Raise { value } | StepKind::Yield { value, .. } => {
            value.iter().copied().collect()
        }
        StepKind::Break { value, .. } => value.iter().copied().collect(),
        _ => Vec::new(),
    }
}

/// The values in a place.
pub fn place_values(place: &Place) -> Vec<ValueId> {
    match place {
        Place::Local(_) | Place::Global { .. } => Vec::new(),
        Place::Field { base, .. } | Place::Deref { base } => vec![*base],
        Place::Index { base, key } => std::iter::once(*base).chain(*key).collect(),
    }
}

/// The values of a collection's item.
pub fn item_values(item: &Item) -> Vec<ValueId> {
    match item {
        Item::One(value) | Item::Field(_, value) | Item::Spread(value) => vec![*value],
        Item::Pair(key, value) => vec![*key, *value],
    }
}

/// The values in a condition.
pub fn cond_values(cond: &Cond) -> Vec<ValueId> {
    match cond {
        Cond::Truthy(value) | Cond::Matches { value, .. } => vec![*value],
        Cond::Not(inner) => cond_values(inner),
        Cond::All(parts) | Cond::Any(parts) => parts.iter().flat_map(cond_values).collect(),
        Cond::Compare { left, right, .. } => vec![*left, *right],
        Cond::Unknown => Vec::new(),
    }
}
