//! From one rate to another, piece by piece, without what the lower rate cannot carry.

use std::f64::consts::PI;

use super::{Audio, Rate};

/// Zero crossings of the kernel on each side of its middle.
const CROSSINGS: usize = 16;
/// Places of the kernel between two zero crossings; what is between them is interpolated.
const PLACES: usize = 128;
/// The share of the band that is kept; the rest is where the kernel falls off.
const BAND: f64 = 0.94;

/// A stretch of audio that comes in pieces, and becomes one at another rate.
#[derive(Debug)]
pub struct Resampler {
    from: u64,
    to: u64,
    /// One side of a windowed sinc, and nothing after it.
    kernel: Vec<f32>,
    /// Places of the kernel for one sample that comes in.
    places: f64,
    /// Samples that come in on each side of one that goes out.
    reach: usize,
    /// What came in and is needed still, and where it begins. The first `reach` samples are silence.
    held: Vec<f32>,
    begin: u64,
    /// How many samples went out.
    out: u64,
}

impl Resampler {
    /// From samples at `from` to samples at `to`.
    pub fn new(from: Rate, to: Rate) -> Self {
        let cutoff = BAND * (f64::from(to.hertz()) / f64::from(from.hertz())).min(1.0);
        let reach = (CROSSINGS as f64 / cutoff).ceil() as usize;
        let kernel = (0..=CROSSINGS * PLACES + 1).map(|place| (kernel(place) * cutoff) as f32).collect();
        Self {
            from: from.hertz().into(),
            to: to.hertz().into(),
            kernel,
            places: cutoff * PLACES as f64,
            reach,
            held: vec![0.0; reach],
            begin: 0,
            out: 0,
        }
    }

    /// What comes out when `samples` come in.
    pub fn push(&mut self, samples: &[i16]) -> Vec<i16> {
        self.held.extend(samples.iter().map(|sample| f32::from(*sample)));
        let mut out = Vec::new();
        loop {
            let (whole, part) = (self.out * self.from / self.to, (self.out * self.from % self.to) as f64);
            // In `held`, the sample at `whole` has `reach` samples before it.
            let middle = (whole - self.begin) as usize + self.reach;
            let Some(around) = self.held.get(middle - self.reach..=middle + self.reach) else { break };
            out.push(self.sum(around, part / self.to as f64));
            self.out += 1;
        }
        let begin = self.out * self.from / self.to;
        let done = ((begin - self.begin) as usize).min(self.held.len());
        self.held.drain(..done);
        self.begin += done as u64;
        out
    }

    /// The rest: nothing more comes in.
    pub fn finish(mut self) -> Vec<i16> {
        self.push(&vec![0; self.reach])
    }

    /// The samples `around`, weighed for a place that is `part` of a sample after the middle one.
    fn sum(&self, around: &[f32], part: f64) -> i16 {
        let weighed = around.iter().enumerate().map(|(at, sample)| {
            let place = (at as f64 - self.reach as f64 - part).abs() * self.places;
            let (index, between) = (place as usize, place.fract() as f32);
            match self.kernel.get(index..=index + 1) {
                Some(&[this, next]) => sample * (this + (next - this) * between),
                _ => 0.0,
            }
        });
        // The conversion stops at the loudest sample there is.
        weighed.sum::<f32>().round() as i16
    }
}

/// The sinc at a place, under a window of Hann that ends with the last zero crossing.
fn kernel(place: usize) -> f64 {
    if place >= CROSSINGS * PLACES {
        return 0.0;
    }
    let (x, window) = (PI * place as f64 / PLACES as f64, PI * place as f64 / (CROSSINGS * PLACES) as f64);
    let sinc = if place == 0 { 1.0 } else { x.sin() / x };
    sinc * (0.5 + 0.5 * window.cos())
}

impl Audio {
    /// The same at another rate.
    #[must_use]
    pub fn at(&self, rate: Rate) -> Self {
        if rate == self.rate {
            return self.clone();
        }
        let mut resampler = Resampler::new(self.rate, rate);
        let mut samples = resampler.push(&self.samples);
        samples.extend(resampler.finish());
        Self { rate, samples }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(hertz: u32) -> Rate {
        Rate::new(hertz).unwrap()
    }

    fn tone(hertz: f64, rate: Rate) -> Audio {
        let step = 2.0 * PI * hertz / f64::from(rate.hertz());
        let samples = (0..rate.hertz() / 2).map(|at| (10_000.0 * (step * f64::from(at)).sin()) as i16).collect();
        Audio { rate, samples }
    }

    /// The greatest difference from a tone, away from the ends.
    fn difference(heard: &Audio, wanted: &Audio) -> i32 {
        let inner = 200..heard.samples.len().min(wanted.samples.len()) - 200;
        inner.map(|at| (i32::from(heard.samples[at]) - i32::from(wanted.samples[at])).abs()).max().unwrap()
    }

    #[test]
    fn a_tone_stays_that_tone() {
        for (from, to) in [(22_050, 16_000), (22_050, 24_000), (24_000, 16_000), (8_000, 48_000), (47_999, 8_001)] {
            let (from, to) = (rate(from), rate(to));
            let heard = tone(1_000.0, from).at(to);
            assert!(heard.samples.len().abs_diff(to.hertz() as usize / 2) <= 1, "{from:?} {to:?}");
            let worst = difference(&heard, &tone(1_000.0, to));
            assert!(worst < 30, "{from:?} {to:?}: {worst} of 10000");
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_carry_is_gone() {
        let heard = tone(10_000.0, rate(22_050)).at(rate(16_000));
        let loudest = heard.samples[200..heard.samples.len() - 200].iter().map(|sample| sample.abs()).max().unwrap();
        assert!(loudest < 30, "{loudest} of 10000 comes back as another tone");
    }

    #[test]
    fn pieces_and_the_whole_are_the_same() {
        let audio = tone(440.0, rate(22_050));
        let whole = audio.at(rate(24_000));
        for size in [1, 7, 100, 1_000] {
            let mut resampler = Resampler::new(audio.rate, whole.rate);
            let mut samples: Vec<i16> = audio.samples.chunks(size).flat_map(|piece| resampler.push(piece)).collect();
            assert!(resampler.held.len() <= 2 * resampler.reach + 2, "it holds what it needs");
            samples.extend(resampler.finish());
            assert_eq!(samples, whole.samples, "pieces of {size}");
        }
        assert!(Audio { rate: audio.rate, samples: Vec::new() }.at(whole.rate).samples.is_empty());
        assert_eq!(audio.at(audio.rate), audio);
    }

    #[test]
    fn what_is_too_loud_is_as_loud_as_can_be() {
        let square = Audio { rate: rate(8_000), samples: [[i16::MAX; 20], [i16::MIN; 20]].concat().repeat(20) };
        let heard = square.at(rate(24_000));
        assert!(heard.samples.contains(&i16::MAX) && heard.samples.contains(&i16::MIN));
    }
}
