//! Text carried over audio tones: the test double for speech, in both directions.
//!
//! It is no speech, and says so. But it is real audio: it has a length, passes through buffers, files and sound
//! cards, has a beginning and an end that a voice detector hears, and can be lost in part. A test that hears the
//! answer therefore knows that the audio of it arrived.
//!
//! **The code.** A sentence is a frame; a frame is a row of tones of 20 ms each. Two tones, `MARK` and
//! `SPACE`, alternate four times as a preamble. Then come the length of the text in bytes (two bytes), the text
//! in UTF-8, and a check byte; each byte is two tones of sixteen, its upper half first. Tone `n` has
//! `500 + 150 n` Hz, so that all of them fit into the band of a telephone.

use std::f64::consts::TAU;

use super::Rate;

/// Tones in a second.
const TONES_A_SECOND: u32 = 50;
const LOUDNESS: f64 = 9_000.0;
const MARK: u8 = 16;
const SPACE: u8 = 17;
const PREAMBLE: [u8; 4] = [MARK, SPACE, MARK, SPACE];
/// The places, in a tone, at which a preamble is looked for.
const STEPS: usize = 8;
/// How much of the sound must be the preamble, in each of its tones.
const CLEAR: f64 = 0.5;
/// Below this mean square there is silence.
const SILENCE: f64 = 100.0 * 100.0;
/// The longest text of one frame, in bytes.
pub const LONGEST: usize = 4_000;

fn frequency(tone: u8) -> f64 {
    500.0 + 150.0 * f64::from(tone)
}

/// The audio of `text`. What is longer than [`LONGEST`] goes into several frames.
pub fn encode(text: &str, rate: Rate) -> Vec<i16> {
    let mut tones = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (frame, after) = rest.split_at(rest.floor_char_boundary(LONGEST));
        tones.extend(PREAMBLE);
        let length = (frame.len() as u16).to_be_bytes();
        for byte in length.iter().chain(frame.as_bytes()).chain([&check(frame.as_bytes())]) {
            tones.extend([byte >> 4, byte & 15]);
        }
        rest = after;
    }
    let width = width(rate);
    let mut samples = Vec::with_capacity(tones.len() * width);
    let mut phase = 0.0;
    for tone in tones {
        let step = TAU * frequency(tone) / f64::from(rate.hertz());
        for _ in 0..width {
            samples.push((LOUDNESS * f64::sin(phase)) as i16);
            phase = (phase + step) % TAU;
        }
    }
    samples
}

/// The texts of all the frames in `samples`, with a space between them. What is damaged is left out.
pub fn decode(samples: &[i16], rate: Rate) -> String {
    let mut texts = Vec::new();
    let mut at = 0;
    while let Some(start) = preamble(samples, rate, at) {
        let width = width(rate);
        match frame(&samples[start..], rate) {
            Some((text, tones)) => {
                texts.push(text);
                at = start + tones * width;
            }
            None => at = start + width,
        }
    }
    texts.join(" ")
}

/// How many samples a tone takes.
fn width(rate: Rate) -> usize {
    (rate.hertz() / TONES_A_SECOND) as usize
}

fn check(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0x5a, |check, byte| check.rotate_left(1) ^ byte)
}

/// Where the next preamble begins, at `from` or after it: the best place within one tone of the first good one.
fn preamble(samples: &[i16], rate: Rate, from: usize) -> Option<usize> {
    let width = width(rate);
    let step = (width / STEPS).max(1);
    let last = samples.len().checked_sub(PREAMBLE.len() * width)?;
    let score = |at: usize| {
        let tones = PREAMBLE.iter().enumerate();
        tones.map(|(index, tone)| share(&samples[at + index * width..][..width], rate, *tone)).fold(1.0, f64::min)
    };
    let first = (from..=last).step_by(step).find(|at| score(*at) > CLEAR)?;
    let near = (first..=last.min(first + width)).step_by(step.div_ceil(4));
    near.map(|at| (at, score(at))).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at)
}

/// The text of the frame at the start of `samples`, and how many tones it took.
fn frame(samples: &[i16], rate: Rate) -> Option<(String, usize)> {
    let width = width(rate);
    let mut tones = samples.chunks_exact(width).skip(PREAMBLE.len()).map(|window| loudest(window, rate));
    let mut byte = || Some(tones.next()? << 4 | tones.next()?);
    let length = usize::from(u16::from_be_bytes([byte()?, byte()?]));
    if length > LONGEST {
        return None;
    }
    let bytes: Vec<u8> = std::iter::from_fn(&mut byte).take(length).collect();
    if bytes.len() < length || byte()? != check(&bytes) {
        return None;
    }
    Some((String::from_utf8(bytes).ok()?, PREAMBLE.len() + 2 * (length + 3)))
}

fn loudest(window: &[i16], rate: Rate) -> u8 {
    let powers = (0..16).map(|tone| (tone, power(window, rate, tone)));
    powers.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(tone, _)| tone)
}

/// How much of the sound in `window` is `tone`, from 0 to 1.
fn share(window: &[i16], rate: Rate, tone: u8) -> f64 {
    let all: f64 = window.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    if all < SILENCE * window.len() as f64 {
        return 0.0;
    }
    power(window, rate, tone) * 2.0 / (all * window.len() as f64)
}

/// The power of `tone` in `window`, by the algorithm of Goertzel.
fn power(window: &[i16], rate: Rate, tone: u8) -> f64 {
    let turn = 2.0 * f64::cos(TAU * frequency(tone) / f64::from(rate.hertz()));
    let (one, two) = window.iter().fold((0.0, 0.0), |(one, two), sample| (f64::from(*sample) + turn * one - two, one));
    one * one + two * two - turn * one * two
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(text: &str, rate: Rate) -> String {
        decode(&encode(text, rate), rate)
    }

    #[test]
    fn text_survives_at_every_rate() {
        for hertz in [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000] {
            let text = "Hello, world! 你好。 \u{1f600}";
            assert_eq!(there_and_back(text, Rate::new(hertz).unwrap()), text, "{hertz}");
        }
    }

    #[test]
    fn every_byte_has_its_tones() {
        let text: String = ('\0'..='\u{7ff}').collect();
        assert_eq!(there_and_back(&text, Rate::WYOMING), text);
    }

    #[test]
    fn a_long_text_goes_into_several_frames() {
        let text = "ä".repeat(LONGEST * 3 / 4);
        assert_eq!(there_and_back(&text, Rate::WYOMING).replace(' ', ""), text);
        assert_eq!(there_and_back("", Rate::WYOMING), "");
    }

    #[test]
    fn frames_are_found_between_silence_and_other_sounds() {
        let rate = Rate::REALTIME;
        for silence in [0, 1, 77, 239, 481, 10_007] {
            let mut samples = vec![0; silence];
            samples.extend(encode("one", rate));
            samples.extend((0..5_000).map(|at| ((at * at * 31) % 9_001 - 4_500) as i16));
            samples.extend(encode("two", rate));
            samples.extend(vec![0; silence]);
            assert_eq!(decode(&samples, rate), "one two", "{silence}");
        }
    }

    #[test]
    fn quiet_and_noisy_audio_is_understood() {
        let rate = Rate::WYOMING;
        let noise = |at: usize| (at * 7_919 % 601) as i16 - 300;
        let samples: Vec<i16> =
            encode("quiet", rate).iter().enumerate().map(|(at, sample)| sample / 8 + noise(at)).collect();
        assert_eq!(decode(&samples, rate), "quiet");
    }

    #[test]
    fn what_is_cut_off_or_damaged_is_left_out() {
        let rate = Rate::WYOMING;
        let whole = encode("whole", rate);
        for end in [0, 1, 100, whole.len() / 2, whole.len() - width(rate)] {
            assert_eq!(decode(&whole[..end], rate), "", "{end}");
        }
        let mut damaged = whole.clone();
        let at = (PREAMBLE.len() + 6) * width(rate);
        damaged[at..at + width(rate)].fill(0);
        damaged.extend(&whole);
        assert_eq!(decode(&damaged, rate), "whole");
    }

    #[test]
    fn any_samples_are_read_without_panic() {
        for length in [0, 1, 159, 160, 641, 20_000] {
            let wild: Vec<i16> = (0..length).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 16) as i16).collect();
            assert_eq!(decode(&wild, Rate::new(8_000).unwrap()), "");
        }
        assert_eq!(decode(&[i16::MIN; 5_000], Rate::WYOMING), "");
    }
}
