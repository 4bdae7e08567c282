//! Counts that a function raises and hands out with what lowers them: a guard, a context manager. Each of its callers
//! holds one of its own.

use unleak_catalogue::model::{Effect, Kind};

use super::super::builder::Builder;
use super::super::tasks::limits;
use super::super::{Answer, Bound, Hold, Holder, Holding, Resource, ResourceId, Told};
use super::route::Root;
use super::{Raised, act, aim};
use crate::program::calls::Call;
use crate::program::trace::{Returns, Spot, Trail, What};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Program, Site, TypeKey};
use crate::unit::{BodyKind, StepKind};

/// Through how many functions a guard is handed on.
const HOPS: u32 = 4;

/// What lowers the count again.
enum Guard {
    /// The destructor of a type.
    Object(TypeKey),
    /// The rest of a generator.
    Rest,
    /// The leaving of a scope that an object of the type is entered as.
    Entered(TypeKey),
}

/// The counts of those that call the function in which one is raised, whose guard they get.
pub(super) fn by_callers(builder: &Builder<'_, '_>, raised: &Raised, id: ResourceId) -> Vec<Resource> {
    let program = builder.program;
    let function = raised.site.body;
    let Some(guard) = guard(program, raised) else { return Vec::new() };
    let mut all = Vec::new();
    match guard {
        Guard::Entered(ty) => {
            for &site in program.calls().constructions(ty) {
                all.extend(of_caller(builder, raised, id, &guard, (site, function)));
            }
        }
        _ => through(builder, raised, id, (&guard, function), HOPS, &mut all),
    }
    all
}

fn guard(program: &Program<'_>, raised: &Raised) -> Option<Guard> {
    let function = raised.site.body;
    let owned = program.body(function);
    if owned.kind != BodyKind::Function {
        return None;
    }
    let ends = || raised.found.ends.iter().map(|end| end.body);
    if matches!(owned.name.as_str(), "__enter__" | "__aenter__") {
        return program.owner(function).map(Guard::Entered);
    }
    let yields = program.flow(function).nodes().any(|node| matches!(node.step.kind, StepKind::Yield { .. }));
    if yields {
        return ends().any(|body| body == function).then_some(Guard::Rest);
    }
    let dropped = ends().filter(|body| program.body(*body).name == "drop").find_map(|body| program.owner(body));
    dropped.filter(|ty| program.implements(*ty, "Drop")).map(Guard::Object)
}

/// Whoever hands the guard on in turn is passed through.
fn through(
    builder: &Builder<'_, '_>,
    raised: &Raised,
    id: ResourceId,
    (guard, function): (&Guard, BodyRef),
    hops: u32,
    all: &mut Vec<Resource>,
) {
    let Some(hops) = hops.checked_sub(1) else { return };
    for &site in builder.program.calls().callers(function) {
        let Some(call) = builder.program.call(site) else { continue };
        let trail = builder.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
        let returned = trail.uses.iter().find_map(|used| match used.what {
            What::Returned(body) if body != function => Some(body),
            _ => None,
        });
        match returned.filter(|body| !builder.program.calls().callers(*body).is_empty()) {
            Some(outer) => through(builder, raised, id, (guard, outer), hops, all),
            None => all.extend(of_caller(builder, raised, id, guard, (site, function))),
        }
    }
}

fn of_caller(
    builder: &Builder<'_, '_>,
    raised: &Raised,
    id: ResourceId,
    guard: &Guard,
    (site, function): (Site, BodyRef),
) -> Option<Resource> {
    let program = builder.program;
    let call = program.call(site)?;
    let trail = program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
    if !is_held(program, guard, &call, &trail) || program.never_runs(site) {
        return None;
    }
    let inside = builder.resource(id);
    let mut resource = builder.born(Kind::Gauge, site, call.known);
    resource.made_by = Some(id);
    resource.told = Told::ByMaker;
    resource.name = Some(counted(builder, raised, site, function));
    resource.known = inside.known;
    resource.assumption = inside.assumption;
    resource.missing = inside.missing.clone();
    resource.outs = inside.outs.clone();
    let lasting = trail.spots.iter().find(|spot| matches!(spot, Spot::Field(..) | Spot::Global(..)));
    let by = lasting.map_or(Holder::Frame, |spot| builder.holder(spot));
    resource.holds.push(Hold { by, how: Holding::Strong, from: builder.at(site) });
    // A permit that is kept in one object with the guard is given back with it.
    let beside = |spot: &Spot| lasting.is_some_and(|lasting| same_object(lasting, spot));
    if let Some(fact) = limits::held(builder, site, beside) {
        resource.bound = Bound::Gate(fact);
    }
    resource.ends = inside.ends.clone();
    resource.notes.push(builder.fact("the count goes up here", raised.act.site));
    resource.leaks = inside.leaks;
    resource.open = inside.open.clone();
    let forgets = |what: &What<'_>| matches!(what, What::Effect(Effect::Forgotten, _));
    if let Some(used) = trail.uses.iter().find(|used| forgets(&used.what)).filter(|_| resource.leaks == Answer::No) {
        resource.leaks = Answer::Open;
        resource.open.push((FORGOTTEN, builder.fact(FORGOTTEN, used.site)));
    }
    Some(resource)
}

fn same_object(kept: &Spot, other: &Spot) -> bool {
    matches!((kept, other), (Spot::Field(ty, _), Spot::Field(other, _)) if ty == other)
}

/// Why a count is open whose guard is forgotten.
const FORGOTTEN: &str = "what brings it down is forgotten";

/// Whether what a call gives is the guard, or is entered as one.
fn is_held(program: &Program<'_>, guard: &Guard, call: &Call<'_>, trail: &Trail<'_>) -> bool {
    fact!(is_held);
    match guard {
        Guard::Object(ty) => contains(&program.type_of(call.body, call.out), *ty),
        Guard::Rest | Guard::Entered(_) => trail.uses.iter().any(|used| matches!(used.what, What::Entered)),
    }
}

fn contains(given: &Type, ty: TypeKey) -> bool {
    match given {
        Type::Named(Head::Project(own), _) if *own == ty => true,
        Type::Named(_, inside) | Type::Tuple(inside) => inside.iter().any(|inside| contains(inside, ty)),
        Type::Future(inside, _) => contains(inside, ty),
        _ => false,
    }
}

/// Which count a caller holds: the one it names, else the place where it is kept.
fn counted(builder: &Builder<'_, '_>, raised: &Raised, site: Site, function: BodyRef) -> String {
    let program = builder.program;
    let kept = || match raised.act.spots.first() {
        Some(spot) => builder.spot_name(spot),
        None => super::subject(builder, raised),
    };
    let Root::Local(body, param) = raised.act.route.root else { return kept() };
    if body != function {
        return kept();
    }
    let Some(&given) = program.args_bound_to(site, function, param).first() else { return kept() };
    let itself = match program.origin(site.body, given).0 {
        Spot::Local(body, local) => aim::receiver_param(program, body) == Some(local),
        _ => false,
    };
    let name = builder.written_value(site.body, given, 6);
    // A number in an object is named by the object's type: only a gauge is an object of its own.
    let number = raised.act.sort == act::Sort::Plain && !raised.act.route.steps.is_empty();
    if itself || number || name.starts_with('…') { kept() } else { name }
}
