//! What the parts of a value are that a pattern takes apart.

use unleak_catalogue::model::Transparent;

use super::super::{BodyRef, Def, Program};
use crate::unit::{Name, Part};

use super::{Head, Type};

impl<'a> Program<'a> {
    /// What a variant of a library's type holds, as the data say of the type that stands for the variant.
    fn payload(&self, body: BodyRef, of: &Type, path: &[Name]) -> Option<Type> {
        let Some(Def::Model(variant)) = self.resolve_path(body, path) else { return None };
        let language = self.language(body);
        let held = self.catalogue.ty(language.name(), &variant)?.element.as_ref()?;
        let (whole, _) = variant.rsplit_once("::")?;
        let mut at = of.clone();
        while let Type::Named(Head::Model(path), args) = at {
            if path == whole {
                return Some(self.filled(language, held, &args));
            }
            let through =
                self.catalogue.ty(language.name(), &path).is_some_and(|ty| ty.transparent != Transparent::Not);
            at = args.into_iter().next().filter(|_| through)?;
        }
        None
    }

    pub(super) fn part_type(&self, body: BodyRef, of: Type, part: &Part) -> Type {
        match part {
            Part::Index(place) => match of {
                Type::Tuple(parts) => parts.get(*place as usize).cloned().unwrap_or_default(),
                other => self.element(self.language(body), &other),
            },
            Part::Variant(path, place) => match (path.last().map(Name::as_str), self.innermost(&of)) {
                (Some(variant), Type::Named(Head::Project(ty), args)) => self.variant_field(*ty, args, variant, *place),
                _ => self.payload(body, &of, path).unwrap_or_default(),
            },
            Part::Field(name) => self.field_of(body, &of, name),
            Part::Whole => of,
            Part::Rest(_) => of,
            Part::Key => Type::Unknown,
        }
    }
}
