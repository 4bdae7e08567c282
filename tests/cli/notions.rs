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
