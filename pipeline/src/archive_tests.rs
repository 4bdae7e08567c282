use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::audio::Rate;
use crate::overheard::Overheard;
use crate::queue::bounded;
use crate::structured::{Ended, Label, NamedTask, Plan, Scope, drain};

const SOON: Duration = Duration::from_millis(20);

fn utterance(item: &str) -> Utterance {
    let audio = Arc::new(Audio { rate: Rate::REALTIME, samples: vec![1, -2, 3] });
    Utterance { session: "session".to_owned(), item: item.to_owned(), audio }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().file_name()));
    let mut names: Vec<_> = entries.into_iter().flatten().map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(ENDING));
    names.sort();
    names
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not in ten seconds: {what}");
}

/// A keeper and an archiver over folders of their own.
struct Works {
    folder: tempfile::TempDir,
    keeper: Keeper,
    scope: Scope,
    task: NamedTask<(), Unsaved>,
}

impl Works {
    fn in_folder(folder: tempfile::TempDir) -> Self {
        let spill = Arc::new(Spill::open(&folder.path().join("spill")).unwrap());
        let archive = Arc::new(FolderArchive::open(&folder.path().join("archive")).unwrap());
        let scope = Scope::new(Label::new("archive tests"));
        let (keeper, task) = Keeper::new(NonZeroUsize::new(4).unwrap());
        let (sender, fresh) = bounded(Label::new("archiver"), NonZeroUsize::new(2).unwrap());
        let keep = task.run(spill.clone(), sender, SOON, scope.token().clone());
        let task = scope.spawn_named(Label::new("keeper"), keep).unwrap();
        let archiver = Archiver::new(spill, archive, SOON).run(fresh, scope.token().clone());
        drop(scope.spawn_named(Label::new("archiver"), archiver).unwrap());
        Self { folder, keeper, scope, task }
    }

    fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    fn spilled(&self) -> Vec<String> {
        files(&self.folder.path().join("spill"))
    }

    fn archived(&self) -> Vec<String> {
        files(&self.folder.path().join("archive"))
    }

    async fn end(self) -> (tempfile::TempDir, Ended<(), Unsaved>) {
        let report = drain(&self.scope, Plan::cancel_first(Duration::from_secs(10))).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        (self.folder, self.task.await)
    }
}

#[test]
fn a_recording_is_named_by_its_content() {
    let one = Recording::of(&utterance("one"));
    assert_eq!(one, Recording::of(&utterance("one")));
    assert_ne!(one.name(), Recording::of(&utterance("two")).name(), "whose it is belongs to it");
    assert_eq!(Recording::read(one.name(), one.bytes().to_vec()).as_ref(), Some(&one));
    let mut damaged = one.bytes().to_vec();
    damaged[20] ^= 1;
    assert_eq!(Recording::read(one.name(), damaged), None);
    assert!(one.bytes().starts_with(b"RIFF") && one.bytes().ends_with(&[1, 0, 254, 255, 3, 0]));
}

#[tokio::test]
async fn what_is_kept_comes_into_the_archive_once() {
    let works = Works::new();
    for item in ["a", "b", "c", "a"] {
        works.keeper.keep(utterance(item)).await.unwrap();
    }
    until("all are archived", || works.archived().len() == 3 && works.spilled().is_empty()).await;
    let (_, ended) = works.end().await;
    assert_eq!(ended, Ended::Done(()));
}

#[tokio::test]
async fn what_was_on_its_way_is_resumed_and_not_put_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (waiting, archived) = (Recording::of(&utterance("waiting")), Recording::of(&utterance("archived")));
    {
        let spill = Spill::open(&folder.path().join("spill")).unwrap();
        spill.put(&[waiting.clone(), archived.clone()]).unwrap();
        // Killed after it was archived, and before it was removed from the spill.
        let archive = FolderArchive::open(&folder.path().join("archive")).unwrap();
        archive.put(&archived).await.unwrap();
        // Killed while it was written: it has no name yet, and nobody was told that it was kept.
        std::fs::write(folder.path().join("spill/incoming-0.tmp"), b"RIFF").unwrap();
    }
    let before = std::fs::metadata(folder.path().join("archive").join(archived.name())).unwrap().modified().unwrap();
    let works = Works::in_folder(folder);
    until("the spill is empty", || works.spilled().is_empty()).await;
    assert_eq!(works.archived().len(), 2);
    let after =
        std::fs::metadata(works.folder.path().join("archive").join(archived.name())).unwrap().modified().unwrap();
    assert_eq!(before, after, "it was not written again");
    works.end().await;
}

#[tokio::test]
async fn a_corrupt_recording_is_set_aside_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = Recording::of(&utterance("good"));
    {
        let spill = Spill::open(&folder.path().join("spill")).unwrap();
        spill.put(std::slice::from_ref(&good)).unwrap();
        std::fs::write(folder.path().join("spill/0000.wav"), b"torn").unwrap();
    }
    let works = Works::in_folder(folder);
    until("the spill is empty", || works.spilled().is_empty()).await;
    assert_eq!(works.archived(), [good.name()]);
    assert_eq!(files(&works.folder.path().join("spill/corrupt")), ["0000.wav"]);
    works.end().await;
}

#[tokio::test]
async fn a_full_disk_holds_back_and_loses_nothing() {
    let works = Works::new();
    let incoming = works.folder.path().join("spill/incoming-0.tmp");
    // The kernel's own full disk.
    std::os::unix::fs::symlink("/dev/full", &incoming).unwrap();
    let keeper = works.keeper.clone();
    let mut waiting = Vec::new();
    for item in ["a", "b", "c"] {
        let keeper = keeper.clone();
        waiting.push(tokio::spawn(async move { keeper.keep(utterance(item)).await }));
    }
    until("the trouble is told", || works.keeper.is_troubled()).await;
    assert!(waiting.iter().all(|task| !task.is_finished()), "nobody is told that it was kept");
    std::fs::remove_file(&incoming).unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert!(!works.keeper.is_troubled());
    until("all are archived", || works.archived().len() == 3).await;
    works.end().await;
}

#[tokio::test]
async fn what_cannot_be_saved_at_the_end_is_told() {
    let works = Works::new();
    std::os::unix::fs::symlink("/dev/full", works.folder.path().join("spill/incoming-0.tmp")).unwrap();
    let keeper = works.keeper.clone();
    let waiting = tokio::spawn(async move { keeper.keep(utterance("a")).await });
    until("the trouble is told", || works.keeper.is_troubled()).await;
    let (_, ended) = works.end().await;
    assert_eq!(ended, Ended::Failed(Unsaved(1)));
    assert_eq!(waiting.await.unwrap(), Err(NotKept));
}

#[tokio::test]
async fn an_archive_that_fails_is_tried_again() {
    let overheard = Overheard::here();
    let works = Works::new();
    let incoming = works.folder.path().join("archive/incoming.tmp");
    std::os::unix::fs::symlink("/dev/full", &incoming).unwrap();
    works.keeper.keep(utterance("a")).await.unwrap();
    overheard.until("the archive does not take a recording").await;
    assert_eq!((works.spilled().len(), works.archived().len()), (1, 0), "it stays in the spill");
    std::fs::remove_file(&incoming).unwrap();
    until("it is archived", || works.archived().len() == 1 && works.spilled().is_empty()).await;
    works.end().await;
}

#[test]
fn a_spill_belongs_to_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = Spill::open(folder.path()).unwrap();
    let second = Spill::open(folder.path()).unwrap_err();
    assert!(second.to_string().contains("in use"), "{second}");
    drop(first);
    assert!(Spill::open(folder.path()).is_ok());
}
