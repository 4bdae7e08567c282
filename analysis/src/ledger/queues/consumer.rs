//! Who empties a collection: something that runs beside those who fill it.

use rustc_hash::{FxHashMap, FxHashSet};
use unleak_catalogue::model::Effect;

use super::super::Many;
use super::super::builder::Builder;
use super::gate;
use crate::program::flow::Slot;
use crate::program::trace::{Returns, Spot, What};
use crate::program::{BodyRef, Site};
use crate::unit::StepKind;

/// How many calls up a loop is looked for.
const DEPTH: u32 = 5;
/// How many bodies may stand above an addition.
const ABOVE: usize = 400;

/// Whether an item is taken in a loop that waits, and some addition is made outside that loop's function.
pub(super) fn runs_beside(builder: &Builder<'_, '_>, take: Site, puts: &[Site]) -> bool {
    fact!(runs_beside);
    let mut loops = Loops::default();
    loops.around(builder, take, DEPTH);
    if loops.found.is_empty() {
        return false;
    }
    let mut asked = FxHashSet::default();
    puts.iter().filter(|put| asked.insert(put.body)).any(|put| {
        let above = bodies_above(builder, put.body);
        loops.found.iter().any(|home| !above.contains(home))
    })
}

/// The functions with a waiting loop in which a step runs, each the nearest on its way.
#[derive(Default)]
struct Loops {
    found: FxHashSet<BodyRef>,
    /// How many calls up were left when a step was asked about.
    asked: FxHashMap<Site, u32>,
}

impl Loops {
    fn around(&mut self, builder: &Builder<'_, '_>, site: Site, depth: u32) {
        let asked = self.asked.entry(site).or_default();
        if *asked > depth {
            return;
        }
        *asked = depth + 1;
        self.look(builder, site, depth);
    }

    fn look(&mut self, builder: &Builder<'_, '_>, site: Site, depth: u32) {
        let program = builder.program;
        let flow = program.flow(site.body);
        let looped = !gives_back(builder, site)
            && flow.around(site.step).any(|(outer, slot)| {
                matches!(outer.kind, StepKind::Loop { .. })
                    && matches!(slot, Slot::LoopBody | Slot::LoopHead)
                    && program.turns_of(Site { body: site.body, step: outer.id }) == Many::PerEvent
            });
        if looped {
            self.found.insert(site.body);
            return;
        }
        let Some(depth) = depth.checked_sub(1) else { return };
        for caller in program.calls().callers(site.body) {
            self.around(builder, *caller, depth);
        }
        for registration in builder.rhythm.registrations(site.body) {
            match registration.effect {
                Effect::Called => {
                    self.found.insert(registration.site.body);
                }
                Effect::Run | Effect::PassedThrough => self.around(builder, registration.site, depth),
                _ => {}
            }
        }
    }
}

/// Whether each item is taken where it was asked for: in no loop, after something was sent and waited for.
pub(super) fn only_answers(builder: &Builder<'_, '_>, takes: &[Site]) -> bool {
    fact!(only_answers);
    !takes.is_empty() && takes.iter().all(|take| is_answer(builder, *take))
}

fn is_answer(builder: &Builder<'_, '_>, take: Site) -> bool {
    let flow = builder.program.flow(take.body);
    let looped = flow.around(take.step).any(|(outer, _)| matches!(outer.kind, StepKind::Loop { .. }));
    let asked = flow.nodes().any(|node| match &node.step.kind {
        // What the take itself gives is awaited after it.
        StepKind::Await { .. } => node.step.id < take.step && gate::dominates(builder, node.step.id, take),
        _ => false,
    });
    asked && !looped
}

/// Whether what a step takes is returned at once: its caller is the one who takes.
fn gives_back(builder: &Builder<'_, '_>, take: Site) -> bool {
    fact!(gives_back);
    let Some(call) = builder.program.call(take) else { return false };
    let trail = builder.program.follow(Spot::Value(take.body, call.out), 0, Returns::Stop);
    trail.uses.iter().any(|used| used.what == What::Returned(take.body))
}

/// A body and those it is called from.
fn bodies_above(builder: &Builder<'_, '_>, body: BodyRef) -> FxHashSet<BodyRef> {
    let mut found = FxHashSet::default();
    let mut waiting = vec![body];
    while let Some(next) = waiting.pop() {
        if found.len() > ABOVE || !found.insert(next) {
            continue;
        }
        let callbacks = builder.rhythm.registrations(next).iter().filter(|it| it.effect == Effect::Called);
        waiting.extend(callbacks.map(|it| it.site.body));
        waiting.extend(builder.program.calls().callers(next).iter().map(|site| site.body));
    }
    found
}
