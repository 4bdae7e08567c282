//! The state of the voice: it is silent, or it answers. Each transition consumes the state before it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::audio::Audio;
use crate::engine::{Engines, Said};
use crate::queue::{Receiver, hand_over};
use crate::settings::Settings;
use crate::structured::{Closed, Ended, Label, NamedTask, Spawner};
use crate::telemetry::TURNS;

use super::history::Spoken;
use super::message::Response;
use super::name;
use super::turn::{Job, Turn, TurnError, TurnEvent};

const TURN: Label = Label::new("turn");
const SPEECH: Label = Label::new("speech");

#[derive(Debug)]
pub(super) enum Voice {
    Silent(Silent),
    Answering(Answering),
}

/// Nothing is being answered.
#[derive(Debug)]
pub(super) struct Silent;

/// A turn is being answered.
#[derive(Debug)]
pub(super) struct Answering {
    response: Option<Arc<Response>>,
    /// What the user said, until it is known what that was.
    untranscribed: Option<(String, Arc<Audio>)>,
    task: NamedTask<(), TurnError>,
    stop: CancellationToken,
    events: Receiver<TurnEvent>,
    began: Instant,
    first_audio: Option<Instant>,
    spoken: Spoken,
}

/// A turn that has ended by itself.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) response: Option<Arc<Response>>,
    pub(super) untranscribed: Option<(String, Arc<Audio>)>,
    pub(super) spoken: Spoken,
    pub(super) error: Option<TurnError>,
}

/// A turn that was ended, with an account of what is not heard of it.
#[derive(Debug)]
pub(super) struct Unheard {
    pub(super) response: Option<Arc<Response>>,
    pub(super) untranscribed: Option<(String, Arc<Audio>)>,
    pub(super) spoken: Spoken,
    pub(super) heard_millis: u64,
    pub(super) dropped_items: usize,
    pub(super) dropped_millis: u64,
}

impl Voice {
    /// What the turn says next, or nothing when it is over. While nothing is answered, this waits for ever.
    pub(super) async fn next(&mut self) -> Option<TurnEvent> {
        match self {
            Voice::Silent(_) => std::future::pending().await,
            Voice::Answering(answering) => answering.events.recv().await,
        }
    }
}

impl Silent {
    /// Begins a turn.
    pub(super) fn answer(
        self,
        job: Job,
        conversation: Vec<Said>,
        engines: &Engines,
        settings: &Arc<Settings>,
        spawner: &Spawner,
    ) -> Result<Answering, Closed> {
        let (sender, events) = hand_over(SPEECH, settings.queues.speech);
        let stop = spawner.token().child_token();
        let response = job.modality().map(|modality| Response { id: name("resp"), item: name("item"), modality });
        let untranscribed = job.heard();
        let turn = Turn { job, conversation, engines: engines.clone(), settings: settings.clone(), events: sender };
        let stopped = stop.clone();
        let task = spawner.spawn_named(TURN, async move {
            let _held = TURNS.hold();
            stopped.run_until_cancelled(turn.run()).await.unwrap_or(Ok(()))
        })?;
        Ok(Answering {
            response: response.map(Arc::new),
            untranscribed,
            task,
            stop,
            events,
            began: Instant::now(),
            first_audio: None,
            spoken: Spoken::default(),
        })
    }
}

impl Answering {
    /// The answer, if the turn gives one.
    pub(super) fn response(&self) -> Option<&Arc<Response>> {
        self.response.as_ref()
    }

    /// What the user said is known now.
    pub(super) fn transcribed(&mut self) {
        self.untranscribed = None;
    }

    /// A sentence is about to be spoken.
    pub(super) fn sentence(&mut self, text: String) {
        self.spoken.sentence(text);
    }

    /// A piece of the text is there.
    pub(super) fn text(&mut self, text: &str) -> Option<Arc<Response>> {
        self.spoken.text(text);
        self.response.clone()
    }

    /// A piece of speech is there. The first tells how long it took.
    pub(super) fn audio(&mut self, millis: u64) -> Option<(Arc<Response>, Option<Duration>)> {
        self.spoken.audio(millis);
        let first = self.first_audio.is_none().then(|| self.began.elapsed());
        self.first_audio.get_or_insert_with(Instant::now);
        Some((self.response.clone()?, first))
    }

    /// The turn has said everything: waits for the end of its task, which is at hand.
    pub(super) async fn finish(self) -> (Silent, Over) {
        let Self { response, untranscribed, spoken, .. } = self;
        let error = match ended(self.task, Duration::from_secs(1)).await {
            Some(Ended::Failed(error)) => Some(error),
            Some(Ended::Panicked) => Some(TurnError::Broken),
            Some(Ended::Done(()) | Ended::Aborted) | None => None,
        };
        (Silent, Over { response, untranscribed, spoken, error })
    }

    /// Ends the turn and waits until it has ended. What it had said and nobody had taken is thrown away.
    pub(super) async fn interrupt(self, limit: Duration) -> (Silent, Unheard) {
        let Self { response, untranscribed, spoken, events, .. } = self;
        self.stop.cancel();
        ended(self.task, limit).await;
        let dropped = events.discard();
        let dropped_millis = dropped.iter().map(TurnEvent::millis).sum();
        // What was sent may still be on its way to the ear: it cannot be heard faster than it sounds.
        let since = self.first_audio.map_or(Duration::ZERO, |first| first.elapsed());
        let heard_millis = spoken.millis().min(since.as_millis() as u64);
        let dropped_items = dropped.len();
        (Silent, Unheard { response, untranscribed, spoken, heard_millis, dropped_items, dropped_millis })
    }
}

/// Waits for the end of a turn; one that is not over at the limit is aborted, and left to the drain of its scope.
async fn ended(mut task: NamedTask<(), TurnError>, limit: Duration) -> Option<Ended<(), TurnError>> {
    let ended = timeout(limit, &mut task).await.ok();
    if ended.is_none() {
        tracing::warn!(task = %task.name(), "not ended in time, aborting");
        task.abort();
        return timeout(limit, &mut task).await.ok();
    }
    ended
}
