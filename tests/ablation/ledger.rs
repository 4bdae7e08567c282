//! The facts that the ledger finds out by itself: each is a function that begins with `fact!`.

use crate::support::{read, slashed, sources};

/// All of them, as paths of those functions.
pub(crate) fn facts() -> Vec<String> {
    let mut found = Vec::new();
    for path in sources("analysis/src/ledger", "rs") {
        let path = slashed(&path);
        let module = path.trim_start_matches("analysis/src/").trim_end_matches(".rs").trim_end_matches("/mod");
        let module = format!("unleak_analysis::{}", module.replace('/', "::"));
        let mut function = "";
        for line in read(&path).lines().map(str::trim) {
            let head = line.split_once("fn ").filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
            if let Some((_, named)) = head {
                function = named.split(['(', '<']).next().unwrap_or_default();
            }
            let written = line.strip_prefix("fact!(").and_then(|line| line.strip_suffix(");"));
            if let Some(name) = written.and_then(|written| written.split(" => ").next()).filter(|it| *it != "$name") {
                assert_eq!(name, function, "{path}: a fact is called after the function that tells it");
                found.push(format!("{module}::{name}"));
            }
        }
    }
    assert!(!found.is_empty(), "no function of the ledger tells a fact");
    found
}

/// The lint whose fixtures are most likely to miss a fact.
pub(crate) fn lint_of(fact: &str) -> &'static str {
    let rooms = [
        ("::queues", "unbounded-queue"),
        ("::counts", "ungated-gauge"),
        ("::fanouts", "raw-gather"),
        ("::supervisors", "raw-gather"),
    ];
    rooms.iter().find(|(room, _)| fact.contains(room)).map_or("fire-and-forget", |(_, lint)| lint)
}
