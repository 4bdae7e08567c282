use super::*;
use crate::audio::Audio;
use crate::engine::{self, Engine, Origin, SpeechToText, Tones, Work};
use crate::settings::Seconds;

/// An engine whose work goes on for some time after it was dropped.
#[derive(Debug)]
struct GoesOn(Duration);

impl Engine for GoesOn {
    fn name(&self) -> Label {
        Label::new("goes on")
    }

    fn origin(&self) -> Origin {
        Tones.origin()
    }
}

impl SpeechToText for GoesOn {
    fn transcribe<'a>(&'a self, _: &'a Audio) -> Work<'a, String> {
        Box::pin(std::future::pending())
    }

    fn ended(&self) -> engine::Ending<'_> {
        Box::pin(sleep(self.0))
    }
}

async fn ending(goes_on: Duration, hurry: bool) -> (Ending, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.listen.http.set_port(0);
    settings.listen.wyoming.set_port(0);
    settings.store.folder = folder.path().to_owned();
    settings.times.drain = Seconds::of(1.0);
    let mut service = Service::bind(settings).await.unwrap();
    Arc::get_mut(&mut service.shared).unwrap().engines.speech_to_text = Arc::new(GoesOn(goes_on));
    let (stop, hurried) = (CancellationToken::new(), CancellationToken::new());
    stop.cancel();
    if hurry {
        hurried.cancel();
    }
    let start = Instant::now();
    (service.run(stop, hurried).await, start.elapsed())
}

#[tokio::test]
async fn work_that_nothing_stops_is_waited_for_and_named() {
    let (ended, took) = ending(Duration::from_millis(300), false).await;
    assert!(ended.is_clean() && took >= Duration::from_millis(300), "{ended:?} after {took:?}");
    let stuck = vec![(Label::new("engines"), Label::new("goes on"))];
    let (ended, took) = ending(Duration::from_secs(1_000), false).await;
    assert!(ended.stuck == stuck && took < Duration::from_secs(20), "{ended:?} after {took:?}");
    let (ended, took) = ending(Duration::from_secs(1_000), true).await;
    assert!(ended.stuck == stuck && took < Duration::from_millis(900), "{ended:?} after {took:?}");
}
