//! What goes into a queue and comes out of it: where, and how often.

use unleak_catalogue::model::{Effect, Kind};
use unleak_catalogue::subject::Subject;

use super::super::Many;
use super::super::builder::Builder;
use super::consumer;
use super::often::{handed, relative};
use super::resets;
use crate::program::flow::Slot;
use crate::program::trace::{KEPT_OUTSIDE, Looseness, Reason, SENT, Trail, UNMODELLED, Use, What};
use crate::program::{BodyRef, Site};
use crate::unit::{BodyKind, Const, Name, Place, StepKind};

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
    /// Where one item is taken from the end it was added to.
    pub(super) backs: Vec<Site>,
    /// Where its being empty is waited for.
    pub(super) joins: Vec<Site>,
    /// Where its length is asked for.
    pub(super) measures: Vec<Site>,
    /// Where it goes that cannot be seen.
    pub(super) open: Vec<(Reason, Site)>,
}

impl Traffic {
    /// Sorts the uses of a queue. `made` are the types it is one of, for methods called on something whose type is not
    /// known but which the way from its birth shows to be the queue.
    pub(super) fn of(builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>, kind: Kind, made: &[Name]) -> Traffic {
        let mut traffic = Traffic::default();
        let certain = |used: &&Use<'_>| kind == Kind::Queue || used.loose == Looseness::Exact;
        for used in trail.uses.iter().filter(|used| used.depth == 0).filter(certain) {
            match &used.what {
                What::Effect(effect, _) => traffic.effect(builder, birth, used.site, *effect),
                // Going over a collection takes nothing out of it.
                What::Iterated if kind == Kind::Queue => traffic.take(used.site),
                What::Tested if resets::deletes_part(builder, used.site) => traffic.take(used.site),
                What::MethodHanded(model)
                    if model.does.values().any(|effect| matches!(effect, Effect::Put | Effect::TryPut)) =>
                {
                    traffic.puts.push(Put { site: used.site, many: handed(builder, birth, used.site) });
                }
                What::Unknown(UNMODELLED) => match method_of(builder, used.site, made) {
                    Some(effect) => traffic.effect(builder, birth, used.site, effect),
                    None => traffic.open.push((UNMODELLED, used.site)),
                },
                What::Unknown(KEPT_OUTSIDE) | What::Element(_) if resets::fills_argument(builder, used.site) => {
                    traffic.put(builder, birth, used.site);
                }
                What::Unknown(reason) if *reason != SENT => traffic.open.push((reason, used.site)),
                _ => {}
            }
        }
        resets::note(builder, birth, trail, &mut traffic);
        traffic
    }

    fn effect(&mut self, builder: &Builder<'_, '_>, birth: Site, site: Site, effect: Effect) {
        match effect {
            Effect::Put | Effect::TryPut => self.put(builder, birth, site),
            Effect::Take | Effect::TakeAll => self.take(site),
            Effect::Remove => match removal(builder, site) {
                Some(End::Front) => self.take(site),
                Some(End::Back) => self.backs.push(site),
                None => {}
            },
            Effect::Trim => self.trims.push(site),
            Effect::Measured => self.measures.push(site),
            Effect::Joined => self.joins.push(site),
            _ => {}
        }
    }

    fn take(&mut self, site: Site) {
        if !self.takes.contains(&site) {
            self.takes.push(site);
        }
    }

    /// Notes an addition.
    pub(super) fn put(&mut self, builder: &Builder<'_, '_>, birth: Site, site: Site) {
        if self.puts.iter().any(|put| put.site == site) {
            return;
        }
        self.puts.push(Put { site, many: relative(builder, birth, site) });
    }

    /// Whether one piece of code fills it per event and another, running beside it, empties it.
    pub(super) fn is_queue(&self, builder: &Builder<'_, '_>) -> bool {
        let fills = self.puts.iter().any(|put| put.many == Many::PerEvent);
        let puts: Vec<Site> = self.puts.iter().map(|put| put.site).collect();
        let consumed = self.takes.iter().any(|take| consumer::runs_beside(builder, *take, &puts));
        // What is handed out and given back from the same end is a store; a consumer has a loop of its own.
        let popped = || {
            self.backs
                .iter()
                .any(|take| in_waiting_loop(builder, *take) && consumer::runs_beside(builder, *take, &puts))
        };
        fills && (consumed || popped())
    }
}

enum End {
    Front,
    Back,
}

/// Which item a removal takes: the first (`pop(0)`), the last (`pop()`), or a named one.
fn removal(builder: &Builder<'_, '_>, site: Site) -> Option<End> {
    let call = builder.program.call(site)?;
    match call.args.first() {
        None => Some(End::Back),
        Some(arg) => {
            let first = matches!(builder.program.constant_of(site.body, arg.value), Some(Const::Int(0)));
            first.then_some(End::Front)
        }
    }
}

/// What a method of one of these types does to its receiver, by the method's name at a call.
fn method_of(builder: &Builder<'_, '_>, site: Site, made: &[Name]) -> Option<Effect> {
    let flow = builder.program.flow(site.body);
    let Some(StepKind::Call { callee, .. }) = flow.step(site.step).map(|step| &step.kind) else { return None };
    let Some(StepKind::Read { place: Place::Field { name, .. }, .. }) = flow.def(*callee).map(|step| &step.kind) else {
        return None;
    };
    let language = builder.program.language(site.body).name();
    let model = made.iter().find_map(|path| builder.program.catalogue.method(language, path, name))?;
    Some(model.does.get(&Subject::Receiver).copied().unwrap_or(Effect::Observed))
}

/// The outermost function around a body that is not the birth's own: what runs beside what.
pub(super) fn top(builder: &Builder<'_, '_>, body: BodyRef, birth: BodyRef) -> BodyRef {
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

/// Whether a step stands in a loop of its own function that waits.
fn in_waiting_loop(builder: &Builder<'_, '_>, site: Site) -> bool {
    let flow = builder.program.flow(site.body);
    flow.around(site.step).any(|(outer, slot)| {
        matches!(outer.kind, StepKind::Loop { .. })
            && matches!(slot, Slot::LoopBody | Slot::LoopHead)
            && builder.program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
    })
}
