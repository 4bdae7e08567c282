//! Fan-outs in which each item does one thing of its own: the items are there already, and no more runs than there is.

use unleak_catalogue::model::{Effect, Kind};

use super::Sizer;
use super::supply::Maker;
use crate::program::calls::Target;
use crate::program::trace::Spot;
use crate::program::{BodyRef, Site};
use crate::unit::{BodyKind, Driver, LocalId, LocalOrigin, Part, Place, StepKind, ValueId};

impl Sizer<'_, '_, '_> {
    /// Whether everything that is made is a method of the item itself.
    pub(super) fn is_items_own(&self, makers: &[Maker]) -> bool {
        fact!(is_items_own);
        !makers.is_empty() && makers.iter().all(|maker| self.made_by_item(maker))
    }

    /// Whether everything that is run is a callable kept in a field of the program's own types.
    pub(super) fn is_handed_in(&self, makers: &[Maker]) -> bool {
        fact!(is_handed_in);
        !makers.is_empty() && makers.iter().all(|maker| self.calls_a_field(maker.site))
    }

    fn calls_a_field(&self, site: Site) -> bool {
        let flow = self.program.flow(site.body);
        let Some(StepKind::Call { callee, .. }) = flow.step(site.step).map(|step| &step.kind) else { return false };
        let Some(StepKind::Read { place: Place::Field { base, name }, .. }) = flow.def(*callee).map(|step| &step.kind)
        else {
            return false;
        };
        let unknown =
            matches!(self.program.call(site).map(|call| call.target), Some(Target::Unknown | Target::External(_)));
        match self.program.field_spot(site.body, *base, name) {
            Spot::Field(ty, name) => unknown && self.program.methods(ty, &name).is_empty(),
            _ => false,
        }
    }

    fn made_by_item(&self, maker: &Maker) -> bool {
        let called = self.is_on_item(maker.site) || self.started(maker.site).is_some_and(|site| self.is_on_item(site));
        let asks = |work: &BodyRef| self.only_asks_item(*work) || self.only_waits_for_answers(*work, 3);
        called || !maker.work.is_empty() && maker.work.iter().all(asks)
    }

    /// Whether a closure or async block starts nothing: all it waits for is an answer that is under way already.
    fn only_waits_for_answers(&self, work: BodyRef, hops: u32) -> bool {
        fact!(only_waits_for_answers);
        let Some(hops) = hops.checked_sub(1) else { return false };
        if self.program.body(work).kind == BodyKind::Function {
            return false;
        }
        let flow = self.program.flow(work);
        let mut waits = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Await { value, .. } => Some(self.is_answer(work, *value)),
            StepKind::Closure { body, .. } => {
                Some(self.only_waits_for_answers(BodyRef { file: work.file, body: *body }, hops))
            }
            _ => None,
        });
        waits.next().is_some_and(|first| first && waits.all(|is| is))
    }

    fn is_answer(&self, body: BodyRef, value: ValueId) -> bool {
        let kind = self.kind_of(body, &self.program.type_of(body, value));
        matches!(kind, Some(Kind::Signal | Kind::Task | Kind::Thread | Kind::Process))
    }

    /// The call whose coroutine a start is given.
    fn started(&self, site: Site) -> Option<Site> {
        fact!(started);
        let call = self.program.call(site)?;
        let Target::Model(model) = &call.target else { return None };
        let (subject, _) = model.does.iter().find(|(_, effect)| **effect == Effect::Run)?;
        let (value, _) = self.program.subjects(&call, subject).into_iter().next()?;
        Some(Site { body: site.body, step: self.program.flow(site.body).def(value)?.id })
    }

    fn is_on_item(&self, site: Site) -> bool {
        let receiver = self.program.call(site).and_then(|call| call.receiver);
        receiver.is_some_and(|receiver| self.is_item(site.body, receiver))
    }

    /// Whether a closure or async block waits for nothing but methods of the item it is given.
    fn only_asks_item(&self, work: BodyRef) -> bool {
        if self.program.body(work).kind == BodyKind::Function {
            return false;
        }
        let flow = self.program.flow(work);
        let awaited = flow.nodes().filter_map(|node| match &node.step.kind {
            StepKind::Await { value, .. } => Some(*value),
            _ => None,
        });
        let mut all = awaited.chain(self.program.body(work).root.value).peekable();
        all.peek().is_some() && all.all(|value| self.is_asked_of_item(work, value, 6))
    }

    fn is_asked_of_item(&self, body: BodyRef, value: ValueId, hops: u32) -> bool {
        let (Some(hops), Some(step)) = (hops.checked_sub(1), self.program.flow(body).def(value)) else { return false };
        match &step.kind {
            StepKind::Call { .. } => self.is_on_item(Site { body, step: step.id }),
            StepKind::Await { value, .. } | StepKind::View { value, .. } | StepKind::Propagate { value, .. } => {
                self.is_asked_of_item(body, *value, hops)
            }
            StepKind::Closure { body: inner, .. } => self.only_asks_item(BodyRef { file: body.file, body: *inner }),
            _ => false,
        }
    }

    /// Whether a value is what a loop, a comprehension or a mapped closure is given each time.
    fn is_item(&self, body: BodyRef, value: ValueId) -> bool {
        match self.program.origin(body, value) {
            (Spot::Local(body, local), 0) => self.is_item_local(body, local, 3),
            _ => false,
        }
    }

    fn is_item_local(&self, body: BodyRef, local: LocalId, hops: u32) -> bool {
        let owned = self.program.body(body);
        let (Some(hops), Some(variable)) = (hops.checked_sub(1), owned.locals.get(local.0 as usize)) else {
            return false;
        };
        let flow = self.program.flow(body);
        match (variable.origin, owned.parent) {
            (LocalOrigin::Captured { outer, .. }, Some(parent)) => {
                self.is_item_local(BodyRef { file: body.file, body: parent }, outer, hops)
            }
            (LocalOrigin::Param, _) => owned.kind == BodyKind::Closure,
            _ => {
                let stores = flow.stores(local);
                !stores.is_empty()
                    && stores.iter().all(|id| match flow.step(*id).map(|step| &step.kind) {
                        Some(StepKind::Store { value, .. }) => self.is_given_each_time(body, *value, 6),
                        Some(StepKind::Loop { .. }) => true,
                        _ => false,
                    })
            }
        }
    }

    fn is_given_each_time(&self, body: BodyRef, value: ValueId, hops: u32) -> bool {
        fact!(is_given_each_time);
        let (Some(hops), Some(step)) = (hops.checked_sub(1), self.program.flow(body).def(value)) else { return false };
        match &step.kind {
            StepKind::Loop { driver: Driver::Each { .. }, .. } => true,
            StepKind::Part { of, part: Part::Index(_) | Part::Whole | Part::Variant(..), .. } => {
                self.is_given_each_time(body, *of, hops)
            }
            StepKind::View { value, .. } => self.is_given_each_time(body, *value, hops),
            StepKind::Read { place: Place::Local(local), .. } => self.is_item_local(body, *local, 2),
            _ => false,
        }
    }
}
