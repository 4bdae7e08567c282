//! What goes on behind the conversations: recordings are kept and archived, and what follows from turns is done.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::aftermath::{self, Desk, Extractor, MEMORY, Outbox, SPEAKER, Unwritten, WEBHOOK};
use crate::archive::{Archive, Archiver, FolderArchive, Keeper, S3Archive, Spill, Unsaved};
use crate::engine::Engines;
use crate::outside::Address;
use crate::queue::bounded;
use crate::settings::Settings;
use crate::store::Stores;
use crate::structured::{Ended, Label, NamedTask, Scope};

const KEEPER: Label = Label::new("keeper");
const ARCHIVER: Label = Label::new("archiver");
const WRITER: Label = Label::new("aftermath writer");

/// The background, while it runs.
#[derive(Debug)]
pub(crate) struct Background {
    pub(crate) scope: Scope,
    stores: Stores,
    serving: Option<Serving>,
}

/// What serves conversations. Of these tasks it is not enough that they have ended: they must have ended well.
#[derive(Debug)]
struct Serving {
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
    /// Opens what is kept, resumes what was on its way, and starts the tasks of this process's role in `scope`. There are
    /// desks where conversations are served.
    pub(crate) async fn start(
        settings: &Settings,
        engines: &Engines,
        scope: Scope,
    ) -> io::Result<(Self, Option<Desks>)> {
        let role = settings.process.role;
        let mut kinds = vec![MEMORY];
        let integration: Option<Address> = match &settings.aftermath.webhook {
            None => None,
            Some(address) => Some(address.parse().map_err(io::Error::other)?),
        };
        kinds.extend(integration.is_some().then_some(WEBHOOK));
        let stores = Stores::open(settings, &[&kinds[..], &[SPEAKER]].concat()).await.map_err(io::Error::other)?;
        let desk = Desk { jobs: stores.jobs.clone(), retry: settings.times.retry.get() };
        if role.works() {
            let extractor = Extractor::new(engines.language_model.clone(), settings);
            work(settings, &scope, &stores, &desk, extractor, integration)?;
        }
        let (serving, desks) = match role.serves() {
            false => (None, None),
            true => {
                let (keeping, keeper) = keep(settings, &scope)?;
                let (outbox, turns) = aftermath::outbox(settings.queues.aftermath);
                let writer = aftermath::write_down(desk, kinds, turns, scope.token().clone());
                let writing = scope.spawn_named(WRITER, writer).map_err(io::Error::other)?;
                (Some(Serving { keeping, writing }), Some(Desks { keeper, outbox }))
            }
        };
        Ok((Self { scope, stores, serving }, desks))
    }

    /// Closes the stores, when the tasks have ended. Returns what was lost, in sentences.
    pub(crate) async fn close(self, limit: Duration) -> Vec<String> {
        let Self { stores, serving, .. } = self;
        let mut losses = Vec::new();
        if let Some(Serving { keeping, writing }) = serving {
            // A task that is stuck has been named by now, and its failure is not to be had.
            if let Ok(Ended::Failed(unsaved)) = timeout(limit, keeping).await {
                losses.push(unsaved.to_string());
            }
            if let Ok(Ended::Failed(unwritten)) = timeout(limit, writing).await {
                losses.push(unwritten.to_string());
            }
        }
        let open = stores.close(limit).await;
        losses.extend(open.into_iter().map(|error| format!("a store does not close: {error}")));
        losses
    }
}

/// Keeps and archives what conversations hear.
fn keep(settings: &Settings, scope: &Scope) -> io::Result<(NamedTask<(), Unsaved>, Keeper)> {
    let (folder, retry, token) = (&settings.store.folder, settings.times.retry.get(), scope.token());
    let spill = Arc::new(Spill::open(&folder.join("spill"))?);
    let archive: Arc<dyn Archive> = match S3Archive::open(settings)? {
        Some(bucket) => Arc::new(bucket),
        None => Arc::new(FolderArchive::open(&folder.join("archive"))?),
    };
    let (keeper, keep) = Keeper::new(settings.queues.keeper);
    let (to_archiver, fresh) = bounded(ARCHIVER, settings.queues.archiver);
    let keep = keep.run(spill.clone(), to_archiver, retry, token.clone());
    let keeping = scope.spawn_named(KEEPER, keep).map_err(io::Error::other)?;
    let archiver = Archiver::new(spill, archive, retry).run(fresh, token.clone());
    scope.spawn_named(ARCHIVER, archiver).map_err(io::Error::other)?;
    Ok((keeping, keeper))
}

/// Does what follows from turns. Each kind has workers of its own.
fn work(
    settings: &Settings,
    scope: &Scope,
    stores: &Stores,
    desk: &Desk,
    extractor: Extractor,
    integration: Option<Address>,
) -> io::Result<()> {
    let token = scope.token();
    for _ in 0..settings.aftermath.extractions.get() {
        let (memories, extractor, stop) = (stores.memories.clone(), extractor.clone(), token.clone());
        let remember = move |job| {
            let (memories, extractor, stop) = (memories.clone(), extractor.clone(), stop.clone());
            async move { aftermath::remember(memories, extractor, job, &stop).await }
        };
        let worker = aftermath::work_off(desk.clone(), MEMORY, remember, token.clone());
        scope.spawn_named(MEMORY, worker).map_err(io::Error::other)?;
    }
    let voices = stores.memories.clone();
    let keep = move |job| aftermath::keep_voice(voices.clone(), job);
    let worker = aftermath::work_off(desk.clone(), SPEAKER, keep, token.clone());
    scope.spawn_named(SPEAKER, worker).map_err(io::Error::other)?;
    let Some(integration) = integration else { return Ok(()) };
    let (limit, stop) = (settings.times.webhook.get(), token.clone());
    let tell = move |job| {
        let (integration, stop) = (integration.clone(), stop.clone());
        async move { aftermath::tell(&integration, job, limit, &stop).await }
    };
    let worker = aftermath::work_off(desk.clone(), WEBHOOK, tell, token.clone());
    scope.spawn_named(WEBHOOK, worker).map_err(io::Error::other)?;
    Ok(())
}
