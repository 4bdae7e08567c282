//! The count that a walk looks for, as it is seen from the body that is walked through.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::act::{Act, Acts, Lowering, Way};
use super::route::{self, Root, Route};
use crate::program::trace::Spot;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Def, Program, Site, TypeKey};
use crate::unit::{LocalId, ParamKind, ScopeItem, StepKind, ValueId};

/// How many calls deep a decrement is looked for.
pub(super) const DEPTH: usize = 5;

/// How surely another place is the same count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sight {
    /// The way to it is known from a variable of this body.
    ByRoute,
    /// Only the field or variable it is kept in is known.
    ByPlace,
}

/// A count that went up.
#[derive(Clone, Debug)]
pub(super) struct Aim {
    /// The step that raised it.
    pub(super) raised: Rc<Act>,
    routes: Vec<Route>,
    sight: Sight,
    /// The bodies that may lower it, themselves or by what they call.
    lowering: Arc<Lowering>,
    /// Where it was looked for in vain, whoever asked.
    vain: Rc<RefCell<Tried>>,
}

/// How deep was looked for a count, as a body sees it.
type Tried = FxHashMap<(BodyRef, Sight, Vec<Route>), usize>;

impl Aim {
    /// The count of a step in its own body.
    pub(super) fn at(program: &Program<'_>, acts: &Acts, raised: &Act) -> Aim {
        let routes = match raised.route.root {
            Root::Value(..) => Vec::new(),
            _ => vec![raised.route.clone()],
        };
        let sight = if routes.is_empty() { Sight::ByPlace } else { Sight::ByRoute };
        Aim {
            raised: Rc::new(raised.clone()),
            routes,
            sight,
            lowering: acts.lowering(program, raised),
            vain: Rc::default(),
        }
    }

    /// Whether a step is about this count.
    pub(super) fn meant(&self, act: &Act) -> bool {
        let same = match self.sight {
            Sight::ByRoute => self.raised.key == act.key && self.routes.contains(&act.route),
            Sight::ByPlace => {
                self.raised.key == act.key && self.raised.spots.iter().any(|spot| act.spots.contains(spot))
            }
        };
        same && (act.way == Way::Reset || self.raised.same_amount(act))
    }

    /// The same count, as something else sees it.
    fn seen(&self, routes: Vec<Route>, sight: Sight) -> Aim {
        let (raised, lowering, vain) = (Rc::clone(&self.raised), Arc::clone(&self.lowering), Rc::clone(&self.vain));
        Aim { raised, routes, sight, lowering, vain }
    }

    /// The same count seen by code that this body knows nothing of: a destructor, a scope's exit.
    pub(super) fn seen_from_outside(&self) -> Aim {
        self.seen(Vec::new(), Sight::ByPlace)
    }

    /// The same count seen from a function that a call calls.
    pub(super) fn inside(&self, program: &Program<'_>, call: Site, function: BodyRef) -> Aim {
        match self.sight {
            Sight::ByRoute => self.bound(program, &bindings(program, call, function)),
            Sight::ByPlace => self.clone(),
        }
    }

    /// The same count seen from a function that is handed on as a value.
    pub(super) fn handed(&self, program: &Program<'_>, body: BodyRef, value: ValueId, function: BodyRef) -> Aim {
        let receiver = receiver_param(program, function);
        let on = route::of_value(program, body, value).parent();
        self.bound(program, &receiver.zip(on).map(|(param, on)| (on, function, param)).into_iter().collect::<Vec<_>>())
    }

    fn bound(&self, program: &Program<'_>, bindings: &[(Route, BodyRef, LocalId)]) -> Aim {
        let mut routes = self.routes.clone();
        for (argument, function, param) in bindings {
            for route in &self.routes {
                if let Some(rest) = route.after(argument) {
                    routes.push(Route { root: Root::Local(*function, *param), steps: rest.to_vec() });
                }
            }
        }
        let global = self.routes.iter().any(|route| matches!(route.root, Root::Global(..) | Root::Named(_)));
        let captured = bindings.is_empty() && self.routes.iter().any(|route| self.is_shared(program, route));
        let seen = routes.len() > self.routes.len() || global || captured;
        let sight = if self.sight == Sight::ByRoute && seen { Sight::ByRoute } else { Sight::ByPlace };
        self.seen(routes, sight)
    }

    /// Whether a nested function sees the variable itself.
    fn is_shared(&self, program: &Program<'_>, route: &Route) -> bool {
        matches!(&route.root, Root::Local(body, local) if !program.captures_of(*body, *local).is_empty())
    }

    /// The same count seen from the caller of a function that only raises it.
    pub(super) fn outside(&self, program: &Program<'_>, call: Site, function: BodyRef) -> Aim {
        let mut routes: Vec<Route> = Vec::new();
        for route in &self.routes {
            match &route.root {
                Root::Local(..) => {
                    for (argument, of, param) in bindings(program, call, function) {
                        if route.root == Root::Local(of, param) && !matches!(argument.root, Root::Value(..)) {
                            routes.push(argument.extended(&route.steps));
                        }
                    }
                }
                _ => routes.push(route.clone()),
            }
        }
        let sight = if routes.is_empty() { Sight::ByPlace } else { self.sight };
        self.seen(routes, sight)
    }

    /// Whether a body may lower the count, itself or less than so many calls away.
    pub(super) fn may_be_lowered_by(&self, body: BodyRef, depth: usize) -> bool {
        self.lowering.get(&body).is_some_and(|calls| *calls < depth)
    }

    /// Whether a body lowers the count anywhere, itself or by what it calls.
    pub(super) fn lowered_by(&self, program: &Program<'_>, acts: &Acts, body: BodyRef, depth: usize) -> Option<Site> {
        let mut tried = Tried::default();
        let found = self.lowered_within(program, acts, body, depth, &mut tried);
        if found.is_none() {
            let mut vain = self.vain.borrow_mut();
            for (seen, depth) in tried {
                let before = vain.entry(seen).or_default();
                *before = depth.max(*before);
            }
        }
        found
    }

    /// `tried` holds how deep was looked, so far in vain: visitors call each other in circles.
    fn lowered_within(
        &self,
        program: &Program<'_>,
        acts: &Acts,
        body: BodyRef,
        depth: usize,
        tried: &mut Tried,
    ) -> Option<Site> {
        if !self.may_be_lowered_by(body, depth) {
            return None;
        }
        let seen = (body, self.sight, self.routes_seen_from(program, body));
        let vain = self.vain.borrow().get(&seen).copied();
        if vain.max(tried.get(&seen).copied()).is_some_and(|before| before >= depth) {
            return None;
        }
        tried.insert(seen, depth);
        if self.raised_again(program, acts, body) {
            return None;
        }
        if let Some(act) = acts.of(body).iter().find(|act| matches!(act.way, Way::Down | Way::Reset) && self.meant(act))
        {
            return Some(act.site);
        }
        for node in program.flow(body).nodes() {
            if !matches!(node.step.kind, StepKind::Call { .. }) {
                continue;
            }
            let site = Site { body, step: node.step.id };
            for function in functions(program, site) {
                if function != body
                    && self.may_be_lowered_by(function, depth - 1)
                    && let Some(found) =
                        self.inside(program, site, function).lowered_within(program, acts, function, depth - 1, tried)
                {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The ways that begin at what a body knows: its own variables and those around it, and what everybody knows.
    fn routes_seen_from(&self, program: &Program<'_>, body: BodyRef) -> Vec<Route> {
        let around = std::iter::successors(Some(body), |inner| {
            program.body(*inner).parent.map(|outer| BodyRef { file: inner.file, body: outer })
        });
        let around: Vec<BodyRef> = around.collect();
        let seen = |route: &&Route| match route.root {
            Root::Local(of, _) | Root::Value(of, _) => around.contains(&of),
            Root::Global(..) | Root::Named(_) => true,
        };
        self.routes.iter().filter(seen).cloned().collect()
    }

    /// Whether a body raises the same count for itself: what it lowers is its own.
    fn raised_again(&self, program: &Program<'_>, acts: &Acts, body: BodyRef) -> bool {
        fact!(raised_again);
        let raises = |body: BodyRef| {
            acts.of(body)
                .iter()
                .any(|act| act.way == Way::Up && act.site != self.raised.site && act.same_place(&self.raised))
        };
        let helpers = program.flow(body).nodes().filter(|node| matches!(node.step.kind, StepKind::Call { .. }));
        let mut helpers = helpers.flat_map(|node| functions(program, Site { body, step: node.step.id }));
        body != self.raised.site.body
            && (raises(body) || helpers.any(|helper| helper == self.raised.site.body || raises(helper)))
    }

    /// Where dropping a value of this type lowers the count.
    pub(super) fn lowered_by_drop(&self, program: &Program<'_>, acts: &Acts, ty: &Type) -> Option<Site> {
        fact!(lowered_by_drop);
        let inner = match ty {
            Type::Named(Head::Project(key), args) => {
                let found =
                    acts.destructors(*key).iter().find_map(|drop| self.lowered_in_drop(program, acts, *key, *drop));
                return found.or_else(|| args.iter().find_map(|arg| self.lowered_by_drop(program, acts, arg)));
            }
            Type::Named(_, args) | Type::Tuple(args) => args,
            _ => return None,
        };
        inner.iter().find_map(|arg| self.lowered_by_drop(program, acts, arg))
    }

    fn lowered_in_drop(&self, program: &Program<'_>, acts: &Acts, ty: TypeKey, drop: BodyRef) -> Option<Site> {
        if let Some(found) = self.seen_from_outside().lowered_by(program, acts, drop, DEPTH) {
            return Some(found);
        }
        // A destructor that calls what it was given does what that does.
        let calls_field = program.flow(drop).nodes().any(|node| {
            matches!(&node.step.kind, StepKind::Call { callee, .. }
                if matches!(program.origin(drop, *callee).0, Spot::Field(of, _) if of == ty))
        });
        if !calls_field {
            return None;
        }
        for site in program.calls().constructions(ty) {
            let Some(call) = program.call(*site) else { continue };
            for arg in call.args {
                if let Type::Closure(function) = program.type_of(site.body, arg.value)
                    && let Some(found) = self.seen_from_outside().lowered_by(program, acts, function, DEPTH)
                {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Where leaving a `with` scope lowers the count.
    pub(super) fn lowered_by_scope(
        &self,
        program: &Program<'_>,
        acts: &Acts,
        body: BodyRef,
        item: &ScopeItem,
    ) -> Option<Site> {
        fact!(lowered_by_scope);
        if let Some(step) = program.flow(body).def(item.context) {
            let site = Site { body, step: step.id };
            for function in functions(program, site) {
                if program.body(function).yields == crate::unit::Yields::Generator
                    && let Some(found) = self.inside(program, site, function).lowered_by(program, acts, function, DEPTH)
                {
                    return Some(found);
                }
            }
        }
        let Type::Named(Head::Project(ty), _) = program.type_of(body, item.context) else { return None };
        program.scope_exits(ty).into_iter().find_map(|exit| {
            let param = receiver_param(program, exit)?;
            let on = route::of_value(program, body, item.context);
            self.bound(program, &[(on, exit, param)]).lowered_by(program, acts, exit, DEPTH)
        })
    }
}

/// What runs when a scope is left that this body enters.
pub(super) fn exits_for(program: &Program<'_>, body: BodyRef) -> Vec<BodyRef> {
    let partner = match program.body(body).name.as_str() {
        "__enter__" => "__exit__",
        "__aenter__" => "__aexit__",
        _ => return Vec::new(),
    };
    program.owner(body).map(|ty| program.methods(ty, partner)).unwrap_or_default()
}

/// The functions of the program that a call calls.
pub(super) fn functions(program: &Program<'_>, site: Site) -> Vec<BodyRef> {
    match program.call(site).map(|call| call.target) {
        Some(crate::program::calls::Target::Functions(found)) => found,
        Some(crate::program::calls::Target::Construct(ty)) => program.methods(ty, "__init__"),
        _ => Vec::new(),
    }
}

/// The function of the program that a value is.
pub(super) fn function_value(program: &Program<'_>, body: BodyRef, value: ValueId) -> Option<BodyRef> {
    match program.type_of(body, value) {
        Type::Closure(function) | Type::Def(Def::Function(function)) => Some(function),
        _ => None,
    }
}

/// The seen count of a method begins with its receiver, whatever the count is called there.
pub(super) fn receiver_param(program: &Program<'_>, function: BodyRef) -> Option<LocalId> {
    program.body(function).params.first().filter(|param| param.kind == ParamKind::Receiver).map(|param| param.local)
}

/// Which ways become which parameters, bound methods in variables included.
fn bindings(program: &Program<'_>, call: Site, function: BodyRef) -> Vec<(Route, BodyRef, LocalId)> {
    let mut found: Vec<(Route, BodyRef, LocalId)> = program
        .bound_args(call, function)
        .into_iter()
        .map(|(value, param)| (route::of_value(program, call.body, value), function, param))
        .collect();
    if let Some(param) = receiver_param(program, function)
        && !found.iter().any(|(_, _, bound)| *bound == param)
        && let Some(StepKind::Call { callee, .. }) = program.flow(call.body).step(call.step).map(|step| &step.kind)
        && let Some(on) = route::of_value(program, call.body, *callee).parent()
    {
        found.push((on, function, param));
    }
    found
}
