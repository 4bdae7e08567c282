use crate::audio::voice::{Heard, VoiceDetector};
use crate::audio::{Audio, Rate};
use crate::settings;

use super::{Detection, name};

/// What hears the user: a buffer with a bound, and the detector of turns if there is one.
#[derive(Debug)]
pub(super) struct Ear {
    rate: Rate,
    detection: Option<Detection>,
    detector: VoiceDetector,
    buffer: Utterance,
    /// The entry that what is being said will be.
    item: String,
}

/// What has been heard of an utterance, up to the longest that one may be.
#[derive(Debug)]
struct Utterance {
    samples: Vec<i16>,
    longest: usize,
}

impl Utterance {
    fn room(&self) -> usize {
        self.longest.saturating_sub(self.samples.len())
    }

    /// Adds `samples` if there is room for all of them.
    fn add(&mut self, samples: &[i16]) -> Result<(), Full> {
        if self.samples.len() + samples.len() > self.longest {
            return Err(Full);
        }
        self.samples.extend_from_slice(samples);
        Ok(())
    }

    /// Keeps the last `count` samples, but no more than leaves half of the room.
    fn keep(&mut self, count: usize) {
        let count = count.min(self.longest / 2);
        self.samples.drain(..self.samples.len().saturating_sub(count));
    }
}

/// There is no room for more of an utterance.
#[derive(Debug)]
struct Full;

/// What was heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum EarEvent {
    Started {
        item: String,
        millis: u64,
    },
    Stopped {
        item: String,
        millis: u64,
        audio: Audio,
    },
    /// There is no room for more, and nobody detects turns: the client must commit or clear.
    Full,
}

impl Ear {
    pub(super) fn new(settings: &settings::Hearing, detection: Option<Detection>, rate: Rate) -> Self {
        let hearing = detection.map_or_else(
            || crate::audio::voice::Hearing {
                threshold: settings.threshold.get(),
                onset: settings.onset.get(),
                silence: settings.silence.get(),
            },
            |detection| detection.hearing,
        );
        let detector = VoiceDetector::new(hearing, rate);
        let buffer = Utterance { samples: Vec::new(), longest: rate.samples(settings.longest.get()) };
        Self { rate, detection, detector, buffer, item: name("item") }
    }

    pub(super) fn set(&mut self, detection: Option<Detection>) {
        self.detection = detection;
        match detection {
            Some(detection) => self.detector.set(detection.hearing),
            None => self.detector.reset(),
        }
    }

    /// Hears `samples` until something happens, and returns that and the samples after it.
    pub(super) fn listen<'a>(&mut self, samples: &'a [i16]) -> (Option<EarEvent>, &'a [i16]) {
        let Some(detection) = self.detection else {
            return (self.buffer.add(samples).err().map(|Full| EarEvent::Full), &[]);
        };
        let room = self.buffer.room();
        if room == 0 {
            // Whoever speaks without a pause is taken at their word so far.
            let millis = self.rate.millis(self.detector.heard());
            self.detector.reset();
            return (Some(self.stopped(millis)), samples);
        }
        let now = &samples[..samples.len().min(room)];
        let (heard, after) = self.detector.listen(now);
        let used = now.len() - after.len();
        if self.buffer.add(&samples[..used]).is_err() {
            return (Some(EarEvent::Full), &[]);
        }
        let event = match heard {
            Some(Heard::Started(at)) => {
                // The onset is in the buffer, and what was before it as far as it is kept.
                self.buffer.keep(self.detector.heard() - at + self.rate.samples(detection.prefix));
                Some(EarEvent::Started { item: self.item.clone(), millis: self.rate.millis(at) })
            }
            Some(Heard::Stopped(at)) => Some(self.stopped(self.rate.millis(at))),
            None => {
                if !self.detector.speaking() {
                    self.buffer.keep(self.rate.samples(detection.prefix + detection.hearing.onset));
                }
                None
            }
        };
        (event, &samples[used..])
    }

    fn stopped(&mut self, millis: u64) -> EarEvent {
        let (item, audio) = self.take();
        EarEvent::Stopped { item, millis, audio }
    }

    fn take(&mut self) -> (String, Audio) {
        let samples = std::mem::take(&mut self.buffer.samples);
        (std::mem::replace(&mut self.item, name("item")), Audio { rate: self.rate, samples })
    }

    /// Takes what was heard as an utterance, if there is anything.
    pub(super) fn commit(&mut self) -> Option<(String, Audio)> {
        self.detector.reset();
        (!self.buffer.samples.is_empty()).then(|| self.take())
    }

    /// Forgets what was heard.
    pub(super) fn clear(&mut self) {
        self.detector.reset();
        self.buffer.samples.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::settings::{Seconds, Settings};

    const RATE: Rate = Rate::WYOMING;

    fn ear(longest: f64) -> Ear {
        let mut settings = Settings::default();
        settings.hearing.longest = Seconds::of(longest);
        Ear::new(&settings.hearing, Some(Detection::new(&settings)), RATE)
    }

    fn sound(millis: u64) -> Vec<i16> {
        (0..RATE.samples(Duration::from_millis(millis))).map(|at| if at % 20 < 10 { 5_000 } else { -5_000 }).collect()
    }

    fn silence(millis: u64) -> Vec<i16> {
        vec![0; RATE.samples(Duration::from_millis(millis))]
    }

    fn listen(ear: &mut Ear, samples: &[i16]) -> Vec<EarEvent> {
        let mut events = Vec::new();
        for chunk in samples.chunks(480) {
            let mut rest = chunk;
            while !rest.is_empty() {
                let (event, after) = ear.listen(rest);
                events.extend(event);
                rest = after;
            }
        }
        events
    }

    #[test]
    fn an_utterance_has_what_was_before_it_and_the_silence_after() {
        let mut ear = ear(60.0);
        assert_eq!(listen(&mut ear, &silence(60_000)), []);
        assert!(ear.buffer.samples.len() < RATE.samples(Duration::from_secs(1)), "silence is not kept");
        let events = listen(&mut ear, &[sound(1_000), silence(1_000)].concat());
        let [EarEvent::Started { item, millis }, EarEvent::Stopped { item: same, millis: end, audio }] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!((item, *millis, *end), (same, 60_000, 61_000));
        assert_eq!(audio.millis(), 300 + 1_000 + 500);
    }

    #[test]
    fn whoever_never_pauses_is_heard_in_parts_and_nothing_is_lost() {
        let mut ear = ear(2.0);
        let events = listen(&mut ear, &[sound(7_000), silence(1_000)].concat());
        let parts: Vec<u64> = events
            .iter()
            .filter_map(|event| match event {
                EarEvent::Stopped { audio, .. } => Some(audio.millis()),
                _ => None,
            })
            .collect();
        assert!(parts.iter().all(|millis| *millis <= 2_000), "{parts:?}");
        assert_eq!(parts.iter().sum::<u64>(), 7_500);
    }

    #[test]
    fn without_detection_the_client_commits_and_the_buffer_has_a_bound() {
        let mut ear = ear(1.0);
        ear.set(None);
        assert_eq!(ear.commit(), None);
        assert_eq!(listen(&mut ear, &sound(990)), []);
        assert_eq!(ear.listen(&sound(20)).0, Some(EarEvent::Full));
        let (_, audio) = ear.commit().unwrap();
        assert_eq!(audio.millis(), 990);
        assert_eq!(listen(&mut ear, &sound(500)), []);
        ear.clear();
        assert_eq!(ear.commit(), None);
    }
}
