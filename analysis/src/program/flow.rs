//! One body laid flat: where each step stands, what defines each value and what uses it.

mod sorts;

pub use sorts::Sorts;

use std::sync::OnceLock;

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

/// A node in as little room as it takes.
#[derive(Clone, Copy, Debug)]
struct Stored<'a> {
    step: &'a Step,
    /// The step it stands in, or [`NONE`].
    parent: u32,
    /// The part of that step: its kind, and above that its number.
    slot: u32,
}

/// No step has this number.
const NONE: u32 = u32::MAX;

/// The parts without a number.
const PLAIN: [Slot; 11] = [
    Slot::Then,
    Slot::Otherwise,
    Slot::LoopHead,
    Slot::LoopBody,
    Slot::LoopElse,
    Slot::TryBody,
    Slot::TryElse,
    Slot::Finally,
    Slot::ScopeBody,
    Slot::SelectElse,
    Slot::Nested,
];

impl<'a> Stored<'a> {
    /// What is stored of the place of all steps of a block: the step it is in, and which part of that.
    fn place(parent: Option<(StepId, Slot)>) -> (u32, u32) {
        let Some((parent, slot)) = parent else { return (NONE, 0) };
        let (kind, number) = match slot {
            Slot::Handler(at) => (11, at),
            Slot::Arm(at) => (12, at),
            Slot::SelectHead(at) => (13, at),
            Slot::SelectBody(at) => (14, at),
            plain => (PLAIN.iter().position(|known| *known == plain).unwrap_or_default() as u32, 0),
        };
        // No text has room for so many arms that their number would not fit.
        (parent.0, kind | number << 4)
    }

    fn node(self) -> Node<'a> {
        let number = self.slot >> 4;
        let slot = match self.slot & 15 {
            11 => Slot::Handler(number),
            12 => Slot::Arm(number),
            13 => Slot::SelectHead(number),
            14 => Slot::SelectBody(number),
            plain => PLAIN.get(plain as usize).copied().unwrap_or(Slot::Nested),
        };
        Node { step: self.step, parent: (self.parent != NONE).then_some((StepId(self.parent), slot)) }
    }
}

/// A body laid flat.
#[derive(Debug)]
pub struct Flow<'a> {
    /// The body.
    pub body: &'a Body,
    nodes: Box<[Option<Stored<'a>>]>,
    /// What sorts of steps there are, one for each node, so that a search touches no others.
    sorts: Box<[Sorts]>,
    /// All sorts that occur.
    occurring: Sorts,
    /// The step that defines each value, or [`NONE`].
    defs: Box<[u32]>,
    /// The rows are laid when they are asked for: of most bodies they never are.
    uses: OnceLock<Rows>,
    reads: OnceLock<Rows>,
    stores: OnceLock<Rows>,
}

/// Steps by value or variable: all in one list, and where the row of each begins.
#[derive(Debug, Default)]
struct Rows {
    starts: Box<[u32]>,
    steps: Box<[StepId]>,
}

impl Rows {
    /// Lays so many rows of what each of some steps names. Within a row they stand as they come; one that names the same
    /// twice stands there once.
    fn lay<'a>(
        rows: usize,
        each_step: impl FnOnce(&mut dyn FnMut(&'a Step)),
        each_named: impl Fn(&'a StepKind, &mut dyn FnMut(u32)),
    ) -> Rows {
        let mut pairs: Vec<(u32, StepId)> = Vec::new();
        let mut starts = vec![0u32; rows + 1];
        let mut last = vec![NONE; rows];
        each_step(&mut |step| {
            each_named(&step.kind, &mut |row| {
                let at = row as usize;
                if last.get(at).is_some_and(|last| *last != step.id.0) {
                    last[at] = step.id.0;
                    starts[at + 1] += 1;
                    pairs.push((row, step.id));
                }
            });
        });
        for at in 0..rows {
            starts[at + 1] += starts[at];
        }
        let mut cursors = last;
        cursors.copy_from_slice(&starts[..rows]);
        let mut steps = vec![StepId(0); pairs.len()];
        for (row, step) in pairs {
            let cursor = &mut cursors[row as usize];
            steps[*cursor as usize] = step;
            *cursor += 1;
        }
        Rows { starts: starts.into(), steps: steps.into() }
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
    nodes: Vec<Option<Stored<'a>>>,
    sorts: Vec<Sorts>,
    occurring: Sorts,
    defs: Vec<u32>,
}

impl<'a> Flow<'a> {
    /// Lays a body flat.
    pub fn new(body: &'a Body) -> Flow<'a> {
        let (steps, values) = (body.step_count as usize, body.value_count as usize);
        let mut laying = Laying {
            nodes: vec![None; steps],
            sorts: vec![Sorts::default(); steps],
            occurring: Sorts::default(),
            defs: vec![NONE; values],
        };
        laying.block(&body.root, None);
        let Laying { nodes, sorts, occurring, defs } = laying;
        Flow {
            body,
            nodes: nodes.into(),
            sorts: sorts.into(),
            occurring,
            defs: defs.into(),
            uses: OnceLock::new(),
            reads: OnceLock::new(),
            stores: OnceLock::new(),
        }
    }

    /// The step with this number.
    pub fn node(&self, id: StepId) -> Option<Node<'a>> {
        self.nodes.get(id.0 as usize).copied().flatten().map(Stored::node)
    }

    /// The step with this number.
    pub fn step(&self, id: StepId) -> Option<&'a Step> {
        self.nodes.get(id.0 as usize)?.map(|stored| stored.step)
    }

    /// All steps in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'a>> + '_ {
        self.nodes.iter().flatten().map(|stored| stored.node())
    }

    /// All steps of some sorts, in the order of the text.
    pub fn nodes_of(&self, wanted: Sorts) -> impl Iterator<Item = Node<'a>> + '_ {
        let sorts: &[Sorts] = if self.occurring.meets(wanted) { &self.sorts } else { &[] };
        let found = sorts.iter().zip(&self.nodes).filter(move |(sort, _)| sort.meets(wanted));
        found.filter_map(|(_, stored)| stored.map(Stored::node))
    }

    /// The step that defines a value.
    pub fn def(&self, value: ValueId) -> Option<&'a Step> {
        self.step(StepId(*self.defs.get(value.0 as usize)?))
    }

    /// The steps that use a value.
    pub fn uses(&self, value: ValueId) -> &[StepId] {
        let lay = || {
            Rows::lay(
                self.defs.len(),
                |each| self.each_step(each),
                |kind, name| each_used(kind, &mut |value| name(value.0)),
            )
        };
        self.uses.get_or_init(lay).row(value.0)
    }

    /// The steps that read a variable.
    pub fn reads(&self, local: LocalId) -> &[StepId] {
        let locals = self.body.locals.len();
        let lay =
            || Rows::lay(locals, |each| self.each_step(each), |kind, name| each_read(kind, &mut |local| name(local.0)));
        self.reads.get_or_init(lay).row(local.0)
    }

    /// The steps that bind, assign, update or delete a variable.
    pub fn stores(&self, local: LocalId) -> &[StepId] {
        let locals = self.body.locals.len();
        let storing = || self.nodes_of(Sorts::STORES.or(Sorts::CHANGES)).map(|node| node.step);
        let lay = || {
            Rows::lay(
                locals,
                |each| storing().for_each(each),
                |kind, name| stored(kind).into_iter().for_each(|it| name(it.0)),
            )
        };
        self.stores.get_or_init(lay).row(local.0)
    }

    /// Names each step, as their blocks stand.
    fn each_step(&self, name: &mut dyn FnMut(&'a Step)) {
        each_step(&self.body.root, name);
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
        let (parent, slot) = Stored::place(parent);
        for step in &block.steps {
            let at = step.id.0 as usize;
            if let (Some(node), Some(sorts)) = (self.nodes.get_mut(at), self.sorts.get_mut(at)) {
                *node = Some(Stored { step, parent, slot });
                *sorts = Sorts::of(&step.kind);
                self.occurring = self.occurring.or(*sorts);
            }
            each_defined(&step.kind, &mut |value| {
                if let Some(def) = self.defs.get_mut(value.0 as usize) {
                    *def = step.id.0;
                }
            });
            each_block(&step.kind, &mut |inner, slot| self.block(inner, Some((step.id, slot))));
        }
    }
}

/// Names each step of a block and of those inside it.
fn each_step<'s>(block: &'s Block, name: &mut dyn FnMut(&'s Step)) {
    for step in &block.steps {
        name(step);
        each_block(&step.kind, &mut |inner, _| each_step(inner, name));
    }
}

/// The blocks inside a step, with the part each is.
pub fn blocks(kind: &StepKind) -> Vec<(&Block, Slot)> {
    let mut all = Vec::new();
    each_block(kind, &mut |block, slot| all.push((block, slot)));
    all
}

/// Names each block inside a step, with the part it is.
fn each_block<'s>(kind: &'s StepKind, name: &mut impl FnMut(&'s Block, Slot)) {
    match kind {
        StepKind::If { then, otherwise, .. } => {
            name(then, Slot::Then);
            name(otherwise, Slot::Otherwise);
        }
        StepKind::Match { arms, .. } => {
            arms.iter().zip(0..).for_each(|(arm, index)| name(&arm.body, Slot::Arm(index)));
        }
        StepKind::Loop { driver, body, otherwise, .. } => {
            if let Driver::While(head) = driver {
                name(&head.block, Slot::LoopHead);
            }
            name(body, Slot::LoopBody);
            name(otherwise, Slot::LoopElse);
        }
        StepKind::Try { body, handlers, otherwise, finally } => {
            name(body, Slot::TryBody);
            handlers.iter().zip(0..).for_each(|(handler, index)| name(&handler.body, Slot::Handler(index)));
            name(otherwise, Slot::TryElse);
            name(finally, Slot::Finally);
        }
        StepKind::Scope { body, .. } => name(body, Slot::ScopeBody),
        StepKind::Select { arms, otherwise, .. } => {
            arms.iter().zip(0..).for_each(|(arm, index)| name(&arm.head, Slot::SelectHead(index)));
            arms.iter().zip(0..).for_each(|(arm, index)| name(&arm.body, Slot::SelectBody(index)));
            otherwise.iter().for_each(|block| name(block, Slot::SelectElse));
        }
        StepKind::Nested { block, .. } => name(block, Slot::Nested),
        _ => {}
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
        StepKind::If { cond, .. } | StepKind::Assert { cond } => cond_values(cond).into_iter().for_each(name),
        StepKind::Loop { driver: Driver::While(head), .. } => cond_values(&head.cond).into_iter().for_each(name),
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

/// Names each variable that a step reads itself.
fn each_read(kind: &StepKind, name: &mut impl FnMut(LocalId)) {
    match kind {
        StepKind::Read { place: Place::Local(local), .. } | StepKind::Update { place: Place::Local(local), .. } => {
            name(*local);
        }
        StepKind::Opaque { locals, .. } => locals.iter().copied().for_each(name),
        _ => {}
    }
}

/// The variable that a step binds, assigns, updates or deletes itself.
fn stored(kind: &StepKind) -> Option<LocalId> {
    match kind {
        StepKind::Store { place: Place::Local(local), .. }
        | StepKind::Update { place: Place::Local(local), .. }
        | StepKind::Delete { place: Place::Local(local) } => Some(*local),
        _ => None,
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
