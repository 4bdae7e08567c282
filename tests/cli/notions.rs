//! The notions that verdicts rest on, as a census shows them: how long a holder lives, and who may use a name.

use serde_json::Value;

use crate::project::Project;

fn rows(project: &Project) -> Vec<Value> {
    let ran = project.run(&["census", "--format=json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let census: Value = serde_json::from_str(&ran.out).unwrap();
    census["resources"].as_array().unwrap().clone()
}

#[test]
fn a_holder_lives_as_long_as_a_call_an_object_or_the_process() {
    let text = "\
import asyncio

EVENTS = asyncio.Queue(4)

class Server:
    def __init__(self):
        self.orders = asyncio.Queue(4)

async def once():
    answers = asyncio.Queue(4)
    await answers.put(1)

async def owned():
    async with asyncio.TaskGroup() as group:
        group.create_task(once())
";
    let rows = rows(&Project::with(&[("a.py", text)]));
    let life = |line: u64| {
        let row = rows.iter().find(|row| row["location"]["start"]["line"] == line).unwrap();
        row["life"].as_str().unwrap().to_owned()
    };
    assert_eq!([life(3), life(7), life(10), life(15)], ["process", "object", "frame", "scope"]);
}

/// A task that heeds a flag which only a field of a public type reaches.
const FLAGGED: &str = "\
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Beat {
    pub stop: Arc<AtomicBool>,
}

pub fn start() -> Beat {
    let stop = Arc::new(AtomicBool::new(false));
    let asked = stop.clone();
    std::thread::spawn(move || {
        while !asked.load(Ordering::Relaxed) {
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    });
    Beat { stop }
}
";

#[test]
fn only_in_a_closed_world_nobody_fires_a_public_flag() {
    let answer = |files: &[(&str, &str)]| {
        let rows = rows(&Project::with(files));
        rows.iter().find(|row| row["kind"] == "thread").unwrap()["answer"].as_str().unwrap().to_owned()
    };
    assert_eq!(answer(&[("src/lib.rs", FLAGGED)]), "open");
    let main = "mod beat;\nfn main() { let _beat = beat::start(); }\n";
    assert_eq!(answer(&[("src/main.rs", main), ("src/beat.rs", FLAGGED)]), "yes");
}

/// A server that starts a thread for each connection.
const THREADED: &str = "\
use std::net::TcpListener;

fn main() {
    let listener = TcpListener::bind(\"127.0.0.1:0\").unwrap();
    for stream in listener.incoming() {
        std::thread::spawn(move || answer(stream));
    }
}

fn answer(_stream: std::io::Result<std::net::TcpStream>) {}
";

#[test]
fn a_thread_for_each_event_is_kept_by_nobody_and_limited_by_nothing() {
    let rows = rows(&Project::with(&[("src/main.rs", THREADED)]));
    let thread = rows.iter().find(|row| row["kind"] == "thread").unwrap();
    assert_eq!([&thread["many"], &thread["answer"]], ["per-event", "yes"]);
}

#[test]
fn a_package_s_module_does_not_take_the_name_of_a_library() {
    let starts = "import asyncio\n\n\nasync def fetch(at):\n    await asyncio.sleep(at)\n\n\n\
                  def start(at):\n    asyncio.create_task(fetch(at))\n";
    let files = [("net/__init__.py", ""), ("net/asyncio/__init__.py", ""), ("net/asyncio/cluster.py", starts)];
    assert_eq!(rows(&Project::with(&files)).len(), 1, "a package is not looked through for what is imported whole");
    let scripts = [("asyncio.py", "def create_task(of):\n    return of\n"), ("run.py", starts)];
    assert!(rows(&Project::with(&scripts)).is_empty(), "a script's own folder comes first");
}

#[test]
fn a_program_uses_the_library_beside_it_by_the_name_in_its_manifest() {
    let library = "pub async fn beat() {\n    loop {\n        pause().await;\n    }\n}\n\nasync fn pause() {}\n";
    let program = "fn main() {\n    tokio::spawn(far_call::beat());\n}\n";
    let answer = |manifest: &str| {
        let files = [("Cargo.toml", manifest), ("src/lib.rs", library), ("src/main.rs", program)];
        let rows = rows(&Project::with(&files));
        rows.iter().find(|row| row["location"]["path"] == "src/main.rs").unwrap()["answer"].clone()
    };
    assert_eq!(answer("[package]\nname = \"far-call\"\n"), "yes", "its loop is read");
    assert_eq!(answer("[package]\nname = \"near-call\"\n"), "open", "some other crate has that name");
}

#[test]
fn what_tests_call_says_nothing_of_how_often_others_do() {
    let starts = "import asyncio\n\n\nasync def fetch(at):\n    await asyncio.sleep(at)\n\n\n\
                  def start(at):\n    asyncio.create_task(fetch(at))\n";
    let calls = "from net import start\n\n\ndef run():\n    for at in range(9):\n        start(at)\n";
    let often = |caller: &str| {
        let rows = rows(&Project::with(&[("net.py", starts), (caller, calls)]));
        rows.iter().find(|row| row["location"]["path"] == "net.py").unwrap()["many"].clone()
    };
    assert_eq!([often("use.py"), often("tests/test_net.py")], ["per-item", "unknown"]);
}
