//! Who may use a name: the code that was read, or others too.

use super::{BodyRef, Program, TypeKey, rust_names};
use crate::source::Language;
use crate::unit::{BodyKind, Name, Visibility};

/// Whether code that was not read may use a name. Only of a closed world it can be said that nobody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// An application, a script, what is nested in a function, a private item: everybody who can use it was read.
    Closed,
    /// A public name of a library, or one that a framework enters by: others may use it.
    Open,
}

impl Program<'_> {
    /// Whether code that was not read may call a body.
    pub fn world_of(&self, body: BodyRef) -> World {
        let owned = self.body(body);
        let Some(parent) = owned.parent else { return World::Open };
        let parent = BodyRef { file: body.file, body: parent };
        let nested = !matches!(self.body(parent).kind, BodyKind::Module | BodyKind::Class);
        if nested || owned.kind != BodyKind::Function { World::Closed } else { self.world(body.file, owned.visibility) }
    }

    /// Whether code that was not read may read or change a field. One that is nowhere declared goes by its type.
    pub fn world_of_field(&self, ty: TypeKey, name: &Name) -> World {
        let header = self.header(ty);
        let declared = header.fields.iter().find(|field| field.name == *name);
        self.world(ty.file, declared.map_or(header.visibility, |field| field.visibility))
    }

    fn world(&self, file: u32, visibility: Visibility) -> World {
        match visibility {
            Visibility::Private => World::Closed,
            Visibility::Package => match self.file(file).language {
                Language::Rust => World::Closed,
                Language::Python => World::Open,
            },
            Visibility::Public => self.world_of_file(file),
        }
    }

    /// A Rust crate without a library, and a Python script outside any package, are used by nobody else.
    fn world_of_file(&self, file: u32) -> World {
        let library = match self.file(file).language {
            Language::Rust => rust_names::crate_root(self, file)
                .is_some_and(|root| self.file(root).parts.last().is_some_and(|name| name == "lib")),
            Language::Python => !self.is_script(file),
        };
        if library { World::Open } else { World::Closed }
    }

    /// Whether a Python file stands in no package and asks whether it is the program that was started.
    fn is_script(&self, file: u32) -> bool {
        let folder = self.file(file).parts.split_last();
        let packaged = || {
            folder.is_some_and(|(_, folder)| {
                let mut packages = self.names.files_named("__init__").iter();
                packages.any(|other| self.file(*other).parts.split_last().is_some_and(|(_, other)| other == folder))
            })
        };
        self.file(file).lowered.outline.asks_own_name && !packaged()
    }
}
