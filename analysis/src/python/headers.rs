//! What statements add to the outline: imports, constants, fields.

use ruff_python_ast::{Alias, Expr, StmtAnnAssign, StmtImport, StmtImportFrom};
use ruff_text_size::{Ranged, TextRange};

use super::annotation::dotted;
use super::constant;
use super::define::visibility;
use super::frame::Scope;
use super::lowerer::Lowerer;
use super::statement::Target;
use crate::unit::{ConstHeader, FieldHeader, Import, Name, Path, StepKind, TypeId, TypeTree, Visibility};

impl<'a> Lowerer<'a> {
    pub(super) fn import(&mut self, import: &'a StmtImport) {
        for alias in import.names.iter().filter(|alias| alias.name.is_valid()) {
            let path = split(alias.name.as_str());
            let first = alias.name.as_str().split('.').next().unwrap_or_default();
            let (binds, bound) = match &alias.asname {
                Some(name) => (name.as_str(), path.clone()),
                // `import a.b` binds `a`.
                None => (first, split(first)),
            };
            self.imported(alias, Origin { path, level: 0, item: None }, Some(binds));
            self.import_step(alias, Origin { path: bound, level: 0, item: None }, binds);
        }
    }

    pub(super) fn import_from(&mut self, import: &'a StmtImportFrom) {
        let path = import.module.as_ref().map(|module| split(module.as_str())).unwrap_or_default();
        for alias in import.names.iter().filter(|alias| alias.name.is_valid()) {
            let mut origin = Origin { path: path.clone(), level: import.level, item: None };
            if alias.name.as_str() == "*" {
                self.imported(alias, origin, None);
                continue;
            }
            origin.item = Some(Name::new(alias.name.as_str()));
            let binds = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
            self.imported(alias, origin.clone(), Some(binds));
            self.import_step(alias, origin, binds);
        }
    }

    fn imported(&mut self, alias: &Alias, origin: Origin, binds: Option<&str>) {
        let within = Some(self.frame().id).filter(|_| self.frame().scope != Scope::Module);
        let span = self.span(alias.range);
        let Origin { path, level, item } = origin;
        let binds = binds.map(Name::new);
        let visibility = Visibility::Public;
        self.outline.imports.push(Import { span, path, level, item, binds, within, module: Path::new(), visibility });
    }

    /// An import inside a function or class gives a value at that moment.
    fn import_step(&mut self, alias: &'a Alias, origin: Origin, binds: &'a str) {
        if self.frame().scope == Scope::Module {
            return;
        }
        let span = self.span(alias.range);
        let Origin { path, level, item } = origin;
        let (path, item) = (path.into_boxed_slice(), item.map(Box::new));
        let value = self.steps().define(span, |out| StepKind::Import { out, path, level, item });
        let at = alias.asname.as_ref().unwrap_or(&alias.name).range;
        self.assign_name(binds, at, value, Target::Header);
    }

    /// The class whose constants stand here, or the module; `None` inside functions.
    fn constants_of(&mut self) -> Option<Option<TypeId>> {
        match self.frame().scope {
            Scope::Module => Some(None),
            Scope::Class(ty) => Some(Some(ty)),
            Scope::Function => None,
        }
    }

    /// Notes a variable of the module or class that is given a value.
    pub(super) fn constants(&mut self, target: &Expr, value: &Expr) {
        let Some(owner) = self.constants_of() else { return };
        match target {
            Expr::Name(name) => self.constant_header(name.id.as_str(), name.range, Some(value), None, owner),
            Expr::Tuple(targets) => {
                for (n, target) in targets.elts.iter().enumerate() {
                    let Expr::Name(name) = target else { continue };
                    let value = match value {
                        Expr::Tuple(values) if values.elts.len() == targets.elts.len() => values.elts.get(n),
                        _ => None,
                    };
                    self.constant_header(name.id.as_str(), name.range, value, None, owner);
                }
            }
            _ => {}
        }
    }

    fn constant_header(
        &mut self,
        name: &str,
        at: TextRange,
        value: Option<&Expr>,
        ty: Option<TypeTree>,
        owner: Option<TypeId>,
    ) {
        let header = ConstHeader {
            name: Name::new(name),
            value: value.and_then(constant::fold),
            same_as: value.and_then(dotted),
            ty,
            owner,
            module: Path::new(),
            span: self.span(at),
        };
        self.outline.constants.push(header);
    }

    /// A variable that is also changed in place is no constant: it gets a second header without value.
    pub(super) fn updated_constant(&mut self, target: &Expr) {
        if let (Some(owner), Expr::Name(name)) = (self.constants_of(), target) {
            self.constant_header(name.id.as_str(), name.range, None, None, owner);
        }
    }

    /// Notes a variable, class attribute or `self.x` that is declared with a type.
    pub(super) fn declared(&mut self, assign: &'a StmtAnnAssign, ty: TypeTree) {
        match &*assign.target {
            Expr::Name(name) if !name.is_invalid() => self.declared_name(assign, name.id.as_str(), ty),
            Expr::Attribute(attribute) => {
                let receiver = self.frame().receiver;
                if let (Some((owner, receiver)), Expr::Name(base)) = (receiver, &*attribute.value)
                    && base.id.as_str() == receiver
                {
                    self.field(owner, attribute.attr.as_str(), assign.target.range(), ty);
                }
            }
            _ => {}
        }
    }

    fn declared_name(&mut self, assign: &'a StmtAnnAssign, name: &str, ty: TypeTree) {
        let Some(owner) = self.constants_of() else { return };
        let at = assign.target.range();
        if let Some(class) = owner {
            self.field(class, name, at, ty.clone());
        }
        if let (TypeTree::Path { path, .. }, Some(value)) = (&ty, &assign.value)
            && path.last().is_some_and(|last| last == "TypeAlias")
        {
            self.alias(name, at, assign.range, value);
        }
        if owner.is_none() || assign.value.is_some() {
            self.constant_header(name, at, assign.value.as_deref(), Some(ty), owner);
        }
    }

    fn field(&mut self, owner: TypeId, name: &str, at: TextRange, ty: TypeTree) {
        let span = self.span(at);
        let fields = &mut self.outline.types[owner.0 as usize].fields;
        if fields.iter().any(|field| field.name == name) {
            return;
        }
        let visibility = visibility(name);
        fields.push(FieldHeader { name: Name::new(name), ty: Some(ty), span, visibility, variant: None });
    }
}

/// What an import names.
#[derive(Clone)]
struct Origin {
    path: Path,
    level: u32,
    item: Option<Name>,
}

fn split(dotted: &str) -> Path {
    dotted.split('.').filter(|part| !part.is_empty()).map(Name::new).collect()
}
