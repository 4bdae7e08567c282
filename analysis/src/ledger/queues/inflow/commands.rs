//! Items that say what to do and carry nothing: a few of them wait at most, whoever sends them.

use unleak_catalogue::model::Kind;

use super::super::super::builder::Builder;
use crate::program::types::{Head, Type};
use crate::program::{BodyRef, Site, TypeKey};
use crate::unit::{BodyId, TypeKind, TypeTree};

/// How many types deep a variant is looked into.
const DEPTH: u32 = 4;

/// Whether an addition adds one of several commands, none of which holds more than numbers and ways to answer.
pub(super) fn is_command(builder: &Builder<'_, '_>, put: Site) -> bool {
    fact!(is_command);
    let Some(call) = builder.program.call(put) else { return false };
    let mut added = call.args.iter().map(|arg| builder.program.type_of(put.body, arg.value));
    added.any(|ty| match ty {
        Type::Named(Head::Project(ty), _) => {
            builder.program.header(ty).kind == TypeKind::Enum && !holds_data(builder, ty, DEPTH)
        }
        _ => false,
    })
}

fn holds_data(builder: &Builder<'_, '_>, ty: TypeKey, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    let module = BodyRef { file: ty.file, body: BodyId::MODULE };
    let mut fields = builder.program.header(ty).fields.iter();
    fields.any(|field| field.ty.as_ref().is_none_or(|tree| is_data(builder, module, tree, depth)))
}

/// Whether a type may hold bytes, text or other things without a bound.
fn is_data(builder: &Builder<'_, '_>, module: BodyRef, tree: &TypeTree, depth: u32) -> bool {
    let inner = |tree: &TypeTree| is_data(builder, module, tree, depth);
    match tree {
        TypeTree::Ref(of) => inner(of),
        TypeTree::Tuple(parts) => parts.iter().any(inner),
        TypeTree::Path { path, args } => match builder.program.type_from_tree(module, tree) {
            Type::Named(Head::Project(ty), _) => args.iter().any(inner) || holds_data(builder, ty, depth),
            ty if builder.program.is_flag(&ty) => false,
            Type::Named(Head::Model(of), _) => {
                let language = builder.program.language(module).name();
                match builder.program.catalogue.ty(language, &of).and_then(|model| model.kind) {
                    Some(Kind::Signal | Kind::Queue | Kind::Task | Kind::Gate | Kind::Gauge) => false,
                    Some(Kind::Collection) => true,
                    _ => args.is_empty() || args.iter().any(inner),
                }
            }
            // The language's own numbers and flags have small names; what is not known may be anything.
            _ => path.len() > 1 || !path.iter().all(|name| name.starts_with(char::is_lowercase)),
        },
        _ => true,
    }
}
