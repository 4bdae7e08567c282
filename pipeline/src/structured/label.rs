use std::fmt;

/// A name in logs, metrics and diagnostics.
///
/// It is static by type: a name made from a user, a session or a request does not compile, so no metric can
/// grow a series for each of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(&'static str);

impl Label {
    /// A label for `name`.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name itself.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}
