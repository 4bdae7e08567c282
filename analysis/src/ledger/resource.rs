//! The entries of the ledger.

use serde::Serialize;
use unleak_catalogue::model::Kind;

use super::{Answer, Fact, Location, Many};
use crate::source::Language;

/// Index of a resource in its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub u32);

/// Something that the code brings into being, and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// What makes it, as people write it (`asyncio.create_task`, `self.spawn`).
    pub maker: String,
    /// Its name for people: the variable or field that first holds it, else the maker.
    pub subject: String,
    /// What the code calls it: the text it is given as a name, what it runs, what it counts.
    pub name: Option<String>,
    /// Where it is born.
    pub birth: Location,
    /// The function it is born in, as people write it (`Server.run`).
    pub within: String,
    /// The language.
    pub language: Language,
    /// Whether its birth stands in test code.
    pub setting: Setting,
    /// How often it is born.
    pub many: Many,
    /// Whether the maker is known by a receiver's name only.
    pub known: Known,
    /// Who holds it.
    pub holds: Vec<Hold>,
    /// What ends it.
    pub ends: Vec<End>,
    /// The ways out on which an end is missing.
    pub outs: Vec<WayOut>,
    /// What bounds it.
    pub bound: Bound,
    /// Whether its failure is seen by somebody.
    pub failure_seen: Answer,
    /// For tasks and threads: how the work itself comes to an end.
    pub work: Work,
    /// Where it goes that cannot be seen, and why that is open.
    pub open: Vec<(&'static str, Fact)>,
    /// For what a wrapper makes for its callers: the birth inside the wrapper.
    pub made_by: Option<ResourceId>,
    /// Whether it is told of at the call of its maker only: what is wrong with it is told where it is made.
    pub told: Told,
    /// The question of its kind, answered: is it kept and ended, bounded, brought down, limited and looked at?
    pub leaks: Answer,
    /// For a yes: what it rests on beyond the code, if anything.
    pub assumption: Option<Assumption>,
    /// What is missing, where the answer is yes (a closed list for each kind).
    pub missing: Vec<Missing>,
    /// Facts that belong to the story and are none of the above (what is done with it and keeps nothing).
    pub notes: Vec<Fact>,
    /// Where the answer is yes: what speaks for its being meant so all the same.
    pub excuses: Vec<Fact>,
    /// Where the answer is yes: what is lost by it, as far as the code shows.
    pub losses: Vec<Fact>,
}

impl Resource {
    /// How long the longest-living of those lives that keep it.
    pub fn life(&self) -> Option<Life> {
        let keepers = self.holds.iter().filter(|hold| hold.how == Holding::Strong);
        keepers.filter_map(|hold| hold.by.life()).max()
    }
}

/// Where what is wrong with a resource is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// At its own place.
    Here,
    /// Where its maker makes it.
    ByMaker,
}

/// Whether code is of the product or a test of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The product.
    Product,
    /// A test, example or benchmark.
    Test,
}

/// How the maker is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// By names and types.
    Shown,
    /// By the receiver's name only.
    Hinted,
}

/// A holder of a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// Who.
    pub by: Holder,
    /// How.
    pub how: Holding,
    /// From where.
    pub from: Location,
}

/// How long a holder lives, from the shortest to the longest. A leak is born more often, or lives longer, than its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Life {
    /// One call of a function.
    Frame,
    /// A scope that waits for what it owns: a task group, a nursery.
    Scope,
    /// An object.
    Object,
    /// The process.
    Process,
}

/// Who holds a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Holder {
    /// Local variables of the frame it is born in, and nothing that outlives it.
    Frame,
    /// A frame that never returns.
    LastingFrame,
    /// A collection that holds it weakly.
    WeakCollection,
    /// A field.
    Field(String),
    /// A field, known by its name only.
    FieldByName(String),
    /// A module variable.
    Global(String),
    /// A task group, tracker, join set or framework.
    Supervisor(String),
    /// Whoever calls the function that returns it.
    Caller,
}

impl Holder {
    /// How long it lives; `None` where that is for others to say.
    pub fn life(&self) -> Option<Life> {
        match self {
            Holder::Frame => Some(Life::Frame),
            Holder::Supervisor(_) => Some(Life::Scope),
            Holder::Field(_) | Holder::FieldByName(_) => Some(Life::Object),
            Holder::LastingFrame | Holder::Global(_) => Some(Life::Process),
            Holder::WeakCollection | Holder::Caller => None,
        }
    }
}

/// How a resource is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// The holder keeps it alive and can reach it.
    Strong,
    /// The holder can reach it while somebody else keeps it.
    Weak,
    /// It is only looked at.
    ObservedOnly,
}

/// Something that ends a resource.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// How.
    pub how: Ending,
    /// Where.
    pub at: Location,
    /// The function that it stands in, as people write it.
    pub within: String,
}

/// How a resource ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is awaited and its result or failure taken.
    Awaited,
    /// It is waited for.
    Joined,
    /// It is told to stop.
    Cancelled,
    /// It is closed.
    Closed,
    /// The count comes down.
    Decremented,
    /// It is removed.
    Removed,
    /// It is raced against others.
    Raced,
    /// A guard's destructor or a scope's exit ends it.
    ScopeExit,
    /// It ends by itself with something that its maker keeps.
    ByItself,
    /// It tells somebody who waits that it has ended.
    Told,
}

/// A way out of the code on which an end is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct WayOut {
    /// What sort.
    pub kind: Leaving,
    /// Where.
    pub at: Location,
}

/// How control leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// `return`.
    Return,
    /// `raise`, or a call of the program that raises.
    Raise,
    /// `?`.
    Propagate,
    /// `break` or `continue`.
    Break,
    /// A generator that is never resumed.
    Yield,
    /// The task is cancelled, or the future dropped, while it waits here.
    Cancelled,
    /// What a task waits for here panics: that ends the task, and nothing else.
    Panics,
    /// A call that is not modelled raises.
    CallRaises,
}

/// What bounds a queue, a collection or a fan-out.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// The question does not arise.
    NotAsked,
    /// Nothing.
    None,
    /// A constant.
    Const(i64),
    /// A setting, constant or parameter by name.
    Setting(String),
    /// A check, semaphore or limiter that stands before every addition.
    Gate(Fact),
    /// It lives no longer, and is fed no more, than one finite piece of work.
    Finite(Fact),
    /// A constant so large that it is none.
    Absurd(String),
    /// Not known.
    Unknown,
}

/// How the work of a task or thread comes to an end.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Its code is not known (or it has none).
    Unknown,
    /// It runs through.
    Finite,
    /// It runs through without ever waiting.
    AtOnce(Fact),
    /// It does nothing but wait, for an event or by the clock.
    OnlyWaits(Fact),
    /// It ends with something else: a channel, a flag, a weak reference.
    EndsWith(Fact),
    /// It has an exit that somebody may bring about who is not seen.
    HasExit(Fact),
    /// It asks by the clock whether a condition of its own has come about that ends it.
    ByCondition(Fact),
    /// It runs through, but first waits long, and keeps its maker meanwhile.
    Lingers(Fact),
    /// The same, for a time that is not written in the code.
    MayLinger(Fact),
    /// It loops until a call of its own fails, which nothing that its maker drops brings about.
    OwnFailure(Fact),
    /// It loops and nothing leaves the loop.
    Endless(Fact),
}

impl Work {
    /// What of its end makes it better or worse that nobody keeps it.
    pub fn weight(&self) -> Option<&Fact> {
        match self {
            Work::Unknown | Work::Finite | Work::EndsWith(_) | Work::HasExit(_) => None,
            Work::OnlyWaits(fact) | Work::Endless(fact) => Some(fact),
            Work::OwnFailure(fact) | Work::ByCondition(fact) => Some(fact),
            Work::Lingers(fact) | Work::MayLinger(fact) | Work::AtOnce(fact) => Some(fact),
        }
    }
}

/// The one thing beyond the code that a likely answer rests on: a closed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assumption {
    /// A receiver is what its name suggests.
    ReceiverByName,
    /// A cancellation that is possible happens.
    Cancelled,
    /// A call that is not modelled raises.
    CallRaises,
    /// What a task waits for panics.
    Panics,
    /// A public name is not used by others in a way that ends it.
    NobodyElse,
    /// The size is not small.
    SizeUnknown,
    /// The size is not small, of what has gathered in a place that lasts.
    SizeGathered,
    /// It is called more than once.
    CalledOften,
    /// A wait whose length is not written in the code is long.
    LongWait,
    /// No failure comes to end it.
    NoFailure,
    /// Its own condition does not come to end it in time.
    NoCondition,
    /// Code that was not read goes on filling it.
    FilledElsewhere,
    /// What looks like a queue is one: filled by one piece of code while another empties it.
    UsedAsQueue,
    /// What comes in comes as fast as others send it.
    OutsideSetsPace,
    /// What is received far from where it is added is what is added.
    ComesFromThere,
    /// What is received is an item, where an answer was asked for.
    Unasked,
    /// What could not be entered is entered again.
    EnteredAgain,
    /// What nobody else can use meanwhile is used again after it has failed.
    UsedAgain,
    /// It is cancelled once more while it already ends.
    CancelledAtEnd,
    /// It is cancelled while another holds a lock that it waits for.
    CancelledAtLock,
}

impl Assumption {
    /// How it reads in a report.
    pub fn text(self) -> &'static str {
        match self {
            Assumption::ReceiverByName => "the receiver is what its name suggests",
            Assumption::Cancelled => "the task can be cancelled here",
            Assumption::CallRaises => "this call can raise",
            Assumption::Panics => "what is waited for here can panic",
            Assumption::NobodyElse => "no other code base uses this public name",
            Assumption::SizeUnknown => "the number of items is not small",
            Assumption::SizeGathered => "the number of items that have gathered is not small",
            Assumption::CalledOften => "this code runs more than once",
            Assumption::LongWait => "the wait is not a short one",
            Assumption::NoFailure => "the call that would end it does not fail",
            Assumption::NoCondition => "the condition that would end it does not come about when its maker goes",
            Assumption::FilledElsewhere => "code that was not read goes on filling it",
            Assumption::UsedAsQueue => "the collection is filled while other code is busy with what it took out",
            Assumption::OutsideSetsPace => "others set the pace at which it is filled",
            Assumption::ComesFromThere => "what is received there is what is added here",
            Assumption::Unasked => "more comes in than was asked for",
            Assumption::UsedAgain => "the object whose number it is is used again after this has failed",
            Assumption::EnteredAgain => "what could not be entered is entered again",
            Assumption::CancelledAtEnd => "a cancellation comes while this already ends",
            Assumption::CancelledAtLock => "a cancellation comes while another holds the lock",
        }
    }
}

/// What is missing: a closed list that messages are made from.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// Nobody holds the handle.
    Owner,
    /// Nobody learns of its failure.
    FailureSeen,
    /// Shutdown can neither wait for it nor stop it.
    Stop,
    /// Shutdown can tell it to end, and not wait until it has.
    Wait,
    /// Nothing bounds how many there are.
    Limit,
    /// Nothing bounds how much it holds; the fact is a place that fills it.
    Capacity(Fact),
    /// The count does not come down on a way out.
    Decrement,
    /// The results are not read.
    Results(Unread),
    /// What has ended is not taken out while more goes in.
    Reaping(Fact),
    /// On a way out the siblings are neither awaited nor cancelled.
    Siblings(Left, Fact),
}

/// Whether what fails in a fan-out whose results nobody reads is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It never runs, as nobody awaits it.
    NeverRun,
    /// Nobody else has what it runs: a failure is lost.
    Lost,
    /// The tasks are somebody's, were told to stop, or tell of their failures by themselves.
    ToldOtherwise,
}

/// Which siblings go on alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Those that had not ended when enough had, by a way out before the code that ends them.
    Slower,
    /// Those that a wait gives back as not done, and that no code is seen to end.
    Pending,
    /// The others, when one has failed.
    OfAFailure,
}
