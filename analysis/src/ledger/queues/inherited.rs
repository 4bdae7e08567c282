//! Queues of the program's own classes: what they inherit is a library's queue.

use unleak_catalogue::model::Kind;

use super::super::builder::Builder;
use super::{Born, bound};
use crate::program::calls::{Call, Target};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Program, Site, TypeKey};
use crate::unit::{ParamKind, StepKind};

/// What Python calls on a new object.
const INIT: &str = "__init__";

/// The queue that a class of the program makes, by the constructor that it inherits or that its own calls.
pub(super) fn born<'a>(builder: &Builder<'_, 'a>, site: Site, call: &Call<'a>, ty: TypeKey) -> Option<Born> {
    let program = builder.program;
    let language = program.language(site.body);
    let (made, birth) = program.outside_bases(ty).into_iter().find_map(|base| {
        let birth = program.model(language, &base)?.birth.as_ref()?;
        (birth.kind == Kind::Queue).then_some((base, birth))
    })?;
    let bound = match program.methods(ty, INIT)[..] {
        [] => bound::of_birth(builder, call, birth),
        [own, ..] => bound::given_on(builder, site, own, &inherited(program, own)?, birth),
    };
    Some(Born { kind: birth.kind, site, out: call.out, depth: 0, made: vec![made], bound, known: call.known })
}

/// The one call in a constructor of the constructor that it stands in the place of, without the object itself.
fn inherited<'a>(program: &Program<'a>, own: BodyRef) -> Option<Call<'a>> {
    fact!(inherited);
    let flow = program.flow(own);
    let sites = flow.nodes().filter(|node| matches!(node.step.kind, StepKind::Call { .. })).map(|node| node.step.id);
    let sites = sites.map(|step| Site { body: own, step });
    let mut calls = sites.filter(|site| program.method_name(*site).is_some_and(|name| name == INIT));
    let mut call = program.call(calls.next()?)?;
    if calls.next().is_some() || matches!(call.target, Target::Functions(_)) {
        return None;
    }
    let object = program.body(own).params.first().filter(|param| param.kind == ParamKind::Receiver)?.local;
    if let [first, others @ ..] = call.args
        && program.origin(own, first.value).0 == Spot::Local(own, object)
    {
        call.args = others;
    }
    Some(call)
}
