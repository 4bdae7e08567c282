//! Where what a body returns turns up when nobody calls the body by name.

use unleak_catalogue::model::Transparent;
use unleak_catalogue::subject::TypeRef;

use super::calls::Target;
use super::trace::Spot;
use super::{BodyRef, Program, Site};

impl Program<'_> {
    /// The field a property's result is read as.
    pub fn property_spot(&self, body: BodyRef) -> Option<Spot> {
        let owned = self.body(body);
        let property = |last: &str| last == "property" || last == "cached_property";
        owned.marks.iter().find(|mark| mark.path.last().is_some_and(|last| property(last)))?;
        Some(Spot::Field(self.owner(body)?, owned.name.clone()))
    }

    /// The result of a call that calls one of its arguments and gives what that gives, and how many containers deep.
    pub fn called_result(&self, site: Site) -> Option<(Spot, u8)> {
        let call = self.call(site)?;
        let Target::Model(model) = call.target else { return None };
        let depth = self.depth_of_called(self.language(site.body).name(), model.returns.as_ref()?)?;
        Some((Spot::Value(site.body, call.out), depth))
    }

    fn depth_of_called(&self, language: &str, returns: &TypeRef) -> Option<u8> {
        match returns {
            TypeRef::Called(_) | TypeRef::Element => Some(0),
            TypeRef::Named { path, args } => {
                let inner = args.iter().find_map(|arg| self.depth_of_called(language, arg))?;
                let seen_through = self.catalogue.ty(language, path).map(|ty| ty.transparent);
                Some(inner + u8::from(!matches!(seen_through, Some(Transparent::Strong))))
            }
            _ => None,
        }
    }
}
