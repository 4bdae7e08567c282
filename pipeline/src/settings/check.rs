//! What no single setting can tell.

use std::net::SocketAddr;

use super::{Role, Settings, SettingsError, SpeechToText, TextToSpeech, malformed};
use crate::outside::Address;
use crate::store::Postgres;

impl Settings {
    /// Whether the settings agree with each other.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let contradiction = |what| Err(SettingsError::Contradiction(what));
        let is_open = |address: &SocketAddr| !address.ip().is_loopback();
        if [self.listen.http, self.listen.wyoming].iter().any(is_open) && self.security.key.is_none() {
            return contradiction("listen: an address other than loopback needs security.key");
        }
        if is_open(&self.listen.wyoming) && !self.security.open_wyoming {
            return contradiction(
                "listen: Wyoming knows no key; other than on loopback it needs security.open_wyoming",
            );
        }
        let before = self.hearing.prefix.get() + self.hearing.onset.get();
        if self.hearing.silence.get().is_zero() || self.hearing.longest.get() < 2 * before {
            return contradiction("hearing: silence must be more than 0, and longest at least twice prefix and onset");
        }
        if self.times.shutdown.get() <= self.times.after_abort.get() {
            return contradiction("times: shutdown must be more than after_abort");
        }
        if self.aftermath.webhook.as_ref().is_some_and(|address| address.parse::<Address>().is_err()) {
            return contradiction("aftermath: webhook must be an address over http or https, without a user in it");
        }
        if self.limits.message_burst < self.limits.messages_per_second {
            return contradiction("limits: message_burst must be at least messages_per_second");
        }
        if let Some(Err(error)) = self.store.postgres.as_ref().map(Postgres::check) {
            return Err(malformed("store.postgres", &error));
        }
        self.check_process()?;
        self.check_archive()?;
        self.check_engines()
    }

    fn check_process(&self) -> Result<(), SettingsError> {
        let contradiction = |what| Err(SettingsError::Contradiction(what));
        if self.process.role != Role::All && self.store.nats.is_none() {
            return contradiction("process: a gateway or a worker needs store.nats, through which they share the work");
        }
        if self.process.role == Role::Worker && self.store.postgres.is_none() {
            return contradiction("process: a worker needs store.postgres, so that all workers remember in one place");
        }
        let times = &self.times;
        let longest = times.webhook.get().max(times.memory.get());
        if self.store.nats.is_some() && times.job.get() < longest + 2 * times.store.get() {
            return contradiction(
                "times: job must be at least webhook or memory, and twice store, or jobs are done twice",
            );
        }
        Ok(())
    }

    fn check_archive(&self) -> Result<(), SettingsError> {
        let contradiction = |what| Err(SettingsError::Contradiction(what));
        let store = &self.store;
        let somewhere = store.archive_endpoint.is_some() || store.archive_region.is_some();
        let keys = [&store.archive_key, &store.archive_secret].into_iter().flatten().count();
        let Some(bucket) = &store.archive_bucket else {
            let told = somewhere || keys > 0;
            return if told { contradiction("store: where an archive is needs archive_bucket") } else { Ok(()) };
        };
        let plain = |sign: char| matches!(sign, 'a'..='z' | '0'..='9' | '.' | '-');
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(plain) {
            return contradiction("store: archive_bucket is 3 to 63 small letters, digits, dots and hyphens");
        }
        if !somewhere || keys < 2 {
            return contradiction(
                "store: archive_bucket needs archive_endpoint or archive_region, and archive_key with archive_secret",
            );
        }
        Ok(())
    }

    fn check_engines(&self) -> Result<(), SettingsError> {
        let contradiction = |what| Err(SettingsError::Contradiction(what));
        let engines = &self.engines;
        if engines.language_model_url.as_ref().is_some_and(|address| address.parse::<Address>().is_err()) {
            return contradiction(
                "engines: language_model_url must be an address over http or https, without a user in it",
            );
        }
        let (hears, speaks) = (&engines.speech_to_text_server, &engines.text_to_speech_server);
        let no_base = |server: &str| server.parse::<Address>().is_err();
        let nowhere = match engines.speech_to_text {
            SpeechToText::Wyoming => hears.is_empty(),
            SpeechToText::OpenAi => no_base(hears),
            SpeechToText::Tones | SpeechToText::SherpaOnnx => false,
        } || match engines.text_to_speech {
            TextToSpeech::Wyoming => speaks.is_empty(),
            TextToSpeech::OpenAi => no_base(speaks),
            TextToSpeech::Tones | TextToSpeech::EspeakNg => false,
        };
        if nowhere {
            return contradiction(
                "engines: a server needs speech_to_text_server or text_to_speech_server: `host:port` for wyoming, \
                 an address over http or https for openai",
            );
        }
        Ok(())
    }
}
