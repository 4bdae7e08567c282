//! `impl` blocks: which methods and traits a type has, and which a trait of the program gives to types from outside.

use super::names::{HOPS, peel_refs};
use super::{BodyRef, Def, Name, Program, rust_names};
use crate::unit::TypeTree;

impl Program<'_> {
    pub(super) fn link_impls(&mut self) {
        let mut found = Vec::new();
        let mut foreign: Vec<((Name, Name), BodyRef)> = Vec::new();
        let mut homes = Vec::new();
        for (file, index) in self.files.iter().zip(0u32..) {
            for block in &file.lowered.outline.impls {
                let resolve = |tree: &TypeTree| match peel_refs(tree) {
                    TypeTree::Path { path, .. } => rust_names::resolve_from(self, index, &block.module, path, HOPS),
                    _ => None,
                };
                let ty =
                    match resolve(&block.ty) {
                        Some(Def::Type(ty)) => ty,
                        Some(Def::Model(path)) if block.of.is_some() => {
                            foreign.extend(block.methods.iter().map(|(name, body)| {
                                ((path.clone(), name.clone()), BodyRef { file: index, body: *body })
                            }));
                            continue;
                        }
                        _ => continue,
                    };
                let arguments = argument_names(&block.ty);
                if !arguments.is_empty() {
                    homes.extend(
                        block.methods.iter().map(|(_, body)| (BodyRef { file: index, body: *body }, arguments.clone())),
                    );
                }
                let of = block.of.as_ref().and_then(|tree| match tree {
                    TypeTree::Path { path, .. } => path.last().map(|last| (last.clone(), resolve(tree))),
                    _ => None,
                });
                found.push((ty, of, index, &block.methods));
            }
        }
        self.impl_homes.extend(homes);
        // The first in the order of the files stays.
        foreign.into_iter().for_each(|(key, body)| {
            self.foreign.entry(key).or_insert(body);
        });
        let mut edges = Vec::new();
        for (ty, of, file, methods) in found {
            for (name, body) in methods {
                let body = BodyRef { file, body: *body };
                self.methods.entry(name.clone()).or_default().entry(ty).or_default().push(body);
                self.names.impl_owners.insert(body, ty);
            }
            let Some((last, def)) = of else { continue };
            self.traits.entry(ty).or_default().push(last);
            if let Some(Def::Type(parent)) = def {
                edges.push((ty, parent));
            }
        }
        self.families.extend(edges);
    }
}

/// What an impl calls the arguments of its type (`impl<T> Held<T>`).
fn argument_names(tree: &TypeTree) -> Vec<Name> {
    let TypeTree::Path { args, .. } = peel_refs(tree) else { return Vec::new() };
    let name = |arg: &TypeTree| match arg {
        TypeTree::Param { name, .. } => name.clone(),
        _ => Name::default(),
    };
    args.iter().map(name).collect()
}
