//! Which types derive from which.

use rustc_hash::{FxHashMap, FxHashSet};

use super::TypeKey;

/// The bases of each type, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Families {
    parents: FxHashMap<TypeKey, Vec<TypeKey>>,
    children: FxHashMap<TypeKey, Vec<TypeKey>>,
    /// Of each type that has bases: itself and all above it, nearest first.
    above: FxHashMap<TypeKey, Box<[TypeKey]>>,
    /// Of each type that has any: all that derive from it.
    below: FxHashMap<TypeKey, Box<[TypeKey]>>,
}

impl Families {
    /// Adds bases, each after the type that derives from it.
    pub(super) fn extend(&mut self, edges: Vec<(TypeKey, TypeKey)>) {
        if edges.is_empty() {
            return;
        }
        for (child, parent) in edges {
            self.parents.entry(child).or_default().push(parent);
            self.children.entry(parent).or_default().push(child);
        }
        self.above = self.parents.keys().map(|ty| (*ty, self.climb(*ty))).collect();
        self.below = self.children.keys().map(|ty| (*ty, self.descend(*ty))).collect();
    }

    fn climb(&self, ty: TypeKey) -> Box<[TypeKey]> {
        let mut all = vec![ty];
        let mut at = 0;
        while at < all.len() {
            for &parent in self.parents.get(&all[at]).into_iter().flatten() {
                if !all.contains(&parent) {
                    all.push(parent);
                }
            }
            at += 1;
        }
        all.into()
    }

    fn descend(&self, ty: TypeKey) -> Box<[TypeKey]> {
        let mut met = FxHashSet::from_iter([ty]);
        let mut all = Vec::new();
        let mut from = vec![ty];
        while let Some(next) = from.pop() {
            for &child in self.children.get(&next).into_iter().flatten() {
                if met.insert(child) {
                    all.push(child);
                    from.push(child);
                }
            }
        }
        all.into()
    }

    /// A type and its ancestors, nearest first.
    pub(super) fn above<'s>(&'s self, ty: &'s TypeKey) -> &'s [TypeKey] {
        self.above.get(ty).map_or(std::slice::from_ref(ty), |all| all)
    }

    /// The types that derive from a type.
    pub(super) fn below(&self, ty: TypeKey) -> &[TypeKey] {
        self.below.get(&ty).map_or(&[], |all| all)
    }

    /// Whether two types are one, or one derives from the other.
    pub(super) fn are_related(&self, one: TypeKey, other: TypeKey) -> bool {
        self.above(&one).contains(&other) || self.above(&other).contains(&one)
    }
}
