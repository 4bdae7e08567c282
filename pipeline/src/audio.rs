//! Audio as the service sees it: mono, 16 bits, at a rate that is a type.

pub mod resample;
pub mod tones;
pub mod voice;

use std::time::Duration;

/// Samples in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u32);

/// A rate outside of what the service works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rate of {0} samples a second; from 8000 to 48000 are understood")]
pub struct UnknownRate(pub u32);

/// The bytes are not whole samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are not whole samples of 16 bits")]
pub struct HalfSample(pub usize);

impl Rate {
    /// What the OpenAI Realtime protocol speaks.
    pub const REALTIME: Self = Self(24_000);
    /// What Wyoming services usually speak.
    pub const WYOMING: Self = Self(16_000);

    /// A rate of `hertz` samples a second.
    pub fn new(hertz: u32) -> Result<Self, UnknownRate> {
        if (8_000..=48_000).contains(&hertz) { Ok(Self(hertz)) } else { Err(UnknownRate(hertz)) }
    }

    /// Samples in a second.
    pub fn hertz(self) -> u32 {
        self.0
    }

    /// How many samples `time` takes.
    pub fn samples(self, time: Duration) -> usize {
        (time.as_secs_f64() * f64::from(self.0)) as usize
    }

    /// How long `samples` take, in milliseconds.
    pub fn millis(self, samples: usize) -> u64 {
        samples as u64 * 1000 / u64::from(self.0)
    }
}

/// A part of a WAV file: its name, and what is in it.
pub type Chunk<'a> = (&'a [u8; 4], &'a [u8]);

/// A stretch of audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// Its rate.
    pub rate: Rate,
    /// Its samples.
    pub samples: Vec<i16>,
}

impl Audio {
    /// How long it takes to hear, in milliseconds.
    pub fn millis(&self) -> u64 {
        self.rate.millis(self.samples.len())
    }

    /// It as a WAV file, with `more` chunks before the samples. Each of them has an even number of bytes.
    pub fn wave(&self, more: &[Chunk<'_>]) -> Vec<u8> {
        let rate = self.rate.hertz();
        let samples = bytes(&self.samples);
        let mut format = Vec::with_capacity(16);
        format.extend(1_u16.to_le_bytes());
        format.extend(1_u16.to_le_bytes());
        format.extend(rate.to_le_bytes());
        format.extend((2 * rate).to_le_bytes());
        format.extend(2_u16.to_le_bytes());
        format.extend(16_u16.to_le_bytes());
        let mut body = b"WAVE".to_vec();
        let (first, last): (Chunk<'_>, Chunk<'_>) = ((b"fmt ", &format), (b"data", &samples));
        for (name, chunk) in [first].iter().chain(more).chain([&last]) {
            body.extend(*name);
            body.extend((chunk.len() as u32).to_le_bytes());
            body.extend(*chunk);
        }
        let mut wave = b"RIFF".to_vec();
        wave.extend((body.len() as u32).to_le_bytes());
        wave.append(&mut body);
        wave
    }
}

/// Samples from bytes, the lower byte of each first.
pub fn samples(bytes: &[u8]) -> Result<Vec<i16>, HalfSample> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
    } else {
        Err(HalfSample(bytes.len()))
    }
}

/// Bytes from samples, the lower byte of each first.
pub fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_samples_are_the_same() {
        let all = [0, 1, -1, i16::MAX, i16::MIN];
        assert_eq!(samples(&bytes(&all)).unwrap(), all);
        assert_eq!(samples(&[1, 2, 3]), Err(HalfSample(3)));
    }

    #[test]
    fn rates_have_a_range() {
        assert_eq!(Rate::new(24_000), Ok(Rate::REALTIME));
        assert_eq!(Rate::new(0), Err(UnknownRate(0)));
        assert_eq!(Rate::WYOMING.samples(Duration::from_millis(20)), 320);
        assert_eq!(Rate::WYOMING.millis(320), 20);
    }
}
