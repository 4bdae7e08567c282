use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::engine::Responder;
use crate::outside::Address;
use crate::overheard::Overheard;
use crate::settings::Settings;
use crate::store::{Memories, Sqlite};
use crate::structured::{Ended, Plan, Scope, drain};

const SOON: Duration = Duration::from_millis(20);

fn turn(item: &str, said: &str) -> Left {
    let item = item.to_owned();
    Left::Turn(Finished { session: "session".to_owned(), item, said: said.to_owned(), answered: "Yes.".to_owned() })
}

fn desk(folder: &tempfile::TempDir) -> (Desk, Arc<Sqlite>) {
    let room = NonZeroUsize::new(100).unwrap();
    let store = Sqlite::open(&folder.path().join("store.sqlite"), Duration::from_millis(50), room).unwrap();
    let store = Arc::new(store);
    (Desk { jobs: store.clone(), retry: SOON }, store)
}

async fn until_done(store: &Sqlite, kind: Kind) {
    for _ in 0..1_000 {
        if store.waiting(kind).await.unwrap() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in ten seconds: the jobs are done");
}

#[tokio::test]
async fn what_is_worth_it_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let ((desk, store), scope) = (desk(&folder), Scope::new(Label::new("aftermath tests")));
    let (outbox, turns) = outbox(NonZeroUsize::new(8).unwrap());
    let writer = write_down(desk.clone(), vec![MEMORY], turns, scope.token().clone());
    let writer = scope.spawn_named(Label::new("writer"), writer).unwrap();
    let memories: Arc<dyn Memories> = store.clone();
    let settings = Settings::default();
    let responder = Arc::new(Responder::new(settings.engines.words_per_second));
    let (extractor, stop) = (Extractor::new(responder, &settings), scope.token().clone());
    let work = move |job| {
        let (memories, extractor, stop) = (memories.clone(), extractor.clone(), stop.clone());
        async move { remember(memories, extractor, job, &stop).await }
    };
    drop(scope.spawn_named(MEMORY, work_off(desk.clone(), MEMORY, work, scope.token().clone())).unwrap());
    outbox.hand_in(turn("a", "Hello. My name is Ada. Remember the milk! What is up?"));
    outbox.hand_in(turn("b", "Nothing."));
    for _ in 0..1_000 {
        if store.memories().await.unwrap().len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.memories().await.unwrap(), ["My name is Ada.", "Remember the milk!"]);
    until_done(&store, MEMORY).await;
    assert!(drain(&scope, Plan::cancel_first(10 * Duration::from_secs(1))).await.unwrap().is_clean());
    assert_eq!(writer.await, Ended::Done(()));
}

#[tokio::test]
async fn a_voice_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, store) = desk(&folder);
    let audio = Audio { rate: crate::audio::Rate::WYOMING, samples: vec![1, -2, 3] };
    let sample = VoiceSample { session: "session".to_owned(), item: "a".to_owned(), audio: audio.clone() };
    add(&desk, &[MEMORY], &[Left::Voice(sample)]).await.unwrap();
    assert_eq!(store.waiting(MEMORY).await.unwrap(), 0, "it is no turn");
    let job = store.next(SPEAKER, SOON, &CancellationToken::new()).await.unwrap().unwrap().job;
    for _ in 0..2 {
        keep_voice(store.clone(), job.clone()).await.unwrap();
    }
    assert_eq!(store.voices().await.unwrap(), [("session/a".to_owned(), audio.wave(&[]))]);
}

#[tokio::test]
async fn what_was_handed_in_is_written_down_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, store) = desk(&folder);
    let (outbox, turns) = outbox(NonZeroUsize::new(8).unwrap());
    outbox.hand_in(turn("a", "x"));
    outbox.hand_in(turn("b", "x"));
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    assert_eq!(write_down(desk.clone(), vec![MEMORY, WEBHOOK], turns, shutdown).await, Ok(()));
    assert_eq!((store.waiting(MEMORY).await.unwrap(), store.waiting(WEBHOOK).await.unwrap()), (2, 2));
}

#[tokio::test]
async fn a_database_that_stalls_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (desk, store) = desk(&folder);
    let other = rusqlite::Connection::open(folder.path().join("store.sqlite")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let overheard = Overheard::here();
    let shutdown = CancellationToken::new();
    let (outbox, turns) = outbox(NonZeroUsize::new(8).unwrap());
    outbox.hand_in(turn("a", "x"));
    let writing = tokio::spawn(write_down(desk.clone(), vec![MEMORY], turns, shutdown.clone()));
    overheard.until("cannot be written down").await;
    other.execute_batch("COMMIT").unwrap();
    for _ in 0..1_000 {
        if store.waiting(MEMORY).await.unwrap() == 1 {
            break;
        }
        tokio::time::sleep(SOON).await;
    }
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    outbox.hand_in(turn("b", "x"));
    shutdown.cancel();
    assert_eq!(writing.await.unwrap(), Err(Unwritten(1)), "it is told what could not be written");
}

#[test]
fn a_full_outbox_drops_and_counts() {
    let (outbox, _turns) = outbox(NonZeroUsize::new(1).unwrap());
    let before = DROPPED.value([QUEUE]);
    outbox.hand_in(turn("a", "x"));
    outbox.hand_in(turn("b", "x"));
    assert!(DROPPED.value([QUEUE]) > before);
}

/// An integration that answers with these statuses in turn, and hangs when there is none left.
async fn integration(statuses: &'static [u16]) -> (Address, Arc<AtomicUsize>, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}/hook?a=b", listener.local_addr().unwrap()).parse().unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = heard.clone();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4_096];
            let read = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            assert!(head.starts_with("POST /hook?a=b HTTP/1.1") && head.contains("idempotency-key: "), "{head}");
            match statuses.get(count.fetch_add(1, Ordering::SeqCst)) {
                Some(status) => {
                    let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
                None => std::future::pending().await,
            }
        }
    });
    (target, heard, serving)
}

#[tokio::test]
async fn an_integration_is_told_until_it_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let ((desk, store), scope) = (desk(&folder), Scope::new(Label::new("aftermath tests")));
    let (target, heard, serving) = integration(&[500, 404, 204]).await;
    store.add(vec![(WEBHOOK, Job::new("key".to_owned(), "{}".to_owned()))]).await.unwrap();
    let work = move |job| {
        let target = target.clone();
        async move { tell(&target, job, Duration::from_secs(5), &CancellationToken::new()).await }
    };
    drop(scope.spawn_named(WEBHOOK, work_off(desk.clone(), WEBHOOK, work, scope.token().clone())).unwrap());
    until_done(&store, WEBHOOK).await;
    assert_eq!(heard.load(Ordering::SeqCst), 3);
    assert!(drain(&scope, Plan::cancel_first(10 * Duration::from_secs(1))).await.unwrap().is_clean());
    serving.abort();
}

#[tokio::test]
async fn an_integration_that_hangs_is_given_up_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let (_, store) = desk(&folder);
    let (target, _, serving) = integration(&[]).await;
    store.add(vec![(WEBHOOK, Job::new("key".to_owned(), "{}".to_owned()))]).await.unwrap();
    let job = store.next(WEBHOOK, SOON, &CancellationToken::new()).await.unwrap().unwrap().job;
    let told = tell(&target, job.clone(), Duration::from_millis(100), &CancellationToken::new()).await;
    assert!(matches!(told, Err(JobError::Webhook(WebhookError::TooSlow))), "{told:?}");
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let stopped = tell(&target, job, Duration::from_secs(60), &shutdown).await;
    assert!(matches!(stopped, Err(JobError::Stopped)), "{stopped:?}");
    assert_eq!(store.waiting(WEBHOOK).await.unwrap(), 1, "it is still to be done");
    serving.abort();
}

#[test]
fn integrations_are_addresses_without_a_user() {
    for right in ["http://127.0.0.1:9/hook", "https://example.com", "https://[::1]:9/hook"] {
        assert!(right.parse::<Address>().is_ok(), "{right}");
    }
    for wrong in
        ["", "hook", "ftp://example.com/", "https://", "https://-/", "http://user:secret@example.com/", "/hook"]
    {
        assert!(wrong.parse::<Address>().is_err(), "{wrong}");
    }
}
