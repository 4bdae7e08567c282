//! Small notations used in the data: which argument, which type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// Whom an effect is about.
///
/// Written `receiver`, `result`, `0`, `0 coro` (position and name), `name` (by name only), `rest 1` (all positional
/// arguments from there), `elements 0 aws`, `elements receiver`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub enum Subject {
    /// What the method is called on.
    Receiver,
    /// What the call gives.
    Result,
    /// One argument, by place, by name, or either.
    Argument {
        /// Its place, counted from 0, the receiver not included.
        position: Option<u32>,
        /// Its name.
        name: Option<SmolStr>,
    },
    /// All positional arguments from this place on.
    Rest(u32),
    /// What the named one contains.
    Elements(Box<Subject>),
}

impl Subject {
    /// Whether it is the receiver, or what the receiver contains.
    pub fn is_of_receiver(&self) -> bool {
        match self {
            Subject::Receiver => true,
            Subject::Elements(inner) => inner.is_of_receiver(),
            _ => false,
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Subject, String> {
        let text = text.trim();
        if let Some(inner) = text.strip_prefix("elements ") {
            return Ok(Subject::Elements(Box::new(inner.parse()?)));
        }
        if let Some(from) = text.strip_prefix("rest ") {
            return from.trim().parse().map(Subject::Rest).map_err(|_| format!("`{text}`: a place is a number"));
        }
        match text {
            "receiver" => return Ok(Subject::Receiver),
            "result" => return Ok(Subject::Result),
            "" => return Err("an empty subject; write `receiver`, `result`, `0 name` or `rest 0`".into()),
            _ => {}
        }
        let (first, second) = text.split_once(' ').map_or((text, None), |(a, b)| (a, Some(b.trim())));
        match (first.parse::<u32>(), second) {
            (Ok(place), name) => Ok(Subject::Argument { position: Some(place), name: name.map(SmolStr::new) }),
            (Err(_), None) => Ok(Subject::Argument { position: None, name: Some(SmolStr::new(first)) }),
            (Err(_), Some(_)) => {
                Err(format!("`{text}` is no subject; write `receiver`, `result`, `0 name` or `rest 0`"))
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Receiver => f.write_str("receiver"),
            Subject::Result => f.write_str("result"),
            Subject::Argument { position: Some(place), name: Some(name) } => write!(f, "{place} {name}"),
            Subject::Argument { position: Some(place), name: None } => write!(f, "{place}"),
            Subject::Argument { position: None, name } => f.write_str(name.as_deref().unwrap_or("")),
            Subject::Rest(place) => write!(f, "rest {place}"),
            Subject::Elements(inner) => write!(f, "elements {inner}"),
        }
    }
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(text: String) -> Result<Subject, String> {
        text.parse()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> String {
        subject.to_string()
    }
}

/// A type in the data: `asyncio.Task`, `Result<std::thread::JoinHandle<T>>`, `(A, B)`; and the words `receiver`
/// (the receiver's own type), `element` (what the receiver contains), `argument 0`, `awaited 0`, `called 0`
/// (the type of an argument, of awaiting it, of calling it), `elements 0` (what an argument contains), `elements called 0`, and
/// `awaited element`, `awaited elements 0`, `awaited called 0` (what awaiting those gives).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub enum TypeRef {
    /// A named type.
    Named {
        /// Its full path.
        path: SmolStr,
        /// Its type arguments.
        args: Vec<TypeRef>,
    },
    /// A tuple.
    Tuple(Vec<TypeRef>),
    /// The receiver's type.
    Receiver,
    /// What the receiver contains.
    Element,
    /// The type of an argument.
    Argument(u32),
    /// What awaiting an argument gives.
    Awaited(u32),
    /// What calling an argument gives.
    Called(u32),
    /// What an argument contains.
    ElementsOf(u32),
    /// What that contains which calling an argument gives.
    ElementsOfCall(u32),
    /// What awaiting that gives which an argument contains.
    AwaitedElementsOf(u32),
    /// What awaiting that gives which calling an argument gives.
    AwaitedCall(u32),
    /// What awaiting that gives which the receiver contains.
    AwaitedElement,
}

impl TypeRef {
    /// Whether it is the receiver's type or made from it.
    pub fn is_of_receiver(&self) -> bool {
        match self {
            TypeRef::Receiver | TypeRef::Element | TypeRef::AwaitedElement => true,
            // A parameter's name does not tell: `bounded::<T>()` has one and no receiver.
            TypeRef::Named { args, .. } => args.iter().any(TypeRef::is_of_receiver),
            TypeRef::Tuple(parts) => parts.iter().any(TypeRef::is_of_receiver),
            _ => false,
        }
    }
}

impl FromStr for TypeRef {
    type Err = String;

    fn from_str(text: &str) -> Result<TypeRef, String> {
        let text = text.trim();
        match text {
            "receiver" => return Ok(TypeRef::Receiver),
            "element" => return Ok(TypeRef::Element),
            "awaited element" => return Ok(TypeRef::AwaitedElement),
            "" => return Err("an empty type".into()),
            _ => {}
        }
        for (word, make) in [
            ("argument ", TypeRef::Argument as fn(u32) -> TypeRef),
            ("awaited elements ", TypeRef::AwaitedElementsOf),
            ("awaited called ", TypeRef::AwaitedCall),
            ("awaited ", TypeRef::Awaited),
            ("called ", TypeRef::Called),
            ("elements called ", TypeRef::ElementsOfCall),
            ("elements ", TypeRef::ElementsOf),
        ] {
            if let Some(place) = text.strip_prefix(word) {
                return place.trim().parse().map(make).map_err(|_| format!("`{text}`: a place is a number"));
            }
        }
        if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            return Ok(TypeRef::Tuple(split(inner)?));
        }
        match text.split_once('<') {
            Some((path, rest)) => {
                let inner = rest.strip_suffix('>').ok_or_else(|| format!("`{text}`: a `>` is missing"))?;
                Ok(TypeRef::Named { path: path.trim().into(), args: split(inner)? })
            }
            None => Ok(TypeRef::Named { path: text.into(), args: Vec::new() }),
        }
    }
}

/// Splits at the commas that stand outside all brackets.
fn split(text: &str) -> Result<Vec<TypeRef>, String> {
    let (mut depth, mut from, mut parts) = (0i32, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' => depth += 1,
            '>' | ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(text[from..at].parse()?);
                from = at + 1;
            }
            _ => {}
        }
    }
    if !text[from..].trim().is_empty() {
        parts.push(text[from..].parse()?);
    }
    Ok(parts)
}

impl fmt::Display for TypeRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |args: &[TypeRef]| args.iter().map(TypeRef::to_string).collect::<Vec<_>>().join(", ");
        match self {
            TypeRef::Named { path, args } if args.is_empty() => f.write_str(path),
            TypeRef::Named { path, args } => write!(f, "{path}<{}>", list(args)),
            TypeRef::Tuple(parts) => write!(f, "({})", list(parts)),
            TypeRef::Receiver => f.write_str("receiver"),
            TypeRef::Element => f.write_str("element"),
            TypeRef::Argument(place) => write!(f, "argument {place}"),
            TypeRef::Awaited(place) => write!(f, "awaited {place}"),
            TypeRef::Called(place) => write!(f, "called {place}"),
            TypeRef::ElementsOf(place) => write!(f, "elements {place}"),
            TypeRef::ElementsOfCall(place) => write!(f, "elements called {place}"),
            TypeRef::AwaitedElementsOf(place) => write!(f, "awaited elements {place}"),
            TypeRef::AwaitedCall(place) => write!(f, "awaited called {place}"),
            TypeRef::AwaitedElement => f.write_str("awaited element"),
        }
    }
}

impl TryFrom<String> for TypeRef {
    type Error = String;

    fn try_from(text: String) -> Result<TypeRef, String> {
        text.parse()
    }
}

impl From<TypeRef> for String {
    fn from(ty: TypeRef) -> String {
        ty.to_string()
    }
}
