//! Tasks and threads: who keeps them, and what ends them.

mod at_once;
mod births;
mod circle;
mod excuses;
mod fate;
mod left_early;
pub(super) mod limits;
mod lingers;
mod losses;
pub(super) mod named;
mod peers;
mod program_wide;
mod started;
pub(super) mod told;
mod verdict;
mod work;

use rustc_hash::FxHashSet;

use super::builder::Builder;
use crate::program::Site;

/// How many wrappers deep a handed-out task is followed.
const WRAPPERS: u32 = 8;

/// Enters every task, thread and process that the program starts, and those that its own wrappers hand out.
pub(super) fn enter(builder: &mut Builder<'_, '_>) {
    let mut waiting = births::find(builder);
    let mut handed: FxHashSet<(Site, Site)> = FxHashSet::default();
    waiting.reverse();
    while let Some(birth) = waiting.pop() {
        let fate = fate::of(builder, &birth);
        // What may have come into hands that are not seen is nobody's whom the callers do not know of.
        let kept = fate.is_kept() || !fate.resource.open.is_empty();
        let returned = fate.returned.clone();
        let id = builder.enter(fate.resource);
        if kept || returned.is_empty() || birth.depth >= WRAPPERS {
            for started in started::by_callers(builder, &birth, id) {
                builder.enter(started);
            }
            continue;
        }
        let root = birth.root.unwrap_or(birth.site);
        for (body, given) in returned {
            for next in births::handed_out(builder, &birth, id, body, given) {
                if handed.insert((root, next.site)) {
                    waiting.push(next);
                }
            }
        }
    }
}
