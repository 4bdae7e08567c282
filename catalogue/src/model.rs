//! The vocabulary: what an API can mean for the life of a resource.
//!
//! These enums are closed and shared by the data, the ledger and the lints. A model never speaks of
//! syntax, and nothing outside the data files knows the name of an API.

mod about;
mod constant;
mod life;
mod ty;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::subject::{Subject, TypeRef};

pub use about::About;
pub use constant::{AbsurdBound, AsOption, ConstModel};
pub use life::{Caller, LifecycleModel, Longer, Phase};
pub use ty::{Extends, Holds, Iterates, Order, ScopeMeans, Tells, Transparent, TypeModel};

/// What a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A task or future that runs by itself.
    Task,
    /// A thread.
    Thread,
    /// A child process.
    Process,
    /// A timer or a scheduled call.
    Timer,
    /// A coroutine or future that does not run until it is awaited or spawned.
    Coroutine,
    /// A queue or channel.
    Queue,
    /// A count that goes up and down.
    Gauge,
    /// Several awaitables run at once and waited for together.
    Fanout,
    /// A list, set, map or deque.
    Collection,
    /// A task group, nursery, join set or executor: something that owns tasks.
    Supervisor,
    /// A semaphore, lock or limiter.
    Gate,
    /// An event, flag, token or one-shot reply.
    Signal,
    /// A connection, session, client, pool or file.
    Handle,
}

/// What a call does to one of its subjects (the receiver, an argument, the elements of one).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Looks at it and keeps nothing (`done()`, `set_name`, `print`).
    Observed,
    /// Stores it in the receiver (`append`, `put`, `insert`, `send`), which holds it from then on.
    Kept,
    /// Stores it in the receiver, which holds it weakly only (`WeakSet.add`).
    KeptWeakly,
    /// The result is the same thing again (`shield`, `wait_for`, `Arc::new`, `instrument`).
    PassedThrough,
    /// It is waited for to its end and its result taken.
    Awaited,
    /// It is waited for, but with a time limit or only until the first of several: it may still run after.
    AwaitedInPart,
    /// It is waited for to its end; its result or failure is not looked at.
    Joined,
    /// It is told to stop.
    Cancelled,
    /// It is closed or freed.
    Closed,
    /// The handle is given up while the thing goes on (`detach`, `drop` of a detaching handle).
    Detached,
    /// The handle is given up without running its destructor (`mem::forget`).
    Forgotten,
    /// A value is dropped here (`mem::drop`): what that means is told by its type's `on_drop`.
    Dropped,
    /// It is the code the born task, thread or process runs.
    Run,
    /// It is called now, perhaps many times, and has returned when the call returns (`map`, `sort(key=)`).
    Called,
    /// It is called once, later; its result is dropped (`call_later`, `call_soon`).
    CalledLater,
    /// It is called for every event from now on; its result is dropped (`add_reader`, `signal`).
    CalledPerEvent,
    /// It is called with the receiver when the receiver ends (`add_done_callback`).
    CalledAtEnd,
    /// An item goes into it.
    Put,
    /// An item goes into it if there is room; when full the item is refused (`put_nowait`, `try_send`).
    TryPut,
    /// One item is taken out.
    Take,
    /// All items are taken out or thrown away (`clear`, `drain`, `mem::take`).
    TakeAll,
    /// Items beyond a number are thrown away (`truncate`).
    Trim,
    /// One named item is taken out (`discard`, `remove`, `pop(key)`).
    Remove,
    /// Its number of items, or whether it is full or empty, is asked for.
    Measured,
    /// All that it contains becomes one text (`join`).
    Concatenated,
    /// It goes up by one (or by an amount).
    Up,
    /// It goes down.
    Down,
    /// It is set to a value.
    Set,
    /// It goes up now and down when the result (a guard or context manager) ends.
    UpWhileHeld,
    /// A permit is taken; it must be given back.
    Acquire,
    /// A permit is given back.
    Release,
    /// A permit is held while the result (a guard) lives.
    AcquireWhileHeld,
    /// An item that was taken out before is said to be done with (`task_done`): who joins the receiver waits for all.
    Acknowledged,
    /// It is held weakly, and made strong again if what it refers to is still there (`Weak::upgrade`).
    Upgraded,
    /// A stop flag, event or token is fired.
    Fired,
    /// A stop flag, event or token is asked or waited for.
    Heeded,
    /// It becomes part of something this call cannot tell of; what follows is unknown.
    Escapes,
}

/// What dropping the last handle does (Rust; in Python always nothing).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnDrop {
    /// Nothing of interest.
    #[default]
    Nothing,
    /// The task or thread goes on alone.
    Detaches,
    /// The task is cancelled.
    Cancels,
    /// The thread is joined, the tasks are waited for.
    Joins,
    /// The channel closes (when it is the last one of its side).
    ClosesChannel,
    /// The gauge goes down, the permit is given back.
    Decrements,
    /// The thing is closed.
    Closes,
}

/// A resource that a call brings into being.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Birth {
    /// What is born.
    pub kind: Kind,
    /// What stands for it afterwards.
    #[serde(default)]
    pub handle: HandleOf,
    /// Who ends it whatever the code does with the handle: a task group, a tracker.
    #[serde(default)]
    pub owner: OwnerOf,
    /// The argument that bounds it (a queue's `maxsize`, a pool's workers, a fan-out's limit).
    #[serde(default)]
    pub bound: Option<Subject>,
    /// What it means when that argument is absent.
    #[serde(default)]
    pub without_bound: Unbounded,
    /// What a bound of zero or less means.
    #[serde(default)]
    pub zero_bound: ZeroBound,
    /// For a fan-out: what it runs at once.
    #[serde(default)]
    pub items: Option<Subject>,
    /// Where its failure goes when nobody looks.
    #[serde(default)]
    pub failure: Failure,
}

/// What stands for the born thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HandleOf {
    /// The result of the call.
    #[default]
    Result,
    /// The receiver (`thread.start()`).
    Receiver,
    /// Nothing: it cannot be reached any more.
    Nobody,
}

/// Who owns the born thing from the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OwnerOf {
    /// Whoever keeps the handle.
    #[default]
    Handle,
    /// The receiver (task group, join set, tracker).
    Receiver,
    /// The framework that is called (background tasks of a response, a server's lifespan).
    Framework,
}

/// What an absent bound means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Unbounded {
    /// There is no bound.
    #[default]
    Unbounded,
    /// The library sets one itself.
    Bounded,
}

/// What a bound of zero or less means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ZeroBound {
    /// No bound (Python's queues).
    #[default]
    Unbounded,
    /// A rendezvous, or an error: bounded (Rust's channels).
    Bounded,
}

/// Where a failure goes when nobody takes the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// It is lost, or at best printed when the handle is collected.
    #[default]
    Lost,
    /// It stays in the result: not even a line is printed.
    Swallowed,
    /// The library logs it.
    Logged,
    /// It reaches the owner.
    Propagates,
}

/// Whether a call must be awaited to take effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Takes {
    /// It acts at once.
    #[default]
    AtOnce,
    /// It makes a coroutine or future; `returns` is what awaiting it gives.
    WhenAwaited,
}

/// Whether a call can fail or block, as far as ways out are concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Fails {
    /// It may raise.
    #[default]
    Perhaps,
    /// It never does in practice.
    Never,
    /// It panics where things are not as its caller says they are.
    Panics,
}

/// What a call to one function or method means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CallModel {
    /// The full path: `asyncio.create_task`, `asyncio.Task.cancel`, `tokio::spawn`, `tokio::select!`.
    /// A path whose prefix is a type of the catalogue is a method of it (`__call__`: a call of an instance); the type's
    /// own path is its constructor.
    pub path: SmolStr,
    /// Other paths of the same function.
    #[serde(default)]
    pub also: Vec<SmolStr>,
    /// What is born.
    #[serde(default)]
    pub birth: Option<Birth>,
    /// What is done to whom. Arguments that are not named are observed.
    #[serde(default)]
    pub does: BTreeMap<Subject, Effect>,
    /// Effects that replace those in `does` when one of these named arguments is given, and not as `None` or `False`; `not`
    /// before the name is for `False`.
    #[serde(default)]
    pub when_given: BTreeMap<SmolStr, BTreeMap<Subject, Effect>>,
    /// What it gives (after `await` when it takes effect only then).
    #[serde(default)]
    pub returns: Option<TypeRef>,
    /// What it gives before it is awaited, when that is a value with methods of its own (`gather`, `sleep`).
    #[serde(default)]
    pub unawaited: Option<TypeRef>,
    /// Whether it must be awaited.
    #[serde(default)]
    pub takes_effect: Takes,
    /// With what a callback among its arguments is called: the argument from which on the rest is passed on.
    #[serde(default)]
    pub calls_with: Option<Subject>,
    /// What a callback among its arguments gets, one type a parameter, when that is not the one thing that the receiver
    /// contains (`fold` hands over what there is so far and the item, `unwrap_or_else` the error).
    #[serde(default)]
    pub hands: Vec<TypeRef>,
    /// The arguments of which one bounds how many items it gives, or the number it gives: the first that is there
    /// (`take(n)`, `range(n)`), for `rest` any of them (`min`).
    #[serde(default)]
    pub at_most: Vec<Subject>,
    /// The argument that bounds how many items each item of its result has (`chunks(n)`).
    #[serde(default)]
    pub pieces_of: Option<Subject>,
    /// For what makes a length of time of its first argument: how many seconds one of it is.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Where the type asked for decides what it gives (`collect`): the function of that type that makes it of what the
    /// receiver contains (`from_iter`).
    #[serde(default)]
    pub asks: Option<SmolStr>,
    /// Who says how many items it gives, or how much its result holds.
    #[serde(default)]
    pub gives: Gives,
    /// What it keeps from reaching what it passes through.
    #[serde(default)]
    pub shields: Shields,
    /// What runs the work that it is given.
    #[serde(default)]
    pub runs_on: RunsOn,
    /// What becomes of tasks that the work it runs has left behind.
    #[serde(default)]
    pub left_behind: LeftBehind,
    /// What it speaks of that is none of its arguments.
    #[serde(default)]
    pub about: About,
    /// Whether it may raise.
    #[serde(default)]
    pub fails: Fails,
    /// Whether it can wait without end (a receive, a join).
    #[serde(default)]
    pub waits: Waits,
    /// Whether what is handed to it, or decorated with it, handles events: requests, messages, connections; or whether
    /// it is how events come in.
    #[serde(default)]
    pub handles_events: HandlesEvents,
    /// As a decorator: what the decorated function becomes, when it is a function no more but an object that starts and
    /// stops it (`@tasks.loop`).
    #[serde(default)]
    pub decorated: Option<TypeRef>,
    /// One line of code: what is needed to know the receiver's type, then a call (the last to be made) that means this
    /// entry and no other.
    pub example: String,
    /// Why it is modelled so, where that is not plain.
    #[serde(default)]
    pub why: Option<String>,
    /// The page that says so, when it is not the library's.
    #[serde(default)]
    pub docs: Option<String>,
}

impl CallModel {
    /// Whether it speaks of what it is called on. Rust can call such a method by its path too, with the receiver first.
    pub fn has_receiver(&self) -> bool {
        let in_effects = |does: &BTreeMap<Subject, Effect>| does.keys().any(Subject::is_of_receiver);
        let born_there = self.birth.as_ref().is_some_and(|birth| {
            birth.handle == HandleOf::Receiver
                || birth.owner == OwnerOf::Receiver
                || birth.items.as_ref().is_some_and(Subject::is_of_receiver)
        });
        let given = [&self.returns, &self.unawaited].into_iter().flatten().any(TypeRef::is_of_receiver);
        in_effects(&self.does) || self.when_given.values().any(in_effects) || born_there || given
    }
}

/// Who says how much a call gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Gives {
    /// Its arguments, or nobody that is known.
    #[default]
    Unsaid,
    /// The outside: rows, files, lines, what a client sent.
    AnyNumber,
}

/// What a call keeps from what it passes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Shields {
    /// Nothing.
    #[default]
    Nothing,
    /// Cancelling the result leaves it running.
    FromCancellation,
    /// What panics in it comes back as a value.
    FromPanic,
}

/// What becomes of tasks that were left behind by the work that a call runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LeftBehind {
    /// They go on.
    #[default]
    GoesOn,
    /// They are cancelled and waited for (`asyncio.run`).
    IsCancelled,
}

/// What runs the work that a call is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RunsOn {
    /// The loop or runtime, as much at once as there is.
    #[default]
    Anything,
    /// One of a few workers: the rest waits until one is free.
    Workers,
    /// The loop of another thread, to which it is handed over.
    OtherThread,
}

/// Whether a call can wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Waits {
    /// No.
    #[default]
    Not,
    /// For a time that is bounded by an argument or by nature (a sleep).
    Bounded,
    /// For an event from outside that may never come.
    Unbounded,
}

/// Whether a function handles events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HandlesEvents {
    /// No.
    #[default]
    Not,
    /// The function handed over or decorated is called once per event.
    PerEvent,
    /// Each time it gives something, an event has come in (`accept`): a loop around it turns once per event. So does
    /// every call that takes from a queue and waits.
    Receives,
}

/// One library's data file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Library {
    /// The name people install it by.
    pub library: SmolStr,
    /// `python` or `rust`.
    pub language: SmolStr,
    /// Where its documentation is.
    pub docs: String,
    /// Modules whose names are those of another module: `["asyncio.tasks", "asyncio"]`.
    #[serde(default)]
    pub same_modules: Vec<(SmolStr, SmolStr)>,
    /// Its types.
    #[serde(default, rename = "type")]
    pub types: Vec<TypeModel>,
    /// Its functions and methods.
    #[serde(default, rename = "call")]
    pub calls: Vec<CallModel>,
    /// Its constants.
    #[serde(default, rename = "constant")]
    pub constants: Vec<ConstModel>,
    /// What people call the code that begins or ends a life.
    #[serde(default, rename = "lifecycle")]
    pub lifecycles: Vec<LifecycleModel>,
}
