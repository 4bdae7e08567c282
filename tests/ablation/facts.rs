//! The facts, and how each is taken away.

use unleak_analysis::unit::{
    ArgKind, Block, Body, Capture, Catches, Colour, Cond, Const, Driver, LocalOrigin, Lowered, Place, Step, StepKind,
};
use unleak_catalogue::model::{
    Birth, Effect, Failure, HandlesEvents, Library, OnDrop, OwnerOf, ScopeMeans, Takes, Transparent, Waits,
};

/// Something the ledger is told.
pub(crate) struct Fact {
    /// Its name.
    pub(crate) name: &'static str,
    told_by: ToldBy,
}

/// Where it is told, and how it is taken away there.
enum ToldBy {
    Code(fn(&mut Lowered)),
    Data(fn(&mut Library)),
    Effect(Effect),
}

impl Fact {
    /// Takes it from a file.
    pub(crate) fn take_from_code(&self, lowered: &mut Lowered) {
        if let ToldBy::Code(take) = self.told_by {
            take(lowered);
        }
    }

    /// Takes it from the data.
    pub(crate) fn take_from_data(&self, library: &mut Library) {
        match self.told_by {
            ToldBy::Code(_) => {}
            ToldBy::Data(take) => take(library),
            ToldBy::Effect(effect) => {
                library.calls.iter_mut().for_each(|call| call.does.retain(|_, does| *does != effect));
            }
        }
    }
}

const fn code(name: &'static str, take: fn(&mut Lowered)) -> Fact {
    Fact { name, told_by: ToldBy::Code(take) }
}

const fn data(name: &'static str, take: fn(&mut Library)) -> Fact {
    Fact { name, told_by: ToldBy::Data(take) }
}

const fn effect(name: &'static str, effect: Effect) -> Fact {
    Fact { name, told_by: ToldBy::Effect(effect) }
}

/// All of them.
pub(crate) const FACTS: &[Fact] = &[
    code("conditions", |lowered| conditions(lowered, |cond| *cond = Cond::Unknown)),
    code("captures", |lowered| locals(lowered, |origin| *origin = LocalOrigin::Bound)),
    code("what a closure takes with it", |lowered| {
        locals(lowered, |origin| {
            if let LocalOrigin::Captured { how, .. } = origin {
                *how = Capture::Shared;
            }
        });
    }),
    code("declared types", declared_types),
    code("constants", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Const { value, .. } = &mut step.kind {
                *value = Const::Other;
            }
        });
        lowered.outline.constants.iter_mut().for_each(|constant| constant.value = None);
    }),
    code("what always runs at the end", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Try { finally, .. } = &mut step.kind {
                *finally = Block::default();
            }
        });
    }),
    code("what is caught", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Try { handlers, .. } = &mut step.kind {
                handlers.iter_mut().for_each(|handler| handler.catches = Catches::Types(Vec::new()));
            }
        });
    }),
    code("ways out by `?` and `raise`", |lowered| {
        steps(lowered, |step| match step.kind {
            StepKind::Propagate { out, value } => {
                step.kind = StepKind::Await { out, value };
            }
            StepKind::Raise { .. } => step.kind = StepKind::Continue { label: None },
            _ => {}
        });
    }),
    code("what is returned", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Return { value } = &mut step.kind {
                *value = None;
            }
        });
    }),
    code("names of arguments", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Call { args, .. } = &mut step.kind {
                args.iter_mut().for_each(|arg| {
                    if matches!(arg.kind, ArgKind::Named(_)) {
                        arg.kind = ArgKind::Positional;
                    }
                });
            }
        });
    }),
    code("what turns a loop", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Loop { driver, .. } = &mut step.kind {
                *driver = Driver::Forever;
            }
        });
    }),
    code("what must be awaited", |lowered| bodies(lowered, |body| body.colour = Colour::Sync)),
    code("fields", |lowered| {
        steps(lowered, |step| {
            if let StepKind::Store { place: Place::Field { name, .. }, .. } = &mut step.kind {
                *name = "another".into();
            }
        });
    }),
    code("decorators and attributes", |lowered| {
        bodies(lowered, |body| body.marks.clear());
        lowered.outline.types.iter_mut().for_each(|ty| ty.marks.clear());
    }),
    code("bases of classes", |lowered| lowered.outline.types.iter_mut().for_each(|ty| ty.bases.clear())),
    code("imports", |lowered| lowered.outline.imports.clear()),
    code("impls of traits", |lowered| lowered.outline.impls.iter_mut().for_each(|one| one.of = None)),
    data("what dropping does", |library| library.types.iter_mut().for_each(|ty| ty.on_drop = OnDrop::Nothing)),
    data("names that suggest a type", |library| library.types.iter_mut().for_each(|ty| ty.hints.clear())),
    data("what is seen through", |library| {
        library.types.iter_mut().for_each(|ty| ty.transparent = Transparent::Not);
    }),
    data("what leaving a scope means", |library| {
        library.types.iter_mut().for_each(|ty| ty.scope = ScopeMeans::default());
    }),
    data("types of results", |library| library.calls.iter_mut().for_each(|call| call.returns = None)),
    data("what takes effect when awaited", |library| {
        library.calls.iter_mut().for_each(|call| call.takes_effect = Takes::AtOnce);
    }),
    data("what waits", |library| library.calls.iter_mut().for_each(|call| call.waits = Waits::Not)),
    data("what is called per event", |library| {
        library.calls.iter_mut().for_each(|call| {
            call.handles_events = HandlesEvents::Not;
            call.does.retain(|_, effect| *effect != Effect::CalledPerEvent);
        });
    }),
    data("who owns from the start", |library| births(library, |birth| birth.owner = OwnerOf::Handle)),
    data("where failures go", |library| births(library, |birth| birth.failure = Failure::Lost)),
    data("bounds", |library| births(library, |birth| birth.bound = None)),
    data("numbers that bound nothing", |library| library.constants.clear()),
    data("what a callback is called with", |library| library.calls.iter_mut().for_each(|call| call.calls_with = None)),
    data("effects that an argument changes", |library| {
        library.calls.iter_mut().for_each(|call| call.when_given.clear());
    }),
    effect("what is kept", Effect::Kept),
    effect("what is kept weakly", Effect::KeptWeakly),
    effect("what is passed through", Effect::PassedThrough),
    effect("what is awaited", Effect::Awaited),
    effect("what is joined", Effect::Joined),
    effect("what is cancelled", Effect::Cancelled),
    effect("what is taken out", Effect::Take),
    effect("what is emptied", Effect::TakeAll),
    effect("what is asked for its length", Effect::Measured),
    effect("what goes up", Effect::Up),
    effect("what comes down", Effect::Down),
    effect("what is up while it is held", Effect::UpWhileHeld),
    effect("permits", Effect::Acquire),
    effect("permits that a guard holds", Effect::AcquireWhileHeld),
    effect("items that are done with", Effect::Acknowledged),
    effect("flags that are fired", Effect::Fired),
    effect("flags that are asked", Effect::Heeded),
    effect("what is called later", Effect::CalledLater),
    effect("what is called at the end", Effect::CalledAtEnd),
];

fn bodies(lowered: &mut Lowered, change: impl Fn(&mut Body)) {
    lowered.unit.bodies.iter_mut().for_each(change);
}

fn steps(lowered: &mut Lowered, change: impl Fn(&mut Step)) {
    bodies(lowered, |body| in_block(&mut body.root, &change));
}

fn in_block(block: &mut Block, change: &impl Fn(&mut Step)) {
    for step in &mut block.steps {
        change(step);
        blocks_of(&mut step.kind).into_iter().for_each(|inner| in_block(inner, change));
    }
}

fn blocks_of(kind: &mut StepKind) -> Vec<&mut Block> {
    match kind {
        StepKind::If { then, otherwise, .. } => vec![then, otherwise],
        StepKind::Match { arms, .. } => arms.iter_mut().map(|arm| &mut arm.body).collect(),
        StepKind::Loop { driver, body, otherwise, .. } => match driver {
            Driver::While(head) => vec![&mut head.block, body, otherwise],
            Driver::Forever | Driver::Each { .. } => vec![body, otherwise],
        },
        StepKind::Try { body, handlers, otherwise, finally } => {
            let handlers = handlers.iter_mut().map(|handler| &mut handler.body);
            [body, otherwise, finally].into_iter().chain(handlers).collect()
        }
        StepKind::Scope { body, .. } => vec![body],
        StepKind::Select { arms, otherwise, .. } => {
            let arms = arms.iter_mut().flat_map(|arm| [&mut arm.head, &mut arm.body]);
            arms.chain(otherwise).collect()
        }
        StepKind::Nested { block, .. } => vec![block],
        _ => Vec::new(),
    }
}

fn conditions(lowered: &mut Lowered, change: fn(&mut Cond)) {
    steps(lowered, |step| match &mut step.kind {
        StepKind::If { cond, .. } | StepKind::Assert { cond } => change(cond),
        StepKind::Loop { driver: Driver::While(head), .. } => change(&mut head.cond),
        StepKind::Match { arms, .. } => arms.iter_mut().filter_map(|arm| arm.guard.as_mut()).for_each(change),
        StepKind::Select { arms, .. } => arms.iter_mut().filter_map(|arm| arm.guard.as_mut()).for_each(change),
        _ => {}
    });
}

fn locals(lowered: &mut Lowered, change: fn(&mut LocalOrigin)) {
    bodies(lowered, |body| {
        let captured = body.locals.iter_mut().filter(|local| matches!(local.origin, LocalOrigin::Captured { .. }));
        captured.for_each(|local| change(&mut local.origin));
    });
}

fn declared_types(lowered: &mut Lowered) {
    bodies(lowered, |body| {
        body.params.iter_mut().for_each(|param| param.ty = None);
        body.locals.iter_mut().for_each(|local| local.ty = None);
        body.returns = None;
    });
    for ty in &mut lowered.outline.types {
        ty.fields.iter_mut().for_each(|field| field.ty = None);
    }
}

fn births(library: &mut Library, change: impl Fn(&mut Birth)) {
    library.calls.iter_mut().filter_map(|call| call.birth.as_mut()).for_each(change);
}
