//! `impl` blocks: which methods and traits a type has, and which a trait of the program gives to types from outside.

use super::names::{HOPS, peel_refs};
use super::types::Type;
use super::{BodyRef, Def, Name, Program, rust_names};
use crate::unit::{StepKind, TypeTree};

impl<'a> Program<'a> {
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
                if let TypeTree::Path { args, .. } = peel_refs(&block.ty)
                    && !args.is_empty()
                {
                    let methods = block.methods.iter();
                    homes.extend(methods.map(|(_, body)| (BodyRef { file: index, body: *body }, args.as_slice())));
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

    /// What a method's impl says of the arguments of its type: for a parameter, what its bounds say (`impl<E: Run> Held<E>`).
    pub(super) fn own_arguments(&self, method: BodyRef) -> Vec<Type> {
        let trees = self.impl_homes.get(&method).copied().unwrap_or_default();
        trees.iter().map(|tree| self.own_argument(method, tree)).collect()
    }

    /// What the parameters of a method's impl stand for where the arguments of its type are these.
    pub(super) fn named_arguments(&self, method: BodyRef, args: Vec<Type>) -> Vec<(Name, Type)> {
        let name = |tree: &TypeTree| match tree {
            TypeTree::Param { name, .. } => name.clone(),
            _ => Name::default(),
        };
        self.impl_homes.get(&method).copied().unwrap_or_default().iter().map(name).zip(args).collect()
    }

    /// Whether a function is declared without any code: a trait's, which those write that implement it.
    pub fn has_no_code(&self, function: BodyRef) -> bool {
        let mut steps = self.flow(function).nodes().map(|node| &node.step.kind);
        steps.all(|step| matches!(step, StepKind::Opaque { mentions, .. } if mentions.is_empty()))
    }
}
