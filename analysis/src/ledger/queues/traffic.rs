//! What goes into a queue and comes out of it: where, and how often.

use unleak_catalogue::model::Effect;

use super::super::builder::Builder;
use super::super::{Fact, Many};
use crate::program::exits::Exit;
use crate::program::flow::Slot;
use crate::program::many::often;
use crate::program::trace::{Reason, SENT, Spot, Trail, What};
use crate::program::{BodyRef, Site};
use crate::unit::{BodyKind, Const, Item, Place, Shape, StepKind};

/// An addition.
#[derive(Clone, Debug)]
pub(super) struct Put {
    /// Where.
    pub(super) site: Site,
    /// How often in the life of the queue.
    pub(super) many: Many,
}

/// All that is done with a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    /// Additions.
    pub(super) puts: Vec<Put>,
    /// Where items are taken from the front, or all at once.
    pub(super) takes: Vec<Site>,
    /// Where items over a number are thrown away.
    pub(super) trims: Vec<Site>,
    /// Where its length is asked for.
    pub(super) measures: Vec<Site>,
    /// Where it goes that cannot be seen.
    pub(super) open: Vec<(Reason, Site)>,
}

impl Traffic {
    /// Sorts the uses of a queue.
    pub(super) fn of(builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>) -> Traffic {
        let mut traffic = Traffic::default();
        for used in trail.uses.iter().filter(|used| used.depth == 0) {
            match &used.what {
                What::Effect(Effect::Put | Effect::TryPut, _) => traffic.put(builder, birth, used.site),
                What::Effect(Effect::Take | Effect::TakeAll, _) | What::Iterated => traffic.takes.push(used.site),
                What::Effect(Effect::Remove, _) if from_front(builder, used.site) => traffic.takes.push(used.site),
                What::Effect(Effect::Trim, _) => traffic.trims.push(used.site),
                What::Effect(Effect::Measured, _) => traffic.measures.push(used.site),
                What::MethodHanded(model)
                    if model.does.values().any(|effect| matches!(effect, Effect::Put | Effect::TryPut)) =>
                {
                    traffic.puts.push(Put { site: used.site, many: handed(builder, birth, used.site) });
                }
                What::Unknown(reason) if *reason != SENT => traffic.open.push((reason, used.site)),
                _ => {}
            }
        }
        traffic.resets(builder, birth, trail);
        traffic
    }

    fn put(&mut self, builder: &Builder<'_, '_>, birth: Site, site: Site) {
        self.puts.push(Put { site, many: relative(builder, birth, site) });
    }

    /// A variable or field that is given a fresh collection, or a part of itself, has been emptied.
    fn resets(&mut self, builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>) {
        for spot in &trail.spots {
            let sites: Vec<Site> = match spot {
                Spot::Field(ty, name) => builder.program.field_sites(*ty, name),
                Spot::Global(file, name) => builder.program.global_sites(*file, name).to_vec(),
                Spot::Local(body, local) => builder
                    .program
                    .flow(*body)
                    .stores(*local)
                    .iter()
                    .map(|step| Site { body: *body, step: *step })
                    .collect(),
                _ => continue,
            };
            for site in sites {
                let flow = builder.program.flow(site.body);
                let Some(StepKind::Store { value, .. }) = flow.step(site.step).map(|step| &step.kind) else { continue };
                let fresh = flow.def(*value).map(|step| step.id);
                if site.body == birth.body || fresh == Some(birth.step) {
                    continue;
                }
                match kind_of_reset(builder, site.body, *value, spot) {
                    Some(Reset::All) if !self.takes.contains(&site) => self.takes.push(site),
                    Some(Reset::Slice) if !self.trims.contains(&site) => self.trims.push(site),
                    _ => {}
                }
            }
        }
    }

    /// Whether one piece of code fills it per event and another, running beside it, empties it from the front.
    pub(super) fn is_queue(&self, builder: &Builder<'_, '_>, birth: Site) -> bool {
        let fills = self.puts.iter().any(|put| matches!(put.many, Many::PerEvent | Many::Unknown));
        let empties = self.takes.iter().any(|take| {
            let beside = self
                .puts
                .iter()
                .any(|put| top(builder, put.site.body, birth.body) != top(builder, take.body, birth.body));
            beside && waits_around(builder, *take)
        });
        fills && empties
    }

    /// Whether it is filled and emptied within one finite piece of work.
    pub(super) fn finite(&self, builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>) -> Option<Fact> {
        let local = trail.spots.iter().all(|spot| match spot {
            Spot::Value(..) | Spot::Local(..) => true,
            Spot::Field(..) | Spot::LooseField(_) | Spot::Global(..) => false,
        });
        if !local || !self.open.is_empty() {
            return None;
        }
        let here = |site: &Site| site.body == birth.body;
        let alone = self.puts.iter().all(|put| here(&put.site)) && self.takes.iter().all(here);
        let finite = self.puts.iter().all(|put| !matches!(put.many, Many::PerEvent));
        if alone && finite && !self.puts.is_empty() {
            return Some(builder.fact("filled and emptied within one function", birth));
        }
        ends_with_frame(builder, birth)
    }
}

enum Reset {
    All,
    Slice,
}

/// What giving a place this value means for the queue that was there.
fn kind_of_reset(builder: &Builder<'_, '_>, body: BodyRef, value: crate::unit::ValueId, spot: &Spot) -> Option<Reset> {
    let flow = builder.program.flow(body);
    match &flow.def(value)?.kind {
        StepKind::Collect { items, shape: Shape::List, .. } if items.is_empty() => Some(Reset::All),
        StepKind::Collect { items, .. } if items.iter().all(|item| matches!(item, Item::One(_))) => None,
        StepKind::Read { place: Place::Index { base, key: Some(_) }, .. } => {
            let (from, _) = builder.program.origin(body, *base);
            (from == *spot).then_some(Reset::Slice)
        }
        StepKind::Read { place: Place::Local(local), .. } => {
            // What is still pending goes back: the rest was taken out.
            let stores = flow.stores(*local);
            let collected = stores.iter().filter_map(|id| flow.step(*id)).any(|step| {
                matches!(&step.kind, StepKind::Store { value, .. }
                    if matches!(flow.def(*value).map(|def| &def.kind), Some(StepKind::Collect { .. })))
            });
            collected.then_some(Reset::All)
        }
        StepKind::Call { .. } => {
            let site = Site { body, step: flow.def(value)?.id };
            let call = builder.program.call(site)?;
            match call.target {
                crate::program::calls::Target::Model(model) => {
                    let collection = model
                        .birth
                        .as_ref()
                        .is_some_and(|birth| birth.kind == unleak_catalogue::model::Kind::Collection);
                    (collection && call.args.is_empty()).then_some(Reset::All)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// `pop(0)`: the removal of the first.
fn from_front(builder: &Builder<'_, '_>, site: Site) -> bool {
    let Some(call) = builder.program.call(site) else { return false };
    let first = call.args.first().and_then(|arg| builder.program.constant_of(site.body, arg.value));
    matches!(first, Some(Const::Int(0)))
}

/// The outermost function around a body that is not the birth's own: what runs beside what.
fn top(builder: &Builder<'_, '_>, body: BodyRef, birth: BodyRef) -> BodyRef {
    let mut at = body;
    while let Some(parent) = builder.program.body(at).parent {
        let parent = BodyRef { file: at.file, body: parent };
        let kind = builder.program.body(parent).kind;
        if parent == birth || matches!(kind, BodyKind::Module | BodyKind::Class) {
            break;
        }
        at = parent;
    }
    at
}

/// Whether a step stands in a loop that waits, or runs per event.
fn waits_around(builder: &Builder<'_, '_>, site: Site) -> bool {
    if matches!(builder.many(site), Many::PerEvent) {
        return true;
    }
    let flow = builder.program.flow(site.body);
    flow.around(site.step).any(|(outer, slot)| {
        matches!(outer.kind, StepKind::Loop { .. })
            && matches!(slot, Slot::LoopBody | Slot::LoopHead)
            && builder.program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
    })
}

/// How often a step runs in one life of what is born at `birth`.
fn relative(builder: &Builder<'_, '_>, birth: Site, site: Site) -> Many {
    let program = builder.program;
    let flow = program.flow(site.body);
    let mut many = Many::Once;
    for (outer, slot) in flow.around(site.step) {
        let looping = Site { body: site.body, step: outer.id };
        if matches!(outer.kind, StepKind::Loop { .. })
            && slot == Slot::LoopBody
            && !(site.body == birth.body && flow.within(birth.step, outer.id))
        {
            many = often(many, program.turns_of(looping));
        }
    }
    if site.body == birth.body || many == Many::PerEvent {
        return many;
    }
    often(many, relative_body(builder, birth, site.body, 6))
}

/// How often a body runs in one life of what is born at `birth`.
fn relative_body(builder: &Builder<'_, '_>, birth: Site, body: BodyRef, depth: u32) -> Many {
    let program = builder.program;
    let Some(depth) = depth.checked_sub(1) else { return Many::Unknown };
    if body == birth.body || program.body(body).kind == BodyKind::Module {
        return Many::Once;
    }
    let registrations = builder.rhythm.registrations(body);
    let mut all: Vec<Many> = registrations
        .iter()
        .map(|registration| match registration.effect {
            Effect::CalledPerEvent => Many::PerEvent,
            Effect::Called => Many::PerItem,
            _ => relative(builder, birth, registration.site),
        })
        .collect();
    for site in program.calls().callers(body) {
        if site.body == body {
            continue;
        }
        let flow = program.flow(site.body);
        let looped = flow.around(site.step).any(|(outer, slot)| {
            slot == Slot::LoopBody
                && matches!(outer.kind, StepKind::Loop { .. })
                && !(site.body == birth.body && flow.within(birth.step, outer.id))
                && program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
        });
        all.push(if looped { Many::PerEvent } else { relative_body(builder, birth, site.body, depth) });
    }
    let nameless = matches!(program.body(body).kind, BodyKind::AsyncBlock | BodyKind::Closure);
    if builder.rhythm.escapes(body) {
        all.push(Many::Unknown);
    } else if all.is_empty() && nameless {
        if let Some((outer, value)) = program.closure_site(body)
            && let Some(step) = program.flow(outer).def(value)
        {
            all.push(relative(builder, birth, Site { body: outer, step: step.id }));
        }
    } else if all.is_empty() {
        all.push(match builder.rhythm.of_body(program, body) {
            Many::PerEvent => Many::PerEvent,
            _ => Many::Unknown,
        });
    }
    all.into_iter().reduce(often).unwrap_or(Many::Unknown)
}

/// How often a method runs that is handed to somebody.
fn handed(builder: &Builder<'_, '_>, birth: Site, site: Site) -> Many {
    match builder.program.call(site).map(|call| call.target) {
        Some(crate::program::calls::Target::Model(model)) => {
            let mut effects = model.does.values();
            if effects.clone().any(|effect| *effect == Effect::CalledPerEvent) {
                Many::PerEvent
            } else if effects.any(|effect| matches!(effect, Effect::CalledLater | Effect::CalledAtEnd)) {
                relative(builder, birth, site)
            } else {
                Many::Unknown
            }
        }
        _ => Many::Unknown,
    }
}

/// A queue that never leaves its frame, whose producers the frame ends before it goes.
fn ends_with_frame(builder: &Builder<'_, '_>, birth: Site) -> Option<Fact> {
    let program = builder.program;
    let flow = program.flow(birth.body);
    let ended = flow.nodes().find(|node| {
        let site = Site { body: birth.body, step: node.step.id };
        let in_finally = flow.around(node.step.id).any(|(_, slot)| slot == Slot::Finally);
        let cancels = matches!(program.call(site).map(|call| call.target), Some(crate::program::calls::Target::Model(model))
            if model.does.values().any(|effect| *effect == Effect::Cancelled));
        in_finally && cancels
    })?;
    // A frame that itself goes on for ever ends nothing.
    let own = program.exit_of(birth.body);
    (!matches!(own, Exit::Never(_))).then(|| {
        builder.fact(
            "it lives no longer than this frame, which ends its producer here",
            Site { body: birth.body, step: ended.step.id },
        )
    })
}
