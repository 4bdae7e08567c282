//! What goes into a queue and comes out of it: where, and how often.

use rustc_hash::FxHashSet;
use unleak_catalogue::model::{Effect, Kind};
use unleak_catalogue::subject::Subject;

use super::super::Many;
use super::super::builder::Builder;
use super::consumer;
use super::often::{handed, is_work_for_others, relative};
use super::resets;
use crate::program::flow::Slot;
use crate::program::trace::{KEPT_OUTSIDE, Looseness, Reason, SENT, Spot, Trail, UNMODELLED, Use, What};
use crate::program::{BodyRef, Def, Site, TypeKey};
use crate::unit::{BodyKind, Const, Item, LocalId, Name, ParamKind, Place, StepKind, ValueId};

/// Why it is not known how often something is added.
const HOW_OFTEN: Reason = "filled by a closure that was handed to code that was not read";

/// An addition.
#[derive(Clone, Debug)]
pub(super) struct Put {
    /// Where.
    pub(super) site: Site,
    /// How often in the life of the queue.
    pub(super) many: Many,
    /// What.
    pub(super) adds: Adds,
    /// Whether it is called here.
    pub(super) way: Way,
}

/// How a method that adds comes to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Here.
    Called,
    /// By those it is handed on to.
    HandedOn,
}

/// What is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adds {
    /// Always the same: a signal to start or to stop.
    Signal,
    /// Something else each time.
    Items,
}

/// All that is done with a queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    /// Where something is added, and how that is called.
    added: Vec<(Site, Way)>,
    /// Additions, once they are counted.
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
    /// Where it is closed.
    pub(super) closes: Vec<Site>,
    /// For a collection, whose truth tells whether anything is in it: the variables and fields it is in.
    pub(super) homes: Vec<Spot>,
    /// Every place it is in.
    own: FxHashSet<Spot>,
    /// Where it goes that cannot be seen.
    pub(super) open: Vec<(Reason, Site)>,
}

impl Traffic {
    /// Sorts the uses of a queue, and counts what is added.
    pub(super) fn of(builder: &Builder<'_, '_>, birth: Site, trail: &Trail<'_>, kind: Kind, made: &[Name]) -> Traffic {
        let mut traffic = Traffic::seen(builder, birth, trail, kind, made);
        traffic.count(builder, birth);
        traffic
    }

    /// Sorts the uses of a queue; how often something is added stays open. `made` are the types it is one of, for methods
    /// called on something whose type is not known but which the way from its birth shows to be the queue.
    pub(super) fn seen(
        builder: &Builder<'_, '_>,
        birth: Site,
        trail: &Trail<'_>,
        kind: Kind,
        made: &[Name],
    ) -> Traffic {
        let mut traffic = Traffic { own: trail.own.clone(), ..Traffic::default() };
        if kind == Kind::Collection {
            traffic.homes = trail.own.iter().filter(|spot| !matches!(spot, Spot::Value(..))).cloned().collect();
        }
        let certain = |used: &&Use<'_>| kind == Kind::Queue || used.loose == Looseness::Exact;
        let own_line = |used: &&Use<'_>| !of_another_line(builder, birth, used.site);
        for used in trail.uses.iter().filter(|used| used.depth == 0).filter(certain).filter(own_line) {
            match &used.what {
                What::Effect(effect, _) => traffic.effect(builder, used.site, *effect),
                // Going over a collection takes nothing out of it.
                What::Iterated if kind == Kind::Queue => traffic.take(used.site),
                What::Tested if resets::deletes_part(builder, used.site) => {
                    match resets::keeps_a_few(builder, used.site) {
                        true => traffic.trims.push(used.site),
                        false => traffic.take(used.site),
                    }
                }
                What::MethodHanded(model)
                    if model.does.values().any(|effect| matches!(effect, Effect::Put | Effect::TryPut)) =>
                {
                    traffic.add(used.site, Way::HandedOn);
                }
                What::Unknown(UNMODELLED) => match method_of(builder, used.site, made) {
                    Some(effect) => traffic.effect(builder, used.site, effect),
                    None => traffic.open.push((UNMODELLED, used.site)),
                },
                What::Unknown(KEPT_OUTSIDE) | What::Element(_) if resets::fills_argument(builder, used.site) => {
                    traffic.add(used.site, Way::Called);
                }
                What::Unknown(reason) if *reason != SENT => traffic.open.push((reason, used.site)),
                _ => {}
            }
        }
        resets::note(builder, birth, trail, &mut traffic);
        traffic
    }

    fn effect(&mut self, builder: &Builder<'_, '_>, site: Site, effect: Effect) {
        match effect {
            Effect::Put | Effect::TryPut => self.add(site, Way::Called),
            Effect::Take | Effect::TakeAll => self.take(site),
            Effect::Remove => match removal(builder, site) {
                Some(End::Front) => self.take(site),
                Some(End::Back) => self.backs.push(site),
                None => {}
            },
            Effect::Trim => self.trims.push(site),
            Effect::Measured => self.measures.push(site),
            Effect::Joined => self.joins.push(site),
            Effect::Closed => self.closes.push(site),
            _ => {}
        }
    }

    fn take(&mut self, site: Site) {
        if !self.takes.contains(&site) {
            self.takes.push(site);
        }
    }

    /// Notes an addition.
    pub(super) fn add(&mut self, site: Site, way: Way) {
        if way == Way::HandedOn || self.added.iter().all(|(added, _)| *added != site) {
            self.added.push((site, way));
        }
    }

    /// Counts how often each addition is made. That looks far up the callers, so it is the last to be asked.
    pub(super) fn count(&mut self, builder: &Builder<'_, '_>, birth: Site) {
        for (site, way) in std::mem::take(&mut self.added) {
            match way {
                Way::Called => self.put(builder, birth, site),
                Way::HandedOn => {
                    let many = handed(builder, birth, site, &self.own);
                    self.puts.push(Put { site, many, adds: Adds::Items, way });
                }
            }
        }
    }

    fn put(&mut self, builder: &Builder<'_, '_>, birth: Site, site: Site) {
        let mut many = relative(builder, birth, site, &self.own);
        if many == Many::Unknown && is_work_for_others(builder, site.body) {
            self.open.push((HOW_OFTEN, site));
            many = Many::Once;
        }
        let adds = if is_signal(builder, site) { Adds::Signal } else { Adds::Items };
        if many == Many::Unknown && adds == Adds::Signal {
            many = Many::Once;
        }
        self.puts.push(Put { site, many, adds, way: Way::Called });
    }

    /// The additions that count: a signal beside items is the last of them.
    pub(super) fn items(&self) -> impl Iterator<Item = &Put> {
        let mixed = self.puts.iter().any(|put| put.adds == Adds::Items);
        self.puts.iter().filter(move |put| !mixed || put.adds == Adds::Items)
    }

    /// The types in whose fields it is.
    pub(super) fn owners(&self) -> impl Iterator<Item = TypeKey> + '_ {
        let mut owners: Vec<TypeKey> = self
            .own
            .iter()
            .filter_map(|spot| match spot {
                Spot::Field(ty, _) => Some(*ty),
                _ => None,
            })
            .collect();
        owners.sort();
        owners.dedup();
        owners.into_iter()
    }

    /// Whether what is taken out is put back right away: a ring that is gone round.
    pub(super) fn goes_round(&self, builder: &Builder<'_, '_>) -> bool {
        fact!(goes_round);
        self.takes.iter().any(|take| {
            let flow = builder.program.flow(take.body);
            let here = flow.node(take.step).map(|node| node.parent);
            let puts = self.puts.iter().map(|put| put.site);
            let mut beside =
                puts.filter(|put| put.body == take.body && flow.node(put.step).map(|node| node.parent) == here);
            beside.any(|put| {
                let args = builder.program.call(put).map_or(&[][..], |call| call.args);
                args.iter().any(|arg| builder.program.maker(put.body, arg.value) == Some(*take))
            })
        })
    }

    /// Whether what is put in was taken out of it before, in the same body: there are no more items than there were.
    pub(super) fn is_put_back(&self, builder: &Builder<'_, '_>, put: Site) -> bool {
        fact!(is_put_back);
        let args = builder.program.call(put).map_or(&[][..], |call| call.args);
        let makers = args.iter().filter_map(|arg| builder.program.maker(put.body, arg.value));
        makers.into_iter().any(|maker| self.takes.contains(&maker))
    }

    /// Whether something is taken from it as a consumer takes it: what is handed out and given back from the same end is
    /// a store, unless a loop that waits does so.
    pub(super) fn is_taken_from(&self, builder: &Builder<'_, '_>) -> bool {
        !self.takes.is_empty() || self.backs.iter().any(|take| in_waiting_loop(builder, *take))
    }

    /// Whether one piece of code fills it per event and another, running beside it, empties it.
    pub(super) fn is_queue(&self, builder: &Builder<'_, '_>) -> bool {
        if !self.puts.iter().any(|put| put.many == Many::PerEvent) {
            return false;
        }
        let puts: Vec<Site> = self.puts.iter().map(|put| put.site).collect();
        let consumed = || self.takes.iter().any(|take| consumer::runs_beside(builder, *take, &puts));
        // What is handed out and given back from the same end is a store; a consumer has a loop of its own.
        let popped = || {
            self.backs
                .iter()
                .any(|take| in_waiting_loop(builder, *take) && consumer::runs_beside(builder, *take, &puts))
        };
        consumed() || popped()
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
    let name = builder.program.method_name(site)?;
    let language = builder.program.language(site.body).name();
    let model = made.iter().find_map(|path| builder.program.catalogue.method(language, path, &name))?;
    Some(model.does.get(&Subject::Receiver).copied().unwrap_or(Effect::Observed))
}

/// Whether what is added is always the same: a signal to start or to stop, and no item.
fn is_signal(builder: &Builder<'_, '_>, site: Site) -> bool {
    fact!(is_signal);
    let Some(call) = builder.program.call(site) else { return false };
    !call.args.is_empty() && call.args.iter().all(|arg| is_fixed(builder, site.body, arg.value, 4))
}

fn is_fixed(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let program = builder.program;
    let flow = program.flow(body);
    let fixed = |value: ValueId| is_fixed(builder, body, value, depth);
    match flow.def(value).map(|step| &step.kind) {
        Some(StepKind::Const { .. }) => true,
        Some(StepKind::Collect { items, .. }) => items.iter().all(|item| match item {
            Item::One(value) | Item::Field(_, value) | Item::Spread(value) => fixed(*value),
            Item::Pair(key, value) => fixed(*key) && fixed(*value),
        }),
        Some(StepKind::Read { place: Place::Local(local), .. }) => match flow.stores(*local) {
            [only] => match flow.step(*only).map(|step| &step.kind) {
                Some(StepKind::Store { value, .. }) => fixed(*value),
                _ => false,
            },
            _ => false,
        },
        Some(StepKind::Read { place: Place::Global { path, .. }, .. }) => matches!(
            program.resolve_path(body, path),
            Some(Def::Variant(..) | Def::Variable { .. } | Def::External(_) | Def::Model(_))
        ),
        _ => false,
    }
}

/// Whether a step is about the own field of an object that is no relative in line of the one in which the queue is born:
/// subclasses of one base each have their own.
fn of_another_line(builder: &Builder<'_, '_>, birth: Site, site: Site) -> bool {
    fact!(of_another_line);
    let program = builder.program;
    let (Some(own), Some(other)) = (program.owner_around(birth.body), program.owner_around(site.body)) else {
        return false;
    };
    let (above, below) = (program.ancestors(own), program.ancestors(other));
    !above.contains(&other)
        && !below.contains(&own)
        && above.iter().any(|ty| below.contains(ty))
        && !program.descendants(own).iter().any(|ty| program.ancestors(*ty).contains(&other))
        && program.call(site).and_then(|call| call.receiver).is_some_and(|receiver| {
            let inherited =
                matches!(program.origin(site.body, receiver).0, Spot::Field(definer, _) if above.contains(&definer));
            inherited && is_of_self(builder, site.body, receiver)
        })
}

/// Whether a value is something of the object in whose method the code stands.
pub(super) fn is_of_self(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> bool {
    let program = builder.program;
    let mut at = Some(value);
    while let Some(value) = at {
        at = match program.flow(body).def(value).map(|step| &step.kind) {
            Some(StepKind::Read { place: Place::Field { base, .. } | Place::Index { base, .. }, .. }) => Some(*base),
            Some(StepKind::Read { place: Place::Local(local), .. }) => {
                let named = program.named_around(body);
                let own = program.body(named).params.first().filter(|param| param.kind == ParamKind::Receiver);
                let name = |body: BodyRef, local: LocalId| {
                    program.body(body).locals.get(local.0 as usize).map(|local| local.name.clone())
                };
                return own.is_some_and(|own| name(named, own.local) == name(body, *local));
            }
            _ => return false,
        };
    }
    false
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
    fact!(in_waiting_loop);
    let flow = builder.program.flow(site.body);
    flow.around(site.step).any(|(outer, slot)| {
        matches!(outer.kind, StepKind::Loop { .. })
            && matches!(slot, Slot::LoopBody | Slot::LoopHead)
            && builder.program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
    })
}
