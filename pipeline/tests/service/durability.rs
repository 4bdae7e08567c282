//! What was committed is in the archive once, whenever the process is killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};
use unleak_pipeline::audio::{self, Rate, tones};
use unleak_pipeline::structured::{Label, Plan, Scope, drain};

use super::process::Program;
use super::support::{Client, PATIENCE};

/// Numbers that a seed decides.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// How often each text is in the archive.
fn archived(folder: &Path) -> BTreeMap<String, usize> {
    let mut texts = BTreeMap::new();
    for entry in std::fs::read_dir(folder.join("archive")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "wav") {
            let bytes = std::fs::read(&path).unwrap();
            let data = bytes.windows(4).position(|window| window == b"data").unwrap() + 8;
            let text = tones::decode(&audio::samples(&bytes[data..]).unwrap(), Rate::REALTIME);
            *texts.entry(text).or_default() += 1;
        }
    }
    texts
}

/// Says one text after the other until the server is gone. What it was told is committed goes to `told`.
async fn talk(to: std::net::SocketAddr, name: String, told: tokio::sync::mpsc::Sender<String>) {
    let Ok(mut client) = Client::connect(to, &[]).await else { return };
    let manual = json!({ "type": "realtime", "audio": { "input": { "turn_detection": null } } });
    client.try_send(json!({ "type": "session.update", "session": manual })).await;
    for number in 0.. {
        let text = format!("{name} {number}");
        client.append(&tones::encode(&text, Rate::REALTIME)).await;
        client.try_send(json!({ "type": "input_audio_buffer.commit" })).await;
        loop {
            let Some(event) = client.next().await else { return };
            if event["type"] == "input_audio_buffer.committed" {
                told.send(text).await.unwrap();
                break;
            }
        }
    }
}

/// The nth life of a server in `folder`, which a kill ends, some time after so many commits as the seed says. Returns
/// what clients were told is committed.
async fn live_and_be_killed(folder: &Path, round: u64, random: &mut Seeded) -> Vec<String> {
    let program = Program::start(folder, &[("UNLEAK_PIPELINE_QUEUES_ARCHIVER", "2")]);
    let (told, mut committed) = tokio::sync::mpsc::channel(10_000);
    let scope = Scope::new(Label::new("talkers"));
    for client in 0..3 {
        let talker = talk(program.http, format!("round {round} client {client}"), told.clone());
        let task = async move {
            talker.await;
            Ok::<_, std::convert::Infallible>(())
        };
        drop(scope.spawn_named(Label::new("talker"), task).unwrap());
    }
    drop(told);
    let mut texts = Vec::new();
    for _ in 0..random.below(6) {
        texts.push(timeout(PATIENCE, committed.recv()).await.expect("somebody is told").expect("somebody talks"));
    }
    sleep(Duration::from_millis(random.below(100))).await;
    program.signal("-KILL");
    let (code, _) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert_eq!(code, None, "it was killed");
    let report = drain(&scope, Plan::wait_first(PATIENCE)).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    texts.extend(std::iter::from_fn(|| committed.try_recv().ok()));
    texts
}

/// `PIPELINE_TEST_KILLS` kills, 20 unless it says otherwise; `PIPELINE_TEST_SEED` chooses the moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_at_any_moment_lose_nothing_and_double_nothing() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let kills = number("PIPELINE_TEST_KILLS").unwrap_or(20);
    let seed = number("PIPELINE_TEST_SEED").unwrap_or(1);
    let folder = tempfile::tempdir().unwrap();
    let mut random = Seeded(seed);
    let mut committed = Vec::new();
    for round in 0..kills {
        committed.extend(live_and_be_killed(folder.path(), round, &mut random).await);
    }
    assert!(committed.len() as u64 > kills, "the kills came too early to show anything: {}", committed.len());

    // The last life is a quiet one: it finishes what the others left.
    let program = Program::start(folder.path(), &[]);
    let spill = folder.path().join("spill");
    let waiting = || {
        std::fs::read_dir(&spill).unwrap().any(|entry| entry.unwrap().path().extension().is_some_and(|e| e == "wav"))
    };
    let emptied = async {
        while waiting() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, emptied).await.expect("the spill is emptied");
    program.signal("-TERM");
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert_eq!(code, Some(0), "{log}");

    let archived = archived(folder.path());
    let lost: Vec<_> = committed.iter().filter(|text| !archived.contains_key(*text)).collect();
    let doubled: Vec<_> = archived.iter().filter(|(_, count)| **count > 1).collect();
    println!("{kills} kills, seed {seed}: {} committed, {} archived", committed.len(), archived.len());
    assert!(lost.is_empty(), "seed {seed}: {lost:?}");
    assert!(doubled.is_empty(), "seed {seed}: {doubled:?}");
}

#[tokio::test]
async fn a_full_disk_is_told_and_holds_clients_back() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[("UNLEAK_PIPELINE_TIMES_RETRY", "0.05")]);
    let incoming = folder.path().join("spill/incoming-0.tmp");
    std::os::unix::fs::symlink("/dev/full", &incoming).unwrap();
    let mut client = Client::connect(program.http, &[]).await.unwrap();
    client.until("session.created").await;
    client.say("Hello.").await;
    client.until("input_audio_buffer.speech_stopped").await;
    let early = timeout(Duration::from_millis(300), client.next()).await;
    assert!(early.is_err(), "not told that it is committed: {early:?}");
    std::fs::remove_file(&incoming).unwrap();
    client.until("response.done").await;
    drop(client);
    program.signal("-TERM");
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("clients are held back") && log.contains("can be written again"), "{log}");
}

#[tokio::test]
async fn what_cannot_be_written_at_the_end_is_told_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[("UNLEAK_PIPELINE_TIMES_RETRY", "0.05")]);
    std::os::unix::fs::symlink("/dev/full", folder.path().join("spill/incoming-0.tmp")).unwrap();
    let mut client = Client::connect(program.http, &[]).await.unwrap();
    client.until("session.created").await;
    client.say("Hello.").await;
    client.until("input_audio_buffer.speech_stopped").await;
    program.signal("-TERM");
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("1 recordings could not be written and are lost"), "{log}");
}

#[tokio::test]
async fn a_torn_recording_is_named_and_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("spill")).unwrap();
    std::fs::write(folder.path().join("spill/torn.wav"), b"RIFF").unwrap();
    let program = Program::start(folder.path(), &[]);
    let aside = folder.path().join("spill/corrupt/torn.wav");
    let set_aside = async {
        while !aside.exists() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, set_aside).await.expect("it is set aside");
    program.signal("-TERM");
    let (code, log) = tokio::task::spawn_blocking(|| program.end()).await.unwrap();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("`torn.wav` is corrupt and was set aside"), "{log}");
}
