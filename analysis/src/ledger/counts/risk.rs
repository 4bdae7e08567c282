//! Which steps can leave, by themselves, the code they stand in.

use rustc_hash::FxHashMap;
use std::cell::RefCell;
use unleak_catalogue::model::{Kind, ScopeMeans};

use super::leave::Thrown;
use super::locks;
use crate::ledger::Leaving;
use crate::program::calls::Target;
use crate::program::types::Type;
use crate::program::{BodyRef, Def, Program, Site};
use crate::source::Language;
use crate::unit::{Catches, Colour, Cond, Const, Driver, Name, Place, ScopeItem, StepKind, ValueId, Yields};

/// What is asked of calls and awaits, remembered.
pub(super) struct Risk<'p, 'a> {
    program: &'p Program<'a>,
    raising: RefCell<FxHashMap<BodyRef, Option<Leaving>>>,
    waiting: RefCell<FxHashMap<BodyRef, bool>>,
}

impl<'p, 'a> Risk<'p, 'a> {
    pub(super) fn new(program: &'p Program<'a>) -> Risk<'p, 'a> {
        Risk { program, raising: RefCell::default(), waiting: RefCell::default() }
    }

    /// Whether calling a function runs it.
    pub(super) fn runs_at_call(&self, function: BodyRef) -> bool {
        let body = self.program.body(function);
        body.colour == Colour::Sync && body.yields == Yields::Never
    }

    /// How a call can fail: surely possible (`Raise`), possible for all that is known (`CallRaises`), or not.
    pub(super) fn of_call(&self, site: Site, runs: &[BodyRef]) -> Option<Leaving> {
        fact!(of_call);
        if self.program.language(site.body) == Language::Rust {
            return None;
        }
        match self.program.call(site)?.target {
            Target::Functions(_) | Target::Construct(_) => {
                let all: Vec<Leaving> = runs.iter().filter_map(|function| self.of_body(*function, 4)).collect();
                worst(&all)
            }
            // Nearly everything may fail; only what is not known at all is named as an assumption.
            Target::Model(_) => None,
            Target::External(_) | Target::Unknown => Some(Leaving::CallRaises),
        }
    }

    /// How a body can fail.
    fn of_body(&self, body: BodyRef, depth: u32) -> Option<Leaving> {
        if let Some(known) = self.raising.borrow().get(&body) {
            return *known;
        }
        let depth = depth.checked_sub(1)?;
        self.raising.borrow_mut().insert(body, None);
        let flow = self.program.flow(body);
        let mut all = Vec::new();
        for node in flow.nodes() {
            let caught = flow.around(node.step.id).any(|(outer, slot)| {
                slot == crate::program::flow::Slot::TryBody
                    && matches!(&outer.kind, StepKind::Try { handlers, .. } if !handlers.is_empty())
            });
            if caught {
                continue;
            }
            match &node.step.kind {
                StepKind::Raise { .. } => all.push(Leaving::Raise),
                StepKind::Call { .. } => {
                    let site = Site { body, step: node.step.id };
                    let Some(call) = self.program.call(site) else { continue };
                    match call.target {
                        Target::Functions(functions) => {
                            let runs = functions.iter().filter(|function| self.runs_at_call(**function));
                            all.extend(runs.filter_map(|function| self.of_body(*function, depth)));
                        }
                        _ => all.extend(self.of_call(site, &[])),
                    }
                }
                _ => {}
            }
        }
        let found = worst(&all);
        self.raising.borrow_mut().insert(body, found);
        found
    }

    /// What an `await` can throw.
    pub(super) fn of_await(&self, site: Site, future: Option<BodyRef>) -> Vec<(Thrown, Leaving)> {
        let mut all = Vec::new();
        let raises = future.and_then(|body| self.of_body(body, 4));
        if future.is_none_or(|body| self.body_waits(body, 5)) {
            all.push((Thrown::Stop, Leaving::Cancelled));
        }
        if self.program.language(site.body) == Language::Python
            && (future.is_none() || raises.is_some() || !all.is_empty())
        {
            let kind = if all.is_empty() { raises.unwrap_or(Leaving::CallRaises) } else { Leaving::Raise };
            all.push((Thrown::Failure(None), kind));
        }
        all
    }

    /// Whether running a body can wait at all.
    fn body_waits(&self, body: BodyRef, depth: u32) -> bool {
        fact!(body_waits);
        if let Some(known) = self.waiting.borrow().get(&body) {
            return *known;
        }
        let Some(depth) = depth.checked_sub(1) else { return true };
        self.waiting.borrow_mut().insert(body, true);
        let waits = self.program.flow(body).nodes().any(|node| match &node.step.kind {
            StepKind::Await { value, .. } => match self.program.type_of(body, *value) {
                Type::Future(_, Some(inner)) => self.body_waits(inner, depth),
                _ => true,
            },
            StepKind::Select { .. } => true,
            StepKind::Loop { driver, .. } => self.loop_waits(driver),
            StepKind::Scope { items, .. } => {
                items.iter().any(|item| self.waits_at_entry(body, item) || self.waits_at_exit(body, item))
            }
            _ => false,
        });
        self.waiting.borrow_mut().insert(body, waits);
        waits
    }

    /// The type of what is raised, by its last name.
    pub(super) fn raised_type(&self, body: BodyRef, value: ValueId) -> Option<Name> {
        fact!(raised_type);
        let mut at = value;
        for _ in 0..3 {
            match &self.program.flow(body).def(at)?.kind {
                StepKind::Call { callee, .. } => at = *callee,
                StepKind::Read { place: Place::Global { path, .. }, .. } => return path.last().cloned(),
                StepKind::Read { place: Place::Field { name, .. }, .. } => return Some(name.clone()),
                _ => return None,
            }
        }
        None
    }

    /// Whether a loop waits between its turns.
    pub(super) fn loop_waits(&self, driver: &Driver) -> bool {
        fact!(loop_waits);
        matches!(driver, Driver::Each { colour: Colour::Async, .. })
    }

    /// Whether a loop ends by `break` only.
    pub(super) fn is_endless(&self, body: BodyRef, driver: &Driver) -> bool {
        match driver {
            Driver::Forever => true,
            Driver::While(head) => {
                let Cond::Truthy(value) = head.cond else { return false };
                matches!(self.program.constant_of(body, value), Some(Const::Bool(true) | Const::Int(1)))
            }
            Driver::Each { .. } => false,
        }
    }

    /// Whether a decorator that is not known goes over a generator: it mostly stands for a coroutine, and waits.
    pub(super) fn is_resumed_by_others(&self, body: BodyRef) -> bool {
        fact!(is_resumed_by_others);
        let mut marks = self.program.body(body).marks.iter();
        marks.any(|mark| matches!(self.program.resolve_path(body, &mark.path), Some(Def::External(_))))
    }

    /// Whether entering a scope may wait.
    pub(super) fn waits_at_entry(&self, body: BodyRef, item: &ScopeItem) -> bool {
        fact!(waits_at_entry);
        item.colour == Colour::Async
            && match self.scope_model(body, item) {
                Some(ScopeMeans::Deadline) => false,
                Some(ScopeMeans::Alone) => !locks::is_always_free(self.program, body, item),
                _ => true,
            }
    }

    /// Whether leaving a scope may wait: giving back a lock or permit does not.
    pub(super) fn waits_at_exit(&self, body: BodyRef, item: &ScopeItem) -> bool {
        fact!(waits_at_exit);
        item.colour == Colour::Async
            && self.kind_of(body, item) != Some(Kind::Gate)
            && self.scope_model(body, item) != Some(ScopeMeans::Deadline)
    }

    /// What ends at a scope that passes over failures: those of the types it is given.
    pub(super) fn passed_over(&self, body: BodyRef, item: &ScopeItem) -> Option<Catches> {
        fact!(passed_over);
        if self.scope_model(body, item) != Some(ScopeMeans::Swallows) {
            return None;
        }
        let given = self.program.maker(body, item.context).and_then(|site| self.program.call(site));
        let types = given.iter().flat_map(|call| call.args).map(|arg| {
            match self.program.flow(body).def(arg.value).map(|step| &step.kind) {
                Some(StepKind::Read { place: Place::Global { path, .. }, .. }) => path.to_vec(),
                // It may be any: whether it is what is raised is not known.
                _ => vec![Name::new("?")],
            }
        });
        Some(Catches::Types(types.collect()))
    }

    fn kind_of(&self, body: BodyRef, item: &ScopeItem) -> Option<Kind> {
        locks::model_of(self.program, body, item.context)?.kind
    }

    fn scope_model(&self, body: BodyRef, item: &ScopeItem) -> Option<ScopeMeans> {
        Some(locks::model_of(self.program, body, item.context)?.scope)
    }
}

fn worst(all: &[Leaving]) -> Option<Leaving> {
    all.iter().copied().find(|kind| *kind == Leaving::Raise).or_else(|| all.first().copied())
}
