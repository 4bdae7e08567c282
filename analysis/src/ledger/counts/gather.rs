//! Finds the steps that are about counts, without looking closely at the many numbers that nothing ever lowers.
//!
//! First what may lower a count; then what raises one of those; then what sets one of all these. Which count a step is
//! about is told by the last name on the way to it, or by the key of an element.

use rustc_hash::FxHashSet;

use super::act::{Act, Way, act_at, is_shared, way_of};
use super::route::{self, Root};
use super::signed;
use crate::program::calls::Meant;
use crate::program::flow::Sorts;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Def, Part, Program, Site};
use crate::unit::{Const, Name, Op, Place, StepKind, ValueId};

/// Every act on a count that goes down somewhere, in the order of the program.
pub(super) fn all(program: &Program<'_>) -> Vec<Act> {
    let parts = program.in_parts(|program, part| {
        let steps = Steps::of(program, part);
        let firm: Vec<Act> = steps.firm.iter().filter_map(|site| act_at(program, *site)).collect();
        (steps, firm)
    });
    let (steps, firm): (Vec<Steps>, Vec<Vec<Act>>) = parts.into_iter().unzip();
    let mut found: Vec<Act> = firm.into_iter().flatten().collect();
    let mut names = Names::default();
    for act in found.iter().filter(|act| act.way == Way::Down) {
        names.add(program, act);
    }
    let sites = |of: fn(&Steps) -> &Vec<Site>| steps.iter().flat_map(of).copied().collect::<Vec<_>>();
    let (raising, others) =
        sites(|steps| &steps.raising).into_iter().partition::<Vec<_>, _>(|site| names.may_mean(program, *site));
    let raised: Vec<Act> = raising.iter().filter_map(|site| act_at(program, *site)).collect();
    for act in raised.iter().chain(found.iter().filter(|act| matches!(act.way, Way::Up | Way::Held))) {
        names.add(program, act);
    }
    let setting = others.into_iter().chain(sites(|steps| &steps.setting)).filter(|site| names.may_mean(program, *site));
    found.extend(setting.filter_map(|site| act_at(program, site)));
    found.extend(raised);
    found.sort_by_key(|act| act.site);
    found
}

/// The steps that may be acts.
#[derive(Default)]
struct Steps {
    /// They lower a number, or are calls.
    firm: Vec<Site>,
    /// They add to a place.
    raising: Vec<Site>,
    /// They give a place a value.
    setting: Vec<Site>,
}

impl Steps {
    fn of(program: &Program<'_>, part: Part) -> Steps {
        let bearing = program.calls().bearing(part).filter(|(_, meant)| may_count(*meant));
        let mut steps = Steps { firm: bearing.map(|(site, _)| site).collect(), ..Steps::default() };
        for body in program.bodies_of(part) {
            for node in program.flow(body).nodes_of(Sorts::CALLS.or(Sorts::STORES).or(Sorts::CHANGES)) {
                let site = Site { body, step: node.step.id };
                match &node.step.kind {
                    StepKind::Update { place: Place::Local(local), .. }
                    | StepKind::Store { place: Place::Local(local), .. }
                        if !is_shared(program, body, *local) => {}
                    // A function of the program may add the number that it is given.
                    StepKind::Call { args, .. } if args.iter().any(|arg| is_number(program, body, arg.value)) => {
                        steps.firm.push(site);
                    }
                    StepKind::Update { op: Op::Subtract, .. } => steps.firm.push(site),
                    StepKind::Update { op: Op::Add, value, .. } => match is_negative(program, body, *value) {
                        true => steps.firm.push(site),
                        false => steps.raising.push(site),
                    },
                    StepKind::Store { value, .. } => match arithmetic(program, body, *value) {
                        Some(Op::Subtract) => steps.firm.push(site),
                        Some(Op::Add) if adds_negative(program, body, *value) => steps.firm.push(site),
                        Some(Op::Add) => steps.raising.push(site),
                        _ => steps.setting.push(site),
                    },
                    _ => {}
                }
            }
        }
        steps.firm.sort_unstable();
        steps.firm.dedup();
        steps
    }
}

/// Whether a call of a library may do something to a count.
fn may_count(meant: Meant<'_>) -> bool {
    matches!(meant, Meant::Model(model) if model.does.values().any(|effect| way_of(*effect).is_some()))
}

fn is_number(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    matches!(program.constant_of(body, value), Some(Const::Int(_) | Const::Float(_)))
}

/// The operator that makes a value.
fn arithmetic(program: &Program<'_>, body: BodyRef, value: ValueId) -> Option<Op> {
    match program.flow(body).def(signed::kept_up(program, body, value)).map(|step| &step.kind) {
        Some(StepKind::Operate { op, .. }) => Some(*op),
        _ => None,
    }
}

/// Whether a value is a constant below zero: adding it lowers.
fn is_negative(program: &Program<'_>, body: BodyRef, value: ValueId) -> bool {
    fact!(is_negative);
    match program.constant_of(body, value) {
        Some(Const::Int(number)) => *number < 0,
        Some(Const::Float(bits)) => f64::from_bits(*bits) < 0.0,
        _ => false,
    }
}

fn adds_negative(program: &Program<'_>, body: BodyRef, sum: ValueId) -> bool {
    fact!(adds_negative);
    match program.flow(body).def(sum).map(|step| &step.kind) {
        Some(StepKind::Operate { operands, .. }) => operands.iter().any(|part| is_negative(program, body, *part)),
        _ => false,
    }
}

/// What the counts are called that matter.
#[derive(Default)]
struct Names {
    names: FxHashSet<Name>,
    keys: FxHashSet<Name>,
}

impl Names {
    fn add(&mut self, program: &Program<'_>, act: &Act) {
        self.keys.insert(act.key.clone());
        self.names.extend(act.route.steps.last().cloned());
        if let Root::Global(_, name) = &act.route.root {
            self.names.insert(name.clone());
        }
        self.names.extend(act.spots.iter().filter_map(|spot| match spot {
            Spot::Field(_, name) | Spot::LooseField(name) | Spot::Global(_, name) => Some(name.clone()),
            Spot::Local(body, local) => {
                program.body(*body).locals.get(local.0 as usize).map(|local| local.name.clone())
            }
            Spot::Value(..) => None,
        }));
    }

    /// Whether the place a step writes may be one of these counts.
    fn may_mean(&self, program: &Program<'_>, site: Site) -> bool {
        let body = site.body;
        let place = match program.flow(body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Store { place, .. } | StepKind::Update { place, .. }) => place,
            _ => return false,
        };
        match place {
            Place::Field { name, .. } => self.names.contains(name),
            Place::Global { path, .. } => match program.resolve_path(body, path) {
                Some(Def::Variable { name, .. }) => self.names.contains(&name),
                _ => false,
            },
            Place::Index { key, .. } => self.keys.contains(&route::element(program, body, *key)),
            Place::Local(_) | Place::Deref { .. } => self.keys.contains(""),
        }
    }
}
