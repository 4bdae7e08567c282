//! How often things are added, in one life of what they are added to.

use rustc_hash::{FxHashMap, FxHashSet};
use unleak_catalogue::model::{Effect, Kind};

use super::super::Many;
use super::super::builder::Builder;
use super::latch::{self, Of};
use crate::program::calls::Target;
use crate::program::flow::Slot;
use crate::program::many::often;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{BodyKind, Capture, LocalId, LocalOrigin, ParamKind, Place, StepId, StepKind, TypeTree, ValueId};

/// How many bodies are asked before the answer is "unknown".
const REACH: usize = 300;

struct Often<'b, 'p, 'a> {
    builder: &'b Builder<'p, 'a>,
    birth: Site,
    /// The places it is in: a function that is given it as an argument runs for others too.
    places: &'b FxHashSet<Spot>,
    known: FxHashMap<BodyRef, Many>,
}

/// How often a step runs in one life of what is born at `birth` and goes to these places.
pub(in crate::ledger) fn relative(
    builder: &Builder<'_, '_>,
    birth: Site,
    site: Site,
    places: &FxHashSet<Spot>,
) -> Many {
    if takes_owner(builder, birth, site) {
        return Many::Once;
    }
    Often { builder, birth, places, known: FxHashMap::default() }.of(site)
}

/// How often a body runs in one life of what is born at `birth`.
pub(in crate::ledger) fn of_body(builder: &Builder<'_, '_>, birth: Site, body: BodyRef) -> Many {
    Often { builder, birth, places: &FxHashSet::default(), known: FxHashMap::default() }.of_body(body)
}

/// How often a method runs that is handed to somebody.
pub(super) fn handed(builder: &Builder<'_, '_>, birth: Site, site: Site, places: &FxHashSet<Spot>) -> Many {
    match builder.program.call(site).map(|call| call.target) {
        Some(Target::Model(model)) => {
            let mut effects = model.does.values();
            if effects.clone().any(|effect| *effect == Effect::CalledPerEvent) {
                Many::PerEvent
            } else if effects.any(|effect| matches!(effect, Effect::CalledLater | Effect::CalledAtEnd)) {
                relative(builder, birth, site, places)
            } else {
                Many::Unknown
            }
        }
        _ => Many::Unknown,
    }
}

/// How often a step runs in its body.
#[derive(Clone, Copy, Debug)]
pub(in crate::ledger) enum Turns {
    /// So often in each life of what it adds to, however often the body runs.
    Alone(Many),
    /// So often each time the body runs.
    InEach(Many),
}

/// How often a step runs in its body, which may be the one in which what it adds to is born.
fn turns(builder: &Builder<'_, '_>, site: Site, born: Option<StepId>) -> Turns {
    let program = builder.program;
    let flow = program.flow(site.body);
    let mut many = Many::Once;
    if born.is_none() && latch::latched(builder, site).is_some_and(|latch| latch.of == Of::Itself) {
        return Turns::Alone(many);
    }
    for (outer, slot) in flow.around(site.step) {
        let looping = Site { body: site.body, step: outer.id };
        let turns = matches!(outer.kind, StepKind::Loop { .. })
            && slot == Slot::LoopBody
            && !born.is_some_and(|born| flow.within(born, outer.id));
        if !turns {
            continue;
        }
        // Each turn receives a queue of its own: how often the turns come says nothing of one of them.
        if another_each_turn(builder, site, outer.id) {
            return Turns::Alone(many);
        }
        many = often(many, program.turns_of(looping));
    }
    Turns::InEach(many)
}

impl Often<'_, '_, '_> {
    fn of(&mut self, site: Site) -> Many {
        let turns = if site.body == self.birth.body {
            turns(self.builder, site, Some(self.birth.step))
        } else {
            let known = self.builder.turns.borrow().get(&site).copied();
            known.unwrap_or_else(|| {
                let found = turns(self.builder, site, None);
                self.builder.turns.borrow_mut().insert(site, found);
                found
            })
        };
        let many = match turns {
            Turns::Alone(many) => return many,
            Turns::InEach(many) => many,
        };
        match (many, self.of_body(site.body)) {
            // A loop over something in a function of which nobody knows how often it runs.
            (Many::PerItem, Many::Unknown) => Many::Unknown,
            (many, of_body) => often(many, of_body),
        }
    }

    fn of_body(&mut self, body: BodyRef) -> Many {
        let program = self.builder.program;
        if body == self.birth.body || program.body(body).kind == BodyKind::Module {
            return Many::Once;
        }
        if let Some(known) = self.known.get(&body) {
            return *known;
        }
        if self.known.len() > REACH {
            return Many::Unknown;
        }
        // While a body is being asked about, a call from within itself adds nothing.
        self.known.insert(body, Many::Once);
        let many = self.ask(body);
        self.known.insert(body, many);
        many
    }

    /// Whether a call may be about this queue: where the function is given it, only calls that give it are.
    fn is_meant(&self, call: Site, function: BodyRef) -> bool {
        fact!(is_meant);
        let program = self.builder.program;
        let through = |local: LocalId| self.places.contains(&Spot::Local(function, local));
        if !program.body(function).params.iter().any(|param| through(param.local)) {
            return true;
        }
        program.bound_args(call, function).into_iter().any(|(value, param)| {
            through(param)
                && (self.places.contains(&Spot::Value(call.body, value))
                    || self.places.contains(&program.origin(call.body, value).0))
        })
    }

    fn ask(&mut self, body: BodyRef) -> Many {
        let program = self.builder.program;
        if once_for_each_making(self.builder, body)
            && let Some((outer, value)) = program.closure_site(body)
            && let Some(step) = program.flow(outer).def(value)
        {
            return self.of(Site { body: outer, step: step.id });
        }
        let mut all = Vec::new();
        for registration in self.builder.rhythm.registrations(body) {
            all.push(match registration.effect {
                Effect::CalledPerEvent => Many::PerEvent,
                Effect::Called => Many::PerItem,
                _ => self.of(registration.site),
            });
        }
        for site in program.calls().callers(body) {
            if site.body != body && self.is_meant(*site, body) {
                let called = self.of(*site);
                // What runs per item in a caller is not yet often for what outlives that caller.
                all.push(if called == Many::PerItem { self.of_body(site.body) } else { called });
            }
        }
        let nameless = matches!(program.body(body).kind, BodyKind::AsyncBlock | BodyKind::Closure);
        if self.builder.rhythm.escapes(body) {
            all.push(Many::Unknown);
        } else if all.is_empty() && nameless {
            if let Some((outer, value)) = program.closure_site(body)
                && let Some(step) = program.flow(outer).def(value)
            {
                all.push(self.of(Site { body: outer, step: step.id }));
            }
        } else if all.is_empty() {
            all.push(match self.builder.rhythm.of_body(program, body) {
                Many::PerEvent => Many::PerEvent,
                _ => Many::Unknown,
            });
        }
        all.into_iter().reduce(often).unwrap_or(Many::Unknown)
    }
}

/// Whether a body can run only once for each time it is made: a Rust async block, and a closure that moves a sender on
/// into what it makes.
fn once_for_each_making(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    fact!(once_for_each_making);
    let program = builder.program;
    let owned = program.body(body);
    if program.language(body) != Language::Rust {
        return false;
    }
    let sends = |local: LocalId| {
        let ty = program.type_of_local(body, local);
        let model = ty.model_path().and_then(|path| program.catalogue.ty(Language::Rust.name(), path));
        model.is_some_and(|model| matches!(model.kind, Some(Kind::Queue | Kind::Signal)))
    };
    match owned.kind {
        BodyKind::AsyncBlock => true,
        BodyKind::Closure => owned.locals.iter().zip(0u32..).any(|(local, at)| {
            let local_id = LocalId(at);
            matches!(local.origin, LocalOrigin::Captured { how: Capture::Moved, .. })
                && program.captures_of(body, local_id).iter().any(|(inner, taken)| {
                    let origin = program.body(*inner).locals.get(taken.0 as usize).map(|local| local.origin);
                    matches!(origin, Some(LocalOrigin::Captured { how: Capture::Moved, .. }))
                })
                && sends(local_id)
        }),
        _ => false,
    }
}

/// Whether nobody knows how often a closure runs that looks at nothing it is given: it was handed to code that was not read, which starts
/// work rather more often than it calls back.
pub(super) fn is_work_for_others(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    let owned = builder.program.body(body);
    let takes_nothing = || owned.params.iter().all(|param| builder.program.flow(body).reads(param.local).is_empty());
    builder.program.language(body) == Language::Rust && owned.kind == BodyKind::Closure && takes_nothing()
}

/// Whether what is added to is another one in each turn of a loop: it belongs to what the turn received or made.
fn another_each_turn(builder: &Builder<'_, '_>, site: Site, looping: StepId) -> bool {
    fact!(another_each_turn);
    let flow = builder.program.flow(site.body);
    let Some(receiver) = builder.program.call(site).and_then(|call| call.receiver) else { return false };
    let Some(local) = root(builder, site.body, receiver) else { return false };
    let stores = flow.stores(local);
    !stores.is_empty()
        && stores.iter().all(|id| {
            flow.within(*id, looping)
                && matches!(flow.step(*id).map(|step| &step.kind), Some(StepKind::Store { value, .. }) if received(builder, site.body, *value))
        })
}

/// The variable that `a.b.c` begins with.
fn root(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<LocalId> {
    let mut at = value;
    loop {
        at = match &builder.program.flow(body).def(at)?.kind {
            StepKind::Read { place: Place::Local(local), .. } => return Some(*local),
            StepKind::Read { place: Place::Field { base, .. } | Place::Deref { base }, .. } => *base,
            StepKind::View { value, .. } => *value,
            _ => return None,
        };
    }
}

/// Whether a value was just taken out of a queue, or just made.
fn received(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> bool {
    let Some(step) = builder.program.flow(body).def(value) else { return false };
    match &step.kind {
        StepKind::Await { value, .. } | StepKind::Propagate { value, .. } | StepKind::Part { of: value, .. } => {
            received(builder, body, *value)
        }
        StepKind::Call { .. } => match builder.program.call(Site { body, step: step.id }).map(|call| call.target) {
            Some(Target::Model(model)) => model.does.values().any(|effect| *effect == Effect::Take),
            Some(Target::Construct(_)) => true,
            _ => false,
        },
        _ => false,
    }
}

/// Whether an addition stands in a method that takes its owner by value: it can be called only once.
fn takes_owner(builder: &Builder<'_, '_>, birth: Site, site: Site) -> bool {
    fact!(takes_owner);
    let program = builder.program;
    let owned = program.body(site.body);
    let by_value = owned
        .params
        .first()
        .is_some_and(|own| own.kind == ParamKind::Receiver && matches!(own.ty.as_deref(), Some(TypeTree::Path { .. })));
    let flow = program.flow(site.body);
    let looped = flow.around(site.step).any(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }));
    program.language(site.body) == Language::Rust && site.body != birth.body && by_value && !looped
}
