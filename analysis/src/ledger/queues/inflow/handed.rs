//! What is handed in: to a function by its callers, or by code that was not read.

use unleak_catalogue::model::{Effect, Kind};

use super::super::super::builder::Builder;
use super::receives::kind_of;
use super::{CALLERS, How, Inflow, REACH_OF_HANDLER, Search, is_asked, out_of};
use crate::program::calls::Target;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site};
use crate::unit::{Arg, ArgKind, BodyId, BodyKind, LocalId, ParamKind, Place, StepKind, ValueId};

impl Search<'_, '_, '_> {
    /// What a queue's own method will be called with that is handed on: what is handed on along with it, or else whatever
    /// those have who get it.
    pub(super) fn handed_on(&mut self, site: Site) -> Option<Inflow> {
        fact!(handed_on);
        let program = self.builder.program;
        let flow = program.flow(site.body);
        match flow.step(site.step).map(|step| &step.kind) {
            Some(StepKind::Call { args, .. }) => {
                let queue = |arg: &Arg| match flow.def(arg.value).map(|step| &step.kind) {
                    Some(StepKind::Read { place: Place::Field { base, .. }, .. }) => {
                        kind_of(self.builder, site.body, *base) == Some(Kind::Queue)
                    }
                    _ => false,
                };
                let place = args.iter().position(queue)?;
                let along: Vec<ValueId> = args[place + 1..].iter().map(|arg| arg.value).collect();
                if along.is_empty() {
                    let unread = matches!(program.call(site)?.target, Target::External(_) | Target::Unknown);
                    return unread.then_some(Inflow { how: How::Handed, at: site });
                }
                self.any(site.body, along)
            }
            Some(StepKind::Store { place: Place::Local(local), .. }) => {
                self.is_passed_on(site.body, *local).then_some(Inflow { how: How::Handed, at: site })
            }
            _ => None,
        }
    }

    /// Whether a variable is an argument of a call of code that was not read, here or where it is captured.
    fn is_passed_on(&self, body: BodyRef, local: LocalId) -> bool {
        fact!(is_passed_on);
        let flow = self.builder.program.flow(body);
        let outs = flow.reads(local).iter().filter_map(|id| out_of(flow.step(*id)));
        let here = outs.flat_map(|out| flow.uses(out).iter().map(move |id| (out, *id))).any(|(out, id)| {
            self.builder.program.call(Site { body, step: id }).is_some_and(|call| {
                let unread = matches!(call.target, Target::External(_) | Target::Unknown);
                unread && call.args.iter().any(|arg| arg.value == out)
            })
        });
        let captured = self.builder.program.captures_of(body, local);
        here || captured.iter().any(|(inner, local)| self.is_passed_on(*inner, *local))
    }

    /// What a function is given: by those who call it, or by code that was not read.
    pub(super) fn param(&mut self, body: BodyRef, local: LocalId, at: Site) -> Option<Inflow> {
        fact!(param);
        let (program, rhythm) = (self.builder.program, &self.builder.rhythm);
        let kind = program.body(body).params.iter().find(|param| param.local == local)?.kind;
        if kind == ParamKind::Receiver || is_asked(&mut self.params, (body, local), self.hops) {
            return None;
        }
        let registered = rhythm.registrations(body);
        if program.is_handler(body) || registered.iter().any(|it| it.effect == Effect::CalledPerEvent) {
            let near = self.away <= REACH_OF_HANDLER;
            return Some(if near { self.received(at) } else { Inflow { how: How::FarOff, at } });
        }
        let callers = program.calls().callers(body);
        if callers.is_empty() && registered.is_empty() {
            // What is called from outside and then calls the one who adds is as often a command as an item.
            let given = rhythm.given_to(program, body).next().is_some();
            let left = if given { self.is_left_to_others(body) } else { overrides(self.builder, body) };
            let handed = left && self.away == 0;
            return handed.then_some(Inflow { how: How::Handed, at });
        }
        callers
            .iter()
            .take(CALLERS)
            .filter(|site| self.builder.setting(site.body) == self.builder.setting(body))
            .filter_map(|site| self.beyond(|it| it.any(site.body, program.args_bound_to(*site, body, local))))
            .max()
    }

    /// Whether a function is handed to somebody who finds by himself what to call it with.
    fn is_left_to_others(&self, function: BodyRef) -> bool {
        fact!(is_left_to_others);
        let program = self.builder.program;
        self.builder.rhythm.given_to(program, function).any(|site| {
            let Some(call) = program.call(site) else { return false };
            let place = call.args.iter().position(|arg| program.function_in(site.body, arg.value) == Some(function));
            let mut along = call.args[place.map_or(0, |place| place + 1)..].iter();
            place.is_some() && along.all(|arg| matches!(arg.kind, ArgKind::Named(_)))
        })
    }
}

/// Whether a method is one that a class or trait from outside asks for: whoever calls it was not read.
fn overrides(builder: &Builder<'_, '_>, body: BodyRef) -> bool {
    fact!(overrides);
    let program = builder.program;
    let owned = program.body(body);
    let called_so = !program.calls().named(&owned.name).is_empty();
    if owned.kind != BodyKind::Function || owned.name.starts_with("__") || called_so {
        return false;
    }
    let blocks = &program.file(body.file).lowered.outline.impls;
    let block = blocks.iter().find(|block| block.methods.iter().any(|(_, method)| *method == body.body));
    match block {
        Some(block) => block.of.as_ref().is_some_and(|of| {
            let module = BodyRef { file: body.file, body: BodyId::MODULE };
            !matches!(program.type_from_tree(module, of), Type::Named(Head::Project(_), _))
        }),
        // A base that the catalogue knows calls what the catalogue says.
        None => program.owner(body).is_some_and(|ty| {
            let language = program.language(body).name();
            program.outside_bases(ty).iter().any(|base| program.catalogue.ty(language, base).is_none())
        }),
    }
}
