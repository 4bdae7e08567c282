//! Every entry of the catalogue is met where its example means it, and no other.

use std::collections::BTreeMap;

use unleak_analysis::program::calls::{Depth, Known, Target};
use unleak_analysis::program::{BodyRef, Def, Program, Site};
use unleak_analysis::source::{Language, Source};
use unleak_analysis::unit::{Name, Step, StepKind};
use unleak_catalogue::Catalogue;
use unleak_catalogue::model::{CallModel, Effect, Library};

#[test]
fn every_python_example_means_its_entry() {
    check(Language::Python);
}

#[test]
fn every_rust_example_means_its_entry() {
    check(Language::Rust);
}

fn check(language: Language) {
    let libraries = Catalogue::embedded().libraries().iter().filter(|library| library.language == language.name());
    let mut failures: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for library in libraries {
        let fails = library.calls.iter().filter_map(|call| failure(language, library, call));
        failures.entry(&library.library).or_default().extend(fails);
    }
    let wrong: Vec<String> = failures.into_values().flatten().collect();
    assert!(wrong.is_empty(), "{} examples are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What is wrong with an entry's example, if anything.
fn failure(language: Language, library: &Library, call: &CallModel) -> Option<String> {
    let meant = meant_by(&example(language, call));
    (meant != call.path)
        .then(|| format!("{}: {} should be met, and it is {meant}: {}", library.library, call.path, call.example))
}

/// A program of its own in which the example is all that runs.
fn example(language: Language, call: &CallModel) -> Source {
    let text = match language {
        Language::Python => format!("async def example():\n    {}\n", call.example),
        Language::Rust => format!("async fn example() {{\n    {}\n}}\n", call.example),
    };
    let path = match language {
        Language::Python => "example.py",
        Language::Rust => "src/example.rs",
    };
    Source::from_bytes(path, language, text.as_bytes())
}

/// What the call of an example that is made last calls, in words.
fn meant_by(source: &Source) -> String {
    let lowered = [unleak_analysis::lower(source)];
    if let Some(problem) = lowered[0].unit.problems.first() {
        return format!("nothing, it cannot be read ({})", problem.message);
    }
    let program = Program::link(std::slice::from_ref(source), &lowered, Catalogue::embedded());
    let Some(body) = program.bodies().find(|body| program.body(*body).name == "example") else {
        return "nothing".to_owned();
    };
    let steps = program.flow(body).nodes().map(|node| node.step);
    let calls = steps.filter(|step| matches!(step.kind, StepKind::Call { .. } | StepKind::Select { .. }));
    // A call is made when all that is written in it has been computed.
    match calls.max_by_key(|step| (step.span.end, std::cmp::Reverse(step.span.start))) {
        Some(Step { kind: StepKind::Select { path, .. }, .. }) => raced(&program, body, path),
        Some(call) => called(&program, Site { body, step: call.id }),
        None => "no call".to_owned(),
    }
}

fn called(program: &Program<'_>, site: Site) -> String {
    let call = program.call(site);
    let known = call.as_ref().map(|call| call.known);
    match call.map(|call| call.target) {
        Some(Target::Model(model)) if known == Some(Known::Hinted) => format!("{}, by a name only", model.path),
        Some(Target::Model(model)) => model.path.to_string(),
        Some(Target::External(path)) => format!("`{path}`, which has no entry"),
        Some(Target::Functions(_) | Target::Construct(_)) => "code of its own".to_owned(),
        Some(Target::Unknown) | None => "something unknown".to_owned(),
    }
}

fn raced(program: &Program<'_>, body: BodyRef, path: &[Name]) -> String {
    match program.resolve_path(body, path) {
        Some(Def::Model(path) | Def::External(path)) => path.to_string(),
        _ => "an unknown race".to_owned(),
    }
}

/// What a call says of the value before its dot, written after `call = ` as the last call of an example.
fn effect_on_receiver(call: &str) -> Option<Effect> {
    let text = format!(
        "import concurrent.futures, queue\n\ndef example(pool: concurrent.futures.Executor, q: queue.Queue, some):\n    {call}\n"
    );
    let source = Source::from_bytes("example.py", Language::Python, text.as_bytes());
    let lowered = [unleak_analysis::lower(&source)];
    let program = Program::link(std::slice::from_ref(&source), &lowered, Catalogue::embedded());
    let body = program.bodies().find(|body| program.body(*body).name == "example")?;
    let step =
        program.flow(body).nodes().map(|node| node.step).find(|step| matches!(step.kind, StepKind::Call { .. }))?;
    let call = program.call(Site { body, step: step.id })?;
    let Target::Model(model) = call.target else { return None };
    program.effect_on(&call, model, call.receiver?, Depth::Itself)
}

#[test]
fn an_option_that_asks_for_the_usual_changes_nothing() {
    for (call, effect) in [
        ("pool.shutdown()", Effect::Joined),
        ("pool.shutdown(wait=True)", Effect::Joined),
        ("pool.shutdown(wait=False)", Effect::Closed),
        ("pool.shutdown(cancel_futures=True)", Effect::Cancelled),
        ("pool.shutdown(cancel_futures=False)", Effect::Joined),
        ("q.put(1, block=True)", Effect::Put),
        ("q.put(1, timeout=None)", Effect::Put),
        ("q.put(1, timeout=some)", Effect::TryPut),
        ("q.put(1, block=False)", Effect::TryPut),
    ] {
        assert_eq!(effect_on_receiver(call), Some(effect), "{call}");
    }
}
