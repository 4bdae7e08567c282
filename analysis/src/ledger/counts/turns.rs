//! Compound steps that are left or turned again: loops, `try`, scopes.

use super::aim::Aim;
use super::leave::{How, Leave, Thrown, catches};
use super::walk::{Exits, Path, Walk, distinct, merged};
use crate::ledger::Leaving;
use crate::program::flow::Slot;
use crate::program::{BodyRef, Site};
use crate::unit::{Block, Driver, Name, ScopeItem, Step, StepKind};

impl<'a> Walk<'_, '_, 'a> {
    /// A loop that is come to: it turns once, or not at all.
    pub(super) fn looped(&mut self, aim: &Aim, site: Site, step: &'a Step, path: Path) -> Exits {
        let StepKind::Loop { driver, body: turn, otherwise } = &step.kind else { return Exits::on(path) };
        let body = site.body;
        let mut exits = Exits::default();
        if self.risk.loop_waits(driver) {
            exits.leaves.push(Leave {
                how: How::Throw(Thrown::Stop),
                kind: Leaving::Cancelled,
                site,
                path: path.clone(),
            });
        }
        let mut starts = vec![path];
        if let Driver::While(head) = driver {
            let head = self.block(aim, body, &head.block, 0, starts);
            exits.leaves.extend(head.leaves);
            starts = head.normal;
        }
        let ends_before = self.found.ends.len();
        let turned = self.block(aim, body, turn, 0, starts.clone());
        let lowers = self.found.ends.len() > ends_before;
        let (broken, again, others) = sorted(turned, turn.label.as_deref());
        exits.leaves.extend(others);
        exits.normal.extend(broken);
        let mut ended = again;
        if !lowers {
            ended.extend(starts);
        }
        if !self.risk.is_endless(body, driver) {
            exits.add(self.block(aim, body, otherwise, 0, merged(ended)));
        }
        exits.normal = merged(exits.normal);
        exits
    }

    /// What becomes of paths that come to the end of a part of a compound step.
    pub(super) fn wrap(&mut self, aim: &Aim, body: BodyRef, outer: &'a Step, slot: Slot, exits: Exits) -> Exits {
        match &outer.kind {
            StepKind::Loop { driver, body: turn, otherwise } if slot == Slot::LoopBody => {
                self.turned(aim, Site { body, step: outer.id }, (driver, turn, otherwise), exits)
            }
            StepKind::Loop { driver: Driver::While { .. }, body: turn, otherwise } if slot == Slot::LoopHead => {
                let mut after = Exits { normal: Vec::new(), leaves: exits.leaves };
                let turned = self.block(aim, body, turn, 0, exits.normal.clone());
                let (broken, again, others) = sorted(turned, turn.label.as_deref());
                after.leaves.extend(others);
                after.normal.extend(broken);
                let ended = again.into_iter().chain(exits.normal).collect();
                after.add(self.block(aim, body, otherwise, 0, merged(ended)));
                after
            }
            StepKind::Nested { block, .. } => unlabelled(exits, block.label.as_deref()),
            StepKind::Try { .. } => self.after_try(aim, body, outer, slot, exits),
            StepKind::Scope { items, .. } => self.after_scope(aim, Site { body, step: outer.id }, items, exits),
            _ => exits,
        }
    }

    /// The turn of a loop in which the count went up is over.
    fn turned(
        &mut self,
        aim: &Aim,
        looping: Site,
        (driver, turn, otherwise): (&'a Driver, &'a Block, &'a Block),
        exits: Exits,
    ) -> Exits {
        let (body, label) = (looping.body, turn.label.as_deref());
        let continued: Vec<(Leaving, Site)> = exits
            .leaves
            .iter()
            .filter(|leave| is_continue(&leave.how, label))
            .map(|leave| (leave.kind, leave.site))
            .collect();
        let (broken, again, others) = sorted(exits, label);
        let mut after = Exits { normal: broken, leaves: others };
        if again.is_empty() {
            return after;
        }
        for path in &again {
            let site = continued.first().map_or(looping, |(_, site)| *site);
            let at = if self.program.flow(body).within(self.start.step, looping.step) { site } else { looping };
            self.out(Leave { how: How::Return, kind: Leaving::Break, site: at, path: path.clone() });
        }
        let round: Vec<Path> = merged(again.into_iter().map(|path| Path { round: true, ..path }).collect());
        let outs = self.found.outs.len();
        let second = self.block(aim, body, turn, 0, round.clone());
        let (broken, again, others) = sorted(second, label);
        after.normal.extend(broken);
        after.leaves.extend(others);
        // What the second turn adds says nothing that the first did not.
        self.found.outs.truncate(outs);
        if !self.risk.is_endless(body, driver) {
            let ended = round.into_iter().chain(again).collect();
            after.add(self.block(aim, body, otherwise, 0, merged(ended)));
        }
        after
    }

    fn after_try(&mut self, aim: &Aim, body: BodyRef, outer: &'a Step, slot: Slot, exits: Exits) -> Exits {
        let StepKind::Try { handlers, otherwise, finally, .. } = &outer.kind else { return exits };
        if slot == Slot::Finally {
            return exits;
        }
        let mut before = exits;
        if slot == Slot::TryBody {
            let done = self.block(aim, body, otherwise, 0, std::mem::take(&mut before.normal));
            let mut passing = Vec::new();
            for leave in std::mem::take(&mut before.leaves) {
                let How::Throw(thrown) = &leave.how else {
                    passing.push(leave);
                    continue;
                };
                let mut escapes = true;
                for handler in handlers {
                    let sure = match catches(self.program, body, &handler.catches, thrown) {
                        None => continue,
                        Some(sure) => sure,
                    };
                    let handling = Some(thrown.clone());
                    let path = Path { handling, ..leave.path.clone() };
                    let handled = self.block(aim, body, &handler.body, 0, vec![path]);
                    before.add(handled);
                    if sure {
                        escapes = false;
                        break;
                    }
                }
                if escapes {
                    passing.push(leave);
                }
            }
            before.leaves.extend(passing);
            before.add(done);
        }
        self.finally(aim, body, finally, before)
    }

    fn finally(&mut self, aim: &Aim, body: BodyRef, finally: &'a Block, before: Exits) -> Exits {
        if finally.steps.is_empty() {
            return before;
        }
        let mut after = self.block(aim, body, finally, 0, merged(before.normal));
        for leave in distinct(before.leaves) {
            let done = self.block(aim, body, finally, 0, vec![leave.path.clone()]);
            after.leaves.extend(done.leaves);
            after.leaves.extend(done.normal.into_iter().map(|path| Leave { path, ..leave.clone() }));
        }
        after.leaves = distinct(after.leaves);
        after
    }

    /// A `with` scope is left, one way or another.
    fn after_scope(&mut self, aim: &Aim, site: Site, items: &'a [ScopeItem], exits: Exits) -> Exits {
        if let Some(end) = items.iter().find_map(|item| aim.lowered_by_scope(self.program, self.acts, site.body, item))
        {
            self.hand_over(end);
            return Exits::default();
        }
        let mut exits = exits;
        if items.iter().any(|item| self.risk.waits_at_exit(site.body, item))
            && let Some(path) = exits.normal.first().cloned()
        {
            exits.leaves.push(Leave { how: How::Throw(Thrown::Stop), kind: Leaving::Cancelled, site, path });
        }
        for passed_over in items.iter().filter_map(|item| self.risk.passed_over(site.body, item)) {
            for leave in std::mem::take(&mut exits.leaves) {
                let ends_here = match &leave.how {
                    How::Throw(thrown) => catches(self.program, site.body, &passed_over, thrown),
                    _ => None,
                };
                if ends_here.is_some() {
                    exits.normal.push(leave.path.clone());
                }
                if ends_here != Some(true) {
                    exits.leaves.push(leave);
                }
            }
        }
        exits.normal = merged(exits.normal);
        exits
    }
}

fn is_continue(how: &How, label: Option<&Name>) -> bool {
    matches!(how, How::Continue(None)) || matches!(how, How::Continue(Some(own)) if Some(own) == label)
}

/// The exits of a loop's turn: those that end the loop, those that turn it again, those that go further.
fn sorted(exits: Exits, label: Option<&Name>) -> (Vec<Path>, Vec<Path>, Vec<Leave>) {
    let (mut broken, mut again, mut others) = (Vec::new(), exits.normal, Vec::new());
    for leave in exits.leaves {
        match &leave.how {
            How::Break(None) => broken.push(leave.path),
            How::Break(Some(own)) if Some(own) == label => broken.push(leave.path),
            how if is_continue(how, label) => again.push(leave.path),
            _ => others.push(leave),
        }
    }
    (merged(broken), merged(again), others)
}

/// A labelled block: a `break` to its label ends it.
pub(super) fn unlabelled(exits: Exits, label: Option<&Name>) -> Exits {
    let mut after = Exits { normal: exits.normal, leaves: Vec::new() };
    for leave in exits.leaves {
        match &leave.how {
            How::Break(Some(own)) if Some(own) == label => after.normal.push(leave.path),
            _ => after.leaves.push(leave),
        }
    }
    after
}
