//! Where what goes into a queue comes from. Nobody here sets the pace of what the outside sends; what the program makes
//! for itself comes as fast as the program is, and a few control messages are no flood.

use rustc_hash::FxHashMap;
use unleak_catalogue::model::{CallModel, Effect, HandlesEvents, Kind};

use super::super::Many;
use super::super::builder::Builder;
use super::gate::always_leaves;
use super::traffic::Put;
use crate::program::calls::{Call, Target};
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{
    BodyId, BodyKind, Compare, Cond, Const, Driver, Item, LocalId, LocalOrigin, ParamKind, Part, Place, Step, StepKind,
    ValueId, Yields,
};

/// How many values are asked before the answer is "not from outside, as far as is seen".
const REACH: usize = 400;
/// How many calls deep a function is looked through for one that receives.
const DEEP: u32 = 3;
/// Through how many calls, up to callers or down to results, an item is followed back: what comes from further off has
/// seldom come that way.
const HOPS: u32 = 3;
/// How many callers of a function are asked what they give it.
const CALLERS: usize = 24;

/// How what is added comes in from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// Code that was not read calls with it, nobody knows how often.
    Handed,
    /// It is received, or is what a handler of events is given.
    Received,
}

impl How {
    /// How it reads in a report.
    pub(super) fn text(self) -> &'static str {
        match self {
            How::Handed => "what goes into it is handed in here, by code that was not read",
            How::Received => "what goes into it comes in here, as fast as it is sent",
        }
    }
}

/// What comes in from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inflow {
    /// How.
    pub(super) how: How,
    /// The step that receives it, or that uses what the function it stands in is given.
    pub(super) at: Site,
}

impl Inflow {
    fn received(at: Site) -> Inflow {
        Inflow { how: How::Received, at }
    }
}

/// Whether what an addition adds comes in from outside, and how.
pub(super) fn of(builder: &Builder<'_, '_>, put: &Put) -> Option<Inflow> {
    let mut search = Search {
        builder,
        seen: FxHashMap::default(),
        params: FxHashMap::default(),
        hops: HOPS,
        looked: FxHashMap::default(),
    };
    let found = added(builder, put.site).into_iter().filter_map(|value| search.value(put.site.body, value)).max()?;
    Some(if put.many == Many::PerEvent { found } else { Inflow { how: How::Handed, ..found } })
}

/// What a step adds.
fn added(builder: &Builder<'_, '_>, site: Site) -> Vec<ValueId> {
    match builder.program.flow(site.body).step(site.step).map(|step| &step.kind) {
        Some(StepKind::Call { args, .. }) => args.iter().map(|arg| arg.value).collect(),
        Some(StepKind::Update { value, .. } | StepKind::Store { value, .. }) => vec![*value],
        // A method that is handed on gets whatever it is called with.
        _ => Vec::new(),
    }
}

struct Search<'b, 'p, 'a> {
    builder: &'b Builder<'p, 'a>,
    seen: FxHashMap<(BodyRef, ValueId), u32>,
    params: FxHashMap<(BodyRef, LocalId), u32>,
    /// How many calls are left to go through.
    hops: u32,
    /// The functions that were looked through for a call that receives.
    looked: FxHashMap<BodyRef, bool>,
}

impl Search<'_, '_, '_> {
    fn value(&mut self, body: BodyRef, value: ValueId) -> Option<Inflow> {
        if self.seen.len() > REACH || is_asked(&mut self.seen, (body, value), self.hops) {
            return None;
        }
        let step = self.builder.program.flow(body).def(value)?;
        match &step.kind {
            StepKind::Read { place: Place::Local(local), .. } => self.local(body, *local, Site { body, step: step.id }),
            StepKind::Read {
                place: Place::Field { base, .. } | Place::Index { base, .. } | Place::Deref { base },
                ..
            } => self.value(body, *base),
            // A failure is no item of what is received.
            StepKind::Part { part: Part::Variant(path, _), .. } if path.last().is_some_and(|last| last == "Err") => {
                None
            }
            StepKind::View { value, .. } | StepKind::Propagate { value, .. } | StepKind::Part { of: value, .. } => {
                self.value(body, *value)
            }
            StepKind::Await { value, .. } => self.awaited(body, *value),
            StepKind::Call { .. } => self.call(Site { body, step: step.id }),
            StepKind::Collect { items, .. } => {
                let parts = items.iter().flat_map(|item| match item {
                    Item::One(value) | Item::Field(_, value) | Item::Spread(value) => vec![*value],
                    Item::Pair(key, value) => vec![*key, *value],
                });
                self.any(body, parts)
            }
            StepKind::Join { from, .. } => self.any(body, from.iter().copied()),
            StepKind::Operate { operands, .. } => self.any(body, operands.iter().copied()),
            StepKind::Format { parts, .. } => self.any(body, parts.iter().copied()),
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => {
                self.turn(Site { body, step: step.id }, *source)
            }
            StepKind::Select { arms, .. } => {
                let arm = arms.iter().find(|arm| arm.got == value)?;
                self.awaited(body, arm.future)
            }
            _ => None,
        }
    }

    /// The same through one call more.
    fn beyond(&mut self, look: impl FnOnce(&mut Self) -> Option<Inflow>) -> Option<Inflow> {
        self.hops = self.hops.checked_sub(1)?;
        let found = look(self);
        self.hops += 1;
        found
    }

    fn any(&mut self, body: BodyRef, values: impl IntoIterator<Item = ValueId>) -> Option<Inflow> {
        values.into_iter().filter_map(|value| self.value(body, value)).max()
    }

    /// What a loop takes one of in each turn: a stream gives what it receives, a list what was put into it.
    fn turn(&mut self, looping: Site, source: ValueId) -> Option<Inflow> {
        let program = self.builder.program;
        let streams = program.turns_of(looping) == Many::PerEvent;
        let own = program.type_of(looping.body, source);
        let queue = kind_of(self.builder, looping.body, source) == Some(Kind::Queue);
        // A generator of the program gives what it makes; any other stream gives what comes in.
        let made = matches!(program.flow(looping.body).def(source).map(|step| (step.id, &step.kind)),
            Some((step, StepKind::Call { .. })) if matches!(program.call(Site { body: looping.body, step }).map(|it| it.target), Some(Target::Functions(_))));
        if streams && !queue && (!made || matches!(own, Type::Named(..))) {
            return Some(Inflow::received(looping));
        }
        self.value(looping.body, source)
    }

    fn awaited(&mut self, body: BodyRef, value: ValueId) -> Option<Inflow> {
        let step = self.builder.program.flow(body).def(value)?;
        if !matches!(step.kind, StepKind::Call { .. }) {
            return self.value(body, value);
        }
        let site = Site { body, step: step.id };
        match self.builder.program.call(site)?.target {
            Target::External(_) | Target::Unknown => Some(Inflow::received(site)),
            Target::Functions(functions) if self.says_when_over(site, &functions) => Some(Inflow::received(site)),
            _ => self.value(body, value),
        }
    }

    /// Whether functions that are waited for give one thing after another until there is nothing more, and take none of
    /// them from a queue of the program.
    fn says_when_over(&mut self, site: Site, functions: &[BodyRef]) -> bool {
        let program = self.builder.program;
        let flow = program.flow(site.body);
        let Some(call) = program.call(site) else { return false };
        let awaits = flow.uses(call.out).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Await { out, .. }) => Some(*out),
            _ => None,
        });
        let kept = awaits.flat_map(|out| flow.uses(out)).filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Store { place: Place::Local(local), .. }) => Some(*local),
            _ => None,
        });
        let locals: Vec<LocalId> = kept.collect();
        let is_it = |value: ValueId| matches!(program.origin(site.body, value).0, Spot::Local(_, local) if locals.contains(&local));
        let ends = flow.nodes().any(|node| match &node.step.kind {
            StepKind::If { cond: Cond::Compare { op: Compare::Is, left, right }, then, .. } => {
                is_it(*left)
                    && program.constant_of(site.body, *right) == Some(&Const::Nothing)
                    && always_leaves(then)
                    && flow.around(node.step.id).any(|(outer, _)| {
                        matches!(outer.kind, StepKind::Loop { .. }) && flow.within(site.step, outer.id)
                    })
            }
            _ => false,
        });
        ends && !functions.iter().any(|function| takes_within(self.builder, *function, DEEP))
    }

    fn call(&mut self, site: Site) -> Option<Inflow> {
        let program = self.builder.program;
        let call = program.call(site)?;
        match &call.target {
            Target::Model(model) if receives(self.builder, site, &call, model) => return Some(Inflow::received(site)),
            Target::Model(model) if takes(model) => return None,
            Target::Functions(functions) => {
                if functions.iter().any(|function| self.receives_within(*function, DEEP)) {
                    return Some(Inflow::received(site));
                }
                let given = functions.iter().filter_map(|function| self.beyond(|it| it.result(*function))).max();
                if given.is_some() {
                    return given;
                }
            }
            _ => {}
        }
        let receiver = call.receiver.filter(|_| !matches!(call.target, Target::Functions(_)));
        self.any(site.body, call.args.iter().map(|arg| arg.value).chain(receiver))
    }

    /// Whether a function, or one that it calls, receives something.
    fn receives_within(&mut self, function: BodyRef, depth: u32) -> bool {
        if let Some(known) = self.looked.get(&function) {
            return *known;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        self.looked.insert(function, false);
        let builder = self.builder;
        let found = builder.program.flow(function).nodes().any(|node| {
            let site = Site { body: function, step: node.step.id };
            builder.program.call(site).is_some_and(|call| match &call.target {
                Target::Model(model) => receives(builder, site, &call, model),
                Target::Functions(functions) => functions.iter().any(|inner| self.receives_within(*inner, depth)),
                _ => false,
            })
        });
        self.looked.insert(function, found);
        found
    }

    /// What a function returns or yields.
    fn result(&mut self, function: BodyRef) -> Option<Inflow> {
        let flow = self.builder.program.flow(function);
        let yields = self.builder.program.body(function).yields != Yields::Never;
        let given = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Return { value } if !yields => *value,
            StepKind::Yield { value, .. } => *value,
            _ => None,
        });
        self.any(function, given.chain(flow.body.root.value).collect::<Vec<_>>())
    }

    fn local(&mut self, body: BodyRef, local: LocalId, at: Site) -> Option<Inflow> {
        let program = self.builder.program;
        let owned = program.body(body);
        match owned.locals.get(local.0 as usize).map(|local| local.origin)? {
            LocalOrigin::Captured { outer, .. } => {
                let parent = BodyRef { file: body.file, body: owned.parent? };
                self.local(parent, outer, at)
            }
            LocalOrigin::Param => self.param(body, local, at).max(self.stored(body, local)),
            LocalOrigin::Bound => self.stored(body, local).max(self.filled(body, local)),
        }
    }

    fn stored(&mut self, body: BodyRef, local: LocalId) -> Option<Inflow> {
        let flow = self.builder.program.flow(body);
        let stores = flow.stores(local).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. } | StepKind::Update { value, .. }) => Some(*value),
            _ => None,
        });
        self.any(body, stores.collect::<Vec<_>>())
    }

    /// A buffer that a call receives into.
    fn filled(&mut self, body: BodyRef, local: LocalId) -> Option<Inflow> {
        let flow = self.builder.program.flow(body);
        let mut values: Vec<ValueId> = flow.reads(local).iter().filter_map(|id| out_of(flow.step(*id))).collect();
        let views = values.iter().flat_map(|value| flow.uses(*value)).filter_map(|id| match flow.step(*id) {
            step @ Some(Step { kind: StepKind::View { .. }, .. }) => out_of(step),
            _ => None,
        });
        values.extend(views.collect::<Vec<_>>());
        let uses = values.iter().flat_map(|value| flow.uses(*value).iter().map(move |id| (*value, *id)));
        let mut sites = uses.map(|(value, step)| (value, Site { body, step }));
        let receiving = sites.find(|(value, site)| {
            let Some(call) = self.builder.program.call(*site) else { return false };
            let given = call.args.iter().any(|arg| arg.value == *value);
            matches!(call.target, Target::Model(model) if given && receives(self.builder, *site, &call, model))
        });
        receiving.map(|(_, site)| Inflow::received(site))
    }

    /// What a function is given: by those who call it, or by code that was not read.
    fn param(&mut self, body: BodyRef, local: LocalId, at: Site) -> Option<Inflow> {
        let (program, rhythm) = (self.builder.program, &self.builder.rhythm);
        let kind = program.body(body).params.iter().find(|param| param.local == local)?.kind;
        if kind == ParamKind::Receiver || is_asked(&mut self.params, (body, local), self.hops) {
            return None;
        }
        let registered = rhythm.registrations(body);
        if program.is_handler(body) || registered.iter().any(|it| it.effect == Effect::CalledPerEvent) {
            return Some(Inflow::received(at));
        }
        let callers = program.calls().callers(body);
        let called_back =
            callers.is_empty() && registered.is_empty() && (rhythm.is_handed(body) || overrides(self.builder, body));
        if called_back {
            return Some(Inflow { how: How::Handed, at });
        }
        callers
            .iter()
            .take(CALLERS)
            .filter(|site| self.builder.setting(site.body) == self.builder.setting(body))
            .filter_map(|site| self.beyond(|it| it.any(site.body, program.args_bound_to(*site, body, local))))
            .max()
    }
}

/// Whether something was asked about before with as many calls left to go through; notes that it now is.
fn is_asked<T: std::hash::Hash + Eq>(asked: &mut FxHashMap<T, u32>, what: T, hops: u32) -> bool {
    let before = asked.entry(what).or_default();
    let known = *before > hops;
    *before = (*before).max(hops + 1);
    known
}

fn out_of(step: Option<&Step>) -> Option<ValueId> {
    match step.map(|step| &step.kind) {
        Some(StepKind::Read { out, .. } | StepKind::View { out, .. }) => Some(*out),
        _ => None,
    }
}

fn kind_of(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<Kind> {
    let ty = builder.program.type_of(body, value);
    let language = builder.program.language(body).name();
    ty.model_path().and_then(|path| builder.program.catalogue.ty(language, path))?.kind
}

fn takes(model: &CallModel) -> bool {
    model.does.values().any(|effect| matches!(effect, Effect::Take | Effect::TakeAll))
}

/// Whether a call gives what has come in from outside. What it takes from a queue was put there by the program.
fn receives(builder: &Builder<'_, '_>, site: Site, call: &Call<'_>, model: &CallModel) -> bool {
    let queue = call.receiver.is_some_and(|receiver| kind_of(builder, site.body, receiver) == Some(Kind::Queue));
    !queue && model.handles_events == HandlesEvents::Receives
}

/// Whether a function, or one that it calls, takes from a queue.
fn takes_within(builder: &Builder<'_, '_>, function: BodyRef, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    builder.program.flow(function).nodes().any(|node| {
        let site = Site { body: function, step: node.step.id };
        match builder.program.call(site).map(|call| call.target) {
            Some(Target::Model(model)) => takes(model),
            Some(Target::Functions(functions)) => {
                functions.iter().any(|inner| *inner != function && takes_within(builder, *inner, depth))
            }
            _ => false,
        }
    })
}

/// Whether a method is one that a class or trait from outside asks for: whoever calls it was not read.
fn overrides(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    let program = builder.program;
    let owned = program.body(body);
    let called_so = !program.calls().named(&owned.name).is_empty();
    if owned.kind != BodyKind::Function || owned.name.starts_with("__") || called_so {
        return false;
    }
    let blocks = &program.file(body.file).lowered.outline.impls;
    let block = blocks.iter().find(|block| block.methods.iter().any(|(_, method)| *method == body.body));
    match block {
        Some(block) => block.of.as_ref().is_some_and(|of| {
            let module = BodyRef { file: body.file, body: BodyId::MODULE };
            !matches!(program.type_from_tree(module, of), Type::Named(Head::Project(_), _))
        }),
        None => program.owner(body).is_some_and(|ty| !program.outside_bases(ty).is_empty()),
    }
}
