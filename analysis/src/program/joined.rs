//! What the parts of a program found, joined in their order.

use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// One map of several: what two have under a key is joined.
pub(super) fn joined<K: Hash + Eq, V>(parts: Vec<FxHashMap<K, V>>, join: impl Fn(&mut V, V)) -> FxHashMap<K, V> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    parts.for_each(|later| append(&mut all, later, &join));
    all
}

/// Adds a later map to one: what both have under a key is joined.
pub(super) fn append<K: Hash + Eq, V>(all: &mut FxHashMap<K, V>, later: FxHashMap<K, V>, join: impl Fn(&mut V, V)) {
    for (key, value) in later {
        match all.entry(key) {
            Entry::Occupied(mut known) => join(known.get_mut(), value),
            Entry::Vacant(new) => {
                new.insert(value);
            }
        }
    }
}

/// Adds later entries of a list to it.
pub(super) fn lengthen<T>(all: &mut Vec<T>, later: Vec<T>) {
    all.extend(later);
}
