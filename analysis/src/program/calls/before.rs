//! What a round of linking takes over from the one before.

use std::iter::Peekable;
use std::slice;

use super::super::memo::Rests;
use super::super::{Part, Site};
use super::{Calls, Resolved};
use crate::unit::{BodyId, StepId};

/// What was said before of the calls of a file, taken one after another.
pub(super) struct Before<'c, 'a> {
    known: Peekable<slice::Iter<'c, ((BodyId, StepId), Resolved<'a>)>>,
    rests: slice::Iter<'c, Rests>,
}

impl<'c, 'a> Before<'c, 'a> {
    /// Of a part that is one file.
    pub(super) fn of(calls: &'c Calls<'a>, part: Part) -> Before<'c, 'a> {
        let (known, rests) = match calls.resolved.get(part.start as usize) {
            Some(file) => (file.known.as_slice(), file.rests.as_slice()),
            None => (&[][..], &[][..]),
        };
        Before { known: known.iter().peekable(), rests: rests.iter() }
    }

    /// What the next call of the file means, where that stays so.
    pub(super) fn next(&mut self, site: Site) -> Option<Resolved<'a>> {
        let known = self.known.next_if(|(at, _)| *at == (site.body.body, site.step));
        match self.rests.next()? {
            Rests::Bodies => Some(known.map_or(Resolved::Unknown, |(_, resolved)| resolved.clone())),
            Rests::Links => None,
        }
    }
}
