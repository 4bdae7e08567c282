//! Where tasks and threads are born.

use unleak_catalogue::model::{CallModel, Effect, HandleOf, Kind, OwnerOf};

use super::super::ResourceId;
use super::super::builder::Builder;
use crate::program::calls::{Call, Depth, Known, Target};
use crate::program::trace::{Returns, Spot, What};
use crate::program::types::Type;
use crate::program::{BodyRef, Def, Site};
use crate::unit::{BodyKind, Colour, StepKind, ValueId};

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

/// What stands for a born thing.
#[derive(Clone, Debug)]
pub(super) enum Start {
    /// The result of the call.
    Result,
    /// The result of awaiting the call.
    AwaitedResult,
    /// Nothing: it was started by somebody who drops the result.
    Nobody(Site),
}

/// The code a task runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work<'a> {
    /// Its body, where known.
    pub(super) body: Option<BodyRef>,
    /// The model of what it calls, where the work is a library's.
    pub(super) model: Option<&'a CallModel>,
}

/// Every birth by a modelled call.
pub(super) fn find<'a>(builder: &Builder<'_, 'a>) -> Vec<Birth<'a>> {
    let mut found = Vec::new();
    for body in builder.program.bodies() {
        for node in builder.program.flow(body).nodes() {
            if !matches!(node.step.kind, StepKind::Call { .. }) {
                continue;
            }
            let site = Site { body, step: node.step.id };
            let Some(call) = builder.program.call(site) else { continue };
            found.extend(direct(builder, site, &call));
            found.extend(started(builder, site, &call));
            found.extend(called_back(builder, site, &call));
        }
    }
    found
}

fn runs_by_itself(kind: Kind) -> bool {
    matches!(kind, Kind::Task | Kind::Thread | Kind::Process)
}

fn direct<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>) -> Option<Birth<'a>> {
    let Target::Model(model) = call.target else { return None };
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
        work: work(builder, site, call, model),
        owner: birth.owner,
        made_by: None,
        root: None,
        depth: 0,
    })
}

/// A thread object is born where it is made, if it is ever started.
fn started<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>) -> Option<Birth<'a>> {
    // A timer that is started is a thread that waits first.
    let kind = match thread_kind(builder, site.body, call)? {
        Kind::Timer => Kind::Thread,
        kind => kind,
    };
    let trail = builder.program.follow(Spot::Value(site.body, call.out), 0, Returns::Stop);
    let starts = |what: &What<'a>| {
        matches!(what, What::Effect(_, model)
            if model.birth.as_ref().is_some_and(|birth| birth.handle == HandleOf::Receiver))
    };
    trail.uses.iter().find(|used| starts(&used.what))?;
    let work = match call.target {
        Target::Model(model) => work(builder, site, call, model),
        Target::Construct(ty) => Work { body: builder.program.methods(ty, "run").first().copied(), model: None },
        _ => Work { body: None, model: None },
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

/// The kind of thread or process that a call makes an object of.
fn thread_kind(builder: &Builder<'_, '_>, body: BodyRef, call: &Call<'_>) -> Option<Kind> {
    let language = builder.program.language(body).name();
    let catalogue = builder.program.catalogue;
    let startable = |path: &str| {
        let kind = catalogue.ty(language, path)?.kind?;
        let start = catalogue.method(language, path, "start")?.birth.as_ref()?;
        (start.handle == HandleOf::Receiver && (runs_by_itself(kind) || kind == Kind::Timer)).then_some(kind)
    };
    match &call.target {
        Target::Model(model) if model.birth.is_none() => startable(&model.path),
        Target::Construct(ty) => builder.program.outside_bases(*ty).iter().find_map(|base| startable(base)),
        _ => None,
    }
}

/// The code a birth runs: the argument that the model says is run.
fn work<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>, model: &'a CallModel) -> Work<'a> {
    let run = model.does.iter().filter(|(_, effect)| **effect == Effect::Run).map(|(subject, _)| subject);
    let value = run.flat_map(|subject| builder.program.subjects(call, subject)).next().map(|(value, _)| value);
    match value {
        Some(value) => work_of_value(builder, site.body, value),
        None => Work { body: None, model: None },
    }
}

fn work_of_value<'a>(builder: &Builder<'_, 'a>, body: BodyRef, value: ValueId) -> Work<'a> {
    let found = builder.program.work_of(body, value);
    let (origin, _) = builder.program.origin(body, value);
    let made = match origin {
        Spot::Value(body, value) => builder.program.flow(body).def(value).map(|step| Site { body, step: step.id }),
        _ => None,
    };
    let model = made.and_then(|site| builder.program.call(site)).and_then(|call| match call.target {
        Target::Model(model) => Some(model),
        _ => None,
    });
    Work { body: found, model }
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
        if !matches!(effect, Some(Effect::CalledLater | Effect::CalledPerEvent | Effect::CalledAtEnd)) {
            continue;
        }
        let work = call.args.get(place + 1).map(|next| work_of_value(builder, site.body, next.value));
        found.push(Birth {
            kind: birth.kind,
            site,
            start: Start::Nobody(site),
            known: call.known,
            work: work.unwrap_or(Work { body: None, model: None }),
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
) -> Vec<Birth<'a>> {
    let owned = builder.program.body(body);
    let start = match owned.colour {
        Colour::Async => Start::AwaitedResult,
        Colour::Sync => birth.start.clone(),
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
            }
        }
    }
    found
}

/// A wrapper that is given a coroutine or callable runs what its caller gives.
fn work_at<'a>(builder: &Builder<'_, 'a>, site: Site, birth: &Birth<'a>) -> Work<'a> {
    if birth.work.body.is_some() || birth.work.model.is_some() {
        return birth.work;
    }
    let Some(call) = builder.program.call(site) else { return birth.work };
    let mut given = call.args.iter().map(|arg| work_of_value(builder, site.body, arg.value));
    given.find(|work| work.body.is_some()).unwrap_or(birth.work)
}
