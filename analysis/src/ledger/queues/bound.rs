//! What a bound argument says.

use unleak_catalogue::model::{Birth, Unbounded, ZeroBound};
use unleak_catalogue::subject::Subject;

use super::super::Bound;
use super::super::builder::Builder;
use crate::program::calls::{Call, argument};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Def, Program, Site};
use crate::unit::{Const, LocalId, LocalOrigin, Name, Op, Place, StepKind, ValueId};

/// What a value is as a number, as far as the program tells.
#[derive(Clone, Debug, PartialEq)]
enum Amount {
    Nothing,
    Int(i64),
    Constant {
        name: String,
        number: i64,
    },
    Infinite(String),
    Named(String),
    /// What is written there says more than a name would.
    Computed,
}

/// What it means that no bound is given.
pub(super) fn absent(birth: &Birth) -> Bound {
    match birth.without_bound {
        Unbounded::Unbounded => Bound::None,
        Unbounded::Bounded => Bound::Setting("the library's own".to_owned()),
    }
}

/// The whole number that a value is, where it is written in the code.
pub(in super::super) fn number(program: &Program<'_>, body: BodyRef, value: ValueId) -> Option<i64> {
    match amounts(program, body, value, 8).as_slice() {
        [Amount::Int(number) | Amount::Constant { number, .. }] => Some(*number),
        _ => None,
    }
}

/// The bound of a birth by its model's bound argument.
pub(in super::super) fn of_birth<'a>(builder: &Builder<'_, 'a>, call: &Call<'a>, birth: &Birth) -> Bound {
    let absent = absent(birth);
    let Some(subject) = &birth.bound else { return absent };
    let Some((body, value)) = builder.program.argument_given(call, subject) else {
        let spread = call
            .args
            .iter()
            .any(|arg| !matches!(arg.kind, crate::unit::ArgKind::Positional | crate::unit::ArgKind::Named(_)));
        return if spread { Bound::Unknown } else { absent };
    };
    of_value(builder, (body, value), birth)
}

/// The bound that a constructor that is handed on was given with it, or none.
pub(super) fn of_factory(builder: &Builder<'_, '_>, body: BodyRef, factory: ValueId, birth: &Birth) -> Bound {
    let before = builder.program.given_before(body, factory).zip(birth.bound.as_ref());
    let given = before.and_then(|((body, args), subject)| match subject {
        Subject::Argument { position, name } => Some((body, argument(args, *position, name.as_deref())?.0)),
        _ => None,
    });
    given.map_or_else(|| absent(birth), |given| of_value(builder, given, birth))
}

/// The bound that a class's own constructor gives on to the one that it inherits: where that is a parameter, what this
/// call of the class gives for it, or else its default.
pub(super) fn given_on<'a>(
    builder: &Builder<'_, 'a>,
    site: Site,
    own: BodyRef,
    inherited: &Call<'a>,
    birth: &Birth,
) -> Bound {
    let program = builder.program;
    let given_on = birth.bound.as_ref().and_then(|subject| program.argument_given(inherited, subject));
    let param = given_on.and_then(|(body, value)| match program.origin(body, value) {
        (Spot::Local(of, local), 0) if of == own => {
            program.body(own).params.iter().find(|param| param.local == local).map(|param| (value, param))
        }
        _ => None,
    });
    let Some((value, param)) = param else { return of_birth(builder, inherited, birth) };
    match (program.args_bound_to(site, own, param.local).first(), &param.default) {
        (Some(given), _) => of_value(builder, (site.body, *given), birth),
        (None, Some(default)) => of_amounts(builder, (own, value), &[of_const(default)], birth),
        (None, None) => Bound::Unknown,
    }
}

/// What a value says, where a bound stands.
fn of_value(builder: &Builder<'_, '_>, (body, value): (BodyRef, ValueId), birth: &Birth) -> Bound {
    of_amounts(builder, (body, value), &amounts(builder.program, body, value, 8), birth)
}

fn of_amounts(
    builder: &Builder<'_, '_>,
    (body, value): (BodyRef, ValueId),
    amounts: &[Amount],
    birth: &Birth,
) -> Bound {
    let most = builder.program.file(body.file).budgets.queue;
    let unbounded = |amount: &Amount| match amount {
        Amount::Nothing => true,
        Amount::Int(number) | Amount::Constant { number, .. } => {
            (*number <= 0 && birth.zero_bound == ZeroBound::Unbounded) || *number > most
        }
        Amount::Infinite(_) => true,
        Amount::Named(_) | Amount::Computed => false,
    };
    match amounts.iter().find(|amount| unbounded(amount)) {
        Some(Amount::Infinite(name)) => Bound::Absurd(name.clone()),
        Some(Amount::Int(number) | Amount::Constant { number, .. }) if *number > 0 => Bound::Absurd(number.to_string()),
        Some(_) => Bound::None,
        None => match amounts.first() {
            Some(Amount::Int(number)) => Bound::Const(*number),
            Some(Amount::Named(name) | Amount::Constant { name, .. }) => Bound::Setting(name.clone()),
            _ => Bound::Setting(builder.written_value(body, value, 4)),
        },
    }
}

/// What a value can be: one or several, for a parameter that callers give different things.
fn amounts(program: &Program<'_>, body: BodyRef, value: ValueId, hops: u32) -> Vec<Amount> {
    let named = |name: String| vec![Amount::Named(name)];
    let Some(hops) = hops.checked_sub(1) else { return named("…".to_owned()) };
    let Some(step) = program.flow(body).def(value) else { return named("…".to_owned()) };
    match &step.kind {
        StepKind::Const { value, .. } => vec![of_const(value)],
        StepKind::Join { from, .. } => {
            settled(from.iter().flat_map(|value| amounts(program, body, *value, hops)).collect())
        }
        StepKind::View { value, .. } => amounts(program, body, *value, hops),
        StepKind::Operate { op, operands, .. } => vec![fold(program, body, *op, operands, hops)],
        StepKind::Read { place, .. } => match place {
            Place::Global { path, .. } => of_global(program, body, path, hops),
            Place::Local(local) => of_local(program, body, *local, hops),
            Place::Field { base, name } => of_field(program, body, *base, name, hops),
            _ => named("…".to_owned()),
        },
        StepKind::Call { args, .. } => {
            let known = program.callee_name(Site { body, step: step.id });
            let text = argument(args, Some(0), None).and_then(|(value, _)| program.constant_of(body, value));
            match (known.as_deref(), text) {
                (Some("float"), Some(Const::Str(text))) if text.contains("inf") => {
                    vec![Amount::Infinite("inf".to_owned())]
                }
                (Some("int"), _) => match argument(args, Some(0), None) {
                    Some((value, _)) => amounts(program, body, value, hops),
                    None => vec![Amount::Computed],
                },
                _ => vec![Amount::Computed],
            }
        }
        _ => vec![Amount::Computed],
    }
}

/// Of the alternatives of one expression: beside a number that somebody may set, none is what nobody has set.
fn settled(mut all: Vec<Amount>) -> Vec<Amount> {
    fact!(settled => all);
    let set = |amount: &Amount| matches!(amount, Amount::Named(_) | Amount::Computed);
    if all.iter().any(set) {
        all.retain(|amount| !matches!(amount, Amount::Nothing | Amount::Infinite(_) | Amount::Int(..=0)));
    }
    all
}

fn of_const(value: &Const) -> Amount {
    match value {
        Const::Nothing => Amount::Nothing,
        Const::Int(number) => Amount::Int(*number),
        Const::Bool(yes) => Amount::Int(i64::from(*yes)),
        Const::Float(bits) if f64::from_bits(*bits).is_infinite() => Amount::Infinite("inf".to_owned()),
        Const::Float(bits) => Amount::Int(f64::from_bits(*bits) as i64),
        _ => Amount::Named("a constant".to_owned()),
    }
}

fn fold(program: &Program<'_>, body: BodyRef, op: Op, operands: &[ValueId], hops: u32) -> Amount {
    let number = |amount| match amount {
        Amount::Constant { number, .. } => Amount::Int(number),
        other => other,
    };
    let mut numbers = operands.iter().map(|value| amounts(program, body, *value, hops).into_iter().next().map(number));
    let first = numbers.next().flatten();
    let second = numbers.next().flatten();
    match (op, first, second) {
        (Op::Subtract, Some(Amount::Int(a)), None) => Amount::Int(a.saturating_neg()),
        (Op::Add, Some(Amount::Int(a)), Some(Amount::Int(b))) => Amount::Int(a.saturating_add(b)),
        (Op::Subtract, Some(Amount::Int(a)), Some(Amount::Int(b))) => Amount::Int(a.saturating_sub(b)),
        (Op::Multiply, Some(Amount::Int(a)), Some(Amount::Int(b))) => Amount::Int(a.saturating_mul(b)),
        (Op::ShiftLeft, Some(Amount::Int(a)), Some(Amount::Int(b))) => {
            Amount::Int(u32::try_from(b).ok().and_then(|b| a.checked_shl(b)).unwrap_or(i64::MAX))
        }
        (Op::Power, Some(Amount::Int(a)), Some(Amount::Int(b))) => {
            Amount::Int(u32::try_from(b).map_or(i64::MAX, |b| a.saturating_pow(b)))
        }
        // Half of what is no bound is none either.
        (Op::Divide, Some(Amount::Infinite(name)), Some(Amount::Int(b))) if b < 1 << 16 => Amount::Infinite(name),
        (Op::ShiftRight, Some(Amount::Infinite(name)), Some(Amount::Int(b))) if b < 16 => Amount::Infinite(name),
        _ => Amount::Computed,
    }
}

fn of_global(program: &Program<'_>, body: BodyRef, path: &[crate::unit::Name], hops: u32) -> Vec<Amount> {
    let last = path.last().map_or("…", |last| last.as_str()).to_owned();
    match program.resolve_path(body, path) {
        Some(Def::Model(known)) if program.is_no_bound(body, &known) => {
            vec![Amount::Infinite(known.to_string())]
        }
        Some(Def::Variable { file, name }) => {
            let constants = &program.file(file).lowered.outline.constants;
            let mut values = constants.iter().filter(|it| it.name == name && it.owner.is_none());
            match (values.next(), values.next()) {
                (Some(only), None) => match (&only.value, &only.same_as) {
                    (Some(value), _) => match of_const(value) {
                        Amount::Int(number) if number > 0 => vec![Amount::Constant { name: last, number }],
                        other => vec![other],
                    },
                    (None, Some(other)) => {
                        let module = BodyRef { file, body: crate::unit::BodyId::MODULE };
                        match hops.checked_sub(1) {
                            Some(hops) if other.as_slice() != path => of_global(program, module, other, hops),
                            _ => vec![Amount::Named(last)],
                        }
                    }
                    (None, None) => of_stored(program, file, &name, last, hops),
                },
                _ => vec![Amount::Named(last)],
            }
        }
        _ => vec![Amount::Named(last)],
    }
}

/// A module variable whose value is computed: what its one store gives it, where that tells more than its name.
fn of_stored(program: &Program<'_>, file: u32, name: &Name, written: String, hops: u32) -> Vec<Amount> {
    let mut stores = program.global_sites(file, name).iter().filter_map(|site| {
        match program.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. }) => Some(Some((site.body, *value))),
            Some(StepKind::Update { .. } | StepKind::Delete { .. }) => Some(None),
            _ => None,
        }
    });
    let stored = match (stores.next(), stores.next()) {
        (Some(Some((body, value))), None) => amounts(program, body, value, hops),
        _ => Vec::new(),
    };
    let telling: Vec<Amount> = stored.into_iter().filter(|amount| matches!(amount, Amount::Infinite(_))).collect();
    if telling.is_empty() { vec![Amount::Named(written)] } else { telling }
}

fn of_local(program: &Program<'_>, body: BodyRef, local: LocalId, hops: u32) -> Vec<Amount> {
    let owned = program.body(body);
    let Some(variable) = owned.locals.get(local.0 as usize) else { return vec![Amount::Named("…".to_owned())] };
    let name = variable.name.to_string();
    if let LocalOrigin::Captured { outer, .. } = variable.origin {
        return match owned.parent {
            Some(parent) => of_local(program, BodyRef { file: body.file, body: parent }, outer, hops),
            None => vec![Amount::Named(name)],
        };
    }
    let stores = program.flow(body).stores(local);
    let stored: Vec<Amount> = stores
        .iter()
        .filter_map(|id| match &program.flow(body).step(*id)?.kind {
            StepKind::Store { value, .. } => Some(amounts(program, body, *value, hops)),
            _ => Some(vec![Amount::Named(name.clone())]),
        })
        .flatten()
        .collect();
    if variable.origin == LocalOrigin::Bound {
        return if stored.is_empty() { vec![Amount::Named(name)] } else { stored };
    }
    of_param(program, body, local, name, hops)
}

/// A parameter is what its callers give; its default where one gives nothing. One that nobody calls is a setting.
fn of_param(program: &Program<'_>, body: BodyRef, local: LocalId, name: String, hops: u32) -> Vec<Amount> {
    let callers = program.calls().callers(body);
    let param = program.body(body).params.iter().find(|param| param.local == local);
    let default = param.and_then(|param| param.default.as_ref()).map(of_const);
    if callers.is_empty() || callers.len() > 12 {
        return vec![Amount::Named(name)];
    }
    let mut all = Vec::new();
    for site in callers {
        let given: Vec<ValueId> = program
            .bound_args(*site, body)
            .into_iter()
            .filter(|(_, param)| *param == local)
            .map(|(value, _)| value)
            .collect();
        match (given.first(), &default) {
            (Some(value), _) => all.extend(amounts(program, site.body, *value, hops)),
            (None, Some(default)) => all.push(default.clone()),
            (None, None) => all.push(Amount::Named(name.clone())),
        }
    }
    all
}

fn of_field(program: &Program<'_>, body: BodyRef, base: ValueId, name: &crate::unit::Name, hops: u32) -> Vec<Amount> {
    let named = vec![Amount::Named(name.to_string())];
    if let Some(StepKind::Read { place: Place::Global { path, .. }, .. }) =
        program.flow(body).def(base).map(|it| &it.kind)
        && program.field_key(body, base).is_none()
    {
        let path: Vec<crate::unit::Name> = path.iter().chain([name]).cloned().collect();
        return of_global(program, body, &path, hops);
    }
    let Spot::Field(ty, _) = program.field_spot(body, base, name) else { return named };
    let mut all = Vec::new();
    for site in program.field_sites(ty, name) {
        match program.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Store { value, .. }) => all.extend(amounts(program, site.body, *value, hops)),
            Some(StepKind::Update { .. }) => return named,
            _ => {}
        }
    }
    let owned = |header: &&crate::unit::ConstHeader| header.name == *name && header.owner == Some(ty.id);
    if let Some(value) =
        program.file(ty.file).lowered.outline.constants.iter().find(owned).and_then(|it| it.value.as_ref())
    {
        all.push(of_const(value));
    }
    if all.is_empty() { named } else { all }
}
