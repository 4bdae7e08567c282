//! What the makers of entries share: places, names, and the list they enter into.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use unleak_catalogue::model::Kind;

use super::queues::latch::Latch;
use super::queues::often::Turns;
use super::{
    Answer, Bound, End, Ending, Fact, Holder, Known, Life, Location, Looked, Many, Resource, ResourceId, Setting, Told,
    Work,
};
use crate::course::Course;
use crate::program::calls::Meant;
use crate::program::many::{Handed, Rhythm};
use crate::program::trace::Spot;
use crate::program::{BodyRef, Part, Program, Site, calls};
use crate::source::Language;
use crate::unit::{BodyKind, Place, Span, StepKind, ValueId};

/// Collects resources.
pub(super) struct Builder<'p, 'a> {
    /// The program.
    pub(super) program: &'p Program<'a>,
    /// How often its bodies run.
    pub(super) rhythm: Rhythm,
    part: Part,
    /// How long it may take.
    pub(super) course: &'p Course<'p>,
    resources: Vec<Resource>,
    /// Where the program ends every task there is, if it also hears of every failure.
    pub(super) overseen: OnceCell<Option<Fact>>,
    /// What makes steps run once, as far as it was asked: it is asked of the same steps for every queue.
    pub(super) latches: RefCell<FxHashMap<Site, Option<Latch>>>,
    /// How often steps run in their bodies, as far as that was asked for what is born elsewhere.
    pub(super) turns: RefCell<FxHashMap<Site, Turns>>,
}

impl<'p, 'a> Builder<'p, 'a> {
    /// Enters what is born in a part of the program.
    pub(super) fn new(
        program: &'p Program<'a>,
        handed: &Arc<Handed>,
        part: Part,
        course: &'p Course<'p>,
    ) -> Builder<'p, 'a> {
        Builder {
            program,
            rhythm: Rhythm::new(Arc::clone(handed)),
            part,
            course,
            resources: Vec::new(),
            overseen: OnceCell::new(),
            latches: RefCell::default(),
            turns: RefCell::default(),
        }
    }

    /// The calls in its part of the program that may begin what is looked for, where they are ever made, as long as there
    /// is time. Most calls plainly begin nothing: what they mean is looked at first.
    pub(super) fn calls(&self, may: impl Fn(Meant<'a>) -> bool) -> impl Iterator<Item = Site> {
        let (program, course) = (self.program, self.course);
        let likely = program.calls().bearing(self.part).filter(move |(_, meant)| may(*meant)).map(|(site, _)| site);
        likely.filter(|site| !program.never_runs(*site)).take_while(|_| !course.is_over())
    }

    /// Whether the time is over.
    pub(super) fn is_late(&self) -> bool {
        self.course.is_over()
    }

    /// The bodies in its part of the program.
    pub(super) fn bodies(&self) -> impl Iterator<Item = BodyRef> + use<'p, 'a> {
        self.program.bodies_of(self.part)
    }

    /// A place in the text.
    pub(super) fn location(&self, body: BodyRef, span: Span) -> Location {
        Location { path: self.program.file(body.file).path.clone(), span }
    }

    /// The place of a step.
    pub(super) fn at(&self, site: Site) -> Location {
        self.location(site.body, self.program.span(site))
    }

    /// A labelled place.
    pub(super) fn fact(&self, label: impl Into<String>, site: Site) -> Fact {
        Fact { label: label.into(), location: self.at(site) }
    }

    /// An end that stands at a step.
    pub(super) fn end(&self, how: Ending, site: Site) -> End {
        End { how, at: self.at(site), within: self.function_name(site.body) }
    }

    /// A resource with nothing known of it yet.
    pub(super) fn born(&self, kind: Kind, site: Site, known: calls::Known) -> Resource {
        let maker = self.written(site);
        Resource {
            kind,
            subject: maker.clone(),
            maker,
            name: None,
            birth: self.at(site),
            within: self.function_name(site.body),
            language: self.program.language(site.body),
            setting: self.setting(site.body),
            many: self.rhythm.of_site(self.program, site),
            known: match known {
                calls::Known::Shown => Known::Shown,
                calls::Known::Hinted => Known::Hinted,
            },
            holds: Vec::new(),
            ends: Vec::new(),
            outs: Vec::new(),
            bound: Bound::NotAsked,
            failure_seen: Answer::Open,
            work: Work::Unknown,
            open: Vec::new(),
            made_by: None,
            told: Told::Here,
            leaks: Answer::Open,
            assumption: None,
            missing: Vec::new(),
            notes: Vec::new(),
            excuses: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Enters a resource.
    pub(super) fn enter(&mut self, resource: Resource) -> ResourceId {
        self.resources.push(resource);
        ResourceId(self.resources.len() as u32 - 1)
    }

    /// A resource entered before.
    pub(super) fn resource(&self, id: ResourceId) -> &Resource {
        &self.resources[id.0 as usize]
    }

    /// All that was entered, in that order. Where the time is over now, something may have been left out.
    pub(super) fn finish(self) -> Looked {
        let left_out = self.is_late().then_some(self.part);
        Looked { found: self.resources, left_out }
    }

    /// A callee as people write it: `asyncio.create_task`, `self.spawn`, `tokio::spawn`.
    pub(super) fn written(&self, site: Site) -> String {
        match self.program.flow(site.body).step(site.step).map(|step| &step.kind) {
            Some(StepKind::Call { callee, .. }) => self.written_value(site.body, *callee, 6),
            Some(StepKind::Update { place, .. } | StepKind::Store { place, .. }) => {
                self.written_place(site.body, place, 6)
            }
            Some(StepKind::Collect { .. }) => "a collection".to_owned(),
            _ => "this".to_owned(),
        }
    }

    /// A value as people write it, as far as it is names.
    pub(super) fn written_value(&self, body: BodyRef, value: ValueId, depth: u32) -> String {
        let Some(depth) = depth.checked_sub(1) else { return "…".to_owned() };
        match self.program.flow(body).def(value).map(|step| &step.kind) {
            Some(StepKind::Read { place, .. }) => self.written_place(body, place, depth),
            Some(StepKind::Call { callee, .. }) => format!("{}(…)", self.written_value(body, *callee, depth)),
            Some(
                StepKind::View { value, .. }
                | StepKind::Await { value, .. }
                | StepKind::Propagate { value, .. }
                | StepKind::Part { of: value, .. },
            ) => self.written_value(body, *value, depth),
            _ => "…".to_owned(),
        }
    }

    /// A place as people write it.
    pub(super) fn written_place(&self, body: BodyRef, place: &Place, depth: u32) -> String {
        let language = self.program.language(body);
        match place {
            Place::Local(local) => {
                let local = self.program.body(body).locals.get(local.0 as usize);
                local.map_or_else(|| "…".to_owned(), |local| local.name.to_string())
            }
            Place::Global { path, .. } => match language {
                Language::Python => path.join("."),
                Language::Rust => path.join("::"),
            },
            Place::Field { base, name } => match self.written_value(body, *base, depth).as_str() {
                "" | "…" => format!("….{name}"),
                base => format!("{base}.{name}"),
            },
            Place::Index { base, .. } => format!("{}[…]", self.written_value(body, *base, depth)),
            Place::Deref { base } => self.written_value(body, *base, depth),
        }
    }

    /// A spot as people write it: `Server._tasks`, `queue`.
    pub(super) fn spot_name(&self, spot: &Spot) -> String {
        match spot {
            Spot::Value(body, value) => self.written_value(*body, *value, 4),
            Spot::Local(body, local) => {
                let local = self.program.body(*body).locals.get(local.0 as usize);
                local
                    .map(|local| local.name.to_string())
                    .filter(|name| !name.is_empty())
                    .unwrap_or_else(|| "…".to_owned())
            }
            Spot::Field(ty, name) => format!("{}.{name}", self.program.header(*ty).name),
            Spot::LooseField(name) => format!("….{name}"),
            Spot::Global(_, name) => name.to_string(),
        }
    }

    /// Who holds what stands at a spot; a variable holds no longer than its frame.
    pub(super) fn holder(&self, spot: &Spot) -> Holder {
        match spot {
            Spot::Field(..) => Holder::Field(self.spot_name(spot)),
            Spot::LooseField(_) => Holder::FieldByName(self.spot_name(spot)),
            Spot::Global(..) => Holder::Global(self.spot_name(spot)),
            Spot::Local(..) | Spot::Value(..) => Holder::Frame,
        }
    }

    /// How long the longest-living of several places lives.
    pub(super) fn life(&self, spots: &[Spot]) -> Life {
        spots.iter().filter_map(|spot| self.holder(spot).life()).max().unwrap_or(Life::Frame)
    }

    /// A function as people write it: `Server.run`, `main`.
    pub(super) fn function_name(&self, body: BodyRef) -> String {
        let named = self.program.named_around(body);
        let owned = self.program.body(named);
        if owned.kind == BodyKind::Module {
            return "the module".to_owned();
        }
        match self.program.owner(named) {
            Some(ty) => match owned.kind {
                BodyKind::Class => self.program.header(ty).name.to_string(),
                _ => format!("{}.{}", self.program.header(ty).name, owned.name),
            },
            None => owned.name.to_string(),
        }
    }

    /// Whether a body is of the product or of a test of it.
    pub(super) fn setting(&self, body: BodyRef) -> Setting {
        if self.program.is_test(body) { Setting::Test } else { Setting::Product }
    }

    /// How often a step runs.
    pub(super) fn many(&self, site: Site) -> Many {
        self.rhythm.of_site(self.program, site)
    }
}
