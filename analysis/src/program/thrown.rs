//! Which handler or scope around a step stops what is thrown there.

use unleak_catalogue::model::{ScopeMeans, Tells};

use super::calls::Target;
use super::flow::Slot;
use super::types::{Head, Type};
use super::{BodyRef, Def, Program, Site, TypeKey};
use crate::unit::{Catches, Const, Handler, Name, ScopeItem, StepKind, Yields};

/// The class of what is thrown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Thrown {
    /// Whatever it is: only what stops everything stops it.
    Anything,
    /// Something that is raised here, of a class that is not known: whoever catches anything may have meant it.
    Unseen,
    /// One of the program.
    Own(TypeKey),
    /// One that the catalogue knows, or an outside one, by its path.
    Outside(Name),
}

impl Thrown {
    /// Of what type an exception is, or the class that is raised without being called.
    pub(super) fn of(ty: &Type) -> Thrown {
        match ty {
            Type::Named(Head::Project(key), _) | Type::Def(Def::Type(key)) => Thrown::Own(*key),
            Type::Named(Head::Model(path), _) | Type::Def(Def::Model(path) | Def::External(path)) => {
                Thrown::Outside(path.clone())
            }
            _ => Thrown::Unseen,
        }
    }
}

impl Program<'_> {
    /// Whether a handler, or a scope that lets nothing of the kind out, stands around a step in its body.
    pub(super) fn is_stopped(&self, site: Site, thrown: &Thrown) -> bool {
        let body = site.body;
        self.flow(body).around(site.step).any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::Try { handlers, .. }, Slot::TryBody) => handlers.iter().any(|it| {
                let of_its_class = || {
                    matches!(&it.catches, Catches::Types(types)
                        if types.iter().any(|path| self.is_one_of(body, thrown, self.resolve_path(body, path).as_ref())))
                };
                !raises_again(it) && (self.catches_all(body, it) || of_its_class())
            }),
            (StepKind::Scope { items, .. }, Slot::ScopeBody) => {
                items.iter().any(|item| self.lets_pass_none(body, item, thrown) || self.is_handled_by(body, item, thrown))
            }
            _ => false,
        })
    }

    /// The same, or a scope stands around it that may deal with what is thrown.
    pub(super) fn may_be_stopped(&self, site: Site, thrown: &Thrown) -> bool {
        let mut around = self.flow(site.body).around(site.step);
        let in_a_keeper = around.any(|(outer, slot)| match (&outer.kind, slot) {
            (StepKind::Scope { items, .. }, Slot::ScopeBody) => items.iter().any(|item| self.may_keep(site.body, item)),
            _ => false,
        });
        in_a_keeper || self.is_stopped(site, thrown)
    }

    /// Whether a scope swallows what is thrown: it does, and it is given the class or one that the class derives from.
    fn lets_pass_none(&self, body: BodyRef, item: &ScopeItem, thrown: &Thrown) -> bool {
        let swallows = self.type_of(body, item.context).model_path().is_some_and(|path| {
            let model = self.catalogue.ty(self.language(body).name(), path);
            model.is_some_and(|model| model.scope == ScopeMeans::Swallows)
        });
        let call = self.maker(body, item.context).filter(|_| swallows).and_then(|made| self.call(made));
        call.is_some_and(|call| {
            call.args.iter().any(|arg| match self.type_of(body, arg.value) {
                Type::Def(def) => self.is_one_of(body, thrown, Some(&def)),
                _ => false,
            })
        })
    }

    /// Whether the program's own function that makes a scope yields within a handler for what is thrown in it, and never
    /// raises it again.
    fn is_handled_by(&self, body: BodyRef, item: &ScopeItem, thrown: &Thrown) -> bool {
        let call = self.maker(body, item.context).and_then(|made| self.call(made));
        let Some(Target::Functions(functions)) = call.map(|call| call.target) else { return false };
        functions.into_iter().filter(|function| self.body(*function).yields == Yields::Generator).any(|function| {
            let flow = self.flow(function);
            let raises = flow.nodes().any(|node| matches!(node.step.kind, StepKind::Raise { .. }));
            let stopped = |step| self.is_stopped(Site { body: function, step }, thrown);
            let mut yields = flow.nodes().filter(|node| matches!(node.step.kind, StepKind::Yield { .. }));
            !raises && yields.any(|node| stopped(node.step.id))
        })
    }

    /// Whether what is thrown in a scope may be dealt with where it is left: its exit gives back more than nothing on some
    /// way, or was not read.
    fn may_keep(&self, body: BodyRef, item: &ScopeItem) -> bool {
        let nothing = |exit, value| matches!(self.constant_of(exit, value), Some(Const::Nothing | Const::Bool(false)));
        let says_so = |exit: BodyRef| {
            self.flow(exit).nodes().any(|node| match node.step.kind {
                StepKind::Return { value: Some(value) } => !nothing(exit, value),
                _ => false,
            })
        };
        match self.type_of(body, item.context) {
            Type::Named(Head::Project(ty), _) => self.scope_exits(ty).into_iter().any(says_so),
            Type::Named(Head::External(_), _) => true,
            _ => {
                let made = self.maker(body, item.context).and_then(|made| self.call(made));
                matches!(made.map(|made| made.target), Some(Target::External(_)))
            }
        }
    }

    /// What runs when a scope of this type is left.
    pub fn scope_exits(&self, ty: TypeKey) -> Vec<BodyRef> {
        ["__aexit__", "__exit__"].iter().flat_map(|name| self.methods(ty, name)).collect()
    }

    /// Whether what is thrown is of a class, or of one that derives from it.
    fn is_one_of(&self, body: BodyRef, thrown: &Thrown, class: Option<&Def>) -> bool {
        let language = self.language(body).name();
        match (class, thrown) {
            // Who waits for a cancellation has not thought of a failure.
            (Some(Def::Model(path)), Thrown::Unseen) => self.class_tells(body, path) != Some(Tells::Cancelled),
            (_, Thrown::Unseen) => true,
            (Some(Def::Model(path)), _) if self.tells_of_all(body, path) => true,
            (Some(Def::Type(class)), Thrown::Own(own)) => self.ancestors(*own).contains(class),
            (Some(Def::Model(path) | Def::External(path)), Thrown::Own(own)) => {
                self.outside_bases(*own).iter().any(|base| self.catalogue.is_a(language, base, path))
            }
            (Some(Def::Model(path) | Def::External(path)), Thrown::Outside(thrown)) => {
                self.catalogue.is_a(language, thrown, path)
            }
            _ => false,
        }
    }
}

/// Whether a handler lets what it has caught go on.
fn raises_again(handler: &Handler) -> bool {
    let last = handler.body.steps.last().map(|step| &step.kind);
    matches!(last, Some(StepKind::Raise { value: None }))
}
