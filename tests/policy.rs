//! The licence and ban policy of `deny.toml`, over every package that the lock file names.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use support::{read, report, root};

/// What cargo says of the workspace and its packages. Without the network only what has been
/// downloaded is known; then the packages of other platforms are left out.
fn metadata() -> Value {
    let ask = |more: &[&str]| {
        let arguments = ["metadata", "--format-version", "1", "--locked", "--offline"];
        Command::new(env!("CARGO")).args(arguments).args(more).current_dir(root()).output().expect("cargo runs")
    };
    let mut output = ask(&[]);
    if !output.status.success() {
        output = ask(&["--filter-platform", &host()]);
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}

fn policy() -> toml::Table {
    read("deny.toml").parse().expect("deny.toml is TOML")
}

fn strings(list: &toml::Value) -> BTreeSet<String> {
    list.as_array().expect("a list").iter().map(|item| item.as_str().expect("text").to_owned()).collect()
}

/// Whether a licence expression can be met with the allowed licences. `OR` binds weaker than `AND`.
fn allowed(expression: &str, allow: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let met = either(&words, &mut at, allow);
    met && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> bool {
    let mut met = both(words, at, allow);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(words, at, allow);
    }
    met
}

fn both(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> bool {
    let mut met = one(words, at, allow);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= one(words, at, allow);
    }
    met
}

fn one(words: &[&str], at: &mut usize, allow: &BTreeSet<String>) -> bool {
    let Some(&word) = words.get(*at) else { return false };
    *at += 1;
    if word == "(" {
        let met = either(words, at, allow);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    if words.get(*at) == Some(&"WITH") {
        let whole = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
        return allow.contains(&whole);
    }
    allow.contains(word)
}

#[test]
fn licence_expressions_are_understood() {
    let allow = ["MIT", "Apache-2.0 WITH LLVM-exception", "Zlib"].map(str::to_owned).into();
    for good in ["MIT", "GPL-3.0 OR MIT", "GPL-3.0/MIT", "(MIT OR GPL-3.0) AND Zlib", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(allowed(good, &allow), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "(MIT", "MIT MIT", "GPL-3.0 OR MIT AND GPL-3.0"] {
        assert!(!allowed(bad, &allow), "{bad}");
    }
}

#[test]
fn every_package_has_an_allowed_licence_and_none_is_banned() {
    let policy = policy();
    let allow = strings(&policy["licenses"]["allow"]);
    let exceptions = policy["licenses"]["exceptions"].as_array().expect("a list");
    let banned: BTreeSet<&str> =
        policy["bans"]["deny"].as_array().expect("a list").iter().filter_map(|ban| ban["name"].as_str()).collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let mut failures = Vec::new();
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let licence = package["license"].as_str().unwrap_or("");
        let excepted = exceptions.iter().filter(|exception| exception["crate"].as_str() == Some(name));
        let allow = excepted.fold(allow.clone(), |allow, exception| &allow | &strings(&exception["allow"]));
        if !allowed(licence, &allow) {
            failures.push(format!("{name} {}: licence {licence:?}", package["version"]));
        }
        if banned.contains(name) {
            failures.push(format!("{name}: banned by deny.toml"));
        }
    }
    assert!(packages.len() > 10, "cargo names the dependencies");
    report("packages against the policy of deny.toml", &failures);
}

#[test]
fn the_analyser_needs_no_runtime_and_no_network() {
    const NEVER: [&str; 7] = ["tokio", "async-std", "smol", "hyper", "reqwest", "ureq", "unleak-pipeline"];
    let metadata = metadata();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| (node["id"].as_str().expect("an id"), node))
        .collect();
    let name = |id: &str| {
        let package = metadata["packages"].as_array().expect("packages").iter().find(|package| package["id"] == id);
        package.and_then(|package| package["name"].as_str()).expect("a known package").to_owned()
    };
    let mut waiting: Vec<&str> = nodes.keys().copied().filter(|id| name(id) == "unleak").collect();
    assert_eq!(waiting.len(), 1, "the workspace has the package unleak");
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        for dependency in nodes[id]["deps"].as_array().expect("dependencies") {
            let kinds = dependency["dep_kinds"].as_array().expect("kinds");
            if kinds.iter().any(|kind| kind["kind"].as_str() != Some("dev")) {
                waiting.push(dependency["pkg"].as_str().expect("an id"));
            }
        }
    }
    let failures: Vec<String> = seen.into_iter().map(name).filter(|name| NEVER.contains(&name.as_str())).collect();
    report("packages that the analyser must not depend on", &failures);
}
