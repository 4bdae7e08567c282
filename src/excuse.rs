//! Findings that settings say are right: known owners, and calls whose result nobody has to keep.

use unleak_analysis::source::Language;

use crate::report::{BornIn, Finding};
use crate::settings::Policy;

/// Where a finding comes from, in words that can be compared with settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The path of the file, relative to the project.
    pub(crate) path: &'a str,
    /// What is born there.
    pub(crate) born: &'a BornIn,
}

/// Whether settings say that a finding is right: what makes its resource is a safe call, or an owner does.
pub(crate) fn is_excused(policy: &Policy, finding: &Finding, origins: &[Origin<'_>]) -> bool {
    let maker = finding.born.as_ref().map(|born| born.maker.as_str());
    let safe =
        |call: &String| maker == Some(call) || origins.iter().any(|origin| same(&full_name(origin), call, Whole::Only));
    let owner = |owner: &String| origins.iter().any(|origin| same(&full_name(origin), owner, Whole::OrWithin));
    policy.safe_calls.iter().any(safe) || policy.owners.iter().any(owner)
}

/// Whether a name has to be met as a whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whole {
    Only,
    /// What is defined within it counts too.
    OrWithin,
}

/// The parts of the full name of the function that something is born in: modules, classes, function.
fn full_name<'a>(origin: &Origin<'a>) -> Vec<&'a str> {
    let path = origin.path.rsplit_once('.').map_or(origin.path, |(start, _)| start);
    let rust = Language::of_path(origin.path) == Some(Language::Rust);
    let not_a_name =
        |part: &&str| !matches!(*part, "src" | "__init__" | "mod" | "lib" | "main") || (!rust && *part == "main");
    path.split('/').filter(not_a_name).chain(parts(&origin.born.within)).collect()
}

fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.split("::").flat_map(|part| part.split('.')).filter(|part| !part.is_empty() && *part != "crate")
}

/// Whether a name from settings means a full name: it ends in it, or, if that is enough, lies around it. A single
/// word is no name of anything.
fn same(full: &[&str], written: &str, whole: Whole) -> bool {
    let written: Vec<&str> = parts(written).collect();
    if written.len() < 2 {
        return false;
    }
    let lengths = match whole {
        Whole::Only => full.len()..=full.len(),
        Whole::OrWithin => 1..=full.len(),
    };
    lengths.into_iter().any(|length| full[..length].ends_with(&written))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(path: &str, within: &str, written: &str, whole: Whole) -> bool {
        let born = BornIn { within: within.into(), maker: String::new() };
        same(&full_name(&Origin { path, born: &born }), written, whole)
    }

    #[test]
    fn modules_are_read_from_paths() {
        assert!(meets("src/app/tasks.py", "spawn", "app.tasks.spawn", Whole::Only));
        assert!(meets("app/tasks/__init__.py", "Owner.spawn", "app.tasks.Owner.spawn", Whole::Only));
        assert!(meets("app/main.py", "run", "app.main.run", Whole::Only));
        assert!(meets("app/src/tasks.rs", "Owner::spawn", "app::tasks::Owner::spawn", Whole::Only));
        assert!(meets("app/src/tasks.rs", "spawn", "crate::tasks::spawn", Whole::Only));
    }

    #[test]
    fn an_owner_owns_what_its_methods_make_and_a_call_is_one_function() {
        assert!(meets("app/tasks.py", "Owner.spawn", "app.tasks.Owner", Whole::OrWithin));
        assert!(!meets("app/tasks.py", "Owner.spawn", "app.tasks.Owner", Whole::Only));
        assert!(!meets("app/tasks.py", "Owners.spawn", "app.tasks.Owner", Whole::OrWithin));
        assert!(!meets("app/other.py", "spawn", "app.tasks.spawn", Whole::Only));
        assert!(!meets("app/tasks.py", "spawn", "spawn", Whole::Only));
    }
}
