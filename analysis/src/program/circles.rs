//! Questions that may come back to themselves: what is known once all that rest on each other are answered.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// The questions that are not done, from the outermost on. A question that came back to one further out is not done
/// before that one is: what was found of it may be less than what it would find by itself.
#[derive(Debug)]
pub(super) struct Circles<K, A> {
    asked: Vec<(K, Option<A>)>,
    places: FxHashMap<K, usize>,
    /// The outermost question that the one being answered came back to.
    back_to: usize,
}

/// What asking begins with.
#[derive(Debug)]
pub(super) enum Begun<A> {
    /// It is being asked already; what was found of it so far.
    Met(Option<A>),
    /// It is to be answered now.
    Open(Open),
}

/// A question that is being answered.
#[derive(Debug)]
pub(super) struct Open {
    place: usize,
    outer: usize,
}

/// How far questions had come back when watching began.
#[derive(Debug)]
pub(super) struct Watched {
    outer: usize,
}

impl<K, A> Default for Circles<K, A> {
    fn default() -> Circles<K, A> {
        Circles { asked: Vec::new(), places: FxHashMap::default(), back_to: usize::MAX }
    }
}

impl<K: Clone + Eq + Hash, A: Clone> Circles<K, A> {
    /// Begins with a question.
    pub(super) fn begin(&mut self, key: &K) -> Begun<A> {
        if let Some(place) = self.places.get(key) {
            self.back_to = self.back_to.min(*place);
            return Begun::Met(self.asked[*place].1.clone());
        }
        let place = self.asked.len();
        self.asked.push((key.clone(), None));
        self.places.insert(key.clone(), place);
        Begun::Open(Open { place, outer: std::mem::replace(&mut self.back_to, usize::MAX) })
    }

    /// Begins to watch whether what is answered next comes back to a question that is not done.
    pub(super) fn watch(&mut self) -> Watched {
        Watched { outer: std::mem::replace(&mut self.back_to, usize::MAX) }
    }

    /// Whether it did not: then the answer does not differ with who asks.
    pub(super) fn kept_apart(&mut self, watched: Watched) -> bool {
        let apart = self.back_to == usize::MAX;
        self.back_to = self.back_to.min(watched.outer);
        apart
    }

    /// Ends with a question. Those that are done by that are handed on, itself first.
    pub(super) fn end(&mut self, open: Open, found: A, mut done: impl FnMut(K, A)) {
        let Open { place, outer } = open;
        self.asked[place].1 = Some(found);
        if self.back_to < place {
            self.back_to = self.back_to.min(outer);
            return;
        }
        self.back_to = outer;
        for (key, found) in self.asked.drain(place..) {
            self.places.remove(&key);
            if let Some(found) = found {
                done(key, found);
            }
        }
    }
}
