use std::num::NonZeroUsize;
use std::time::Duration;

use super::*;
use crate::audio::tones;
use crate::background::Background;
use crate::engine::{Engine, EngineError, LanguageModel, Origin, TextToSpeech, Tones, Work};
use crate::queue::bounded;
use crate::structured::{NamedTask, Plan, Scope, drain};

const RATE: Rate = Rate::REALTIME;

/// A conversation under test, from its client's side.
struct Client {
    scope: Scope,
    background: Background,
    _folder: tempfile::TempDir,
    session: NamedTask<(), SessionError>,
    commands: Option<Sender<Request>>,
    events: Receiver<Event>,
}

impl Client {
    async fn new(settings: Settings, engines: Engines) -> Self {
        let scope = Scope::new(Label::new("session tests"));
        let size = NonZeroUsize::new(8).unwrap();
        let (commands, to_session) = bounded(Label::new("commands"), size);
        let (to_client, events) = bounded(Label::new("events"), size);
        let folder = tempfile::tempdir().unwrap();
        let mut stored = settings.clone();
        stored.store.folder = folder.path().to_owned();
        let started = Background::start(&stored, &engines, Scope::new(Label::new("background"))).await;
        let (background, desks) = started.unwrap();
        let session = Session::new(Arc::new(settings), engines, desks.unwrap(), scope.spawner(), to_client);
        let session = scope.spawn_named(Label::new("session"), session.run(to_session)).unwrap();
        Self { scope, background, _folder: folder, session, commands: Some(commands), events }
    }

    async fn doubles() -> Self {
        let settings = Settings::default();
        let engines = Engines::new(&settings).unwrap();
        Self::new(settings, engines).await
    }

    async fn send(&self, command: Command) {
        let request = Request { id: Some("request".to_owned()), command };
        self.commands.as_ref().unwrap().send(request).await.unwrap();
    }

    /// Says `text`, in pieces, with silence around it.
    async fn say(&mut self, text: &str) -> Vec<Event> {
        let mut seen = Vec::new();
        let silence = vec![0; RATE.samples(Duration::from_millis(700))];
        for piece in [silence.clone(), tones::encode(text, RATE), silence].concat().chunks(2_400) {
            let request = Request { id: None, command: Command::Audio(piece.to_vec()) };
            let commands = self.commands.clone().unwrap();
            let sent = commands.send(request);
            tokio::pin!(sent);
            // The client reads while it sends, as clients do.
            loop {
                tokio::select! {
                    biased;
                    event = self.events.recv() => seen.extend(event),
                    sent = &mut sent => break sent.unwrap(),
                }
            }
        }
        seen
    }

    async fn next(&mut self) -> Option<Event> {
        timeout(Duration::from_secs(60), self.events.recv()).await.expect("an event comes")
    }

    /// Events up to the first for which `last` holds.
    async fn until(&mut self, last: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            let over = last(&event);
            seen.push(event);
            if over {
                return seen;
            }
        }
        panic!("the session is over: {seen:?}");
    }

    async fn end(mut self) -> Vec<Event> {
        self.commands = None;
        let mut seen = Vec::new();
        while let Some(event) = self.next().await {
            seen.push(event);
        }
        assert_eq!(self.session.await, crate::structured::Ended::Done(()));
        let report = drain(&self.scope, Plan::wait_first(Duration::from_secs(1))).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        let report = drain(&self.background.scope, Plan::cancel_first(Duration::from_secs(30))).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        seen
    }
}

/// The names of events, pieces of the same kind in a row told once.
fn kinds(events: &[Event]) -> Vec<&'static str> {
    let mut kinds: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Created(_) => "created",
            Event::Updated(_) => "updated",
            Event::SpeechStarted { .. } => "started",
            Event::SpeechStopped { .. } => "stopped",
            Event::Committed { .. } => "committed",
            Event::Cleared => "cleared",
            Event::Added { .. } => "added",
            Event::Transcribed { .. } => "transcribed",
            Event::NotTranscribed { .. } => "not transcribed",
            Event::AnswerStarted { .. } => "answer",
            Event::Text { .. } | Event::Audio { .. } => "pieces",
            Event::AnswerEnded { status, .. } => match status {
                Status::Completed => "completed",
                Status::Cancelled(_) => "cancelled",
                Status::Failed(_) => "failed",
            },
            Event::Truncated { .. } => "truncated",
            Event::Retrieved { .. } => "retrieved",
            Event::Deleted { .. } => "deleted",
            Event::Refused { .. } => "refused",
        })
        .collect();
    kinds.dedup();
    kinds
}

fn heard(events: &[Event]) -> String {
    let samples: Vec<i16> = events
        .iter()
        .filter_map(|event| match event {
            Event::Audio { samples, .. } => Some(samples.as_slice()),
            _ => None,
        })
        .flatten()
        .copied()
        .collect();
    tones::decode(&samples, RATE)
}

fn is_over(event: &Event) -> bool {
    matches!(event, Event::AnswerEnded { .. })
}

fn write(text: &str) -> Command {
    Command::Say { item: "written".to_owned(), who: Who::User, text: text.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn what_is_said_is_understood_and_answered_in_audio() {
    let mut client = Client::doubles().await;
    let mut events = client.say("Hello there. How are you?").await;
    events.extend(client.until(is_over).await);
    let order = ["created", "started", "stopped", "committed", "answer", "transcribed", "pieces", "completed"];
    assert_eq!(kinds(&events), order);
    assert_eq!(heard(&events), "You said: Hello there. How are you?");
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Transcribed { text, .. } if text == "Hello there. How are you?"))
    );
    let Some(Event::AnswerEnded { text, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!(text, "You said: Hello there. How are you?");
    assert_eq!(client.end().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_user_who_speaks_ends_the_answer_and_is_answered() {
    let mut client = Client::doubles().await;
    client.send(write("Count to 500.")).await;
    client.send(Command::Respond { modality: None }).await;
    client.until(|event| matches!(event, Event::Audio { .. })).await;
    // Speech takes its time to be heard.
    let mut events = Vec::new();
    for _ in 0..40 {
        events.extend(client.until(|event| matches!(event, Event::Audio { .. })).await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    events.extend(client.say("Stop").await);
    if !events.iter().any(is_over) {
        events.extend(client.until(is_over).await);
    }
    assert!(kinds(&events).windows(2).any(|pair| pair == ["started", "cancelled"]), "{:?}", kinds(&events));
    let ended = events.iter().find_map(|event| match event {
        Event::AnswerEnded { text, status, .. } => Some((text, status)),
        _ => None,
    });
    let (text, status) = ended.unwrap();
    assert_eq!(*status, Status::Cancelled("turn_detected"));
    assert!(text.starts_with("This is") && !text.contains("number 500"), "{text}");
    let cancelled = events.iter().position(is_over).unwrap();
    let mut after = events[cancelled + 1..].to_vec();
    if !after.iter().any(is_over) {
        after.extend(client.until(is_over).await);
    }
    assert_eq!(heard(&after), "You said: Stop");
    assert_eq!(client.end().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_client_can_cancel_and_what_was_spoken_is_kept() {
    let mut client = Client::doubles().await;
    client.send(write("Count to 500.")).await;
    client.send(Command::Respond { modality: Some(Modality::Text) }).await;
    client.until(|event| matches!(event, Event::Text { text, .. } if text == "3. ")).await;
    client.send(Command::Cancel).await;
    let events = client.until(is_over).await;
    let Some(Event::AnswerEnded { text, status: Status::Cancelled("client_cancelled"), .. }) = events.last() else {
        panic!("{events:?}")
    };
    assert!(text.starts_with("This is sentence number 1. This is sentence number 2."), "{text}");
    client.send(Command::Cancel).await;
    let refused = client.next().await.unwrap();
    let expected = Event::Refused { request: Some("request".to_owned()), refusal: Refusal::NothingToCancel };
    assert_eq!(refused, expected);
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_text_comes_to_its_end() {
    let mut client = Client::doubles().await;
    client.send(write("Hello. And more.")).await;
    client.send(Command::Respond { modality: Some(Modality::Text) }).await;
    let events = client.until(is_over).await;
    assert!(!events.iter().any(|event| matches!(event, Event::Audio { .. })));
    let Some(Event::AnswerEnded { text, status: Status::Completed, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!(text, "You said: Hello. And more.");
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_may_say_where_turns_end() {
    let mut client = Client::doubles().await;
    let configuration = Configuration { detection: None, ..Configuration::new(&Settings::default()) };
    client.send(Command::Configure(configuration)).await;
    client.send(Command::Commit).await;
    client.send(Command::Audio(tones::encode("One", RATE))).await;
    client.send(Command::Clear).await;
    client.send(Command::Audio(tones::encode("Two", RATE))).await;
    client.send(Command::Commit).await;
    let events = client.until(|event| matches!(event, Event::Transcribed { .. })).await;
    assert_eq!(kinds(&events), ["created", "updated", "refused", "cleared", "committed", "transcribed"]);
    // The turn that transcribed is over a moment later; until then a client is told to wait.
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.send(Command::Respond { modality: None }).await;
    assert_eq!(heard(&client.until(is_over).await), "You said: Two");
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_ends_its_turn() {
    let mut client = Client::doubles().await;
    client.send(write("Count to 500.")).await;
    client.send(Command::Respond { modality: None }).await;
    client.until(|event| matches!(event, Event::Audio { .. })).await;
    assert_eq!(client.scope.len(), 2);
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_scope_ends_the_session_and_its_turn() {
    let mut client = Client::doubles().await;
    client.send(write("Count to 500.")).await;
    client.send(Command::Respond { modality: None }).await;
    client.until(|event| matches!(event, Event::Audio { .. })).await;
    let report = drain(&client.scope, Plan::cancel_first(Duration::from_secs(2))).await.unwrap();
    assert!(report.is_clean() && report.cancelled == 2, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_given_up() {
    let client = Client::doubles().await;
    client.send(write("Count to 500.")).await;
    client.send(Command::Respond { modality: None }).await;
    let ended = timeout(Duration::from_secs(60), client.session).await.unwrap();
    assert_eq!(ended, crate::structured::Ended::Failed(SessionError::ClientStalls));
    let report = drain(&client.scope, Plan::cancel_first(Duration::from_secs(1))).await.unwrap();
    assert!(report.is_clean());
}

/// A double that does not do what it should.
#[derive(Debug, Clone, Copy)]
enum Broken {
    Stalls,
    Fails,
    Panics,
    NeverEnds,
}

const BROKEN: Label = Label::new("broken");

impl Broken {
    async fn work(self) -> Result<(), EngineError> {
        match self {
            Broken::NeverEnds | Broken::Stalls => std::future::pending().await,
            Broken::Fails => Err(EngineError { engine: BROKEN, why: "no".to_owned() }),
            Broken::Panics => panic!("on purpose"),
        }
    }
}

impl Engine for Broken {
    fn name(&self) -> Label {
        BROKEN
    }

    fn origin(&self) -> Origin {
        Tones.origin()
    }
}

impl LanguageModel for Broken {
    fn answer<'a>(&'a self, _: &'a [Said], tokens: &'a Sender<String>) -> Work<'a, ()> {
        Box::pin(async {
            if !matches!(self, Broken::NeverEnds) {
                return self.work().await;
            }
            loop {
                tokens.send("and ".to_owned()).await.map_err(|_| EngineError { engine: BROKEN, why: String::new() })?;
            }
        })
    }
}

impl TextToSpeech for Broken {
    fn speak<'a>(&'a self, _: &'a str, _: Rate, _: &'a Sender<Vec<i16>>) -> Work<'a, ()> {
        Box::pin(self.work())
    }
}

async fn status_with(engines: Engines) -> Status {
    let mut client = Client::new(Settings::default(), engines).await;
    client.send(write("Hello. And more.")).await;
    client.send(Command::Respond { modality: None }).await;
    let events = client.until(is_over).await;
    let Some(Event::AnswerEnded { status, .. }) = events.last().cloned() else { panic!("{events:?}") };
    // The conversation goes on after it.
    client.send(Command::Clear).await;
    assert_eq!(client.next().await, Some(Event::Cleared));
    client.end().await;
    status
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_breaks_ends_the_turn_and_not_the_session() {
    let doubles = Engines::new(&Settings::default()).unwrap();
    let engine_error = TurnError::Engine(EngineError { engine: BROKEN, why: "no".to_owned() });
    for (broken, model, voice) in [
        (
            Broken::Stalls,
            TurnError::TooSlow(Label::new("language model")),
            TurnError::TooSlow(Label::new("text to speech")),
        ),
        (Broken::Fails, engine_error.clone(), engine_error),
        (Broken::Panics, TurnError::Broken, TurnError::Broken),
    ] {
        let engines = Engines { language_model: Arc::new(broken), ..doubles.clone() };
        assert_eq!(status_with(engines).await, Status::Failed(model));
        let engines = Engines { text_to_speech: Arc::new(broken), ..doubles.clone() };
        assert_eq!(status_with(engines).await, Status::Failed(voice));
    }
    let engines = Engines { language_model: Arc::new(Broken::NeverEnds), text_to_speech: Arc::new(Tones), ..doubles };
    let mut client = Client::new(Settings::default(), engines).await;
    client.send(Command::Respond { modality: Some(Modality::Text) }).await;
    let events = client.until(is_over).await;
    assert!(matches!(events.last(), Some(Event::AnswerEnded { status: Status::Failed(TurnError::TooLong), .. })));
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn utterances_wait_for_their_turn_up_to_a_bound() {
    let mut client = Client::doubles().await;
    let mut configuration = Configuration::new(&Settings::default());
    configuration.detection = configuration.detection.map(|detection| Detection { interrupts: false, ..detection });
    client.send(Command::Configure(configuration)).await;
    client.send(write("Count to 500.")).await;
    client.send(Command::Respond { modality: Some(Modality::Text) }).await;
    let mut events = Vec::new();
    for text in ["a", "b", "c", "d", "e", "f"] {
        events.extend(client.say(text).await);
    }
    let too_many = |event: &Event| matches!(event, Event::Refused { refusal: Refusal::TooManyTurns, .. });
    while events.iter().filter(|event| too_many(event)).count() < 2 {
        // Four wait; the fifth and the sixth are refused.
        events.extend(client.until(too_many).await);
    }
    client.send(Command::Cancel).await;
    let mut texts = Vec::new();
    for _ in 0..5 {
        let events = client.until(is_over).await;
        let Some(Event::AnswerEnded { text, .. }) = events.last() else { panic!() };
        texts.push(text.clone());
    }
    assert_eq!(texts[1..], ["You said: a", "You said: b", "You said: c", "You said: d"]);
    client.end().await;
}
