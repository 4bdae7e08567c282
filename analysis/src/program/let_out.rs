//! What goes wrong in a body and is seen to get out of it: code of the program raises it, or code of others is called.

use rustc_hash::FxHashSet;

use unleak_catalogue::model::{Effect, Fails, Tells};
use unleak_catalogue::subject::Subject;

use super::calls::{Call, Target};
use super::flow::Slot;
use super::thrown::Thrown;
use super::types::Type;
use super::{BodyRef, Def, Program, Site};
use crate::unit::{Place, StepKind, ValueId};

/// How many calls deep it is looked for what raises.
const CALLS_DEEP: u32 = 4;

/// How many functions a call may mean before only the first are looked at.
const MEANT: usize = 3;

/// How many bodies are looked at before it is given up.
const BODIES: usize = 64;

/// What a body lets out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetOut {
    /// What is raised here.
    Raised(Site),
    /// Whatever is raised by what somebody else wrote, which is called here.
    OfOthers(Site),
}

impl Program<'_> {
    /// What a body is seen to let out to whoever waits for it. `None` says that nothing is seen, and no more.
    pub fn lets_out(&self, body: BodyRef) -> Option<LetOut> {
        let raised = self.raised(body, CALLS_DEEP, &mut FxHashSet::default());
        let raised = raised.first().map(|(site, _)| LetOut::Raised(*site));
        raised.or_else(|| self.calls_others(body).map(LetOut::OfOthers))
    }

    /// What a body, or what it calls, raises and nothing on the way stops.
    fn raised(&self, body: BodyRef, deep: u32, met: &mut FxHashSet<BodyRef>) -> Vec<(Site, Thrown)> {
        if met.len() >= BODIES || !met.insert(body) || self.is_wrapped(body) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for node in self.flow(body).nodes() {
            let site = Site { body, step: node.step.id };
            let found = match node.step.kind {
                StepKind::Raise { value: Some(value) } if self.is_failure(site, value) => {
                    vec![(site, Thrown::of(&self.type_of(body, value)))]
                }
                StepKind::Call { .. } => self.raised_by_call(site, deep, met),
                _ => continue,
            };
            all.extend(found.into_iter().filter(|(_, thrown)| !self.is_stopped(site, thrown)));
        }
        all
    }

    fn raised_by_call(&self, site: Site, deep: u32, met: &mut FxHashSet<BodyRef>) -> Vec<(Site, Thrown)> {
        match self.call(site) {
            Some(call) if self.panics(site.body, &call) => vec![(site, Thrown::Anything)],
            // Which of several a variable holds here is not known.
            Some(Call { target: Target::Functions(functions), .. })
                if deep > 0 && (functions.len() == 1 || !self.calls_a_variable(site)) =>
            {
                let written = functions.into_iter().take(MEANT).filter(|it| !self.is_declared_only(*it));
                written.flat_map(|function| self.raised(function, deep - 1, met)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a decorator of the program stands around a function: it may do something with what is raised in it.
    fn is_wrapped(&self, body: BodyRef) -> bool {
        let marks = self.body(body).marks.iter();
        marks.into_iter().any(|mark| matches!(self.resolve_path(body, &mark.path), Some(Def::Function(_))))
    }

    /// Whether what is raised tells of a failure: neither that something has come to its end, nor, before anything was
    /// waited for, that the caller has asked for what makes no sense.
    fn is_failure(&self, site: Site, raised: ValueId) -> bool {
        let ty = self.type_of(site.body, raised);
        let of_class = match &ty {
            Type::Def(Def::Model(path)) => Some(path),
            ty => ty.model_path(),
        };
        let model = of_class.and_then(|path| self.catalogue.ty(self.language(site.body).name(), path));
        match model.map(|model| model.tells) {
            Some(Tells::Empty | Tells::Cancelled) => false,
            Some(Tells::Misuse) => self.has_waited(site),
            _ => true,
        }
    }

    /// Whether a step stands in a handler, or something is waited for before it in its body.
    fn has_waited(&self, site: Site) -> bool {
        let flow = self.flow(site.body);
        let handling = flow.around(site.step).any(|(_, slot)| matches!(slot, Slot::Handler(_)));
        let waits = |step: &StepKind| matches!(step, StepKind::Await { .. });
        handling || flow.nodes().any(|node| node.step.id < site.step && waits(&node.step.kind))
    }

    /// Whether a call panics where things are not as they should be; that a lock is poisoned tells of another failure.
    fn panics(&self, body: BodyRef, call: &Call<'_>) -> bool {
        let Target::Model(model) = &call.target else { return false };
        let on = call.receiver.and_then(|on| self.maker(body, on)).and_then(|site| self.call(site));
        let a_lock = matches!(on.map(|on| on.target), Some(Target::Model(on))
            if on.does.get(&Subject::Receiver) == Some(&Effect::AcquireWhileHeld));
        model.fails == Fails::Panics && !a_lock
    }

    /// Where a body calls what its maker was handed, or a method that is there for others to write.
    fn calls_others(&self, body: BodyRef) -> Option<Site> {
        let flow = self.flow(body);
        if self.is_declared_only(body) {
            return flow.nodes().next().map(|node| Site { body, step: node.step.id });
        }
        let mut calls = flow.nodes().map(|node| Site { body, step: node.step.id });
        calls.find(|site| self.is_of_others(*site) && !self.passes_a_handler(*site))
    }

    fn calls_a_variable(&self, site: Site) -> bool {
        let flow = self.flow(site.body);
        let Some(StepKind::Call { callee, .. }) = flow.step(site.step).map(|step| &step.kind) else { return false };
        matches!(flow.def(*callee).map(|step| &step.kind), Some(StepKind::Read { place: Place::Local(_), .. }))
    }

    /// Whether a call is one of what its body was handed, or of a method that is there for others to write.
    pub fn is_of_others(&self, site: Site) -> bool {
        match self.call(site).map(|call| call.target) {
            Some(Target::Functions(functions)) => functions.iter().any(|it| self.is_declared_only(*it)),
            Some(Target::Unknown) => self.calls_a_variable(site),
            _ => false,
        }
    }

    /// Whether what goes wrong at a step comes by a handler of its body that catches whatever it is.
    pub fn passes_a_handler(&self, site: Site) -> bool {
        self.is_stopped(site, &Thrown::Anything)
    }
}
