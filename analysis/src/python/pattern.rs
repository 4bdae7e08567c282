//! `match`: patterns as conditions, and the parts they take.

use ruff_python_ast::{
    Identifier, MatchCase, Pattern as Case, PatternMatchClass, PatternMatchOr, Singleton, StmtMatch,
};
use ruff_text_size::{Ranged, TextRange};

use super::annotation::dotted;
use super::constant;
use super::lowerer::Lowerer;
use super::statement::Target;
use crate::unit::{Arm, Const, LocalOrigin, Name, Part, Path, Pattern, Place, StepKind, ValueId};

/// A name that a pattern binds, and the value it gets.
struct Capture<'a> {
    name: &'a str,
    range: TextRange,
    value: ValueId,
}

impl<'a> Lowerer<'a> {
    pub(super) fn match_arms(&mut self, stmt: &'a StmtMatch) {
        let span = self.span(stmt.range);
        let subject = self.expr(&stmt.subject);
        let id = self.steps().step_id();
        let arms = stmt.cases.iter().map(|case| self.arm(case, subject)).collect();
        self.steps().push_as(id, span, StepKind::Match { subject, arms });
    }

    fn arm(&mut self, case: &'a MatchCase, subject: ValueId) -> Arm {
        let span = self.span(case.range);
        self.steps().open();
        let mut captures = Vec::new();
        self.take(&case.pattern, subject, &mut captures);
        for capture in captures {
            self.assign_name(capture.name, capture.range, capture.value, Target::Header);
        }
        let pattern = self.pattern(&case.pattern);
        let guard = case.guard.as_deref().map(|guard| self.cond(guard));
        self.suite(&case.body);
        Arm { pattern, guard, body: self.steps().close(), span }
    }

    /// A pattern's meaning as a condition.
    fn pattern(&mut self, case: &'a Case) -> Pattern {
        self.descend(|this| this.pattern_here(case)).unwrap_or(Pattern::Other)
    }

    fn pattern_here(&mut self, case: &'a Case) -> Pattern {
        match case {
            Case::MatchValue(value) => match constant::literal(&value.value) {
                Some(literal) => Pattern::Const(literal),
                None => dotted(&value.value).map_or(Pattern::Other, Pattern::Path),
            },
            Case::MatchSingleton(single) => Pattern::Const(match single.value {
                Singleton::None => Const::Nothing,
                Singleton::True => Const::Bool(true),
                Singleton::False => Const::Bool(false),
            }),
            Case::MatchSequence(sequence) => {
                Pattern::Tuple(sequence.patterns.iter().map(|inner| self.pattern(inner)).collect())
            }
            Case::MatchOr(or) => Pattern::Or(or.patterns.iter().map(|inner| self.pattern(inner)).collect()),
            Case::MatchClass(class) => {
                let arguments = &class.arguments;
                let inner = arguments.patterns.iter().chain(arguments.keywords.iter().map(|keyword| &keyword.pattern));
                let inner = inner.map(|inner| self.pattern(inner)).collect();
                Pattern::Variant { path: dotted(&class.cls).unwrap_or_default(), inner }
            }
            Case::MatchAs(as_) => match (&as_.pattern, &as_.name) {
                (Some(inner), _) => self.pattern(inner),
                (None, Some(name)) => self.binding(name),
                (None, None) => Pattern::Wildcard,
            },
            Case::MatchStar(_) | Case::MatchMapping(_) => Pattern::Other,
        }
    }

    /// A pattern that is a name. A global is named by a variable of the body that nothing reads.
    fn binding(&mut self, name: &'a Identifier) -> Pattern {
        let span = self.span(name.range);
        match self.place_stored(name.as_str(), span) {
            Place::Local(local) => Pattern::Binding(local),
            _ => Pattern::Binding(self.steps().local(Name::default(), LocalOrigin::Bound, None, span)),
        }
    }

    /// Takes the parts of a value that a pattern binds.
    fn take(&mut self, case: &'a Case, value: ValueId, captures: &mut Vec<Capture<'a>>) {
        if self.descend(|this| this.take_here(case, value, captures)).is_none() {
            self.too_deep(case);
        }
    }

    fn take_here(&mut self, case: &'a Case, value: ValueId, captures: &mut Vec<Capture<'a>>) {
        match case {
            Case::MatchAs(as_) => {
                if let Some(inner) = &as_.pattern {
                    self.take(inner, value, captures);
                }
                if let Some(name) = &as_.name {
                    let value = self.part(name.range, value, Part::Whole);
                    captures.push(Capture { name: name.as_str(), range: name.range, value });
                }
            }
            Case::MatchSequence(sequence) => {
                for (n, inner) in sequence.patterns.iter().enumerate() {
                    self.take_part(inner, value, Part::Index(n as u32), captures);
                }
            }
            Case::MatchStar(star) => self.capture(star.name.as_ref(), value, captures),
            Case::MatchMapping(mapping) => {
                for inner in &mapping.patterns {
                    self.take_part(inner, value, Part::Key, captures);
                }
                if let Some(rest) = &mapping.rest {
                    let value = self.part(rest.range, value, Part::Rest(mapping.patterns.len() as u32));
                    self.capture(Some(rest), value, captures);
                }
            }
            Case::MatchClass(class) => self.take_fields(class, value, captures),
            Case::MatchOr(or) => self.take_either(or, value, captures),
            Case::MatchValue(_) | Case::MatchSingleton(_) => {}
        }
    }

    fn take_fields(&mut self, class: &'a PatternMatchClass, value: ValueId, captures: &mut Vec<Capture<'a>>) {
        let path = dotted(&class.cls).unwrap_or_default();
        for (n, inner) in class.arguments.patterns.iter().enumerate() {
            self.take_part(inner, value, Part::Variant(Box::new(Path::clone(&path)), n as u32), captures);
        }
        for keyword in &class.arguments.keywords {
            let field = Part::Field(Name::new(keyword.attr.as_str()));
            self.take_part(&keyword.pattern, value, field, captures);
        }
    }

    /// All alternatives bind the same names; each name gets what the alternative that matched gave.
    fn take_either(&mut self, or: &'a PatternMatchOr, value: ValueId, captures: &mut Vec<Capture<'a>>) {
        let mut all = Vec::new();
        or.patterns.iter().for_each(|inner| self.take(inner, value, &mut all));
        while let Some(first) = all.first() {
            let name = first.name;
            let (same, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|capture| capture.name == name);
            all = others;
            let from: Vec<ValueId> = same.iter().map(|capture| capture.value).collect();
            let range = same[0].range;
            let value = if from.len() == 1 { from[0] } else { self.join(range, from) };
            captures.push(Capture { name, range, value });
        }
    }

    /// Goes into a part, if anything in it is bound. A bare name takes the part itself.
    fn take_part(&mut self, inner: &'a Case, of: ValueId, part: Part, captures: &mut Vec<Capture<'a>>) {
        let part = match (inner, part) {
            (Case::MatchStar(_), Part::Index(n)) => Part::Rest(n),
            (_, part) => part,
        };
        match inner {
            Case::MatchAs(as_) if as_.pattern.is_none() => {
                if let Some(name) = &as_.name {
                    let value = self.part(name.range, of, part);
                    self.capture(Some(name), value, captures);
                }
            }
            Case::MatchStar(star) if star.name.is_none() => {}
            Case::MatchValue(_) | Case::MatchSingleton(_) => {}
            _ => {
                let value = self.part(inner.range(), of, part);
                self.take(inner, value, captures);
            }
        }
    }

    fn capture(&mut self, name: Option<&'a Identifier>, value: ValueId, captures: &mut Vec<Capture<'a>>) {
        captures.extend(name.map(|name| Capture { name: name.as_str(), range: name.range, value }));
    }
}
