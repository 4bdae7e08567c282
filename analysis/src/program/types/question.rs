//! One question about types, and those within it.
//!
//! Types may rest on each other in a circle: a variable on what a loop stores in it, a parameter on a function that calls
//! itself. What an answer is must not depend on where somebody came in, or it would depend on who asked first. So a
//! circle is found as a whole (Tarjan's way: each question knows the outermost open one that it came back to), and all
//! in it is answered together, in the order of the program: what is known from outside the circle first, then what that
//! makes known, until nothing more is.

use super::super::memo::{Node, Of, Rests, Standing};
use super::super::{BodyRef, Program};
use super::Type;
use crate::unit::{Const, LocalId, StepKind, ValueId};

/// How many questions may wait for each other; what lies deeper is not known.
const DEEPEST: u32 = 250;

/// How often the rest of a circle is asked again for what the others made known.
const ROUNDS: u32 = 10;

/// Which of the questions that are not done was asked how early.
type Place = u32;

/// That a question came back to none.
const NONE: Place = Place::MAX;

/// The questions that are not done.
#[derive(Debug)]
pub(in super::super) struct Typing {
    asked: Vec<Asked>,
    /// The outermost question that the one being answered came back to.
    back_to: Place,
    depth: u32,
}

/// A question that is not done, or whose answer waits for one that is not.
#[derive(Debug)]
struct Asked {
    node: Node,
    /// What was found, once all was looked at.
    found: Option<Type>,
    rests: Rests,
    back_to: Place,
}

impl Default for Typing {
    fn default() -> Typing {
        Typing { asked: Vec::new(), back_to: NONE, depth: 0 }
    }
}

impl Typing {
    fn at(&self, place: Place) -> &Asked {
        &self.asked[place as usize]
    }

    fn here(&self) -> Place {
        self.asked.len() as Place
    }

    /// The answer, so far, to something that was asked before and is not done.
    fn meet(&mut self, place: Place) -> (Type, Rests) {
        let mut open = place;
        while self.at(open).found.is_some() && self.at(open).back_to != open {
            open = self.at(open).back_to;
        }
        self.back_to = self.back_to.min(open);
        let met = self.at(place);
        (met.found.clone().unwrap_or_default(), met.rests)
    }
}

impl<'a> Program<'a> {
    /// The type of a value.
    pub fn type_of(&self, body: BodyRef, value: ValueId) -> Type {
        self.type_of_node(Node::value(body, value))
    }

    /// The type of a local variable.
    pub fn type_of_local(&self, body: BodyRef, id: LocalId) -> Type {
        self.type_of_node(Node::local(self.body(body), body, id))
    }

    fn type_of_node(&self, node: Node) -> Type {
        self.look(node, Type::clone)
    }

    /// Looks at a type: what was found before (here, or by those who asked about the same part of the program), what is
    /// found so far where it is being asked already, what is found now.
    fn look<T>(&self, node: Node, look: impl Fn(&Type) -> T) -> T {
        let types = self.memory.types.borrow();
        match types.standing(node) {
            Standing::Known(ty, rests) => {
                self.rest(rests);
                return look(ty);
            }
            Standing::Asked(place) => {
                let (found, rests) = self.memory.typing.borrow_mut().meet(place);
                self.rest(rests);
                return look(&found);
            }
            Standing::New => {}
        }
        drop(types);
        if let Some(Standing::Known(ty, rests)) = self.settled_types(node.body).map(|types| types.standing(node)) {
            self.rest(rests);
            return look(ty);
        }
        look(&self.ask(node))
    }

    fn ask(&self, node: Node) -> Type {
        if let Some(constant) = self.constant_at(node) {
            return self.type_of_const(self.language(node.body), constant);
        }
        let (place, outer) = {
            let mut typing = self.memory.typing.borrow_mut();
            if typing.depth >= DEEPEST {
                typing.back_to = 0;
                return Type::Unknown;
            }
            typing.depth += 1;
            let place = typing.here();
            typing.asked.push(Asked { node, found: None, rests: Rests::Bodies, back_to: NONE });
            self.memory.types.borrow_mut().ask(self.body(node.body), node, place);
            (place, std::mem::replace(&mut typing.back_to, NONE))
        };
        let (found, rests) = self.resting(|| self.find_type(node));
        let back_to = {
            let mut typing = self.memory.typing.borrow_mut();
            typing.depth -= 1;
            let back_to = typing.back_to;
            if back_to > place {
                typing.asked.truncate(place as usize);
                typing.back_to = outer;
            }
            back_to
        };
        if back_to > place {
            self.memory.types.borrow_mut().set(self.body(node.body), node, &found, rests);
            return found;
        }
        let found = if back_to == place {
            self.answer_together(node, place)
        } else {
            let mut typing = self.memory.typing.borrow_mut();
            typing.asked[place as usize] = Asked { node, found: Some(found.clone()), rests, back_to };
            found
        };
        let mut typing = self.memory.typing.borrow_mut();
        typing.back_to = if typing.back_to < place { typing.back_to.min(outer) } else { outer };
        found
    }

    /// What stands there, where that is a constant: it rests on nothing.
    fn constant_at(&self, node: Node) -> Option<&'a Const> {
        let Of::Value(value) = node.what else { return None };
        match &self.flow(node.body).def(value)?.kind {
            StepKind::Const { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Answers all that rests on each other, from a place on; what one of them is.
    fn answer_together(&self, node: Node, place: Place) -> Type {
        self.order(place);
        for _ in 0..ROUNDS {
            if !self.ask_again(place) {
                break;
            }
        }
        let mut typing = self.memory.typing.borrow_mut();
        let back_to = typing.back_to;
        let circle = &mut typing.asked[place as usize..];
        let found = circle.iter().find(|asked| asked.node == node).and_then(|asked| asked.found.clone());
        if back_to < place {
            circle.iter_mut().for_each(|asked| asked.back_to = back_to);
            return found.unwrap_or_default();
        }
        let rests = circle.iter().map(|asked| asked.rests).max().unwrap_or(Rests::Bodies);
        self.rest(rests);
        let mut types = self.memory.types.borrow_mut();
        for asked in typing.asked.drain(place as usize..) {
            types.set(self.body(asked.node.body), asked.node, &asked.found.unwrap_or_default(), rests);
        }
        found.unwrap_or_default()
    }

    /// Puts a circle in the order of the program, with nothing known of it.
    fn order(&self, place: Place) {
        let mut typing = self.memory.typing.borrow_mut();
        typing.back_to = NONE;
        let circle = &mut typing.asked[place as usize..];
        circle.sort_unstable_by_key(|asked| asked.node);
        let mut types = self.memory.types.borrow_mut();
        for (asked, at) in circle.iter_mut().zip(place..) {
            (asked.found, asked.back_to) = (Some(Type::Unknown), place);
            types.ask(self.body(asked.node.body), asked.node, at);
        }
    }

    /// Asks once more for all in a circle that is not known. What is met on the way that rests on the circle is of it.
    fn ask_again(&self, place: Place) -> bool {
        let mut more = false;
        let mut at = place;
        while at < self.memory.typing.borrow().here() {
            let (node, known) = {
                let typing = self.memory.typing.borrow();
                (typing.at(at).node, typing.at(at).found.as_ref().is_some_and(|found| !found.is_unknown()))
            };
            if !known {
                let (found, rests) = self.resting(|| self.find_type(node));
                let mut typing = self.memory.typing.borrow_mut();
                more |= !found.is_unknown();
                let asked = &mut typing.asked[at as usize];
                asked.found = Some(found);
                asked.rests = asked.rests.max(rests);
            }
            at += 1;
        }
        more
    }

    /// Looks at the type of a value. What looks asks for no other type meanwhile.
    pub(in super::super) fn look_at_type<T>(&self, body: BodyRef, value: ValueId, look: impl Fn(&Type) -> T) -> T {
        self.look(Node::value(body, value), look)
    }

    /// Notes what an answer rests on: what rests on it rests on that too.
    pub(in super::super) fn rest(&self, rests: Rests) {
        if rests > self.memory.rests.get() {
            self.memory.rests.set(rests);
        }
    }

    /// An answer, and what it rests on.
    pub(in super::super) fn resting<T>(&self, find: impl FnOnce() -> T) -> (T, Rests) {
        let outer = self.memory.rests.replace(Rests::Bodies);
        let found = find();
        let rests = self.memory.rests.get();
        self.rest(outer);
        (found, rests)
    }
}
