//! Where what goes into a queue comes from. Nobody here sets the pace of what the outside sends; what the program makes
//! for itself comes as fast as the program is, and a few control messages are no flood.

mod commands;
mod handed;
mod receives;

use rustc_hash::FxHashMap;
use unleak_catalogue::model::Kind;

use super::super::Many;
use super::super::builder::Builder;
use super::traffic::{Put, Traffic, Way};
use crate::program::calls::Target;
use crate::program::{BodyRef, Site};
use crate::source::Language;
use crate::unit::{Arg, Driver, Item, LocalId, LocalOrigin, Part, Place, Step, StepKind, ValueId, Yields};
use receives::{is_in_loop, kind_of, receives, takes};

/// How many values are asked before the answer is "not from outside, as far as is seen".
const REACH: usize = 400;
/// How many of them one after another.
const DEPTH: u32 = 100;
/// How many calls deep a function is looked through for one that receives.
const DEEP: u32 = 3;
/// Through how many calls, up to callers or down to results, an item is followed back: what comes from further off has
/// seldom come that way.
const HOPS: u32 = 5;
/// The same for a list or deque.
const HOPS_OF_COLLECTION: u32 = 2;
/// How many of them may be down to results.
const RESULTS: u32 = 2;
/// How many steps back a stream is looked at to see who makes it.
const MADE: u32 = 4;
/// How many callers of a function are asked what they give it.
const CALLERS: usize = 24;

/// Over how many calls what a handler is given is still the item that is added.
const REACH_OF_HANDLER: u32 = 2;
/// The same in Rust for what is received at all: what goes through more hands has become a command of the program's own.
const REACH_IN_RUST: u32 = 1;

/// How what is added comes in from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// Code that was not read calls with it, nobody knows how often.
    Handed,
    /// Something is received that may lead to what is added, and seldom is it.
    FarOff,
    /// It is received, or is what a handler of events is given.
    Received,
}

impl How {
    /// How it reads in a report.
    pub(super) fn text(self) -> &'static str {
        match self {
            How::Handed => "what goes into it is handed in here, by code that was not read",
            How::FarOff => "what goes into it may come in here",
            How::Received => "what goes into it comes in here, as fast as it is sent",
        }
    }
}

/// What comes in from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Inflow {
    /// How.
    pub(super) how: How,
    /// The step that receives it, or that uses what the function it stands in is given.
    pub(super) at: Site,
}

/// Whether what an addition adds comes in from outside, and how.
pub(super) fn of(builder: &Builder<'_, '_>, put: &Put, traffic: &Traffic) -> Option<Inflow> {
    let mut search = Search {
        builder,
        seen: FxHashMap::default(),
        params: FxHashMap::default(),
        depth: 0,
        // What looks like a queue only may be anything: what it holds must come in near by.
        hops: if traffic.homes.is_empty() { HOPS } else { HOPS_OF_COLLECTION },
        away: 0,
        reach: match builder.program.language(put.site.body) {
            _ if !traffic.homes.is_empty() => 0,
            Language::Rust => REACH_IN_RUST,
            Language::Python => HOPS,
        },
        results: RESULTS,
        looked: FxHashMap::default(),
    };
    if commands::is_command(builder, put.site) {
        return None;
    }
    let found = match put.way {
        Way::HandedOn => search.handed_on(put.site)?,
        Way::Called => {
            added(builder, put.site).into_iter().filter_map(|value| search.value(put.site.body, value)).max()?
        }
    };
    Some(if put.many == Many::PerEvent { found } else { Inflow { how: How::Handed, ..found } })
}

/// What a step adds.
fn added(builder: &Builder<'_, '_>, site: Site) -> Vec<ValueId> {
    match builder.program.flow(site.body).step(site.step).map(|step| &step.kind) {
        Some(StepKind::Call { args, .. }) => args.iter().map(|arg| arg.value).collect(),
        Some(StepKind::Update { value, .. } | StepKind::Store { value, .. }) => vec![*value],
        _ => Vec::new(),
    }
}

struct Search<'b, 'p, 'a> {
    builder: &'b Builder<'p, 'a>,
    seen: FxHashMap<(BodyRef, ValueId), u32>,
    params: FxHashMap<(BodyRef, LocalId), u32>,
    /// How many values lie between the item and the one that is looked at.
    depth: u32,
    /// How many calls are left to go through.
    hops: u32,
    /// How many it went through.
    away: u32,
    /// Through how many what is received is still what is added.
    reach: u32,
    /// How many results of functions are left to look at.
    results: u32,
    /// The functions that were looked through for a call that receives.
    looked: FxHashMap<BodyRef, bool>,
}

impl Search<'_, '_, '_> {
    fn value(&mut self, body: BodyRef, value: ValueId) -> Option<Inflow> {
        if self.seen.len() > REACH || self.depth > DEPTH || is_asked(&mut self.seen, (body, value), self.hops) {
            return None;
        }
        self.depth += 1;
        let found = self.look(body, value);
        self.depth -= 1;
        found
    }

    fn look(&mut self, body: BodyRef, value: ValueId) -> Option<Inflow> {
        let step = self.builder.program.flow(body).def(value)?;
        match &step.kind {
            StepKind::Read { place: Place::Local(local), .. } => self.local(body, *local, Site { body, step: step.id }),
            StepKind::Read {
                place: Place::Field { base, .. } | Place::Index { base, .. } | Place::Deref { base },
                ..
            } => self.value(body, *base),
            // A failure is no item of what is received.
            StepKind::Part { part: Part::Variant(path, _), .. } if path.last().is_some_and(|last| last == "Err") => {
                None
            }
            StepKind::Part { part: Part::Variant(path, _), of, .. }
                if path.last().is_some_and(|last| last == "Ready") =>
            {
                self.polled(body, *of).map(|at| self.led_to(at)).or_else(|| self.value(body, *of))
            }
            StepKind::View { value, .. } | StepKind::Propagate { value, .. } | StepKind::Part { of: value, .. } => {
                self.value(body, *value)
            }
            StepKind::Await { value, .. } => self.awaited(body, *value),
            StepKind::Call { .. } => self.call(Site { body, step: step.id }),
            StepKind::Collect { items, .. } => {
                let parts = items.iter().flat_map(|item| match item {
                    Item::One(value) | Item::Field(_, value) | Item::Spread(value) => vec![*value],
                    Item::Pair(key, value) => vec![*key, *value],
                });
                self.any(body, parts)
            }
            StepKind::Join { from, .. } => self.any(body, from.iter().copied()),
            StepKind::Operate { operands, .. } => self.any(body, operands.iter().copied()),
            StepKind::Format { parts, .. } => self.any(body, parts.iter().copied()),
            StepKind::Loop { driver: Driver::Each { source, .. }, .. } => {
                self.turn(Site { body, step: step.id }, *source)
            }
            StepKind::Select { arms, .. } => {
                let arm = arms.iter().find(|arm| arm.got == value)?;
                self.awaited(body, arm.future)
            }
            _ => None,
        }
    }

    /// What is received at a step.
    fn received(&self, at: Site) -> Inflow {
        Inflow { how: if self.away > self.reach { How::FarOff } else { How::Received }, at }
    }

    /// What a call gives that waits, or looks whether there is something: in Rust that is nearly always the program's own.
    fn led_to(&self, at: Site) -> Inflow {
        match self.builder.program.language(at.body) {
            Language::Rust => Inflow { how: How::FarOff, at },
            Language::Python => self.received(at),
        }
    }

    /// Whether a call is given nothing, or what was waited for: what is asked with anything else gives an answer.
    fn is_given_what_came(&self, body: BodyRef, args: &[Arg]) -> bool {
        fact!(is_given_what_came);
        let came = |value: ValueId| match self.builder.program.flow(body).def(value).map(|step| &step.kind) {
            Some(StepKind::Await { .. }) => true,
            Some(StepKind::Read { place: Place::Local(local), .. }) => {
                let flow = self.builder.program.flow(body);
                flow.stores(*local).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
                    Some(StepKind::Store { value, .. }) => {
                        matches!(flow.def(*value).map(|step| &step.kind), Some(StepKind::Await { .. }))
                    }
                    _ => false,
                })
            }
            _ => false,
        };
        args.is_empty() || args.iter().any(|arg| came(arg.value))
    }

    /// The same through one call more.
    fn beyond(&mut self, look: impl FnOnce(&mut Self) -> Option<Inflow>) -> Option<Inflow> {
        self.hops = self.hops.checked_sub(1)?;
        self.away += 1;
        let found = look(self);
        self.away -= 1;
        self.hops += 1;
        found
    }

    fn any(&mut self, body: BodyRef, values: impl IntoIterator<Item = ValueId>) -> Option<Inflow> {
        values.into_iter().filter_map(|value| self.value(body, value)).max()
    }

    /// What a loop takes one of in each turn: a stream gives what it receives, a list what was put into it.
    fn turn(&mut self, looping: Site, source: ValueId) -> Option<Inflow> {
        fact!(turn);
        let program = self.builder.program;
        let streams = program.turns_of(looping) == Many::PerEvent;
        let queue = kind_of(self.builder, looping.body, source) == Some(Kind::Queue);
        // A generator of the program gives what it makes; any other stream gives what comes in.
        if streams && !queue && !self.is_made(looping.body, source, MADE) {
            return Some(self.received(looping));
        }
        self.value(looping.body, source).or_else(|| self.fed(looping, source))
    }

    /// What a function gives to something that it then takes the pieces of: a parser is fed.
    fn fed(&mut self, looping: Site, source: ValueId) -> Option<Inflow> {
        fact!(fed);
        let (program, body) = (self.builder.program, looping.body);
        let (spot, 0) = program.origin(body, source) else { return None };
        let sites = program.flow(body).nodes().map(|node| Site { body, step: node.step.id });
        let calls = sites.filter(|site| site.step < looping.step).filter_map(|site| program.call(site));
        let feeds = calls.filter(|call| call.receiver.is_some_and(|it| program.origin(body, it).0 == spot));
        let given: Vec<ValueId> = feeds.flat_map(|call| call.args.iter().map(|arg| arg.value)).collect();
        self.any(body, given)
    }

    /// Whether a value is what a generator of the program makes, called here or by who hands it in.
    fn is_made(&self, body: BodyRef, value: ValueId, hops: u32) -> bool {
        fact!(is_made);
        let Some(hops) = hops.checked_sub(1) else { return false };
        let program = self.builder.program;
        let flow = program.flow(body);
        let made = |value: ValueId| self.is_made(body, value, hops);
        match flow.def(value).map(|step| (step.id, &step.kind)) {
            Some((step, StepKind::Call { .. })) => match program.call(Site { body, step }).map(|it| it.target) {
                Some(Target::Functions(functions)) => {
                    functions.iter().any(|function| program.body(*function).yields != Yields::Never)
                }
                _ => false,
            },
            Some((_, StepKind::Join { from, .. })) => from.iter().any(|value| made(*value)),
            Some((_, StepKind::Read { place: Place::Local(local), .. })) => {
                let stored = flow.stores(*local).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
                    Some(StepKind::Store { value, .. }) => made(*value),
                    _ => false,
                });
                stored
                    || program.calls().callers(body).iter().take(CALLERS).any(|site| {
                        let given = program.args_bound_to(*site, body, *local);
                        given.into_iter().any(|value| self.is_made(site.body, value, hops))
                    })
            }
            _ => false,
        }
    }

    fn awaited(&mut self, body: BodyRef, value: ValueId) -> Option<Inflow> {
        let step = self.builder.program.flow(body).def(value)?;
        if !matches!(step.kind, StepKind::Call { .. }) {
            return self.value(body, value);
        }
        let site = Site { body, step: step.id };
        let call = self.builder.program.call(site)?;
        // What is taken from a queue was put there by the program.
        if call.receiver.is_some_and(|receiver| kind_of(self.builder, body, receiver) == Some(Kind::Queue)) {
            return None;
        }
        match call.target {
            Target::External(_) | Target::Unknown if is_in_loop(self.builder, site) => Some(self.led_to(site)),
            Target::Functions(functions)
                if is_in_loop(self.builder, site)
                    && functions.iter().all(|it| self.builder.program.is_declared_only(*it)) =>
            {
                Some(self.led_to(site))
            }
            _ => self.value(body, value),
        }
    }

    fn call(&mut self, site: Site) -> Option<Inflow> {
        let program = self.builder.program;
        let call = program.call(site)?;
        match &call.target {
            Target::Model(model) if receives(self.builder, site, &call, model) => return Some(self.received(site)),
            Target::Model(model) if takes(model) => return None,
            Target::Functions(functions) => {
                if functions.iter().any(|function| self.receives_within(*function, DEEP)) {
                    return Some(self.led_to(site));
                }
                if self.polls(site, functions) {
                    let given = self.is_given_what_came(site.body, call.args);
                    return Some(if given { self.led_to(site) } else { Inflow { how: How::FarOff, at: site } });
                }
                let given = functions.iter().filter_map(|function| self.result(*function)).max();
                if given.is_some() {
                    return given;
                }
            }
            Target::External(_) | Target::Unknown if self.polls(site, &[]) => return Some(self.led_to(site)),
            _ => {}
        }
        let receiver = call.receiver.filter(|_| !matches!(call.target, Target::Functions(_)));
        self.any(site.body, call.args.iter().map(|arg| arg.value).chain(receiver))
    }

    /// What a function returns or yields.
    fn result(&mut self, function: BodyRef) -> Option<Inflow> {
        fact!(result);
        self.results = self.results.checked_sub(1)?;
        let flow = self.builder.program.flow(function);
        let yields = self.builder.program.body(function).yields != Yields::Never;
        let given = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Return { value } if !yields => *value,
            StepKind::Yield { value, .. } => *value,
            _ => None,
        });
        let values: Vec<ValueId> = given.chain(flow.body.root.value).collect();
        let found = self.beyond(|it| it.any(function, values));
        self.results += 1;
        found
    }

    fn local(&mut self, body: BodyRef, local: LocalId, at: Site) -> Option<Inflow> {
        let program = self.builder.program;
        let owned = program.body(body);
        match owned.locals.get(local.0 as usize).map(|local| local.origin)? {
            LocalOrigin::Captured { outer, .. } => {
                let parent = BodyRef { file: body.file, body: owned.parent? };
                self.local(parent, outer, at)
            }
            LocalOrigin::Param => self.param(body, local, at).max(self.stored(body, local)),
            LocalOrigin::Bound => self.stored(body, local).max(self.filled(body, local)),
        }
    }

    fn stored(&mut self, body: BodyRef, local: LocalId) -> Option<Inflow> {
        fact!(stored);
        let flow = self.builder.program.flow(body);
        let stores = flow.stores(local).iter().filter_map(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. } | StepKind::Update { value, .. }) => Some(*value),
            _ => None,
        });
        self.any(body, stores.collect::<Vec<_>>())
    }

    /// A buffer that a call receives into.
    fn filled(&mut self, body: BodyRef, local: LocalId) -> Option<Inflow> {
        fact!(filled);
        let flow = self.builder.program.flow(body);
        let mut values: Vec<ValueId> = flow.reads(local).iter().filter_map(|id| out_of(flow.step(*id))).collect();
        let views = values.iter().flat_map(|value| flow.uses(*value)).filter_map(|id| match flow.step(*id) {
            step @ Some(Step { kind: StepKind::View { .. }, .. }) => out_of(step),
            _ => None,
        });
        values.extend(views.collect::<Vec<_>>());
        let uses = values.iter().flat_map(|value| flow.uses(*value).iter().map(move |id| (*value, *id)));
        let mut sites = uses.map(|(value, step)| (value, Site { body, step }));
        let receiving = sites.find(|(value, site)| {
            let Some(call) = self.builder.program.call(*site) else { return false };
            let given = call.args.iter().any(|arg| arg.value == *value);
            matches!(call.target, Target::Model(model) if given && receives(self.builder, *site, &call, model))
        });
        receiving.map(|(_, site)| self.received(site))
    }
}

/// Whether something was asked about before with as many calls left to go through; notes that it now is.
fn is_asked<T: std::hash::Hash + Eq>(asked: &mut FxHashMap<T, u32>, what: T, hops: u32) -> bool {
    let before = asked.entry(what).or_default();
    let known = *before > hops;
    *before = (*before).max(hops + 1);
    known
}

fn out_of(step: Option<&Step>) -> Option<ValueId> {
    match step.map(|step| &step.kind) {
        Some(StepKind::Read { out, .. } | StepKind::View { out, .. }) => Some(*out),
        _ => None,
    }
}
