//! What goes on behind the conversations: recordings are kept and archived, and what follows from turns is done.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::aftermath::{self, Desk, MEMORY, Outbox, Unwritten, WEBHOOK};
use crate::archive::{Archiver, FolderArchive, Keeper, Spill, Unsaved};
use crate::outside::Address;
use crate::queue::bounded;
use crate::settings::Settings;
use crate::store::Store;
use crate::structured::{Ended, Label, NamedTask, Scope};

const KEEPER: Label = Label::new("keeper");
const ARCHIVER: Label = Label::new("archiver");
const WRITER: Label = Label::new("aftermath writer");

/// The background, while it runs.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) scope: Scope,
    store: Arc<Store>,
    // Of these it is not enough that they have ended: they must have ended well.
    keeping: NamedTask<(), Unsaved>,
    writing: NamedTask<(), Unwritten>,
}

/// Where conversations hand in what is to be done.
#[derive(Debug, Clone)]
pub struct Desks {
    /// What they heard.
    pub keeper: Keeper,
    /// Turns that are over.
    pub outbox: Outbox,
}

impl Background {
    /// Opens what is kept, resumes what was on its way, and starts the tasks in `scope`.
    pub(crate) fn start(settings: &Settings, scope: Scope) -> io::Result<(Self, Desks)> {
        let folder = &settings.store.folder;
        let token = scope.token();
        let retry = settings.times.retry.get();

        let spill = Arc::new(Spill::open(&folder.join("spill"))?);
        let archive = Arc::new(FolderArchive::open(&folder.join("archive"))?);
        let (keeper, keep) = Keeper::new(settings.queues.keeper);
        let (to_archiver, fresh) = bounded(ARCHIVER, settings.queues.archiver);
        let keep = keep.run(spill.clone(), to_archiver, retry, token.clone());
        let keeping = scope.spawn_named(KEEPER, keep).map_err(io::Error::other)?;
        let archiver = Archiver::new(spill, archive, retry).run(fresh, token.clone());
        scope.spawn_named(ARCHIVER, archiver).map_err(io::Error::other)?;

        let store = Store::open(&folder.join("store.sqlite"), settings.times.store.get()).map_err(io::Error::other)?;
        let store = Arc::new(store);
        let desk = Desk { store: store.clone(), bell: Arc::new(Notify::new()), retry };
        let mut kinds = vec![MEMORY];
        let own = store.clone();
        let remember = move |job| aftermath::remember(own.clone(), job);
        let worker = aftermath::work_off(desk.clone(), MEMORY, remember, token.clone());
        scope.spawn_named(MEMORY, worker).map_err(io::Error::other)?;
        if let Some(address) = &settings.aftermath.webhook {
            kinds.push(WEBHOOK);
            let target: Address = address.parse().map_err(io::Error::other)?;
            let (own, limit, stop) = (store.clone(), settings.times.webhook.get(), token.clone());
            let tell = move |job| {
                let (target, store, stop) = (target.clone(), own.clone(), stop.clone());
                async move { aftermath::tell(&target, store, job, limit, &stop).await }
            };
            let worker = aftermath::work_off(desk.clone(), WEBHOOK, tell, token.clone());
            scope.spawn_named(WEBHOOK, worker).map_err(io::Error::other)?;
        }
        let (outbox, turns) = aftermath::outbox(settings.queues.aftermath);
        let writer = aftermath::write_down(desk, kinds, turns, token.clone());
        let writing = scope.spawn_named(WRITER, writer).map_err(io::Error::other)?;
        Ok((Self { scope, store, keeping, writing }, Desks { keeper, outbox }))
    }

    /// Closes the stores, when the tasks have ended. Returns what was lost, in sentences.
    pub(crate) async fn close(self, limit: Duration) -> Vec<String> {
        let Self { store, keeping, writing, .. } = self;
        let mut losses = Vec::new();
        // A task that is stuck has been named by now, and its failure is not to be had.
        if let Ok(Ended::Failed(unsaved)) = timeout(limit, keeping).await {
            losses.push(unsaved.to_string());
        }
        if let Ok(Ended::Failed(unwritten)) = timeout(limit, writing).await {
            losses.push(unwritten.to_string());
        }
        if let Err(error) = store.close(limit).await {
            losses.push(format!("the store does not close: {error}"));
        }
        losses
    }
}
