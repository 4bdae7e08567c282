//! The census tells of a task or count at the call that wants it, also where a function of the program makes it.

use serde_json::Value;

use crate::project::Project;

const CARGO: (&str, &str) = (
    "Cargo.toml",
    "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\ntokio = \"1\"\ntokio-util = \"0.7\"\n",
);

/// A helper that owns tasks, and what uses it.
const SCOPE: &str = "\
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

pub struct Label(&'static str);

impl Label {
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }
}

struct Inner {
    tracker: TaskTracker,
}

pub struct Scope {
    inner: Arc<Inner>,
}

#[derive(Clone)]
pub struct Spawner {
    inner: Arc<Inner>,
}

impl Scope {
    pub fn new() -> Self {
        Self { inner: Arc::new(Inner { tracker: TaskTracker::new() }) }
    }

    pub fn spawner(&self) -> Spawner {
        Spawner { inner: self.inner.clone() }
    }

    async fn left(&self) {
        self.inner.tracker.wait().await;
    }
}

impl Spawner {
    pub fn start<F>(&self, name: Label, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.inner.tracker.spawn(async move {
            future.await;
            drop(name);
        });
    }
}

async fn ended(scope: &Scope) {
    scope.left().await;
}

const READER: Label = Label::new(\"reader\");

struct Service {
    connections: Scope,
    places: Arc<Semaphore>,
}

impl Service {
    async fn run(self, listener: tokio::net::TcpListener) {
        let spawner = self.connections.spawner();
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(place) = self.places.clone().try_acquire_owned() else { continue };
            spawner.start(READER, serve(stream, place));
        }
        ended(&self.connections).await;
        let other = Scope::new();
        other.spawner().start(Label::new(\"last\"), std::future::ready(()));
        ended(&other).await;
    }
}

async fn serve(_stream: tokio::net::TcpStream, _place: OwnedSemaphorePermit) {}

fn main() {
    let service = Service { connections: Scope::new(), places: Arc::new(Semaphore::new(8)) };
    drop(service);
}
";

fn rows(project: &Project, kind: &str) -> Vec<Value> {
    let census: Value = serde_json::from_str(&project.run(&["census", "--format=json"]).out).unwrap();
    census["resources"].as_array().unwrap().iter().filter(|row| row["kind"] == kind).cloned().collect()
}

fn told<'r>(rows: &'r [Value], columns: &[&str]) -> Vec<Vec<&'r str>> {
    let cell = |row: &'r Value, column: &str| row[column].as_str().unwrap_or("-");
    rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect()
}

#[test]
fn a_task_that_a_helper_starts_is_told_of_its_caller() {
    let project = Project::with(&[CARGO, ("src/main.rs", SCOPE)]);
    let rows = rows(&project, "task");
    assert_eq!(
        told(&rows, &["name", "owner", "bound", "end", "answer"]),
        [
            ["what its callers give", "supervisor `self.inner.tracker`", "-", "-", "no"],
            [
                "reader",
                "supervisor `Service.connections`",
                "each holds a permit of `Service.places`",
                "waited for",
                "no"
            ],
            ["last", "supervisor `other`", "-", "waited for", "no"],
        ]
    );
}

#[test]
fn a_guard_s_count_is_told_of_who_holds_it() {
    let text = "\
use std::sync::atomic::{AtomicI64, Ordering};

pub static TURNS: Gauge = Gauge { now: AtomicI64::new(0) };

pub struct Gauge {
    now: AtomicI64,
}

pub struct Held(&'static Gauge);

impl Gauge {
    pub fn hold(&'static self) -> Held {
        self.now.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

pub struct Session {
    held: Held,
}

pub fn open() -> Session {
    Session { held: TURNS.hold() }
}

pub async fn answer() {
    let _held = TURNS.hold();
    std::future::pending::<()>().await;
}

pub async fn forget() {
    std::mem::forget(TURNS.hold());
}
";
    let project = Project::with(&[CARGO, ("src/lib.rs", text)]);
    let rows = rows(&project, "gauge");
    assert_eq!(
        told(&rows, &["name", "owner", "end", "answer"]),
        [
            ["self.now", "field `Gauge.now`", "brought down in `Held.drop`", "no"],
            ["TURNS", "field `Session.held`", "brought down in `Held.drop`", "no"],
            ["TURNS", "the frame it is born in", "brought down in `Held.drop`", "no"],
            ["TURNS", "the frame it is born in", "brought down in `Held.drop`", "open"],
        ]
    );
}

#[test]
fn a_python_helper_s_tasks_are_told_of_its_callers_and_found_once() {
    let text = |keep: &str| {
        format!(
            "import asyncio\n\n\nclass Tasks:\n    def __init__(self):\n        self._all = set()\n\n    def spawn(self, coro, name=None):\n        \
             task = asyncio.create_task(coro)\n{keep}\n\nclass Server:\n    def __init__(self):\n        self.tasks = Tasks()\n\n    \
             def start(self):\n        self.tasks.spawn(self.read(), \"reader\")\n        self.tasks.spawn(self.write())\n\n    \
             async def read(self):\n        await asyncio.sleep(1)\n\n    async def write(self):\n        await asyncio.sleep(1)\n"
        )
    };
    let kept = text(
        "        self._all.add(task)\n        task.add_done_callback(self._all.discard)\n\n    async def close(self):\n        \
         await asyncio.gather(*self._all)\n",
    );
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", &kept)]);
    let found = rows(&project, "task");
    assert_eq!(
        told(&found, &["name", "owner", "answer"]),
        [
            ["what its callers give", "field `Tasks._all`", "no"],
            ["reader", "field `Tasks._all`", "no"],
            ["Server.write", "field `Tasks._all`", "no"],
        ]
    );
    let project = project.file("a.py", text("        print(task)\n"));
    let found = rows(&project, "task");
    assert_eq!(told(&found, &["answer"]), [["yes"], ["yes"], ["yes"]]);
    assert_eq!(project.json(&[])["findings"].as_array().map(Vec::len), Some(1), "one mend, one finding");
}

#[test]
fn what_tests_make_is_told_apart() {
    let start = "import asyncio\n\n\nasync def start():\n    await asyncio.create_task(asyncio.sleep(1))\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", start), ("tests/test_a.py", start)]);
    let told = project.run(&["census"]).out;
    let (product, tests) = told.split_once("In tests, examples and benchmarks:\n").unwrap();
    assert!(product.contains("a.py:5:11") && !product.contains("test_a.py"), "{told}");
    assert!(tests.contains("tests/test_a.py:5:11"), "{told}");
}

/// The reference service's census is its design: each of its tasks and gauges is there by name.
#[test]
fn the_census_of_the_reference_service_names_its_tasks() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_unleak"));
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["census", "pipeline", "--format=json"]).output();
    let census: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    let product = census["resources"].as_array().unwrap().iter().filter(|row| row["test"] == false);
    let rows: Vec<Value> = product.cloned().collect();
    let named = |name: &str| -> Vec<&Value> { rows.iter().filter(|row| row["name"] == name).collect() };
    for (name, owner, end) in [
        ("http listener", "Service.listeners", "Service.run"),
        ("http connection", "Service.connections", "Service.run"),
        ("aftermath writer", "Background.scope", "Service.run"),
        ("conversation", "scope", "converse"),
        ("turn", "Session.spawner", "converse"),
    ] {
        let told: Vec<_> = named(name).iter().map(|row| (row["owner"].clone(), row["end"].clone())).collect();
        let end = match name {
            "http listener" => "waited for".to_owned(),
            _ => format!("waited for in `{end}`"),
        };
        assert_eq!(told, [(format!("supervisor `{owner}`").into(), end.into())], "{name}");
    }
    for gauge in ["CONNECTIONS", "telemetry::SESSIONS", "TURNS"] {
        let ends: Vec<_> = named(gauge).iter().map(|row| row["end"].clone()).collect();
        assert_eq!(ends, ["brought down in `Held.drop`"], "{gauge}");
    }
}
