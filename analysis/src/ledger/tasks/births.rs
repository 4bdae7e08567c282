//! Where tasks and threads are born.

use unleak_catalogue::model::{CallModel, Effect, HandleOf, Kind, OwnerOf};

use super::super::ResourceId;
use super::super::builder::Builder;
use crate::program::calls::{Call, Depth, Known, Meant, Target};
use crate::program::exits::Exit;
use crate::program::trace::{Returns, Spot, What};
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Def, Program, Site};
use crate::source::Language;
use crate::unit::{BodyKind, Colour, LocalId, LocalOrigin, Place, StepKind, TypeTree, ValueId};

/// A task or thread, as it begins.
#[derive(Clone, Debug)]
pub(super) struct Birth<'a> {
    /// What.
    pub(super) kind: Kind,
    /// The call that gives the handle.
    pub(super) site: Site,
    /// What stands for it.
    pub(super) start: Start,
    /// How the maker is known.
    pub(super) known: Known,
    /// The code it runs.
    pub(super) work: Work<'a>,
    /// Who owns it from the start.
    pub(super) owner: OwnerOf,
    /// For what a wrapper hands out: the entry of the birth inside it.
    pub(super) made_by: Option<ResourceId>,
    /// The innermost birth's site.
    pub(super) root: Option<Site>,
    /// How many wrappers it came through.
    pub(super) depth: u32,
}

impl Birth<'_> {
    /// The calls that make what its starter is given.
    pub(super) fn given(&self, builder: &Builder<'_, '_>) -> Vec<Site> {
        let Some(call) = builder.program.call(self.site) else { return Vec::new() };
        call.args.iter().filter_map(|arg| builder.program.maker(self.site.body, arg.value)).collect()
    }
}

/// What stands for a born thing.
#[derive(Clone, Debug)]
pub(super) enum Start {
    /// The result of the call.
    Result,
    /// The result of awaiting the call.
    AwaitedResult,
    /// What is so many containers deep in the result.
    Elements(u8),
    /// One part of the pair that is the result.
    Part(u32),
    /// Nothing: it was started by somebody who drops the result.
    Nobody(Site),
}

/// How a body gives a task to its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// As it is.
    Itself,
    /// So many containers deep.
    Elements(u8),
    /// As one part of a pair.
    Part(u32),
}

/// The code a task runs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work<'a> {
    /// Its body, where known.
    pub(super) body: Option<BodyRef>,
    /// The model of what it calls, where the work is a library's.
    pub(super) model: Option<&'a CallModel>,
    /// The parameter that gives the code, or that the code waits for.
    pub(super) param: Option<(BodyRef, LocalId)>,
    /// Whose work it is.
    pub(super) of: WorkOf,
}

/// Whose work a birth tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WorkOf {
    /// That of every such birth.
    #[default]
    All,
    /// That of one caller of many.
    OneCaller,
}

/// Every birth by a modelled call.
pub(super) fn find<'a>(builder: &Builder<'_, 'a>) -> Vec<Birth<'a>> {
    let mut found = Vec::new();
    for site in builder.calls(|meant| may_be_birth(builder.program, meant)) {
        let Some(call) = builder.program.call(site) else { continue };
        found.extend(direct(builder, site, &call));
        found.extend(lent(builder, site, &call));
        found.extend(started(builder, site, &call));
        found.extend(called_back(builder, site, &call));
    }
    found
}

/// Whether a call may start a task, make a thread, or be handed a starter that it calls.
fn may_be_birth(program: &Program<'_>, meant: Meant<'_>) -> bool {
    let calls = |effect: &Effect| {
        matches!(effect, Effect::CalledLater | Effect::CalledPerEvent | Effect::CalledAtEnd | Effect::Called)
    };
    match meant {
        Meant::Model(model) => match &model.birth {
            Some(birth) if runs_by_itself(birth.kind) => true,
            born => {
                let names = |language: Language| program.catalogue.ty(language.name(), &model.path).is_some();
                born.is_none() && Language::ALL.into_iter().any(names)
                    || model.does.values().any(calls)
                    || model.when_given.values().flat_map(|does| does.values()).any(calls)
            }
        },
        Meant::Construct(ty) => program.has_outside_bases(ty),
        Meant::Other => true,
    }
}

fn runs_by_itself(kind: Kind) -> bool {
    matches!(kind, Kind::Task | Kind::Thread | Kind::Process)
}

fn direct<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>) -> Option<Birth<'a>> {
    let Target::Model(model) = call.target else { return None };
    if guessed(builder, site, call, model) || is_given_one(builder, site, call, model) {
        return None;
    }
    let birth =
        model.birth.as_ref().filter(|birth| runs_by_itself(birth.kind) && birth.handle != HandleOf::Receiver)?;
    let start = match birth.handle {
        HandleOf::Nobody => Start::Nobody(site),
        _ => Start::Result,
    };
    Some(Birth {
        kind: birth.kind,
        site,
        start,
        known: call.known,
        work: work_of_birth(builder, site, call, model),
        owner: birth.owner,
        made_by: None,
        root: None,
        depth: 0,
    })
}

/// Whether nothing but its name says that a method is one that any receiver may have.
fn guessed(builder: &Builder<'_, '_>, site: Site, call: &Call<'_>, model: &CallModel) -> bool {
    let language = builder.program.language(site.body).name();
    let unknown = call.receiver.is_some_and(|receiver| {
        let ty = builder.program.type_of(site.body, receiver);
        matches!(ty, Type::Unknown | Type::Named(Head::External(_) | Head::Project(_), _))
    });
    let name = builder.program.callee_name(site).filter(|_| unknown);
    name.is_some_and(|name| builder.program.catalogue.any_method(language, &name).any(|any| any.path == model.path))
}

/// Whether what is to be run is a task or future already, as its type says: it comes back as it is, or with a shield.
fn is_given_one<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>, model: &CallModel) -> bool {
    fact!(is_given_one);
    let language = builder.program.language(site.body).name();
    model.does.iter().any(|(subject, effect)| {
        let mut given = builder.program.subjects(call, subject).into_iter();
        given.any(|(value, _)| {
            let ty = builder.program.type_of(site.body, value);
            let kind = ty.model_path().and_then(|path| builder.program.catalogue.ty(language, path)?.kind);
            let one = match effect {
                Effect::Run => kind == Some(Kind::Task),
                Effect::PassedThrough => matches!(kind, Some(Kind::Task | Kind::Signal)),
                _ => false,
            };
            one && !ty.is_hinted()
        })
    })
}

/// A thread object is born where it is made, if it is ever started.
fn started<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>) -> Option<Birth<'a>> {
    let (kind, runs) = thread_kind(builder, site.body, call)?;
    let trail = builder.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
    let starts = |what: &What<'a>| {
        matches!(what, What::Effect(_, model)
            if model.birth.as_ref().is_some_and(|birth| birth.handle == HandleOf::Receiver))
    };
    trail.uses.iter().find(|used| starts(&used.what))?;
    let work = match call.target {
        Target::Model(model) => work_of_birth(builder, site, call, model),
        Target::Construct(ty) => Work { body: builder.program.methods(ty, runs).first().copied(), ..Work::default() },
        _ => Work::default(),
    };
    Some(Birth {
        kind,
        site,
        start: Start::Result,
        known: call.known,
        work,
        owner: OwnerOf::Handle,
        made_by: None,
        root: None,
        depth: 0,
    })
}

/// The kind of thread or process that a call makes an object of, and the method that says what it runs.
fn thread_kind<'a>(builder: &Builder<'_, 'a>, body: BodyRef, call: &Call<'_>) -> Option<(Kind, &'a str)> {
    let language = builder.program.language(body).name();
    let catalogue = builder.program.catalogue;
    let startable = |path: &str| {
        let kind = match catalogue.ty(language, path)?.kind? {
            // A timer that is started is a thread that waits first.
            Kind::Timer => Kind::Thread,
            kind => kind,
        };
        Some((kind, catalogue.runs(language, path)?.as_str())).filter(|_| runs_by_itself(kind))
    };
    match &call.target {
        Target::Model(model) if model.birth.is_none() => startable(&model.path),
        Target::Construct(ty) => builder.program.outside_bases(*ty).iter().find_map(|base| startable(base)),
        _ => None,
    }
}

/// The code a birth runs: the argument that the model says is run.
fn work_of_birth<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>, model: &'a CallModel) -> Work<'a> {
    let run = model.does.iter().filter(|(_, effect)| **effect == Effect::Run).map(|(subject, _)| subject);
    let value = run.flat_map(|subject| builder.program.subjects(call, subject)).next().map(|(value, _)| value);
    match value {
        Some(value) => endless_from_callers(builder, work_of_value(builder, site.body, value)),
        None => Work::default(),
    }
}

pub(super) fn work_of_value<'a>(builder: &Builder<'_, 'a>, body: BodyRef, value: ValueId) -> Work<'a> {
    if let Some(found) = builder.program.work_of(body, value) {
        // What a parameter holds is known from one of the callers.
        return match param_itself(builder, body, value) {
            Some(param) => Work { body: Some(found), param: Some(param), of: WorkOf::OneCaller, ..Work::default() },
            None => Work { body: Some(found), param: waited_param(builder, found), ..Work::default() },
        };
    }
    let (origin, _) = builder.program.origin(body, value);
    let made = match builder.program.source(&origin) {
        // What was boxed or pinned on the way.
        Spot::Value(inner, made) if (inner, made) != (body, value) => {
            return work_of_value(builder, inner, made);
        }
        Spot::Value(body, value) => builder.program.flow(body).def(value).map(|step| Site { body, step: step.id }),
        Spot::Local(body, local) if is_param(builder, body, local) => {
            return Work { param: Some((body, local)), ..Work::default() };
        }
        _ => None,
    };
    let made = made.and_then(|site| builder.program.call(site)).and_then(|call| match call.target {
        Target::Model(model) => Some(model),
        _ => None,
    });
    // A method of a library that is handed over to be called.
    let handed = || match builder.program.type_of(body, value) {
        Type::Def(Def::Model(path)) => builder.program.model(builder.program.language(body), &path),
        _ => None,
    };
    Work { model: made.or_else(handed), ..Work::default() }
}

/// The parameter that a value is, whatever its callers are seen to give.
pub(super) fn param_itself(builder: &Builder<'_, '_>, body: BodyRef, value: ValueId) -> Option<(BodyRef, LocalId)> {
    match builder.program.source(&builder.program.origin(body, value).0) {
        Spot::Local(body, local) if is_param(builder, body, local) => Some((body, local)),
        _ => None,
    }
}

/// The parameter that gives a birth's code, itself.
pub(super) fn param_run(builder: &Builder<'_, '_>, site: Site) -> Option<(BodyRef, LocalId)> {
    let call = builder.program.call(site)?;
    let Target::Model(model) = call.target else { return None };
    let run = model.does.iter().filter(|(_, effect)| **effect == Effect::Run).map(|(subject, _)| subject);
    let (value, _) = run.flat_map(|subject| builder.program.subjects(&call, subject)).next()?;
    param_itself(builder, site.body, value)
}

/// The parameter of the function around it that an async block waits for.
fn waited_param(builder: &Builder<'_, '_>, work: BodyRef) -> Option<(BodyRef, LocalId)> {
    builder.program.flow(work).nodes().find_map(|node| {
        let StepKind::Await { value, .. } = &node.step.kind else { return None };
        let (origin, _) = builder.program.origin(work, *value);
        match builder.program.source(&origin) {
            Spot::Local(body, local) if body != work && is_param(builder, body, local) => Some((body, local)),
            _ => None,
        }
    })
}

fn is_param(builder: &Builder<'_, '_>, body: BodyRef, local: LocalId) -> bool {
    let local = builder.program.body(body).locals.get(local.0 as usize);
    local.is_some_and(|local| local.origin == LocalOrigin::Param)
}

/// What a parameter that gives the work is given at a call.
fn work_given<'a>(builder: &Builder<'_, 'a>, site: Site, param: (BodyRef, LocalId)) -> Option<Work<'a>> {
    let bound = builder.program.bound_args(site, param.0);
    let (value, _) = bound.into_iter().find(|(_, local)| *local == param.1)?;
    Some(work_of_value(builder, site.body, value))
}

/// Of what the callers give a function to run, the work that never ends, if there is one.
fn endless_from_callers<'a>(builder: &Builder<'_, 'a>, work: Work<'a>) -> Work<'a> {
    let Some(param) = work.param.filter(|_| work.body.is_none() || work.of == WorkOf::OneCaller) else { return work };
    let callers = builder.program.calls().callers(param.0);
    let mut given = callers.iter().filter_map(|site| work_given(builder, *site, param));
    let endless = given.find(|given| given.body.is_some_and(|body| is_endless(builder, body)));
    endless.map_or(work, |given| Work { param: work.param, of: WorkOf::OneCaller, ..given })
}

fn is_endless(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    fact!(is_endless);
    matches!(builder.program.exit_of(body), Exit::Never(_))
}

/// A starter that came in as a parameter, whose bound says that a task comes back.
fn lent<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>) -> Option<Birth<'a>> {
    fact!(lent);
    if call.target != Target::Unknown {
        return None;
    }
    let flow = builder.program.flow(site.body);
    let StepKind::Call { callee, .. } = &flow.step(site.step)?.kind else { return None };
    let StepKind::Read { place: Place::Local(local), .. } = &flow.def(*callee)?.kind else { return None };
    let declared = builder.program.body(site.body).locals.get(local.0 as usize)?.ty.as_ref()?;
    let given = builder.program.type_from_tree(site.body, result_of_bound(declared)?);
    let language = builder.program.language(site.body).name();
    let kind = builder.program.catalogue.ty(language, given.model_path()?)?.kind?;
    let work =
        call.args.iter().map(|arg| work_of_value(builder, site.body, arg.value)).find(|work| work.body.is_some());
    runs_by_itself(kind).then(|| Birth {
        kind,
        site,
        start: Start::Result,
        known: call.known,
        work: work.unwrap_or_default(),
        owner: OwnerOf::Handle,
        made_by: None,
        root: None,
        depth: 0,
    })
}

/// What a callable of a written type gives.
fn result_of_bound(tree: &TypeTree) -> Option<&TypeTree> {
    match tree {
        TypeTree::Function { returns, .. } => Some(returns),
        TypeTree::Ref(inner) => result_of_bound(inner),
        TypeTree::Bounds(parts) | TypeTree::Param { bounds: parts, .. } => parts.iter().find_map(result_of_bound),
        TypeTree::Path { args, .. } => args.iter().find_map(result_of_bound),
        _ => None,
    }
}

/// A starter that is itself handed to somebody who calls it and drops the result.
fn called_back<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>) -> Vec<Birth<'a>> {
    let mut found = Vec::new();
    let Target::Model(model) = call.target else { return found };
    for (place, arg) in call.args.iter().enumerate() {
        let Type::Def(Def::Model(path)) = builder.program.type_of(site.body, arg.value) else { continue };
        let Some(starter) = builder.program.model(builder.program.language(site.body), &path) else { continue };
        let Some(birth) = starter.birth.as_ref().filter(|birth| runs_by_itself(birth.kind)) else { continue };
        let effect = builder.program.effect_on(call, model, arg.value, Depth::Itself);
        let start = match effect {
            Some(Effect::CalledLater | Effect::CalledPerEvent | Effect::CalledAtEnd) => Start::Nobody(site),
            Some(Effect::Called) => Start::Elements(1),
            _ => continue,
        };
        let work = call.args.get(place + 1).map(|next| work_of_value(builder, site.body, next.value));
        found.push(Birth {
            kind: birth.kind,
            site,
            start,
            known: call.known,
            work: work.unwrap_or_default(),
            owner: birth.owner,
            made_by: None,
            root: None,
            depth: 0,
        });
    }
    found
}

/// What the callers of a body get, which returns what was born in it.
pub(super) fn handed_out<'a>(
    builder: &Builder<'_, 'a>,
    birth: &Birth<'a>,
    id: ResourceId,
    body: BodyRef,
    given: Given,
) -> Vec<Birth<'a>> {
    let owned = builder.program.body(body);
    let start = match (given, owned.colour) {
        (Given::Part(place), _) => Start::Part(place),
        (Given::Elements(depth), _) => Start::Elements(depth),
        (Given::Itself, Colour::Async) => Start::AwaitedResult,
        (Given::Itself, Colour::Sync) => match birth.start {
            Start::AwaitedResult => Start::AwaitedResult,
            _ => Start::Result,
        },
    };
    let next = |site: Site, start: Start| Birth {
        kind: birth.kind,
        site,
        start,
        known: birth.known,
        work: birth.work,
        owner: birth.owner,
        made_by: Some(id),
        root: Some(birth.root.unwrap_or(birth.site)),
        depth: birth.depth + 1,
    };
    let mut found: Vec<Birth<'a>> = Vec::new();
    for site in builder.program.calls().callers(body) {
        found.push(Birth { work: work_at(builder, *site, birth), ..next(*site, start.clone()) });
    }
    if owned.kind == BodyKind::Function && owned.colour == Colour::Sync {
        for registration in builder.rhythm.registrations(body) {
            if matches!(registration.effect, Effect::CalledLater | Effect::CalledPerEvent | Effect::CalledAtEnd) {
                found.push(next(registration.site, Start::Nobody(registration.site)));
            } else if registration.effect == Effect::Called {
                found.push(next(registration.site, Start::Elements(1)));
            }
        }
    }
    found
}

/// A wrapper that is given a coroutine or callable runs, or waits for, what its caller gives.
fn work_at<'a>(builder: &Builder<'_, 'a>, site: Site, birth: &Birth<'a>) -> Work<'a> {
    if let Some(given) = birth.work.param.and_then(|param| work_given(builder, site, param)) {
        let endless = given.body.is_some_and(|body| is_endless(builder, body));
        if birth.work.body.is_none() || birth.work.of == WorkOf::OneCaller || endless {
            return given;
        }
        return Work { param: given.param, ..birth.work };
    }
    if birth.work.body.is_some() || birth.work.model.is_some() {
        return birth.work;
    }
    let Some(call) = builder.program.call(site) else { return birth.work };
    let mut given = call.args.iter().map(|arg| work_of_value(builder, site.body, arg.value));
    given.find(|work| work.body.is_some()).unwrap_or(birth.work)
}
