//! What every call calls, and who calls whom.

use rustc_hash::FxHashMap;
use unleak_catalogue::model::{CallModel, Effect};
use unleak_catalogue::subject::Subject;

use super::types::{Head, Type};
use super::{BodyRef, Def, FieldIndex, Program, Site, TypeKey};
use crate::unit::{Arg, ArgKind, Item, LocalId, Name, ParamKind, Place, Shape, StepKind, ValueId};

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
}

/// All calls.
#[derive(Debug, Default)]
pub struct Calls {
    resolved: FxHashMap<Site, Resolved>,
    callers: FxHashMap<BodyRef, Vec<Site>>,
    constructed: FxHashMap<TypeKey, Vec<Site>>,
}

#[derive(Debug, Clone)]
enum Resolved {
    Model(Name),
    Functions(Vec<BodyRef>),
    Construct(TypeKey),
    External(Name),
    Unknown,
}

impl Calls {
    /// Resolves every call of the program.
    pub(super) fn resolve(program: &Program<'_>) -> Calls {
        let mut calls = Calls::default();
        for body in program.bodies() {
            for node in program.flow(body).nodes() {
                if let StepKind::Call { callee, .. } = &node.step.kind {
                    let site = Site { body, step: node.step.id };
                    let resolved = resolve_callee(program, body, *callee);
                    calls.note(program, site, &resolved);
                    calls.resolved.insert(site, resolved);
                }
            }
        }
        calls
    }

    fn note(&mut self, program: &Program<'_>, site: Site, resolved: &Resolved) {
        match resolved {
            Resolved::Functions(functions) => {
                for function in functions {
                    self.callers.entry(*function).or_default().push(site);
                }
            }
            Resolved::Construct(ty) => {
                self.constructed.entry(*ty).or_default().push(site);
                for init in program.methods(*ty, "__init__") {
                    self.callers.entry(init).or_default().push(site);
                }
            }
            _ => {}
        }
    }

    /// The calls of a function.
    pub fn callers(&self, function: BodyRef) -> &[Site] {
        self.callers.get(&function).map_or(&[], Vec::as_slice)
    }

    /// The calls that construct a type.
    pub fn constructions(&self, ty: TypeKey) -> &[Site] {
        self.constructed.get(&ty).map_or(&[], Vec::as_slice)
    }

    /// How many calls are known and how many are not.
    pub fn counts(&self) -> (usize, usize) {
        let unknown = self.resolved.values().filter(|resolved| matches!(resolved, Resolved::Unknown)).count();
        (self.resolved.len() - unknown, unknown)
    }
}

fn resolve_callee(program: &Program<'_>, body: BodyRef, callee: ValueId) -> Resolved {
    match program.type_of(body, callee) {
        Type::Def(Def::Function(function)) => Resolved::Functions(overridden(program, body, callee, function)),
        Type::Closure(function) => Resolved::Functions(vec![function]),
        Type::Def(Def::Type(ty)) | Type::Def(Def::Variant(ty, _)) => Resolved::Construct(ty),
        Type::Def(Def::Model(path)) => Resolved::Model(path),
        Type::Def(Def::External(path)) => Resolved::External(path),
        Type::Named(Head::Project(ty), _) => match program.methods(ty, "__call__") {
            found if found.is_empty() => Resolved::Unknown,
            found => Resolved::Functions(found),
        },
        Type::Named(Head::Model(ty) | Head::Hinted(ty), _) => match program.called_model(body, &ty) {
            Some(model) => Resolved::Model(model.path.clone()),
            None => Resolved::Unknown,
        },
        _ => Resolved::Unknown,
    }
}

/// A method called on `self` or on a base may be a descendant's.
fn overridden(program: &Program<'_>, body: BodyRef, callee: ValueId, function: BodyRef) -> Vec<BodyRef> {
    let mut all = vec![function];
    let Some(receiver) = program.receiver_of(body, callee) else { return all };
    if let Type::Named(Head::Project(ty), _) = program.type_of(body, receiver) {
        let name = program.body(function).name.clone();
        for method in program.methods_below(ty, &name) {
            if !all.contains(&method) {
                all.push(method);
            }
        }
    }
    all
}

impl<'a> Program<'a> {
    /// The call at a step, if it is one.
    pub fn call(&self, site: Site) -> Option<Call<'a>> {
        let StepKind::Call { out, callee, args } = &self.flow(site.body).step(site.step)?.kind else { return None };
        let target = match self.calls.resolved.get(&site) {
            Some(Resolved::Model(path)) => match self.model(self.language(site.body), path) {
                Some(model) => Target::Model(model),
                None => Target::External(path.clone()),
            },
            Some(Resolved::Functions(functions)) => Target::Functions(functions.clone()),
            Some(Resolved::Construct(ty)) => Target::Construct(*ty),
            Some(Resolved::External(path)) => Target::External(path.clone()),
            _ => Target::Unknown,
        };
        let first = match &target {
            Target::Model(model) => {
                self.receiver_first(site.body, *callee, model, args.first().map(|first| first.value))
            }
            _ => None,
        };
        let instance = matches!(self.type_of(site.body, *callee), Type::Named(..));
        let (receiver, args) = match first {
            Some(_) => (first, &args[1..]),
            None if instance => (Some(*callee), args.as_slice()),
            None => (self.receiver_of(site.body, *callee), args.as_slice()),
        };
        let hinted = receiver.is_some_and(|receiver| self.type_of(site.body, receiver).is_hinted());
        let known = if hinted { Known::Hinted } else { Known::Shown };
        Some(Call { target, known, receiver, out: *out, args })
    }

    /// Which arguments of a call become which parameters of a function.
    pub fn bound_args(&self, site: Site, function: BodyRef) -> Vec<(ValueId, LocalId)> {
        let Some(StepKind::Call { callee, args, out }) = self.flow(site.body).step(site.step).map(|step| &step.kind)
        else {
            return Vec::new();
        };
        let params = &self.body(function).params;
        let mut bound = Vec::new();
        let mut places = params.iter();
        if params.first().is_some_and(|param| param.kind == ParamKind::Receiver) {
            let constructed = matches!(self.calls.resolved.get(&site), Some(Resolved::Construct(_)));
            let on = self
                .receiver_of(site.body, *callee)
                .filter(|base| !matches!(self.type_of(site.body, *base), Type::Def(_)));
            if constructed || on.is_some() {
                places.next();
                bound.push((on.filter(|_| !constructed).unwrap_or(*out), params[0].local));
            }
        }
        for arg in args {
            match &arg.kind {
                ArgKind::Positional => {
                    let param = places.next();
                    match param.map(|param| param.kind) {
                        Some(ParamKind::Positional | ParamKind::Receiver) => {
                            bound.extend(param.map(|param| (arg.value, param.local)));
                        }
                        _ => {
                            let rest = params.iter().find(|param| param.kind == ParamKind::Rest);
                            bound.extend(rest.map(|rest| (arg.value, rest.local)));
                        }
                    }
                }
                ArgKind::Named(name) => {
                    let locals = &self.body(function).locals;
                    let param = params
                        .iter()
                        .find(|param| locals.get(param.local.0 as usize).is_some_and(|local| local.name == *name));
                    let param = param.or_else(|| params.iter().find(|param| param.kind == ParamKind::RestByName));
                    bound.extend(param.map(|param| (arg.value, param.local)));
                }
                ArgKind::Spread => {
                    let rest = params.iter().find(|param| param.kind == ParamKind::Rest);
                    bound.extend(rest.map(|rest| (arg.value, rest.local)));
                }
                ArgKind::SpreadByName => {}
            }
        }
        bound
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
        let given = call.args.iter().filter_map(|arg| match &arg.kind {
            ArgKind::Named(name) => model.when_given.get(name),
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

    pub(super) fn link_fields(&mut self) {
        // The type of a field's base may itself come from a field: what the first round finds, the second uses.
        for _ in 0..2 {
            let index = self.index_fields();
            self.fields = index;
            self.forget_types();
        }
        self.calls = Calls::resolve(self);
        self.forget_types();
        let index = self.index_fields();
        self.fields = index;
        self.forget_types();
    }

    /// What was found so far rested on less than is known now.
    fn forget_types(&self) {
        self.types.borrow_mut().clear();
        self.local_types.borrow_mut().clear();
    }

    fn index_fields(&self) -> FieldIndex {
        let mut index = FieldIndex::default();
        for body in self.bodies() {
            let class = self.is_class_body(body).then(|| self.owner(body)).flatten();
            for node in self.flow(body).nodes() {
                let site = Site { body, step: node.step.id };
                match &node.step.kind {
                    StepKind::Read { place: Place::Field { base, name }, .. }
                    | StepKind::Store { place: Place::Field { base, name }, .. }
                    | StepKind::Update { place: Place::Field { base, name }, .. }
                    | StepKind::Delete { place: Place::Field { base, name } } => {
                        index.add(self.field_home(body, *base), name, site);
                    }
                    StepKind::Store { place: Place::Local(local), .. } => {
                        if let Some(ty) = class {
                            let name = &self.body(body).locals[local.0 as usize].name;
                            index.add(Home::Known(ty), name, site);
                        }
                    }
                    StepKind::Collect { shape: Shape::Struct(path), items, .. } => {
                        let Some(Def::Type(ty) | Def::Variant(ty, _)) = self.resolve_path(body, path) else { continue };
                        for item in items {
                            if let Item::Field(name, _) = item {
                                index.add(Home::Known(ty), name, site);
                            }
                        }
                    }
                    StepKind::Part { of, part: crate::unit::Part::Field(name), .. } => {
                        index.add(self.field_home(body, *of), name, site);
                    }
                    _ => {}
                }
            }
        }
        index
    }

    /// The type of the program whose field `base.name` is.
    fn field_home(&self, body: BodyRef, base: ValueId) -> Home {
        self.home_of(self.type_of(body, base))
    }

    fn home_of(&self, ty: Type) -> Home {
        match ty {
            Type::Named(Head::Project(ty), _) | Type::Def(Def::Type(ty)) => Home::Known(ty),
            Type::Named(Head::Model(path), args) => match self.catalogue.ty("rust", &path) {
                Some(model) if model.transparent != unleak_catalogue::model::Transparent::Not => {
                    match args.into_iter().next() {
                        Some(inner) => self.home_of(inner),
                        None => Home::Outside,
                    }
                }
                _ => Home::Outside,
            },
            Type::Unknown | Type::Named(Head::Hinted(_), _) => Home::Unknown,
            _ => Home::Outside,
        }
    }

    /// Which field of which type a place is, when that is known.
    pub fn field_key(&self, body: BodyRef, base: ValueId) -> Option<TypeKey> {
        match self.field_home(body, base) {
            Home::Known(ty) => Some(ty),
            _ => None,
        }
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

enum Home {
    Known(TypeKey),
    Unknown,
    Outside,
}

impl FieldIndex {
    fn add(&mut self, home: Home, name: &Name, site: Site) {
        match home {
            Home::Known(ty) => self.known.entry(name.clone()).or_default().entry(ty).or_default().push(site),
            Home::Unknown => self.unknown.entry(name.clone()).or_default().push(site),
            Home::Outside => return,
        }
        self.by_name.entry(name.clone()).or_default().push(site);
    }
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
