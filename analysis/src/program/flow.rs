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
    nodes: Box<[Option<Node<'a>>]>,
    defs: Box<[Option<StepId>]>,
    uses: Rows,
    reads: Rows,
    stores: Rows,
}

/// Steps by value or variable: all in one list, and where the row of each begins.
#[derive(Debug, Default)]
struct Rows {
    starts: Box<[u32]>,
    steps: Box<[StepId]>,
}

impl Rows {
    /// Sorts pairs into so many rows. Within a row they keep their order; a step that follows itself stands once.
    fn of(pairs: &[(u32, StepId)], rows: usize) -> Rows {
        if pairs.is_empty() {
            return Rows::default();
        }
        let mut last = vec![None; rows];
        let mut ends = vec![0u32; rows + 1];
        let mut kept = Vec::with_capacity(pairs.len());
        for (row, step) in pairs {
            let at = *row as usize;
            if at < rows && last[at] != Some(*step) {
                last[at] = Some(*step);
                ends[at + 1] += 1;
                kept.push((at, *step));
            }
        }
        for at in 0..rows {
            ends[at + 1] += ends[at];
        }
        let starts: Box<[u32]> = ends.clone().into();
        let mut steps = vec![StepId(0); kept.len()];
        for (at, step) in kept {
            steps[ends[at] as usize] = step;
            ends[at] += 1;
        }
        Rows { starts, steps: steps.into() }
    }

    fn row(&self, at: u32) -> &[StepId] {
        let (Some(start), Some(end)) = (self.starts.get(at as usize), self.starts.get(at as usize + 1)) else {
            return &[];
        };
        &self.steps[*start as usize..*end as usize]
    }
}

/// A body while it is laid flat.
struct Laying<'a> {
    nodes: Vec<Option<Node<'a>>>,
    defs: Vec<Option<StepId>>,
    uses: Vec<(u32, StepId)>,
    reads: Vec<(u32, StepId)>,
    stores: Vec<(u32, StepId)>,
}

impl<'a> Flow<'a> {
    /// Lays a body flat.
    pub fn new(body: &'a Body) -> Flow<'a> {
        let values = body.value_count as usize;
        let mut laying = Laying {
            nodes: vec![None; body.step_count as usize],
            defs: vec![None; values],
            uses: Vec::with_capacity(values + values / 2),
            reads: Vec::new(),
            stores: Vec::new(),
        };
        laying.block(&body.root, None);
        Flow {
            body,
            nodes: laying.nodes.into(),
            defs: laying.defs.into(),
            uses: Rows::of(&laying.uses, values),
            reads: Rows::of(&laying.reads, body.locals.len()),
            stores: Rows::of(&laying.stores, body.locals.len()),
        }
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
        self.uses.row(value.0)
    }

    /// The steps that read a variable.
    pub fn reads(&self, local: LocalId) -> &[StepId] {
        self.reads.row(local.0)
    }

    /// The steps that bind, assign, update or delete a variable.
    pub fn stores(&self, local: LocalId) -> &[StepId] {
        self.stores.row(local.0)
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
}

impl<'a> Laying<'a> {
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
        each_defined(&step.kind, &mut |value| {
            if let Some(def) = self.defs.get_mut(value.0 as usize) {
                *def = Some(step.id);
            }
        });
        each_used(&step.kind, &mut |value| self.uses.push((value.0, step.id)));
        match &step.kind {
            StepKind::Read { place: Place::Local(local), .. } => self.reads.push((local.0, step.id)),
            StepKind::Update { place: Place::Local(local), .. } => {
                self.reads.push((local.0, step.id));
                self.stores.push((local.0, step.id));
            }
            StepKind::Store { place: Place::Local(local), .. } | StepKind::Delete { place: Place::Local(local) } => {
                self.stores.push((local.0, step.id));
            }
            StepKind::Opaque { locals, .. } => {
                self.reads.extend(locals.iter().map(|local| (local.0, step.id)));
            }
            _ => {}
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

/// Names each value that a step defines.
fn each_defined(kind: &StepKind, name: &mut impl FnMut(ValueId)) {
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
        | StepKind::Yield { out, .. } => name(*out),
        StepKind::Select { out, arms, .. } => {
            name(*out);
            arms.iter().for_each(|arm| name(arm.got));
        }
        StepKind::Loop { driver: Driver::Each { item, .. }, .. } => name(*item),
        StepKind::Scope { items, .. } => items.iter().for_each(|item| name(item.entered)),
        _ => {}
    }
}

/// The values a step uses itself (not those used by the steps in its blocks).
pub fn used(kind: &StepKind) -> Vec<ValueId> {
    let mut all = Vec::new();
    each_used(kind, &mut |value| all.push(value));
    all
}

/// Names each value that a step uses itself.
fn each_used(kind: &StepKind, name: &mut impl FnMut(ValueId)) {
    match kind {
        StepKind::Read { place, .. } | StepKind::Delete { place } => each_in_place(place, name),
        StepKind::Call { callee, args, .. } => {
            name(*callee);
            args.iter().for_each(|arg| name(arg.value));
        }
        StepKind::Await { value, .. }
        | StepKind::Propagate { value, .. }
        | StepKind::View { value, .. }
        | StepKind::Discard { value, .. }
        | StepKind::Part { of: value, .. } => name(*value),
        StepKind::Collect { items, .. } => items.iter().for_each(|item| match item {
            Item::One(value) | Item::Field(_, value) | Item::Spread(value) => name(*value),
            Item::Pair(key, value) => [*key, *value].into_iter().for_each(&mut *name),
        }),
        StepKind::Grow { into, key, value } => {
            [Some(*into), *key, Some(*value)].into_iter().flatten().for_each(name);
        }
        StepKind::Operate { operands: values, .. }
        | StepKind::Format { parts: values, .. }
        | StepKind::Join { from: values, .. } => values.iter().copied().for_each(name),
        StepKind::Store { place, value, .. } | StepKind::Update { place, value, .. } => {
            each_in_place(place, name);
            name(*value);
        }
        StepKind::Decorate { target, decorator } => [*target, *decorator].into_iter().for_each(name),
        StepKind::If { cond, .. }
        | StepKind::Assert { cond }
        | StepKind::Loop { driver: Driver::While { cond, .. }, .. } => cond_values(cond).into_iter().for_each(name),
        StepKind::Match { subject, arms } => {
            name(*subject);
            let guards = arms.iter().filter_map(|arm| arm.guard.as_ref());
            guards.flat_map(cond_values).for_each(name);
        }
        StepKind::Loop { driver: Driver::Each { source, .. }, .. } => name(*source),
        StepKind::Scope { items, .. } => items.iter().for_each(|item| name(item.context)),
        StepKind::Select { arms, .. } => arms.iter().for_each(|arm| name(arm.future)),
        StepKind::Return { value }
        | StepKind::Raise { value }
        | StepKind::Yield { value, .. }
        | StepKind::Break { value, .. } => value.iter().copied().for_each(name),
        _ => {}
    }
}

fn each_in_place(place: &Place, name: &mut impl FnMut(ValueId)) {
    match place {
        Place::Local(_) | Place::Global { .. } => {}
        Place::Field { base, .. } | Place::Deref { base } => name(*base),
        Place::Index { base, key } => {
            name(*base);
            key.iter().copied().for_each(name);
        }
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
