use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::*;
use crate::queue::{Receiver, hand_over};

/// WAV at 22050 samples a second, of 44100 bytes that a shell can write.
const SPEAKS: &str = r#"printf 'RIFF....WAVEfmt \020\000\000\000\001\000\001\000\042\126\000\000\104\254\000\000\002\000\020\000data....'
head -c 44100 /dev/zero"#;

/// A program that stands in for the real one, and does what `script` says.
struct Stand {
    folder: tempfile::TempDir,
    engine: EspeakNg,
}

impl Stand {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        // Another process writes it, so that none that is started meanwhile has it open.
        let write = "printf '#!/bin/sh\\ncd \"$(dirname \"$0\")\"\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
        let written = std::process::Command::new("sh").args(["-c", write]).arg(&program).arg(script).status();
        assert!(written.unwrap().success());
        Self { folder, engine: EspeakNg::new(program, "a voice".to_owned()) }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// What comes of a text, when somebody takes the audio.
    async fn say(&self, text: &str) -> Result<Vec<i16>, String> {
        let (sender, receiver) = audio_queue();
        let speak = async {
            let spoken = self.engine.speak(text, Rate::WYOMING, &sender).await;
            drop(sender);
            spoken.map_err(|error| error.to_string())
        };
        let (spoken, heard) =
            timeout(Duration::from_secs(20), async { tokio::join!(speak, all(receiver)) }).await.unwrap();
        spoken.map(|()| heard)
    }
}

fn audio_queue() -> (Sender<Vec<i16>>, Receiver<Vec<i16>>) {
    hand_over(Label::new("espeak test"), NonZeroUsize::new(2).unwrap())
}

async fn all(mut receiver: Receiver<Vec<i16>>) -> Vec<i16> {
    let mut samples = Vec::new();
    while let Some(piece) = receiver.recv().await {
        samples.extend(piece);
    }
    samples
}

fn alive(process: &str) -> bool {
    // A zombie has been killed too.
    let stat = std::fs::read_to_string(Path::new("/proc").join(process).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

async fn until(what: impl Fn() -> bool) {
    let waited = async {
        while !what() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(20), waited).await.expect("in time");
}

#[tokio::test]
async fn text_goes_in_on_standard_input_and_comes_out_at_the_rate_that_was_asked_for() {
    let stand = Stand::new(&format!("echo \"$@\" > arguments\ncat > text\n{SPEAKS}"));
    let samples = stand.say("A secret.\u{1}50S [[h@'loU]]").await.unwrap();
    assert_eq!(samples.len(), 16_000, "a second");
    assert_eq!(stand.read("text"), "A secret. 50S [ [h@'loU]]");
    assert_eq!(stand.read("arguments"), "-v a voice -b 1 --stdin --stdout\n");
    assert_eq!(stand.say(" \n\t").await, Ok(Vec::new()), "nothing to say");
}

#[tokio::test]
async fn more_text_and_more_complaints_than_a_pipe_holds_do_not_hold_it_up() {
    let stand = Stand::new(&format!("{SPEAKS}\nhead -c 300000 /dev/zero | tr '\\0' 'e' >&2\ncat > text"));
    let text = "word ".repeat(40_000);
    assert_eq!(stand.say(&text).await.unwrap().len(), 16_000);
    assert_eq!(stand.read("text").len(), text.len());
}

#[tokio::test]
async fn what_goes_wrong_is_told() {
    for (script, told) in [
        ("echo no such voice >&2\necho at all >&2\nexit 3", "exit status: 3: no such voice at all"),
        ("exit 4", "exit status: 4: it did not say why"),
        ("true", "gave no speech"),
        (&format!("{SPEAKS}\nkill -KILL $$"), "signal: 9"),
        ("echo nonsense", "is not WAV"),
        ("head -c 10000 /dev/urandom\nsleep 1000", "is not WAV"),
        ("head -c 100000 /dev/zero | tr '\\0' 'e' >&2\nexit 1", &"e".repeat(COMPLAINT)),
    ] {
        let error = Stand::new(script).say("Hello.").await.unwrap_err();
        assert!(error.starts_with("espeak-ng: ") && error.contains(told), "{script}: {error}");
        assert!(error.len() < COMPLAINT + 200, "a complaint has a bound");
    }
    let missing = EspeakNg::new("/no/such/program".into(), String::new());
    let error = missing.speak("Hello.", Rate::WYOMING, &audio_queue().0).await.unwrap_err().to_string();
    assert!(error.contains("/no/such/program") && error.contains("engines.espeak_program"), "{error}");
}

#[tokio::test]
async fn dropping_the_work_kills_the_program() {
    let stand = Stand::new(&format!("echo $$ > process\n{SPEAKS}\nexec sleep 1000"));
    let (sender, mut receiver) = audio_queue();
    let told = timeout(Duration::from_secs(20), async {
        tokio::select! {
            spoken = stand.engine.speak("Hello.", Rate::WYOMING, &sender) => panic!("it stalls: {spoken:?}"),
            piece = receiver.recv() => piece,
        }
    });
    assert!(told.await.unwrap().is_some(), "it speaks before it is done");
    let process = stand.read("process").trim().to_owned();
    assert!(!process.is_empty());
    until(|| !alive(&process)).await;
}

#[tokio::test]
async fn when_nobody_listens_any_more_it_ends() {
    let stand = Stand::new(&format!("echo $$ > process\n{SPEAKS}\nexec cat /dev/zero"));
    let (sender, mut receiver) = audio_queue();
    let listen_a_little = async {
        assert!(receiver.recv().await.is_some());
        drop(receiver);
    };
    let work = async { tokio::join!(stand.engine.speak("Hello.", Rate::WYOMING, &sender), listen_a_little) };
    let (spoken, ()) = timeout(Duration::from_secs(20), work).await.unwrap();
    assert!(spoken.unwrap_err().to_string().contains("nobody takes"));
    let process = stand.read("process").trim().to_owned();
    until(|| !alive(&process)).await;
}
