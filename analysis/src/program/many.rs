//! How often code runs.

use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use unleak_catalogue::model::{Effect, HandlesEvents, Iterates, Phase, Waits};

use super::calls::{Depth, Target};
use super::circles::{Begun, Circles};
use super::flow::Sorts;
use super::memo::Rests;
use super::types::Type;
use super::world::World;
use super::{BodyRef, Def, Part, Program, Site};
use crate::ledger::Many;
use crate::unit::{BodyKind, Colour, Driver, StepKind, ValueId};

/// How many calls deep it is looked for what a plain function waits for.
const WAITS_DEEP: u32 = 2;

/// A function that is handed to a call which calls it.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// The call it is handed to.
    pub site: Site,
    /// When it is called.
    pub effect: Effect,
}

/// Who is called back.
#[derive(Debug, Default)]
pub struct Handed {
    registrations: FxHashMap<BodyRef, Vec<Registration>>,
    escaping: FxHashSet<BodyRef>,
    given: Given,
    /// The same of calls of the program's own functions, once somebody asked: few do, and most calls are of them.
    given_within: OnceLock<Given>,
}

/// The calls that functions are handed to: to be called or kept.
type Given = FxHashMap<BodyRef, Vec<Site>>;

/// What was found out about waiting: what one turn of each loop stands for, and whether functions wait in so many calls.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    loops: FxHashMap<Site, Many>,
    functions: FxHashMap<(BodyRef, u32), bool>,
}

/// Who is called back, and how often bodies run.
#[derive(Debug)]
pub struct Rhythm {
    handed: Arc<Handed>,
    known: RefCell<FxHashMap<BodyRef, Many>>,
    asked: RefCell<Circles<BodyRef, Many>>,
}

/// To whom functions are handed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// To libraries, or code that was not read.
    Others,
    /// To functions of the program.
    Within,
}

impl Handed {
    /// Looks through every call of what is not the program's for functions among its arguments.
    pub fn of(program: &mut Program<'_>) -> Arc<Handed> {
        let mut all = Handed::default();
        for part in program.settle_parts(Rests::Links, |program, part| Handed::of_part(program, part, To::Others)) {
            for (function, registrations) in part.registrations {
                all.registrations.entry(function).or_default().extend(registrations);
            }
            all.escaping.extend(part.escaping);
            for (function, sites) in part.given {
                all.given.entry(function).or_default().extend(sites);
            }
        }
        Arc::new(all)
    }

    fn of_part(program: &Program<'_>, part: Part, to: To) -> Handed {
        let mut handed = Handed::default();
        for body in program.bodies_of(part) {
            for node in program.flow(body).nodes_of(Sorts::CALLS) {
                let site = Site { body, step: node.step.id };
                if let StepKind::Call { args, .. } = &node.step.kind
                    && !args.is_empty()
                    && program.calls().hands_to(site) == Some(to)
                {
                    let given = args.iter().filter_map(|arg| Some((arg.value, program.function_in(body, arg.value)?)));
                    handed.note(program, site, &given.collect::<Vec<_>>());
                }
            }
        }
        handed
    }

    fn note(&mut self, program: &Program<'_>, site: Site, given: &[(ValueId, BodyRef)]) {
        if given.is_empty() {
            return;
        }
        let Some(call) = program.call(site) else { return };
        for (value, function) in given.iter().filter(|(value, _)| call.args.iter().any(|arg| arg.value == *value)) {
            match &call.target {
                Target::Model(model) => {
                    let effect = program.effect_on(&call, model, *value, Depth::Itself);
                    let effect = match (effect, model.handles_events) {
                        (_, HandlesEvents::PerEvent) => Effect::CalledPerEvent,
                        (Some(effect), _) => effect,
                        (None, _) => continue,
                    };
                    self.registrations.entry(*function).or_default().push(Registration { site, effect });
                }
                Target::External(_) | Target::Unknown => {
                    self.escaping.insert(*function);
                    self.given.entry(*function).or_default().push(site);
                }
                Target::Functions(_) | Target::Construct(_) => {
                    self.given.entry(*function).or_default().push(site);
                }
            }
        }
    }

    fn given_within(&self, program: &Program<'_>) -> &Given {
        self.given_within.get_or_init(|| {
            program.beside().apart(|program| Handed::of_part(program, program.whole(), To::Within).given)
        })
    }
}

impl Rhythm {
    /// How often bodies run that are called back so.
    pub fn new(handed: Arc<Handed>) -> Rhythm {
        Rhythm { handed, known: RefCell::default(), asked: RefCell::default() }
    }

    /// The calls a function is handed to.
    pub fn registrations(&self, function: BodyRef) -> &[Registration] {
        self.handed.registrations.get(&function).map_or(&[], Vec::as_slice)
    }

    /// Whether a function is handed to code that was not read.
    pub fn escapes(&self, function: BodyRef) -> bool {
        self.handed.escaping.contains(&function)
    }

    /// The calls a function is handed to as a value, by whom it may be called; those that the catalogue knows are not
    /// among them.
    pub fn given_to(&self, program: &Program<'_>, function: BodyRef) -> impl Iterator<Item = Site> {
        let all = [&self.handed.given, self.handed.given_within(program)];
        all.into_iter().flat_map(move |given| given.get(&function).into_iter().flatten().copied())
    }

    /// How often a step runs.
    pub fn of_site(&self, program: &Program<'_>, site: Site) -> Many {
        let mut many = self.of_body(program, site.body);
        for (outer, slot) in program.flow(site.body).around(site.step) {
            if matches!(outer.kind, StepKind::Loop { .. }) && slot == super::flow::Slot::LoopBody {
                many = often(many, program.turns_of(Site { body: site.body, step: outer.id }));
            }
        }
        many
    }

    /// How often a body runs.
    pub fn of_body(&self, program: &Program<'_>, body: BodyRef) -> Many {
        if let Some(known) = self.known.borrow().get(&body) {
            return *known;
        }
        let begun = self.asked.borrow_mut().begin(&body);
        let open = match begun {
            // A call from within itself adds nothing to how often it runs.
            Begun::Met(_) => return Many::Once,
            Begun::Open(open) => open,
        };
        let many = self.ask(program, body);
        // Functions that call each other run as often as the one that is asked first of them: all that calls any of them
        // was counted for it.
        let mut known = self.known.borrow_mut();
        self.asked.borrow_mut().end(open, many, |body, _| {
            known.insert(body, many);
        });
        many
    }

    fn ask(&self, program: &Program<'_>, body: BodyRef) -> Many {
        let owned = program.body(body);
        match owned.kind {
            BodyKind::Module | BodyKind::Class => return Many::Once,
            BodyKind::Function if owned.owner.is_none() && is_whole_program(program, body) => return Many::Once,
            _ => {}
        }
        if program.is_handler(body) {
            return Many::PerEvent;
        }
        let mut all = Vec::new();
        for registration in self.registrations(body) {
            all.push(match registration.effect {
                Effect::CalledPerEvent => Many::PerEvent,
                Effect::Called => often(Many::PerItem, self.of_site(program, registration.site)),
                _ => self.of_site(program, registration.site),
            });
        }
        // That a test calls it says nothing of how often others do.
        let counts = |site: &&Site| !program.is_test(site.body) || program.is_test(body);
        for site in program.calls().callers(body).iter().filter(counts) {
            all.push(self.of_site(program, *site));
        }
        if all.is_empty()
            && matches!(owned.kind, BodyKind::AsyncBlock)
            && let Some((outer, value)) = program.closure_site(body)
            && let Some(step) = program.flow(outer).def(value)
        {
            all.push(self.of_site(program, Site { body: outer, step: step.id }));
        }
        if self.escapes(body) || (all.is_empty() && program.world_of(body) == World::Open) {
            all.push(Many::Unknown);
        }
        all.into_iter().reduce(often).unwrap_or(Many::Unknown)
    }
}

impl Program<'_> {
    /// The function that a value is, or whose future it is. Most values are plainly something else.
    pub fn function_in(&self, body: BodyRef, value: ValueId) -> Option<BodyRef> {
        let plainly_other = matches!(
            self.flow(body).def(value).map(|step| &step.kind),
            Some(
                StepKind::Const { .. } | StepKind::Collect { .. } | StepKind::Format { .. } | StepKind::Operate { .. }
            )
        );
        self.look_at_type(body, Some(value).filter(|_| !plainly_other)?, |ty| match ty {
            Type::Closure(function) | Type::Def(Def::Function(function)) => Some(*function),
            Type::Future(_, function) => *function,
            _ => None,
        })
    }

    /// What one turn of a loop stands for.
    pub fn turns_of(&self, looping: Site) -> Many {
        let Some(StepKind::Loop { driver, .. }) = self.flow(looping.body).step(looping.step).map(|step| &step.kind)
        else {
            return Many::Once;
        };
        match driver {
            Driver::Each { colour: Colour::Async, .. } => Many::PerEvent,
            Driver::Each { source, .. } => {
                let ty = self.type_of(looping.body, *source);
                let model =
                    ty.model_path().and_then(|path| self.catalogue.ty(self.language(looping.body).name(), path));
                match model.map(|model| model.iterates) {
                    Some(Iterates::Events) => Many::PerEvent,
                    _ => Many::PerItem,
                }
            }
            Driver::While { .. } | Driver::Forever => self.waits_inside(looping),
        }
    }

    fn waits_inside(&self, looping: Site) -> Many {
        if let Some(known) = self.memory.waiting.borrow().loops.get(&looping) {
            return *known;
        }
        let many = self.look_inside(looping);
        self.memory.waiting.borrow_mut().loops.insert(looping, many);
        many
    }

    fn look_inside(&self, looping: Site) -> Many {
        let flow = self.flow(looping.body);
        let mut inside = flow.nodes().filter(|node| flow.within(node.step.id, looping.step));
        let waits = inside.any(|node| self.waits_at(Site { body: looping.body, step: node.step.id }, WAITS_DEEP));
        if waits { Many::PerEvent } else { Many::PerItem }
    }

    /// Whether a step waits for something, itself or in a plain function that it calls.
    fn waits_at(&self, site: Site, depth: u32) -> bool {
        match self.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Await { .. } | StepKind::Select { .. }) => true,
            Some(StepKind::Loop { driver: Driver::Each { colour, .. }, .. }) => *colour == Colour::Async,
            Some(StepKind::Call { .. }) => match self.call(site).map(|call| call.target) {
                Some(Target::Model(model)) => model.waits != Waits::Not,
                Some(Target::Functions(functions)) if depth > 0 => {
                    functions.iter().any(|function| self.waits_in(*function, depth - 1))
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a function waits for something, itself or in a plain function that it calls.
    pub fn waits_somewhere(&self, function: BodyRef) -> bool {
        self.body(function).colour != Colour::Sync || self.waits_in(function, WAITS_DEEP)
    }

    /// Whether a plain function waits for something.
    fn waits_in(&self, function: BodyRef, depth: u32) -> bool {
        if self.body(function).colour != Colour::Sync {
            return false;
        }
        if let Some(known) = self.memory.waiting.borrow().functions.get(&(function, depth)) {
            return *known;
        }
        let mut steps = self.flow(function).nodes().map(|node| Site { body: function, step: node.step.id });
        let waits = steps.any(|site| self.waits_at(site, depth));
        self.memory.waiting.borrow_mut().functions.insert((function, depth), waits);
        waits
    }
}

/// Whether a function is the whole program.
fn is_whole_program(program: &Program<'_>, body: BodyRef) -> bool {
    program.lifecycle(body).is_some_and(|lifecycle| lifecycle.phase == Phase::Main)
}

/// The more frequent of two.
pub fn often(a: Many, b: Many) -> Many {
    let rank = |many: Many| match many {
        Many::Once => 0,
        Many::Unknown => 1,
        Many::PerItem => 2,
        Many::PerEvent => 3,
    };
    if rank(a) >= rank(b) { a } else { b }
}
