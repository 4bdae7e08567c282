//! What a path through a body may rely on: conditions that were met on the way, and variables with known values.

use super::route;
use crate::program::{BodyRef, Program, flow};
use crate::unit::{Block, Compare, Cond, Const, LocalId, Place, Step, StepId, StepKind, ValueId};

/// A condition that holds or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    what: String,
    truth: bool,
    locals: Vec<LocalId>,
}

/// What is known on a path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    held: Vec<Held>,
    flags: Vec<(LocalId, Flag)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    True,
    False,
    Nothing,
}

impl Known {
    /// What must hold where a step stands: the conditions around it, those whose other way leaves before it, and
    /// the variables last set before it.
    pub(super) fn before(program: &Program<'_>, body: BodyRef, step: StepId) -> Known {
        let mut known = Known::default();
        let mut at = step;
        let flow = program.flow(body);
        let mut levels = Vec::new();
        while let Some(node) = flow.node(at) {
            levels.push((node.parent, at));
            match node.parent {
                Some((parent, _)) => at = parent,
                None => break,
            }
        }
        for (parent, child) in levels.into_iter().rev() {
            if let Some((outer, slot)) = parent.and_then(|(id, slot)| flow.step(id).map(|step| (step, slot)))
                && let StepKind::If { cond, .. } = &outer.kind
            {
                known.assume(program, body, cond, slot == flow::Slot::Then);
            }
            let block = match parent {
                Some((id, slot)) => flow.step(id).and_then(|step| {
                    flow::blocks(&step.kind).into_iter().find(|(_, at)| *at == slot).map(|(block, _)| block)
                }),
                None => Some(&flow.body.root),
            };
            let Some(block) = block else { continue };
            for earlier in block.steps.iter().take_while(|step| step.id != child) {
                known.pass(program, body, earlier);
            }
        }
        known
    }

    /// A step has run as a whole.
    fn pass(&mut self, program: &Program<'_>, body: BodyRef, step: &Step) {
        if !flow::blocks(&step.kind).is_empty() {
            for inner in program.flow(body).nodes().filter(|node| program.flow(body).within(node.step.id, step.id)) {
                if let StepKind::Store { place: Place::Local(local), .. } = &inner.step.kind {
                    self.forget(*local);
                }
            }
        }
        match &step.kind {
            StepKind::Store { .. } => self.store(program, body, step),
            StepKind::If { cond, then, otherwise } if leaves(then) && otherwise.steps.is_empty() => {
                self.assume(program, body, cond, false);
            }
            _ => {}
        }
    }

    /// A variable is given a value.
    pub(super) fn store(&mut self, program: &Program<'_>, body: BodyRef, step: &Step) {
        let StepKind::Store { place: Place::Local(local), value, .. } = &step.kind else { return };
        self.forget(*local);
        let flag = match program.constant_of(body, *value) {
            Some(Const::Bool(true)) => Flag::True,
            Some(Const::Bool(false)) => Flag::False,
            Some(Const::Nothing) => Flag::Nothing,
            _ => return,
        };
        self.flags.push((*local, flag));
    }

    fn forget(&mut self, local: LocalId) {
        self.flags.retain(|(known, _)| *known != local);
        self.held.retain(|held| !held.locals.contains(&local));
    }

    /// What two paths agree on.
    pub(super) fn common(&self, other: &Known) -> Known {
        Known {
            held: self.held.iter().filter(|held| other.held.contains(held)).cloned().collect(),
            flags: self.flags.iter().filter(|flag| other.flags.contains(flag)).copied().collect(),
        }
    }

    /// A condition was met, or was not.
    pub(super) fn assume(&mut self, program: &Program<'_>, body: BodyRef, cond: &Cond, truth: bool) {
        match (cond, truth) {
            (Cond::Not(inner), _) => self.assume(program, body, inner, !truth),
            (Cond::All(parts), true) | (Cond::Any(parts), false) => {
                for part in parts {
                    self.assume(program, body, part, truth);
                }
            }
            (Cond::All(parts) | Cond::Any(parts), _) if parts.len() == 1 => {
                self.assume(program, body, &parts[0], truth)
            }
            (Cond::Truthy(_) | Cond::Compare { .. } | Cond::Matches { .. }, _) => {
                let (what, flipped) = named(program, body, cond);
                let locals = locals_of(program, body, cond);
                self.held.push(Held { what, truth: truth != flipped, locals });
            }
            _ => {}
        }
    }

    /// Whether a condition holds on this path, when that is known.
    pub(super) fn decide(&self, program: &Program<'_>, body: BodyRef, cond: &Cond) -> Option<bool> {
        fact!(decide);
        match cond {
            Cond::Not(inner) => self.decide(program, body, inner).map(|truth| !truth),
            Cond::All(parts) => {
                let all: Vec<Option<bool>> = parts.iter().map(|part| self.decide(program, body, part)).collect();
                if all.contains(&Some(false)) {
                    return Some(false);
                }
                all.iter().all(|part| *part == Some(true)).then_some(true)
            }
            Cond::Any(parts) => {
                let all: Vec<Option<bool>> = parts.iter().map(|part| self.decide(program, body, part)).collect();
                if all.contains(&Some(true)) {
                    return Some(true);
                }
                all.iter().all(|part| *part == Some(false)).then_some(false)
            }
            Cond::Unknown => None,
            _ => self.leaf(program, body, cond),
        }
    }

    fn leaf(&self, program: &Program<'_>, body: BodyRef, cond: &Cond) -> Option<bool> {
        if let Some(truth) = self.by_flag(program, body, cond) {
            return Some(truth);
        }
        let (what, flipped) = named(program, body, cond);
        if let Some(held) = self.held.iter().rev().find(|held| held.what == what) {
            return Some(held.truth != flipped);
        }
        // It equals one constant, so it equals no other.
        if let Cond::Compare { op: Compare::Equal | Compare::NotEqual, left, right } = cond
            && program.constant_of(body, *right).is_some()
        {
            let start = format!("Equal:{}:", route::word(program, body, *left));
            let other = self
                .held
                .iter()
                .any(|held| held.truth && held.what.starts_with(&start) && is_constant(&held.what[start.len()..]));
            return other.then_some(flipped);
        }
        None
    }

    fn by_flag(&self, program: &Program<'_>, body: BodyRef, cond: &Cond) -> Option<bool> {
        fact!(by_flag);
        match cond {
            Cond::Truthy(value) => match program.constant_of(body, *value) {
                Some(Const::Bool(truth)) => Some(*truth),
                Some(Const::Nothing) => Some(false),
                _ => self.flag(program, body, *value).map(|flag| flag == Flag::True),
            },
            Cond::Compare { op: op @ (Compare::Is | Compare::IsNot), left, right }
                if program.constant_of(body, *right) == Some(&Const::Nothing) =>
            {
                let is = self.flag(program, body, *left)? == Flag::Nothing;
                Some(is == (*op == Compare::Is))
            }
            _ => None,
        }
    }

    fn flag(&self, program: &Program<'_>, body: BodyRef, value: ValueId) -> Option<Flag> {
        let StepKind::Read { place: Place::Local(local), .. } = &program.flow(body).def(value)?.kind else {
            return None;
        };
        self.flags.iter().rev().find(|(known, _)| known == local).map(|(_, flag)| *flag)
    }
}

fn is_constant(word: &str) -> bool {
    fact!(is_constant);
    word.starts_with(|first: char| first == '"' || first.is_ascii_digit())
}

/// A name for a condition that is the same wherever the same is asked, and whether it asks the opposite.
fn named(program: &Program<'_>, body: BodyRef, cond: &Cond) -> (String, bool) {
    let word = |value: &ValueId| route::word(program, body, *value);
    match cond {
        Cond::Truthy(value) => (format!("truth:{}", word(value)), false),
        Cond::Compare { op, left, right } => {
            let (op, flipped) = match op {
                Compare::NotEqual => (Compare::Equal, true),
                Compare::IsNot => (Compare::Is, true),
                Compare::NotIn => (Compare::In, true),
                Compare::GreaterEqual => (Compare::Less, true),
                Compare::LessEqual => (Compare::Greater, true),
                other => (*other, false),
            };
            (format!("{op:?}:{}:{}", word(left), word(right)), flipped)
        }
        Cond::Matches { value, pattern } => (format!("match:{}:{pattern:?}", word(value)), false),
        _ => (String::new(), false),
    }
}

fn locals_of(program: &Program<'_>, body: BodyRef, cond: &Cond) -> Vec<LocalId> {
    fact!(locals_of);
    let mut waiting = flow::cond_values(cond);
    let mut found = Vec::new();
    let mut steps = 0;
    while let Some(value) = waiting.pop() {
        steps += 1;
        if steps > 40 {
            break;
        }
        let Some(step) = program.flow(body).def(value) else { continue };
        if let StepKind::Read { place: Place::Local(local), .. } = &step.kind {
            found.push(*local);
        }
        if flow::blocks(&step.kind).is_empty() {
            waiting.extend(flow::used(&step.kind));
        }
    }
    found
}

/// Whether a block never comes to its end.
fn leaves(block: &Block) -> bool {
    fact!(leaves);
    block.steps.last().is_some_and(|step| {
        matches!(
            step.kind,
            StepKind::Return { .. } | StepKind::Raise { .. } | StepKind::Break { .. } | StepKind::Continue { .. }
        )
    })
}
