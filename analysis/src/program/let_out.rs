//! What goes wrong in a body and is seen to get out of it: code of the program raises it, or code of others is called.

use rustc_hash::FxHashSet;

use unleak_catalogue::model::{Effect, Fails, Tells};
use unleak_catalogue::subject::Subject;

use super::calls::{Call, Depth, Target};
use super::dead::Given;
use super::flow::Slot;
use super::thrown::Thrown;
use super::types::Type;
use super::{BodyRef, Def, Program, Site};
use crate::source::Language;
use crate::unit::{Colour, LocalId, Place, StepKind, ValueId, Yields};

/// How many calls deep it is looked for what raises. What is raised further away is mostly about something else: of those
/// that were judged, 20 in 31 were real at three and four calls, and seven in eight before.
const CALLS_DEEP: u32 = 2;

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

impl<'a> Program<'a> {
    /// What a body is seen to let out to whoever waits for it. `None` says that nothing is seen, and no more.
    pub fn lets_out(&self, body: BodyRef) -> Option<LetOut> {
        if self.body(body).yields == Yields::Generator {
            return None;
        }
        let raised = self.raised(body, &Given::default(), CALLS_DEEP, &mut FxHashSet::default());
        let raised = raised.first().map(|(site, _)| LetOut::Raised(*site));
        raised.or_else(|| self.calls_others(body).map(LetOut::OfOthers))
    }

    /// What a body that is given some constants, or what it calls, raises and nothing on the way stops.
    fn raised(&self, body: BodyRef, given: &Given<'a>, deep: u32, met: &mut FxHashSet<BodyRef>) -> Vec<(Site, Thrown)> {
        if met.len() >= BODIES || !met.insert(body) || self.is_wrapped(body) {
            return Vec::new();
        }
        let mut all = Vec::new();
        for node in self.flow(body).nodes() {
            let site = Site { body, step: node.step.id };
            let found = match node.step.kind {
                StepKind::Raise { value: Some(value) }
                    if self.is_failure(site, value) && !self.never_runs_given(site, given) =>
                {
                    vec![(site, self.thrown(body, value))]
                }
                StepKind::Call { .. } => self.raised_by_call(site, given, deep, met),
                _ => continue,
            };
            all.extend(found.into_iter().filter(|(_, thrown)| !self.may_be_stopped(site, thrown)));
        }
        all
    }

    /// The class of what is raised. What only says that it is an exception may be of any class, unless it is made there.
    fn thrown(&self, body: BodyRef, value: ValueId) -> Thrown {
        let thrown = Thrown::of(&self.type_of(body, value));
        let made = || {
            let call = self.maker(body, value).and_then(|site| self.call(site));
            call.and_then(|call| self.callee_of(&call)).is_some_and(|callee| {
                self.look_at_type(body, callee, |ty| matches!(ty, Type::Def(Def::Model(_) | Def::Type(_))))
                    && !matches!(self.flow(body).def(callee).map(|step| &step.kind), Some(StepKind::Call { .. }))
            })
        };
        match &thrown {
            Thrown::Outside(class) if self.tells_of_all(body, class) && !made() => Thrown::Unseen,
            _ => thrown,
        }
    }

    fn raised_by_call(
        &self,
        site: Site,
        given: &Given<'a>,
        deep: u32,
        met: &mut FxHashSet<BodyRef>,
    ) -> Vec<(Site, Thrown)> {
        match self.call(site) {
            Some(call) if self.panics(site.body, &call) => vec![(site, Thrown::Anything)],
            // Which of several a variable holds here is not known.
            Some(Call { target: Target::Functions(functions), .. })
                if deep > 0 && (functions.len() == 1 || !self.calls_a_variable(site)) =>
            {
                let runs = |function: &BodyRef| !self.is_declared_only(*function) && self.runs_at(site, *function);
                let written = functions.into_iter().take(MEANT).filter(runs);
                let further = |function| (function, self.given_by_call(site, function, given));
                written
                    .map(further)
                    .flat_map(|(function, given)| self.raised(function, &given, deep - 1, met))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a call runs the function: a coroutine runs where it is waited for, and a generator where it is gone over.
    fn runs_at(&self, site: Site, function: BodyRef) -> bool {
        let called = self.body(function);
        if called.yields == Yields::Generator || called.colour == Colour::Sync {
            return called.yields == Yields::Never;
        }
        let Some(call) = self.call(site) else { return false };
        let flow = self.flow(site.body);
        flow.uses(call.out).iter().any(|id| match flow.step(*id).map(|step| &step.kind) {
            Some(StepKind::Await { .. } | StepKind::Return { .. } | StepKind::Select { .. }) => true,
            Some(StepKind::Call { .. }) => self.waits_for_given(Site { body: site.body, step: *id }, call.out),
            _ => false,
        })
    }

    /// Whether a call of a library waits for what it is given, or gives what does.
    fn waits_for_given(&self, site: Site, value: ValueId) -> bool {
        let Some(call) = self.call(site) else { return false };
        let Target::Model(model) = call.target else { return false };
        let waits = [Effect::PassedThrough, Effect::Awaited, Effect::AwaitedInPart, Effect::Joined];
        let depths = [Depth::Itself, Depth::Elements];
        depths.into_iter().filter_map(|depth| self.effect_on(&call, model, value, depth)).any(|it| waits.contains(&it))
    }

    /// Whether a decorator of the program, or one that is not known, stands around a function: it may do something with
    /// what is raised in it.
    fn is_wrapped(&self, body: BodyRef) -> bool {
        let mut marks = self.body(body).marks.iter();
        marks.any(|mark| {
            matches!(self.resolve_path(body, &mark.path), Some(Def::Function(_) | Def::External(_)))
                && self.language(body) == Language::Python
        })
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
    pub fn panics(&self, body: BodyRef, call: &Call<'_>) -> bool {
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
        calls.find(|site| self.is_of_others(*site) && !self.may_be_stopped(*site, &Thrown::Anything))
    }

    fn calls_a_variable(&self, site: Site) -> bool {
        let flow = self.flow(site.body);
        let Some(StepKind::Call { callee, .. }) = flow.step(site.step).map(|step| &step.kind) else { return false };
        matches!(flow.def(*callee).map(|step| &step.kind), Some(StepKind::Read { place: Place::Local(_), .. }))
    }

    /// The parameter of its body that a call calls.
    pub fn called_parameter(&self, site: Site) -> Option<LocalId> {
        let flow = self.flow(site.body);
        let StepKind::Call { callee, .. } = &flow.step(site.step)?.kind else { return None };
        match &flow.def(*callee)?.kind {
            StepKind::Read { place: Place::Local(local), .. } => {
                let mut params = self.body(site.body).params.iter();
                params.any(|param| param.local == *local).then_some(*local)
            }
            _ => None,
        }
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
