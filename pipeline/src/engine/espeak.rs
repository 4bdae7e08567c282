use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use super::{Engine, EngineError, Origin, TextToSpeech, Work};
use crate::audio::resample::Resampler;
use crate::audio::{self, Rate};
use crate::queue::Sender;
use crate::structured::Label;

/// A voice of `espeak-ng`, which speaks in a child process, one for each text.
///
/// The text goes in on its standard input, where no other user of the machine sees it. Dropping the work kills it.
#[derive(Debug)]
pub struct EspeakNg {
    program: PathBuf,
    voice: String,
}

const NAME: Label = Label::new("espeak-ng");
/// The head of what it writes: RIFF, a format, and the beginning of the data.
const HEAD: usize = 44;
/// The bytes that are handed on at once, at most.
const PIECE: usize = 8 * 1024;
/// The bytes of its complaint that are kept.
const COMPLAINT: usize = 500;

impl EspeakNg {
    /// The voice `voice` of the program at `program`.
    pub fn new(program: PathBuf, voice: String) -> Self {
        Self { program, voice }
    }
}

fn wrong(why: impl Into<String>) -> EngineError {
    EngineError { engine: NAME, why: why.into() }
}

/// What is to be read aloud, without what the program takes for a command: control characters, and `[[` which begins
/// names of phonemes.
fn readable(text: &str) -> String {
    let plain: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    plain.replace("[[", "[ [")
}

impl Engine for EspeakNg {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin {
            description: "a voice of espeak-ng, in a child process",
            author: "eSpeak NG",
            url: "https://github.com/espeak-ng/espeak-ng",
        }
    }
}

impl TextToSpeech for EspeakNg {
    fn speak<'a>(&'a self, text: &'a str, rate: Rate, audio: &'a Sender<Vec<i16>>) -> Work<'a, ()> {
        Box::pin(async move {
            let text = readable(text);
            if text.trim().is_empty() {
                return Ok(());
            }
            let program = self.program.display();
            let mut command = Command::new(&self.program);
            command.arg("-v").arg(&self.voice).args(["-b", "1", "--stdin", "--stdout"]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
            let mut child = command.spawn().map_err(|error| {
                wrong(format!("`{program}` does not start: {error}; install it, or set engines.espeak_program"))
            })?;
            let (Some(input), Some(output), Some(errors)) =
                (child.stdin.take(), child.stdout.take(), child.stderr.take())
            else {
                return Err(wrong("its pipes are missing"));
            };
            // All three at once: it may wait for any of them. The first that is wrong ends it.
            let ((), anything, complaint) =
                tokio::try_join!(tell(input, &text), hand_on(output, rate, audio), listen(errors))?;
            let status = child.wait().await.map_err(|error| wrong(error.to_string()))?;
            if !status.success() || !anything {
                return Err(wrong(format!("`{program}` gave no speech, {status}: {complaint}")));
            }
            Ok(())
        })
    }
}

/// Gives it the text. If it does not take all of it, its exit code tells why.
async fn tell(mut input: ChildStdin, text: &str) -> Result<(), EngineError> {
    if let Err(error) = input.write_all(text.as_bytes()).await {
        tracing::debug!(%error, "espeak-ng did not take its text");
    }
    Ok(())
}

/// The beginning of its complaints. The rest is read too, so that they do not hold it up.
async fn listen(mut errors: ChildStderr) -> Result<String, EngineError> {
    let mut kept = Vec::new();
    let mut piece = [0; 256];
    while let Ok(read @ 1..) = errors.read(&mut piece).await {
        let room = COMPLAINT - kept.len();
        kept.extend_from_slice(&piece[..read.min(room)]);
    }
    let text = String::from_utf8_lossy(&kept).split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(if text.is_empty() { "it did not say why".to_owned() } else { text })
}

/// Hands on what it says, as it says it. Tells whether it said anything.
async fn hand_on(mut output: ChildStdout, rate: Rate, audio: &Sender<Vec<i16>>) -> Result<bool, EngineError> {
    let mut head = [0; HEAD];
    let mut begun = 0;
    while begun < HEAD {
        match output.read(&mut head[begun..]).await.map_err(|error| wrong(error.to_string()))? {
            0 if begun == 0 => return Ok(false),
            0 => return Err(not_wave()),
            read => begun += read,
        }
    }
    let spoken = spoken_rate(&head).ok_or_else(not_wave)?;
    let mut resampler = Resampler::new(spoken, rate);
    let mut bytes = Vec::with_capacity(PIECE);
    while output.read_buf(&mut bytes).await.map_err(|error| wrong(error.to_string()))? > 0 {
        let whole = bytes.len() / 2 * 2;
        let samples = audio::samples(&bytes[..whole]).map_err(|error| wrong(error.to_string()))?;
        bytes.drain(..whole);
        send(audio, resampler.push(&samples)).await?;
    }
    send(audio, resampler.finish()).await?;
    Ok(true)
}

async fn send(audio: &Sender<Vec<i16>>, samples: Vec<i16>) -> Result<(), EngineError> {
    if samples.is_empty() {
        return Ok(());
    }
    audio.send(samples).await.map_err(|gone| wrong(gone.to_string()))?;
    // Whoever hands it on may be the same task, and the program is faster than anybody listens.
    tokio::task::yield_now().await;
    Ok(())
}

fn not_wave() -> EngineError {
    wrong("what it writes is not WAV, mono and of 16 bits: see engines.espeak_program")
}

/// The rate of what follows, if `head` is that of WAV as the program writes it.
fn spoken_rate(head: &[u8; HEAD]) -> Option<Rate> {
    let number = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
    let (kind, channels, bits) = (number(20), number(22), number(34));
    let named = head.starts_with(b"RIFF") && &head[8..16] == b"WAVEfmt " && &head[36..40] == b"data";
    if !named || (kind, channels, bits) != (1, 1, 16) {
        return None;
    }
    Rate::new(u32::from_le_bytes([head[24], head[25], head[26], head[27]])).ok()
}

#[cfg(all(test, unix))]
#[path = "espeak_tests.rs"]
mod tests;
