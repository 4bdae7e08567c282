//! Load: many conversations at once against a running pipeline, at the pace of speech.
//!
//! ```sh
//! UNLEAK_PIPELINE_LIMITS_SESSIONS=1000 cargo run --release -p unleak-pipeline &
//! cargo run --release -p unleak-pipeline --example load -- 127.0.0.1:8300 500 3
//! ```
//!
//! It prints the latency of turns, from the last sound of the speech to the first sound of the answer (the silence
//! that tells the end of speech is part of it, and is printed beside it), the queues at their longest, and the memory
//! that a conversation takes.

use std::error::Error;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use unleak_pipeline::audio::{self, Rate, tones};
use unleak_pipeline::structured::{FanOut, Label, gather};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Failed = Box<dyn Error + Send + Sync>;

/// How much audio is sent at once.
const PIECE: Duration = Duration::from_millis(100);
/// The silence that tells the end of speech, unless settings say otherwise.
const SILENCE: Duration = Duration::from_millis(500);

#[tokio::main]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: load ADDRESS SESSIONS TURNS";
    let address = arguments.next().ok_or(usage)?;
    let sessions: usize = arguments.next().ok_or(usage)?.parse()?;
    let turns: usize = arguments.next().ok_or(usage)?.parse()?;

    let before = diagnostics(&address).await?;
    let fan_out = FanOut {
        label: Label::new("load"),
        limit: sessions.try_into().map_err(|_| usage)?,
        each: Duration::from_secs(60 + 10 * turns as u64),
    };
    let start = Instant::now();
    let watched = address.clone();
    let (outcomes, during) = tokio::join!(
        gather(fan_out, 0..sessions, |number| converse(address.clone(), number, sessions, turns)),
        // When all have begun and none has ended.
        async {
            tokio::time::sleep(SPREAD + Duration::from_secs(1)).await;
            diagnostics(&watched).await
        }
    );
    let during = during?;
    let mut latencies = Vec::new();
    let mut failed = 0;
    for outcome in outcomes {
        match outcome.result {
            Ok(turns) => latencies.extend(turns),
            Err(failure) => {
                failed += 1;
                eprintln!("session {}: {failure}", outcome.index);
            }
        }
    }
    latencies.sort();
    let at =
        |share: f64| latencies.get(((latencies.len().max(1) - 1) as f64 * share) as usize).copied().unwrap_or_default();
    println!(
        "{sessions} sessions, {turns} turns each, in {:.1} s: {} turns, {failed} sessions failed",
        start.elapsed().as_secs_f64(),
        latencies.len()
    );
    println!(
        "from the last sound of speech to the first of the answer, of which {} ms are silence:",
        SILENCE.as_millis()
    );
    println!(
        "  p50 {} ms   p95 {} ms   p99 {} ms   max {} ms",
        at(0.5).as_millis(),
        at(0.95).as_millis(),
        at(0.99).as_millis(),
        at(1.0).as_millis()
    );
    let (kb, open) =
        (|seen: &Value| seen["resident_kb"].as_i64().unwrap_or(0), during["sessions"].as_i64().unwrap_or(0));
    let each = (kb(&during) - kb(&before)) / open.max(1);
    println!("memory: {} kB before, {} kB with {open} sessions: {each} kB a session", kb(&before), kb(&during));
    println!("queues at their longest: {}", diagnostics(&address).await?["longest_queues"]);
    if failed > 0 { Err("some sessions failed".into()) } else { Ok(()) }
}

/// Over how long the sessions begin.
const SPREAD: Duration = Duration::from_secs(5);

/// One conversation: how long each of its turns took.
async fn converse(address: String, number: usize, of: usize, turns: usize) -> Result<Vec<Duration>, String> {
    tokio::time::sleep(SPREAD.mul_f64(number as f64 / of as f64)).await;
    let talk = async {
        let (mut socket, _) = connect_async(format!("ws://{address}/v1/realtime")).await?;
        let mut latencies = Vec::new();
        for turn in 0..turns {
            latencies.push(speak(&mut socket, &format!("Session {number}, turn {turn}.")).await?);
        }
        socket.close(None).await?;
        Ok::<_, Failed>(latencies)
    };
    talk.await.map_err(|error| error.to_string())
}

/// Says `text` at the pace of speech, then is silent until the answer is over.
async fn speak(socket: &mut Socket, text: &str) -> Result<Duration, Failed> {
    let rate = Rate::REALTIME;
    let width = rate.samples(PIECE);
    let speech = tones::encode(text, rate);
    let mut pieces = speech.chunks(width);
    let mut pace = interval(PIECE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last_sound, mut latency) = (Instant::now(), None);
    loop {
        tokio::select! {
            _ = pace.tick() => {
                let silence = vec![0; width];
                let samples = match pieces.next() {
                    Some(samples) => {
                        last_sound = Instant::now();
                        samples
                    }
                    None => &silence,
                };
                let audio = STANDARD.encode(audio::bytes(samples));
                let event = json!({ "type": "input_audio_buffer.append", "audio": audio });
                socket.send(Message::text(event.to_string())).await?;
            }
            message = timeout(Duration::from_secs(60), socket.next()) => {
                let Message::Text(text) = message?.ok_or("the server has closed")?? else { continue };
                let event: Value = serde_json::from_str(&text)?;
                match event["type"].as_str() {
                    Some("response.output_audio.delta") => {
                        latency.get_or_insert_with(|| last_sound.elapsed());
                    }
                    Some("response.done") => return latency.ok_or_else(|| "no audio".into()),
                    Some("error") => return Err(event["error"]["message"].to_string().into()),
                    _ => {}
                }
            }
        }
    }
}

async fn diagnostics(address: &str) -> Result<Value, Failed> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /diagnostics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(serde_json::from_str(answer.split_once("\r\n\r\n").ok_or("no answer")?.1)?)
}
