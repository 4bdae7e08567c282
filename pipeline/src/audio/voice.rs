//! Voice activity: when somebody starts to speak, and when they have stopped.

use std::time::Duration;

use super::Rate;

/// How a voice is told from silence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hearing {
    /// The loudness of a voice, as a share of full scale.
    pub threshold: f64,
    /// How long a sound must last to be a voice.
    pub onset: Duration,
    /// How long a silence must last to be the end.
    pub silence: Duration,
}

/// What was heard, at a place counted in samples from the start of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Somebody started to speak.
    Started(usize),
    /// They stopped.
    Stopped(usize),
}

/// A detector that goes by loudness alone, frame by frame.
#[derive(Debug)]
pub struct VoiceDetector {
    hearing: Hearing,
    rate: Rate,
    /// The sum of squares of the frame that is being filled, and how many samples are in it.
    frame: (f64, usize),
    /// How many samples have been heard.
    heard: usize,
    speaking: bool,
    /// How many samples in a row say the opposite of `speaking`.
    against: usize,
}

/// How long a frame is.
const FRAME: Duration = Duration::from_millis(20);

impl VoiceDetector {
    /// A detector that has heard nothing.
    pub fn new(hearing: Hearing, rate: Rate) -> Self {
        Self { hearing, rate, frame: (0.0, 0), heard: 0, speaking: false, against: 0 }
    }

    /// Changes how it hears from here on.
    pub fn set(&mut self, hearing: Hearing) {
        self.hearing = hearing;
    }

    /// Whether somebody speaks.
    pub fn speaking(&self) -> bool {
        self.speaking
    }

    /// How many samples have been heard.
    pub fn heard(&self) -> usize {
        self.heard
    }

    /// Forgets a voice that has not stopped, because its audio was taken or thrown away.
    pub fn reset(&mut self) {
        (self.frame, self.speaking, self.against) = ((0.0, 0), false, 0);
    }

    /// Listens to `samples`, until something is heard. Returns that, and the samples after it.
    pub fn listen<'a>(&mut self, samples: &'a [i16]) -> (Option<Heard>, &'a [i16]) {
        let width = self.rate.samples(FRAME);
        for (index, sample) in samples.iter().enumerate() {
            let loudness = f64::from(*sample) / 32_768.0;
            self.frame.0 += loudness * loudness;
            self.frame.1 += 1;
            self.heard += 1;
            if self.frame.1 < width {
                continue;
            }
            let loud = (self.frame.0 / width as f64).sqrt() >= self.hearing.threshold;
            self.frame = (0.0, 0);
            if let Some(heard) = self.judge(loud, width) {
                return (Some(heard), &samples[index + 1..]);
            }
        }
        (None, &[])
    }

    fn judge(&mut self, loud: bool, width: usize) -> Option<Heard> {
        if loud == self.speaking {
            self.against = 0;
            return None;
        }
        self.against += width;
        let needed = if loud { self.hearing.onset } else { self.hearing.silence };
        if self.against < self.rate.samples(needed).max(1) {
            return None;
        }
        let since = self.heard - self.against;
        (self.speaking, self.against) = (loud, 0);
        Some(if loud { Heard::Started(since) } else { Heard::Stopped(since) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARING: Hearing =
        Hearing { threshold: 0.02, onset: Duration::from_millis(60), silence: Duration::from_millis(200) };

    fn sound(millis: u64) -> Vec<i16> {
        let samples = Rate::WYOMING.samples(Duration::from_millis(millis));
        (0..samples).map(|at| if at % 20 < 10 { 5_000 } else { -5_000 }).collect()
    }

    fn silence(millis: u64) -> Vec<i16> {
        vec![3; Rate::WYOMING.samples(Duration::from_millis(millis))]
    }

    fn all(parts: &[Vec<i16>], chunk: usize) -> Vec<(&'static str, u64)> {
        let mut detector = VoiceDetector::new(HEARING, Rate::WYOMING);
        let mut heard = Vec::new();
        for samples in parts.concat().chunks(chunk) {
            let mut rest = samples;
            while let (Some(event), after) = detector.listen(rest) {
                heard.push(match event {
                    Heard::Started(at) => ("started", Rate::WYOMING.millis(at)),
                    Heard::Stopped(at) => ("stopped", Rate::WYOMING.millis(at)),
                });
                rest = after;
            }
        }
        heard
    }

    #[test]
    fn a_voice_has_a_beginning_and_an_end_whatever_the_chunks() {
        let parts = [silence(500), sound(400), silence(100), sound(300), silence(600), sound(200), silence(300)];
        let expected = [("started", 500), ("stopped", 1_300), ("started", 1_900), ("stopped", 2_100)];
        for chunk in [1, 77, 160, 320, 1_000, 100_000] {
            assert_eq!(all(&parts, chunk), expected, "{chunk}");
        }
    }

    #[test]
    fn a_click_is_no_voice() {
        assert_eq!(all(&[silence(100), sound(40), silence(500)], 320), []);
    }

    #[test]
    fn what_was_reset_starts_anew() {
        let mut detector = VoiceDetector::new(HEARING, Rate::WYOMING);
        assert!(matches!(detector.listen(&sound(100)).0, Some(Heard::Started(0))));
        assert!(detector.speaking());
        detector.reset();
        assert!(!detector.speaking());
        assert_eq!(detector.listen(&silence(1_000)).0, None);
    }
}
