//! Ways out of a coroutine on which a task that it means to end is left to go on alone: what stands before fails, or is
//! cancelled.

use unleak_catalogue::model::{Effect, Kind};
use unleak_catalogue::subject::Subject;

use super::super::builder::Builder;
use super::super::{Answer, Ending, Holder, Holding, Resource};
use super::births::Birth;
use crate::program::Site;
use crate::program::flow::Slot;
use crate::program::trace::{Trail, Use, What};
use crate::source::Language;
use crate::unit::{Colour, StepId};

/// Why a task in Python is open that is ended where all goes well.
const LEFT_EARLY: &str = "it is ended further down, and not where what stands before fails or is cancelled";

/// Opens what is right only where nothing between its start and its end fails or is cancelled.
pub(super) fn open<'a>(builder: &Builder<'_, 'a>, resource: &mut Resource, birth: &Birth<'a>, trail: &Trail<'a>) {
    let held = resource.holds.iter().any(|hold| hold.how == Holding::Strong && hold.by != Holder::LastingFrame);
    let told = resource.ends.iter().any(|end| matches!(end.how, Ending::Told | Ending::ByItself | Ending::ScopeExit));
    if resource.leaks != Answer::No || held || told || !resource.open.is_empty() {
        return;
    }
    if let Some(site) = left_at(builder, birth, trail) {
        resource.leaks = Answer::Open;
        resource.open.push((LEFT_EARLY, builder.fact(LEFT_EARLY, site)));
    }
}

/// The first step between the start of a task and its end that waits for something else, outside of what would end the task
/// on the way out.
fn left_at<'a>(builder: &Builder<'_, 'a>, birth: &Birth<'a>, trail: &Trail<'a>) -> Option<Site> {
    fact!(left_at);
    let program = builder.program;
    let body = birth.site.body;
    let owned = program.body(body);
    if birth.kind != Kind::Task || program.language(body) != Language::Python || owned.colour != Colour::Async {
        return None;
    }
    let enders: Vec<Site> = trail.uses.iter().filter(|used| ends(used)).map(|used| used.site).collect();
    let flow = program.flow(body);
    let looked_after = |site: &Site| {
        site.body != body || flow.around(site.step).any(|(_, slot)| matches!(slot, Slot::Finally | Slot::Handler(_)))
    };
    if enders.iter().any(looked_after) {
        return None;
    }
    let first = enders.iter().map(|site| site.step).filter(|step| *step > birth.site.step).min()?;
    let between = |step: StepId| step > birth.site.step && step < first;
    let mut waiting = flow.nodes().filter(|node| between(node.step.id) && node.step.kind.waits());
    waiting.next().map(|node| Site { body, step: node.step.id })
}

/// Whether a use of a task's handle ends it, or waits for its end.
fn ends(used: &Use<'_>) -> bool {
    match &used.what {
        What::Await | What::Raced | What::Entered => true,
        What::Effect(Effect::AwaitedInPart, model) => model.does.contains_key(&Subject::Receiver),
        What::Effect(effect, _) => {
            matches!(effect, Effect::Awaited | Effect::Joined | Effect::Cancelled | Effect::Closed)
        }
        _ => false,
    }
}
