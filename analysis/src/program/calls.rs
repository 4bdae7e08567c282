//! What every call calls, and who calls whom.

mod before;

use rustc_hash::FxHashMap;
use unleak_catalogue::model::{About, AsOption, CallModel, Effect, HandlesEvents};
use unleak_catalogue::subject::Subject;

use super::flow::Sorts;
use super::joined::{joined, lengthen};
use super::many::To;
use super::memo::Rests;
use super::types::{Head, Type};
use super::{BodyRef, Def, Part, Program, Site, TypeKey};
use crate::source::Language;
use crate::unit::{Arg, ArgKind, BodyId, Const, LocalId, Name, ParamKind, Place, StepId, StepKind, ValueId};
use before::Before;

/// What a call calls.
#[derive(Clone, Debug, PartialEq)]
pub enum Target<'a> {
    /// A function of a library.
    Model(&'a CallModel),
    /// Functions of the program (several when a base does not say which).
    Functions(Vec<BodyRef>),
    /// A type of the program: a constructor call or tuple struct or variant.
    Construct(TypeKey),
    /// Something from outside that the catalogue does not know.
    External(Name),
    /// Not known.
    Unknown,
}

/// How a callee is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// By names and types.
    Shown,
    /// By the receiver's name only.
    Hinted,
}

/// A resolved call.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// What it calls.
    pub target: Target<'a>,
    /// How that is known.
    pub known: Known,
    /// What a method is called on.
    pub receiver: Option<ValueId>,
    /// The result.
    pub out: ValueId,
    /// The arguments.
    pub args: &'a [Arg],
    /// Where it stands.
    pub body: BodyRef,
}

/// All calls.
#[derive(Debug, Default)]
pub struct Calls<'a> {
    /// By file.
    resolved: Vec<Resolutions<'a>>,
    callers: Callers,
    constructed: FxHashMap<TypeKey, Vec<Site>>,
    /// Calls of methods on what is not known, by the method's name.
    by_name: FxHashMap<Name, Vec<Site>>,
}

/// The calls of functions.
pub(super) type Callers = FxHashMap<BodyRef, Vec<Site>>;

/// The calls of one file.
#[derive(Debug, Default)]
struct Resolutions<'a> {
    /// In the order of the text.
    known: Vec<((BodyId, StepId), Resolved<'a>)>,
    /// Those that may begin something, in the order of the text: they call a library, make an object of the program's
    /// types, or call what a variable holds.
    bearing: Vec<(Site, Meant<'a>)>,
    unknown: usize,
    /// Of each call, in that order, what the answer rests on: one that rests on no link stays.
    rests: Vec<Rests>,
}

/// What a call means that may begin something.
#[derive(Clone, Copy, Debug)]
pub enum Meant<'a> {
    /// A function of a library.
    Model(&'a CallModel),
    /// An object of a type of the program is made.
    Construct(TypeKey),
    /// Something of a library that is no function, or what a variable holds.
    Other,
}

#[derive(Debug, Clone)]
enum Resolved<'a> {
    Model(&'a CallModel),
    /// Something of a library that is no function.
    Named(Name),
    Functions(Vec<BodyRef>),
    Construct(TypeKey),
    External(Name),
    Unknown,
}

impl<'a> Calls<'a> {
    /// Resolves every call of the program. What was said before of a call, and rests on no link, is not asked again. What
    /// is found out about types stays known where it rests on no more than what stays as it is.
    pub(super) fn resolve(program: &mut Program<'a>, stays: Rests) -> Calls<'a> {
        let (mut resolved, mut callers) = (Vec::new(), Vec::new());
        let (mut constructed, mut by_name) = (Vec::new(), Vec::new());
        for part in program.settle_parts(stays, Calls::resolve_part) {
            resolved.extend(part.resolved);
            callers.push(part.callers);
            constructed.push(part.constructed);
            by_name.push(part.by_name);
        }
        let (callers, (constructed, by_name)) =
            rayon::join(|| joined(callers, lengthen), || (joined(constructed, lengthen), joined(by_name, lengthen)));
        Calls { resolved, callers, constructed, by_name }
    }

    fn resolve_part(program: &Program<'a>, part: Part) -> Calls<'a> {
        let mut calls = Calls::default();
        for file in part.files() {
            calls.resolved.push(Resolutions::default());
            let mut before = Before::of(&program.calls, file);
            for body in program.bodies_of(file) {
                for node in program.flow(body).nodes_of(Sorts::CALLS) {
                    if let StepKind::Call { callee, .. } = &node.step.kind {
                        let site = Site { body, step: node.step.id };
                        let (resolved, rests) = match before.next(site) {
                            Some(stays) => (stays, Rests::Bodies),
                            None => program.resting(|| resolve_callee(program, body, *callee)),
                        };
                        calls.note(program, site, *callee, resolved, rests);
                    }
                }
            }
        }
        calls
    }

    fn note(&mut self, program: &Program<'a>, site: Site, callee: ValueId, resolved: Resolved<'a>, rests: Rests) {
        let bearing = match &resolved {
            Resolved::Functions(functions) => {
                for function in functions {
                    self.callers.entry(*function).or_default().push(site);
                }
                None
            }
            Resolved::Construct(ty) => {
                self.constructed.entry(*ty).or_default().push(site);
                for init in program.methods(*ty, "__init__") {
                    self.callers.entry(init).or_default().push(site);
                }
                Some(Meant::Construct(*ty))
            }
            Resolved::Model(model) => Some(Meant::Model(model)),
            Resolved::Named(_) => Some(Meant::Other),
            Resolved::External(_) => {
                self.note_named(program, site);
                None
            }
            Resolved::Unknown => {
                self.note_named(program, site);
                let callee = program.flow(site.body).def(callee).map(|step| &step.kind);
                let by_variable = matches!(callee, Some(StepKind::Read { place: Place::Local(_), .. }));
                by_variable.then_some(Meant::Other)
            }
        };
        let Some(file) = self.resolved.last_mut() else { return };
        file.rests.push(rests);
        file.bearing.extend(bearing.map(|meant| (site, meant)));
        match resolved {
            Resolved::Unknown => file.unknown += 1,
            known => file.known.push(((site.body.body, site.step), known)),
        }
    }

    fn note_named(&mut self, program: &Program<'_>, site: Site) {
        if let Some(name) = program.method_name(site) {
            self.by_name.entry(name).or_default().push(site);
        }
    }

    fn at(&self, site: Site) -> Option<&Resolved<'a>> {
        let known = &self.resolved.get(site.body.file as usize)?.known;
        let place = known.binary_search_by_key(&(site.body.body, site.step), |(site, _)| *site).ok()?;
        Some(&known[place].1)
    }

    /// To whom a call hands what it is given; nobody where a library does nothing with that, so that nobody is called back.
    pub(super) fn hands_to(&self, site: Site) -> Option<To> {
        match self.at(site) {
            Some(Resolved::Functions(_) | Resolved::Construct(_)) => Some(To::Within),
            Some(Resolved::Model(model)) => {
                let given = |subject: &Subject| matches!(subject, Subject::Argument { .. } | Subject::Rest(_));
                let asks = model.does.keys().any(given)
                    || !model.when_given.is_empty()
                    || model.handles_events == HandlesEvents::PerEvent;
                asks.then_some(To::Others)
            }
            _ => Some(To::Others),
        }
    }

    /// The calls that mean an entry of the catalogue which speaks of something, in order.
    pub fn about(&self, what: About) -> impl Iterator<Item = Site> + '_ {
        self.resolved.iter().zip(0..).flat_map(move |(file, at)| {
            file.known.iter().filter_map(move |((body, step), known)| match known {
                Resolved::Model(model) if model.about == what => {
                    Some(Site { body: BodyRef { file: at, body: *body }, step: *step })
                }
                _ => None,
            })
        })
    }

    /// The calls of a part of the program that may begin something, in order, each with what it means.
    pub fn bearing(&self, part: Part) -> impl Iterator<Item = (Site, Meant<'a>)> + '_ {
        let files = self.resolved.get(part.start as usize..part.end as usize).unwrap_or_default();
        files.iter().flat_map(|file| file.bearing.iter().copied())
    }

    /// The calls of a function.
    pub fn callers(&self, function: BodyRef) -> &[Site] {
        self.callers.get(&function).map_or(&[], Vec::as_slice)
    }

    /// The calls of a method of this name on something whose type is not known.
    pub fn named(&self, method: &str) -> &[Site] {
        self.by_name.get(method).map_or(&[], Vec::as_slice)
    }

    /// The calls that construct a type.
    pub fn constructions(&self, ty: TypeKey) -> &[Site] {
        self.constructed.get(&ty).map_or(&[], Vec::as_slice)
    }

    /// How many calls are known and how many are not.
    pub fn counts(&self) -> (usize, usize) {
        let known = self.resolved.iter().map(|file| file.known.len()).sum();
        (known, self.resolved.iter().map(|file| file.unknown).sum())
    }
}

fn resolve_callee<'a>(program: &Program<'a>, body: BodyRef, callee: ValueId) -> Resolved<'a> {
    match program.type_of(body, callee) {
        Type::Def(Def::Function(function)) => Resolved::Functions(overridden(program, body, callee, function)),
        Type::Closure(function) => Resolved::Functions(vec![function]),
        Type::Def(Def::Type(ty)) | Type::Def(Def::Variant(ty, _)) => Resolved::Construct(ty),
        Type::Def(Def::Model(path)) => {
            program.model(program.language(body), &path).map_or(Resolved::Named(path), Resolved::Model)
        }
        Type::Def(Def::External(path)) => Resolved::External(path),
        Type::Named(Head::Project(ty), _) => match program.methods(ty, "__call__") {
            found if found.is_empty() => Resolved::Unknown,
            found => Resolved::Functions(found),
        },
        Type::Named(Head::Model(ty) | Head::Hinted(ty), _) => match program.called_model(body, &ty) {
            Some(model) => Resolved::Model(model),
            None => Resolved::Unknown,
        },
        _ => Resolved::Unknown,
    }
}

/// A method called on `self` or on a base may be a descendant's; what a trait only declares is run by those who write it.
fn overridden(program: &Program<'_>, body: BodyRef, callee: ValueId, function: BodyRef) -> Vec<BodyRef> {
    let mut all = vec![function];
    all.extend(program.put_in_place_of(function));
    let on = program.receiver_of(body, callee).map(|receiver| program.type_of(body, receiver));
    let above = match on {
        Some(Type::Named(Head::Project(ty), _)) => Some(ty),
        _ => program.owner(function).filter(|_| program.has_no_code(function)),
    };
    let Some(above) = above else { return all };
    for method in program.methods_below(above, &program.body(function).name) {
        if !all.contains(&method) {
            all.push(method);
        }
    }
    all
}

impl<'a> Program<'a> {
    /// Finds who calls whom, as far as what is stored in fields tells: parameters' types are told by these from then on.
    pub(super) fn link_early_calls(&mut self) {
        self.calls = Calls::resolve(self, Rests::Bodies);
    }

    /// Finds who calls whom for good. What is found out about types on the way stays as it is.
    pub(super) fn link_calls(&mut self) {
        let calls = Calls::resolve(self, Rests::Links);
        self.early_callers = Some(std::mem::replace(&mut self.calls, calls).callers);
    }

    /// The calls of a function by which its parameters' types are told: those that were known when the calls were linked
    /// for good, so that what a parameter is does not come back to itself by way of them.
    pub(super) fn early_callers(&self, function: BodyRef) -> &[Site] {
        self.early_callers.as_ref().unwrap_or(&self.calls.callers).get(&function).map_or(&[], Vec::as_slice)
    }

    /// The call at a step, if it is one.
    pub fn call(&self, site: Site) -> Option<Call<'a>> {
        let StepKind::Call { out, callee, args } = &self.flow(site.body).step(site.step)?.kind else { return None };
        self.rest(Rests::Links);
        let target = match self.calls.at(site) {
            Some(Resolved::Model(model)) => Target::Model(model),
            Some(Resolved::Functions(functions)) => Target::Functions(functions.clone()),
            Some(Resolved::Construct(ty)) => Target::Construct(*ty),
            Some(Resolved::External(path) | Resolved::Named(path)) => Target::External(path.clone()),
            _ => Target::Unknown,
        };
        let first = match &target {
            Target::Model(model) => {
                self.receiver_first(site.body, *callee, model, args.first().map(|first| first.value))
            }
            _ => None,
        };
        let args = if args.is_empty() { self.given_here(site.body, *callee) } else { args.as_slice() };
        let instance = self.look_at_type(site.body, *callee, |ty| matches!(ty, Type::Named(..)));
        let (receiver, args) = match first {
            Some(_) => (first, &args[1..]),
            None if instance => (Some(*callee), args),
            None => (self.receiver_of(site.body, *callee), args),
        };
        let hinted = receiver.is_some_and(|receiver| self.look_at_type(site.body, receiver, Type::is_hinted));
        let known = if hinted { Known::Hinted } else { Known::Shown };
        Some(Call { target, known, receiver, out: *out, args, body: site.body })
    }

    /// The name of the method that a call calls, when it is one.
    pub fn method_name(&self, site: Site) -> Option<Name> {
        let StepKind::Call { callee, .. } = &self.flow(site.body).step(site.step)?.kind else { return None };
        match &self.flow(site.body).def(*callee)?.kind {
            StepKind::Read { place: Place::Field { name, .. }, .. } => Some(name.clone()),
            _ => None,
        }
    }

    /// Which arguments of a call become which parameters of a function.
    pub fn bound_args(&self, site: Site, function: BodyRef) -> Vec<(ValueId, LocalId)> {
        let mut bound = Vec::new();
        self.each_bound_arg(site, function, &mut |value, param| bound.push((value, param)));
        bound
    }

    /// The arguments of a call that become one parameter of a function.
    pub fn args_bound_to(&self, site: Site, function: BodyRef, param: LocalId) -> Vec<ValueId> {
        let mut bound = Vec::new();
        self.each_bound_arg(site, function, &mut |value, to| {
            if to == param {
                bound.push(value);
            }
        });
        bound
    }

    fn each_bound_arg(&self, site: Site, function: BodyRef, name: &mut impl FnMut(ValueId, LocalId)) {
        let Some(StepKind::Call { callee, args, out }) = self.flow(site.body).step(site.step).map(|step| &step.kind)
        else {
            return;
        };
        let params = &self.body(function).params;
        let mut places = params.iter();
        if params.first().is_some_and(|param| param.kind == ParamKind::Receiver) {
            self.rest(Rests::Links);
            let constructed = matches!(self.calls.at(site), Some(Resolved::Construct(_)));
            let on = self
                .receiver_of(site.body, *callee)
                .filter(|base| self.look_at_type(site.body, *base, |ty| !matches!(ty, Type::Def(_))));
            if constructed || on.is_some() {
                places.next();
                name(on.filter(|_| !constructed).unwrap_or(*out), params[0].local);
            } else if self.is_bound_method(site.body, *callee) {
                places.next();
            }
        }
        let of_kind = |kind: ParamKind| params.iter().find(|param| param.kind == kind);
        let locals = &self.body(function).locals;
        for arg in self.given_here(site.body, *callee).iter().chain(args) {
            let param = match &arg.kind {
                ArgKind::Positional => places
                    .next()
                    .filter(|param| matches!(param.kind, ParamKind::Positional | ParamKind::Receiver))
                    .or_else(|| of_kind(ParamKind::Rest)),
                ArgKind::Named(named) => {
                    let is_named = |local: LocalId| locals.get(local.0 as usize).is_some_and(|it| it.name == *named);
                    let param = params.iter().find(|param| is_named(param.local));
                    param.or_else(|| of_kind(ParamKind::RestByName))
                }
                ArgKind::Spread => of_kind(ParamKind::Rest),
                ArgKind::SpreadByName => None,
            };
            if let Some(param) = param {
                name(arg.value, param.local);
            }
        }
    }

    /// Whether a callee is a variable that holds a method together with its object.
    fn is_bound_method(&self, body: BodyRef, callee: ValueId) -> bool {
        let read = self.flow(body).def(callee).map(|step| &step.kind);
        self.language(body) == Language::Python && matches!(read, Some(StepKind::Read { place: Place::Local(_), .. }))
    }

    /// The values of a call that a subject names, and whether their elements are meant.
    pub fn subjects(&self, call: &Call<'a>, subject: &Subject) -> Vec<(ValueId, Depth)> {
        match subject {
            Subject::Receiver => call.receiver.map(|value| (value, Depth::Itself)).into_iter().collect(),
            Subject::Result => vec![(call.out, Depth::Itself)],
            Subject::Argument { position, name } => {
                argument(call.args, *position, name.as_deref()).into_iter().collect()
            }
            Subject::Rest(from) => call
                .args
                .iter()
                .filter(|arg| matches!(arg.kind, ArgKind::Positional | ArgKind::Spread))
                .skip(*from as usize)
                .map(|arg| (arg.value, if arg.kind == ArgKind::Spread { Depth::Elements } else { Depth::Itself }))
                .collect(),
            Subject::Elements(inner) => self
                .subjects(call, inner)
                .into_iter()
                .filter(|(_, depth)| *depth == Depth::Itself)
                .map(|(value, _)| (value, Depth::Elements))
                .collect(),
        }
    }

    /// The effect a modelled call has on one of its values, at the depth asked.
    pub fn effect_on(&self, call: &Call<'a>, model: &CallModel, value: ValueId, depth: Depth) -> Option<Effect> {
        let optional = || self.callee_of(call).filter(|_| !model.when_given.is_empty());
        let before = optional().and_then(|callee| self.given_before(call.body, callee));
        let before = before.into_iter().flat_map(|(body, args)| args.iter().map(move |arg| (body, arg)));
        let given =
            call.args.iter().map(|arg| (call.body, arg)).chain(before).filter_map(|(body, arg)| match &arg.kind {
                ArgKind::Named(name) => model.when_given.get(self.asked(body, name, arg.value)?.as_str()),
                _ => None,
            });
        for does in given.chain(std::iter::once(&model.does)) {
            for (subject, effect) in does {
                let meant = self.subjects(call, subject);
                if meant.contains(&(value, depth)) {
                    return Some(*effect);
                }
            }
        }
        None
    }

    /// Whether a constant of a library, where a bound stands, bounds nothing.
    pub fn is_no_bound(&self, body: BodyRef, path: &str) -> bool {
        let constant = self.catalogue.constant(self.language(body).name(), path);
        constant.is_some_and(|constant| constant.bound.is_some())
    }

    /// What a value given for an option asks for, as models name it, if it is other than what the call does without it.
    fn asked(&self, body: BodyRef, option: &Name, value: ValueId) -> Option<Name> {
        match self.constant_of(body, value) {
            Some(Const::Bool(false)) => Some(Name::new(format!("not {option}"))),
            _ => (!self.is_as_usual(body, value)).then(|| option.clone()),
        }
    }

    /// Whether a value given for an option asks for what the call does without it.
    pub fn is_as_usual(&self, body: BodyRef, value: ValueId) -> bool {
        if let Some(constant) = self.constant_of(body, value) {
            return *constant == Const::Nothing;
        }
        let Type::Def(Def::Model(path) | Def::External(path)) = self.type_of(body, value) else { return false };
        let constant = self.catalogue.constant(self.language(body).name(), &path);
        constant.is_some_and(|constant| constant.option == AsOption::AsUsual)
    }
}

/// Whether the thing itself is meant or what it contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// The thing itself.
    Itself,
    /// What it contains.
    Elements,
}

/// The argument with this place or name.
pub fn argument(args: &[Arg], position: Option<u32>, name: Option<&str>) -> Option<(ValueId, Depth)> {
    let named = args.iter().find(|arg| matches!(&arg.kind, ArgKind::Named(given) if Some(given.as_str()) == name));
    let placed = || {
        let mut positional = args.iter().take_while(|arg| arg.kind != ArgKind::Spread);
        let place = position? as usize;
        positional.by_ref().filter(|arg| arg.kind == ArgKind::Positional).nth(place)
    };
    named.or_else(placed).map(|arg| (arg.value, Depth::Itself))
}
