//! The program itself: its first line, its settings, its signals and its exit code.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::support::{Client, PATIENCE, exchange};

pub(crate) struct Program {
    pub(crate) child: Child,
    lines: Vec<String>,
    pub(crate) http: std::net::SocketAddr,
}

/// The program in `folder`, where it finds no settings but those that are there.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unleak-pipeline"));
    command.current_dir(folder);
    command.env("UNLEAK_PIPELINE_LISTEN_HTTP", "127.0.0.1:0").env("UNLEAK_PIPELINE_LISTEN_WYOMING", "127.0.0.1:0");
    command
}

impl Program {
    pub(crate) fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let mut command = command(folder);
        command.env("UNLEAK_PIPELINE_STORE_FOLDER", folder).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let lines: Vec<String> = BufReader::new(out).lines().take(2).map(Result::unwrap).collect();
        if lines.len() < 2 {
            let mut log = String::new();
            child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            panic!("it did not start: {:?}: {log}", child.wait());
        }
        let http = lines[1].split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
        let http = http.parse().unwrap();
        Self { child, lines, http }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: the exit code, and the log.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

#[test]
fn it_says_what_it_runs_on_and_ends_on_both_signals() {
    for name in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), &[]);
        assert!(program.lines[0].contains("runs on the doubles"), "{}", program.lines[0]);
        program.signal(name);
        let (code, log) = program.end();
        assert_eq!(code, Some(0), "{log}");
        let parts = ["part=listeners", "part=connections", "part=background", "part=service", "everything ended"];
        let places = parts.map(|part| log.find(part).unwrap_or_else(|| panic!("{part} is missing in {log}")));
        assert!(places.is_sorted(), "{log}");
    }
}

#[tokio::test]
async fn a_signal_under_load_ends_every_session_with_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]);
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = Client::connect(program.http, &[]).await.unwrap();
        client.until("session.created").await;
        client.ask("Count to 900.").await;
        client.until("response.created").await;
        clients.push(client);
    }
    program.signal("-TERM");
    for client in &mut clients {
        while client.next().await.is_some() {}
    }
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("part=connections cancelled=100 aborted=0"), "{log}");
}

#[tokio::test]
async fn a_second_signal_ends_the_patience() {
    let folder = tempfile::tempdir().unwrap();
    let patient = ["SEND", "DRAIN", "SHUTDOWN"].map(|time| format!("UNLEAK_PIPELINE_TIMES_{time}"));
    let mut environment: Vec<_> = patient.iter().map(|name| (name.as_str(), "600")).collect();
    environment.push(("UNLEAK_PIPELINE_ENGINES_WORDS_PER_SECOND", "1000000"));
    let mut program = Program::start(folder.path(), &environment);
    let mut client = Client::connect(program.http, &[]).await.unwrap();
    client.until("session.created").await;
    // From here on it does not read, and whoever writes to it waits.
    client.ask("Count to 1000.").await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    program.signal("-TERM");
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(program.child.try_wait().unwrap().is_none(), "it gives the client its time");
    let start = std::time::Instant::now();
    program.signal("-TERM");
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert!(start.elapsed() < PATIENCE, "{log}");
    assert!(code == Some(0) && log.contains("a second signal: no more patience"), "{code:?} {log}");
}

/// An integration that takes connections and never answers.
fn hung() -> (std::net::TcpListener, String) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook", listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test]
async fn a_hung_integration_and_a_stalled_database_do_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (_listener, address) = hung();
    let environment = [
        ("UNLEAK_PIPELINE_AFTERMATH_WEBHOOK", address.as_str()),
        ("UNLEAK_PIPELINE_TIMES_STORE", "0.5"),
        ("UNLEAK_PIPELINE_TIMES_WEBHOOK", "600"),
    ];
    let program = Program::start(folder.path(), &environment);
    let mut clients = Vec::new();
    for _ in 0..100 {
        let mut client = Client::connect(program.http, &[]).await.unwrap();
        client.until("session.created").await;
        client.ask("Short.").await;
        client.until("response.done").await;
        clients.push(client);
    }
    let database = rusqlite::Connection::open(folder.path().join("store.sqlite")).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    let count = || {
        let jobs = "SELECT COUNT(*) FROM jobs WHERE kind = 'webhook'";
        database.query_row(jobs, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let written = async {
        while count() < 100 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, written).await.expect("all turns are written down");
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for client in &mut clients {
        client.ask("Count to 900.").await;
    }
    // A question still waiting in its session's queue when the end comes leaves nothing to write.
    for client in &mut clients {
        client.until("response.created").await;
    }
    // What these turns leave behind when they end cannot be written any more.
    let start = std::time::Instant::now();
    program.signal("-TERM");
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    let took = start.elapsed();
    assert_eq!(code, Some(1), "{log}");
    assert!(took < PATIENCE, "{took:?}");
    let told =
        ["part=listeners", "part=connections cancelled=100", "part=background", "turns could not be written down"];
    let places = told.map(|told| log.rfind(told).unwrap_or_else(|| panic!("{told} is missing in {log}")));
    assert!(places.is_sorted(), "{log}");
    database.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 100, "what the integration did not take is kept");
}

#[test]
fn settings_that_are_there_are_read_and_told_on_the_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("unleak-pipeline.toml");
    std::fs::write(&settings, "[engines]\ntext_to_speech = \"espeak-ng\"").unwrap();
    let program = Program::start(folder.path(), &[]);
    let first = &program.lines[0];
    assert!(first.contains("runs on real engines and doubles") && first.contains("`espeak-ng`;"), "{first}");
    assert!(first.ends_with("; settings from unleak-pipeline.toml"), "{first}");
    program.signal("-TERM");
    assert_eq!(program.end().0, Some(0));

    std::fs::write(&settings, "[engines]\nspeech_to_text = \"sherpa-onnx\"").unwrap();
    let wrong = command(folder.path()).output().unwrap();
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(wrong.status.code() == Some(2) && told.contains("is missing: run pipeline/setup.sh"), "{told}");
}

#[test]
fn settings_are_shown_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let command = || command(folder.path());
    let shown = command().env("UNLEAK_PIPELINE_SECURITY_KEY", "hunter2").arg("--show-settings").output().unwrap();
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.status.success() && text.contains("[times]") && !text.contains("hunter2"), "{text}");
    let wrong = command().env("UNLEAK_PIPELINE_TIMES_RECIEVE", "1").output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
    let told = String::from_utf8(wrong.stderr).unwrap();
    assert!(told.contains("unknown field `recieve`"), "{told}");
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path()).env("UNLEAK_PIPELINE_LISTEN_HTTP", &address).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains(&format!("cannot listen on {address}")), "{told}");
}

#[tokio::test]
async fn it_tells_where_memory_is_if_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let environment =
        [("UNLEAK_PIPELINE_DIAGNOSTICS_MEMORY", "true"), ("UNLEAK_PIPELINE_DIAGNOSTICS_SAMPLE_BYTES", "64")];
    let program = Program::start(folder.path(), &environment);
    let page = exchange(program.http, b"GET /memory HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("\nsite 1: "), "{page}");
    program.signal("-TERM");
    assert_eq!(program.end().0, Some(0));
}
