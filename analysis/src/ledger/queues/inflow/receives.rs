//! What receives from outside: calls that the catalogue says it of, and calls that are asked in a loop whether there is
//! something.

use unleak_catalogue::model::{CallModel, Effect, HandlesEvents, Kind};

use super::super::super::Many;
use super::super::super::builder::Builder;
use super::super::gate::always_leaves;
use super::{DEEP, Search};
use crate::program::calls::{Call, Target};
use crate::program::flow::Slot;
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{Compare, Cond, Const, Driver, LocalId, Place, StepId, StepKind, ValueId};

impl Search<'_, '_, '_> {
    /// Whether a function, or one that it calls, receives something.
    pub(super) fn receives_within(&mut self, function: BodyRef, depth: u32) -> bool {
        fact!(receives_within);
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

    /// The call in a loop that gives something once it is ready, and does not take it from a queue of the program.
    pub(super) fn polled(&self, body: BodyRef, value: ValueId) -> Option<Site> {
        fact!(polled);
        let program = self.builder.program;
        let site = program.maker(body, value)?;
        let call = program.call(site)?;
        let queue = call.receiver.is_some_and(|it| kind_of(self.builder, body, it) == Some(Kind::Queue));
        let comes_in = match &call.target {
            Target::External(_) | Target::Unknown => true,
            Target::Functions(functions) => !functions.iter().all(|it| takes_within(self.builder, *it, DEEP)),
            Target::Model(model) => takes(model) || receives(self.builder, site, &call, model),
            Target::Construct(_) => false,
        };
        let mut around = program.flow(body).around(site.step);
        let looped = around.any(|(outer, slot)| {
            matches!(slot, Slot::LoopBody | Slot::LoopHead) && matches!(outer.kind, StepKind::Loop { .. })
        });
        (!queue && comes_in && looped).then_some(site)
    }

    /// Whether a call in a loop gives one thing after another, asked each time whether there is any, and takes none of
    /// them from a queue of the program.
    pub(super) fn polls(&self, site: Site, functions: &[BodyRef]) -> bool {
        fact!(polls);
        let program = self.builder.program;
        let flow = program.flow(site.body);
        let Some(call) = program.call(site) else { return false };
        let waited = flow.uses(call.out).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Await { out, .. }) => Some(*out),
            _ => None,
        });
        let outs: Vec<ValueId> = waited.chain([call.out]).collect();
        let kept = outs.iter().flat_map(|out| flow.uses(*out));
        let kept = kept.filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Store { place: Place::Local(local), .. }) => Some(*local),
            _ => None,
        });
        let locals: Vec<LocalId> = kept.collect();
        let in_loop = |step: StepId| {
            let mut around = flow.around(step);
            around.any(|(outer, _)| {
                matches!(outer.kind, StepKind::Loop { driver: Driver::While { .. } | Driver::Forever, .. })
                    && flow.within(site.step, outer.id)
            })
        };
        let asked = flow.nodes().any(|node| match &node.step.kind {
            StepKind::If { cond, then, .. } => {
                self.says_nothing(site.body, cond, &locals) && always_leaves(then) && in_loop(node.step.id)
            }
            _ => false,
        });
        let own = functions.iter().all(|function| takes_within(self.builder, *function, DEEP));
        asked && (functions.is_empty() || !own)
    }

    /// Whether a condition holds when there is nothing in one of these variables.
    fn says_nothing(&self, body: BodyRef, cond: &Cond, locals: &[LocalId]) -> bool {
        let program = self.builder.program;
        let is_it =
            |value: ValueId| matches!(program.origin(body, value).0, Spot::Local(_, local) if locals.contains(&local));
        match cond {
            Cond::Compare { op: Compare::Is, left, right } => {
                is_it(*left) && program.constant_of(body, *right) == Some(&Const::Nothing)
            }
            Cond::Not(inner) => matches!(&**inner, Cond::Truthy(value) if is_it(*value)),
            _ => false,
        }
    }
}

pub(super) fn kind_of(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<Kind> {
    let ty = builder.program.type_of(body, value);
    let language = builder.program.language(body).name();
    let known = match &ty {
        Type::Named(Head::Project(own), _) => builder.program.outside_bases(*own),
        other => other.model_path().cloned().into_iter().collect(),
    };
    known.iter().find_map(|path| builder.program.catalogue.ty(language, path)?.kind)
}

pub(super) fn takes(model: &CallModel) -> bool {
    fact!(takes);
    model.does.values().any(|effect| matches!(effect, Effect::Take | Effect::TakeAll))
}

/// Whether a step stands in a loop that goes on as long as something holds.
pub(super) fn is_in_loop(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(is_in_loop);
    builder.program.flow(site.body).around(site.step).any(|(outer, slot)| {
        matches!(slot, Slot::LoopBody | Slot::LoopHead)
            && matches!(outer.kind, StepKind::Loop { .. })
            && builder.program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
    })
}

/// Whether a call gives what has come in from outside. What it takes from a queue was put there by the program.
pub(super) fn receives(builder: &Builder<'_, '_>, site: Site, call: &Call<'_>, model: &CallModel) -> bool {
    fact!(receives);
    let queue = call.receiver.is_some_and(|receiver| kind_of(builder, site.body, receiver) == Some(Kind::Queue));
    !queue && model.handles_events == HandlesEvents::Receives
}

/// Whether a function, or one that it calls, takes from a queue.
fn takes_within(builder: &Builder<'_, '_>, function: BodyRef, depth: u32) -> bool {
    fact!(takes_within);
    let Some(depth) = depth.checked_sub(1) else { return false };
    builder.program.flow(function).nodes().any(|node| {
        let site = Site { body: function, step: node.step.id };
        let Some(call) = builder.program.call(site) else { return false };
        match &call.target {
            Target::Model(model) => {
                let of = call.receiver.and_then(|receiver| kind_of(builder, function, receiver));
                takes(model) && of == Some(Kind::Queue)
            }
            Target::Functions(functions) => {
                functions.iter().any(|inner| *inner != function && takes_within(builder, *inner, depth))
            }
            _ => false,
        }
    })
}
