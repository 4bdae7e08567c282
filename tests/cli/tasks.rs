//! How bad a task is that nobody keeps: what speaks for its being meant so makes it a note.

use serde_json::Value;

use crate::project::{Project, outside};

/// The levels of what is said of the tasks that a program drops, in the order of its lines.
fn levels(files: &[(&str, &str)]) -> Vec<Value> {
    let found = Project::with(files).json(&["--select=fire-and-forget"]);
    found["findings"].as_array().unwrap().iter().map(|finding| finding["level"].clone()).collect()
}

fn python(text: &str) -> Vec<Value> {
    levels(&[("pyproject.toml", ""), ("a.py", &with_imports(text)), ("outside.py", &outside())])
}

fn with_imports(text: &str) -> String {
    format!("import asyncio\nimport subprocess\nimport threading\nimport outside\n\n\n{text}")
}

/// What is said of a Python program's threads and processes that are dropped, with the evidence.
fn told(text: &str) -> String {
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", &with_imports(text))]);
    project.run(&["check", "--select=fire-and-forget", "--min-level=note"]).out
}

fn rust(text: &str) -> Vec<Value> {
    let manifest = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\ntokio = \"1\"\n";
    levels(&[("Cargo.toml", manifest), ("src/main.rs", text)])
}

#[test]
fn the_loser_of_a_race_that_is_run_once_is_a_note() {
    let race = |around: &str| {
        format!(
            "class Proxy:\n    def __init__(self):\n        self.stopped = asyncio.Event()\n\n    async def run(self):\n{around}        \
             await asyncio.wait([asyncio.create_task(outside.listen())], timeout=1)\n\n\nasync def main():\n    await Proxy().run()\n\n\n\
             asyncio.run(main())\n"
        )
    };
    assert_eq!(python(&race("")), ["note"]);
    assert_eq!(
        python(&race("        while not self.stopped.is_set():\n          await outside.turn()\n  ")),
        ["error"]
    );
}

#[test]
fn what_does_nothing_but_wait_is_a_note_unless_it_piles_up() {
    let waits = |what: &str, around: &str| {
        python(&format!(
            "class Beat:\n    def __init__(self):\n        self.stopped = asyncio.Event()\n\n    async def run(self):\n{around}            \
             asyncio.create_task({what})\n"
        ))
    };
    let (once, again) = ("        if self.stopped:\n", "        while await outside.turn():\n");
    assert_eq!(waits("asyncio.sleep(5)", again), ["note"], "each is over in a while");
    assert_eq!(waits("self.stopped.wait()", once), ["note"]);
    assert_eq!(waits("self.stopped.wait()", again), ["error"], "more and more wait for the same end");
    assert_eq!(waits("outside.work(self.stopped)", once), ["error"]);
}

#[test]
fn what_a_wrapper_gives_on_some_ways_only_is_a_note() {
    let wrapped = |before: &str, after: &str| {
        python(&format!(
            "class Client:\n    def disconnect(self, loop: asyncio.AbstractEventLoop):\n{before}            \
             return loop.create_task(outside.close(self))\n{after}\n\nasync def leave(client: Client, loop):\n    client.disconnect(loop)\n"
        ))
    };
    let (asked, always) = ("        if loop.is_running():\n", "        with outside.lock:\n");
    assert_eq!(wrapped(asked, "        loop.run_until_complete(outside.close(self))\n"), ["note"]);
    assert_eq!(
        wrapped(asked, "        future = asyncio.Future()\n        future.set_result(None)\n        return future\n"),
        ["note"]
    );
    assert_eq!(wrapped(asked, "        return loop.run_until_complete(outside.close(self))\n"), ["note"]);
    assert_eq!(wrapped(asked, "        return loop.create_task(outside.kill(self))\n"), ["error", "error"]);
    assert_eq!(wrapped(always, ""), ["error"]);
    assert_eq!(wrapped("        try:\n", "        except outside.Closed:\n            raise\n"), ["error"]);
    assert_eq!(wrapped("        try:\n", "        except outside.Closed:\n            return None\n"), ["note"]);
    let overridden = "class Transport:\n    def flush(self):\n        print(self)\n\n\nclass Soon(Transport):\n    def flush(self):\n        \
                      return asyncio.create_task(outside.send(self))\n\n\nasync def leave(transport: Transport):\n    transport.flush()\n";
    assert_eq!(python(overridden), ["note"], "the base has done it when it returns");
}

#[test]
fn the_last_that_is_done_for_an_object_is_a_note() {
    let closing = |name: &str| {
        python(&format!(
            "class Client:\n    async def aclose(self):\n        print(self)\n\n    def {name}(self):\n        asyncio.get_running_loop().create_task(outside.close(self))\n"
        ))
    };
    assert_eq!(closing("__del__"), ["note"]);
    assert_eq!(closing("renew"), ["error"]);
}

#[test]
fn what_is_started_to_go_on_alone_is_told_so() {
    let started = |options: &str| {
        told(&format!(
            "async def serve(reader: asyncio.StreamReader):\n    while await reader.readline():\n        subprocess.Popen([\"show\"]{options})\n"
        ))
    };
    let alone = "it is started so that it goes on alone";
    assert!(started(", start_new_session=True").contains(alone));
    for options in [", start_new_session=False", ""] {
        let told = started(options);
        assert!(told.starts_with("note") && !told.contains(alone), "{told}");
    }
}

#[test]
fn a_thread_that_a_flag_lets_begin_once_needs_no_bound() {
    let begun = |flag: &str| {
        told(&format!(
            "class Writer:\n    def __init__(self):\n        self.begun = False\n\n    def ensure(self):\n{flag}        \
             threading.Thread(target=outside.write).start()\n\n\nasync def serve(writer: Writer, reader: asyncio.StreamReader):\n    \
             while await reader.readline():\n        writer.ensure()\n"
        ))
    };
    let unbounded = "nothing bounds how many run";
    assert!(!begun("        if self.begun:\n            return\n        self.begun = True\n").contains(unbounded));
    assert!(begun("        if outside.full():\n            return\n").contains(unbounded));
}

#[test]
fn what_is_done_at_once_as_the_types_are_written_is_a_note() {
    let put = |base: &str| {
        python(&format!(
            "class Cache:\n    def __init__(self):\n        self.entries = {{}}\n\n    async def put(self, key):\n        {base}\n\n\n\
             class Shared(Cache):\n    async def put(self, key):\n        await outside.put(key)\n\n\n\
             async def done(cache: Cache, key):\n    await cache.put(key)\n\n\n\
             async def on_done(cache: Cache, key):\n    asyncio.create_task(done(cache, key))\n"
        ))
    };
    assert_eq!(put("self.entries[key] = self.keep(key)\n\n    def keep(self, key):\n        return key"), ["note"]);
    assert_eq!(put("await outside.put(self, key)"), ["error"]);
}

#[test]
fn a_put_waits_only_where_queues_have_bounds() {
    let put = |bound: &str, field: &str| {
        python(&format!(
            "from dataclasses import dataclass\n\n\n@dataclass\nclass State:\n    answers: asyncio.Queue\n\n\n\
             def answer(state: State, loop):\n    for answer in outside.ask():\n        \
             asyncio.run_coroutine_threadsafe(state.answers.put(answer), loop)\n\n\n\
             def start(loop):\n    answer(State(answers={field}), loop)\n\n\ndef other():\n    return asyncio.Queue({bound})\n"
        ))
    };
    assert_eq!(put("", "outside.queue()"), [] as [Value; 0], "none is made with a bound");
    assert_eq!(put("5", "asyncio.Queue()"), [] as [Value; 0], "that of the field has none");
    assert_eq!(put("5", "outside.queue()"), ["note"]);
}

#[test]
fn a_callback_that_hands_its_task_on_sees_its_failure() {
    let unseen = |what: &str| {
        told(&format!(
            "def start(done: asyncio.Queue):\n    def ended(task):\n        {what}\n\n    \
             asyncio.create_task(outside.work()).add_done_callback(ended)\n"
        ))
        .contains("its failure is never seen")
    };
    assert!(!unseen("done.put_nowait(task)"));
    assert!(unseen("done.put_nowait(1)"));
}

#[test]
fn what_begins_once_and_lasts_as_long_as_the_program_is_a_note() {
    let watch = "fn watch() {\n    tokio::spawn(async {\n        loop {\n            tokio::time::sleep(std::time::Duration::from_secs(1)).await;\n            \
                 println!(\"at work\");\n        }\n    });\n}\n";
    let panics = watch.replace("println!(\"at work\")", "std::fs::read(\"at work\").unwrap()");
    let once = "#[tokio::main]\nasync fn main() {\n    watch();\n    serve().await;\n}\n";
    assert_eq!(rust(&format!("{panics}\n{once}")), ["note"]);
    let each = "#[tokio::main]\nasync fn main() {\n    let listener = tokio::net::TcpListener::bind(\"[::]:1\").await.unwrap();\n    \
                loop {\n        let _ = listener.accept().await;\n        watch();\n    }\n}\n";
    assert_eq!(rust(&format!("{panics}\n{each}")), ["error"]);
    assert_eq!(rust(&format!("{watch}\n{each}")), ["note"], "nothing is seen to go wrong in it");
}

#[test]
fn two_receivers_are_no_two_ends_of_one_channel() {
    let text = "use tokio::sync::mpsc;\n\npub struct Agent { ends: Option<(mpsc::Receiver<()>, mpsc::Receiver<()>)> }\n\n\
                impl Agent {\n    pub fn check(&mut self) {\n        if let Some((mut done, mut nudge)) = self.ends.take() {\n            \
                tokio::spawn(async move {\n                loop {\n                    tokio::select! {\n                        \
                _ = nudge.recv() => println!(\"now\"),\n                        _ = done.recv() => return,\n                    }\n                \
                }\n            });\n        }\n    }\n}\n\nfn main() {}\n";
    assert_eq!(rust(text), [] as [Value; 0]);
}

#[test]
fn a_wrapper_runs_what_its_caller_gives_and_sees_its_failure_for_all() {
    let wrapped = |callback: &str| {
        python(&format!(
            "class Client:\n    def __init__(self, loop: asyncio.AbstractEventLoop):\n        self.loop = loop\n\n    \
             def spawn(self, coro):\n        task = self.loop.create_task(coro)\n{callback}        return task\n\n    \
             def ended(self, task):\n        if task.exception():\n            print(task)\n\n    \
             async def listen(self):\n        while True:\n            print(await outside.next())\n\n    \
             async def submit(self, order):\n        await outside.send(order)\n\n    \
             async def on_order(self, order):\n        self.spawn(self.submit(order))\n\n    async def on_start(self):\n        self.spawn(self.listen())\n"
        ))
    };
    assert_eq!(
        wrapped("        task.add_done_callback(self.ended)\n"),
        ["note", "note"],
        "who is called with it hears of its end"
    );
    assert_eq!(wrapped(""), ["error", "error"]);
}

#[test]
fn what_another_threads_loop_is_handed_is_a_note_unless_something_is_lost() {
    let handed = |start: &str| {
        python(&format!(
            "class Bridge:\n    def on_frame(self, loop):\n        {start}\n\n    async def send(self):\n        await asyncio.sleep(1)\n        print(1)\n\n    \
             async def beat(self):\n        while True:\n            await outside.beat()\n\n    def close(self):\n        print(1)\n"
        ))
    };
    assert_eq!(handed("asyncio.ensure_future(self.send())"), ["warning"]);
    assert_eq!(handed("asyncio.run_coroutine_threadsafe(self.send(), loop)"), ["note"]);
    assert_eq!(handed("asyncio.run_coroutine_threadsafe(self.beat(), loop)"), ["error"], "it is to go on for ever");
}

#[test]
fn what_a_flag_ends_that_somebody_sets_is_only_not_waited_for() {
    let polls = |asked: &str| {
        told(&format!(
            "class Poller:\n    def __init__(self):\n        self.over = False\n\n    async def poll(self):\n        \
             while {asked}:\n            await outside.poll()\n\n    async def start(self):\n        \
             asyncio.create_task(self.poll())\n\n    def stop(self):\n        self.over = True\n"
        ))
    };
    assert!(
        polls("not self.over").contains("never seen, and shutdown cannot wait for it\n"),
        "its owner tells it to end"
    );
    assert!(polls("True").contains("never seen, and shutdown can neither wait for it nor stop it\n"));
}

#[test]
fn what_a_protocol_is_given_goes_to_what_has_its_methods() {
    let given = |register: &str, below: &str| {
        python(&format!(
            "import typing\n\n\nclass Keeper(typing.Protocol):\n    def register(self, task):\n        {register}\n\n\n{below}\
             class Rows:\n    def __init__(self, keeper: Keeper):\n        self.keeper = keeper\n\n    \
             async def gather(self):\n        while True:\n            print(await outside.next())\n\n    \
             async def schedule(self):\n        task = asyncio.create_task(self.gather())\n        self.keeper.register(task)\n"
        ))
    };
    let drops = "class Careless(Keeper):\n    def register(self, task):\n        print(task)\n\n\n";
    assert_eq!(given("\"\"\"Keeps it.\"\"\"\n        ...", ""), [] as [Value; 0], "who has it need not derive from it");
    assert_eq!(given("print(task)", ""), ["error"]);
    assert_eq!(given("...", drops), ["error"], "all that derive from it are seen");
}

#[test]
fn a_thread_that_its_maker_lets_go_is_right() {
    let watched = |after: &str| {
        python(&format!(
            "def watched(work):\n    done = threading.Event()\n\n    def watch():\n        if not done.wait(5):\n            print(\"late\")\n\n    \
             threading.Thread(target=watch).start()\n{after}\n\n\
             async def serve(reader: asyncio.StreamReader):\n    while line := await reader.readline():\n        watched(line.decode)\n"
        ))
    };
    assert_eq!(watched("    try:\n        return work()\n    finally:\n        done.set()\n"), [] as [Value; 0]);
    assert_eq!(watched("    return work()\n"), ["note"]);
}

#[test]
fn what_cancels_at_once_and_what_prepares_a_test_are_notes() {
    let asked = "async def serve(loop: asyncio.AbstractEventLoop, running: asyncio.Task):\n    async def shut_down():\n        {}\n\n    \
                 loop.{on}(lambda: asyncio.create_task(shut_down()))\n";
    let asked = |on: &str, work: &str| python(&asked.replace("{on}(", on).replace("{}", work));
    let (soon, told) = ("call_soon(", "add_signal_handler(15, ");
    assert_eq!(asked(soon, "running.cancel()"), ["note"]);
    assert_eq!(asked(soon, "await outside.stop()"), ["error"]);
    assert_eq!(asked(told, "await outside.stop()"), ["note"], "the program is told to end");
    let waits = |what: &str| {
        rust(&format!(
            "fn main() {{}}\n\npub async fn serve(found: Option<u8>) {{\n    tokio::spawn(async move {{\n        loop {{\n            \
             {what}.await;\n            println!(\"{{}}\", found.expect(\"one\"));\n        }}\n    }});\n}}\n"
        ))
    };
    assert_eq!(waits("tokio::time::sleep(std::time::Duration::from_secs(9))"), ["error"]);
    assert_eq!(waits("let _ = tokio::signal::ctrl_c()"), ["note"], "it waits for the program to be told to end");
    let prepared = "import pytest\n\n\n@pytest.fixture\nasync def store():\n    asyncio.create_task(outside.serve())\n";
    assert_eq!(python(prepared), ["note"]);
}

#[test]
fn what_is_in_a_weak_set_is_told_of_where_that_is() {
    let pool = |set: &str| {
        python(&format!(
            "import weakref\n\n\nclass Pool:\n    def __init__(self):\n        self.tasks = {set}\n\n    def spawn(self, work):\n        \
             task = asyncio.ensure_future(work)\n        self.tasks.add(task)\n        return task\n\n\n\
             def start(pool: Pool):\n    pool.spawn(outside.work())\n"
        ))
    };
    assert_eq!(pool("weakref.WeakSet()"), ["note"]);
    assert_eq!(pool("set()"), [] as [Value; 0]);
}

#[test]
fn a_comment_for_another_tool_by_its_name_counts() {
    let text = |comment: &str| {
        format!(
            "async def start(loop: asyncio.AbstractEventLoop):\n    _ = loop.create_task(outside.work())  # {comment}\n"
        )
    };
    assert_eq!(python(&text("ruff: ignore[asyncio-dangling-task]")), [] as [Value; 0]);
    assert_eq!(python(&text("ruff: ignore[unused-variable]")), ["error"]);
}

#[test]
fn a_task_that_others_can_end_is_not_endless() {
    let aborted = |wrapped: &str| {
        let manifest = "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\ntokio = \"1\"\nfutures = \"0.3\"\n";
        let text = format!(
            "use futures::future::{{AbortRegistration, Abortable}};\n\npub fn watch(registration: AbortRegistration) {{\n    \
             tokio::spawn({});\n}}\n",
            wrapped.replace("work", "async { loop { tokio::time::sleep(std::time::Duration::from_secs(1)).await; } }")
        );
        levels(&[("Cargo.toml", manifest), ("src/lib.rs", &text)])
    };
    assert_eq!(aborted("Abortable::new(work, registration)"), [] as [Value; 0]);
    assert_eq!(aborted("work"), ["note"]);
    let told = |end: &str| {
        rust(&format!(
            "use tokio::sync::mpsc;\n\npub struct Line {{ close: mpsc::Sender<()> }}\n\nimpl Line {{\n    pub fn new() -> Line {{\n        \
             let (close, mut closed) = mpsc::channel(1);\n        let own = close.clone();\n        tokio::spawn(async move {{\n            \
             loop {{\n                tokio::select! {{\n                    _ = tokio::time::sleep(std::time::Duration::from_secs(1)) => \
             own.send(()).await.unwrap(),\n                    _ = closed.recv() => break,\n                }}\n            }}\n        }});\n        \
             Line {{ close }}\n    }}\n{end}}}\n\nfn main() {{}}\n"
        ))
    };
    assert_eq!(
        told("\n    pub async fn end(&self) {\n        let _ = self.close.send(()).await;\n    }\n"),
        [] as [Value; 0]
    );
}

#[test]
fn what_passes_over_its_failures_on_purpose_is_a_note() {
    let delayed = |handler: &str| {
        python(&format!(
            "async def delete(message, loop: asyncio.AbstractEventLoop):\n    async def later():\n        await asyncio.sleep(5)\n        try:\n            \
             await outside.delete(message)\n        {handler}\n\n    loop.create_task(later())\n"
        ))
    };
    assert_eq!(delayed("except outside.Gone:\n            pass"), ["note"]);
    assert_eq!(delayed("except outside.Gone:\n            await outside.tell(message)"), ["error"]);
    assert_eq!(delayed("except asyncio.CancelledError:\n            pass"), ["error"]);
    assert_eq!(delayed("finally:\n            print(message)"), ["error"]);
}

#[test]
fn what_goes_on_after_its_own_failures_is_a_note_unless_each_event_begins_one() {
    let watch = |failed: &str| {
        format!(
            "async def watch(site):\n    await asyncio.sleep(5)\n    while True:\n        try:\n            await outside.check(site)\n        \
             except {failed}:\n            print(\"later\")\n        await asyncio.sleep(60)\n\n\n"
        )
    };
    let once = "async def start(site):\n    asyncio.create_task(watch(site))\n";
    let each = "async def serve(reader: asyncio.StreamReader):\n    while line := await reader.readline():\n        asyncio.create_task(watch(line))\n";
    assert_eq!(python(&format!("{}{once}", watch("Exception"))), ["note"]);
    assert_eq!(python(&format!("{}{once}", watch("ValueError"))), ["error"], "any other failure ends it");
    assert_eq!(python(&format!("{}{each}", watch("Exception"))), ["error"]);
}

#[test]
fn what_a_function_handles_that_is_waited_for_is_handled() {
    let told = |handlers: &str| {
        python(&format!(
            "async def send(data):\n    try:\n        await outside.send(data)\n{handlers}\n\nasync def tell(data):\n    await send(data)\n\n\n\
             async def on_data(data):\n    asyncio.create_task(tell(data))\n"
        ))
    };
    assert_eq!(told("    except Exception:\n        print(data)\n"), ["warning"]);
    assert_eq!(told("    except ValueError:\n        print(data)\n"), ["error"]);
    assert_eq!(told("    except Exception:\n        print(data)\n        raise\n"), ["error"], "it goes on");
    let cancelled = "    except asyncio.CancelledError:\n        raise\n    except Exception:\n        print(data)\n";
    assert_eq!(told(cancelled), ["warning"], "only a cancellation goes on");
}

#[test]
fn a_program_that_hears_of_all_failures_and_waits_for_all_tasks_has_them_in_its_hands() {
    let app = |hears: &str, last: &str| {
        python(&format!(
            "class App:\n    def __init__(self, loop: asyncio.AbstractEventLoop):\n        {hears}\n\n    \
             def on_event(self, event):\n        asyncio.create_task(outside.handle(event))\n\n    \
             async def stop(self):\n        me = asyncio.current_task()\n        \
             tasks = [task for task in asyncio.all_tasks() if task is not me]\n        {last}\n"
        ))
    };
    let (hears, waits) = ("loop.set_exception_handler(outside.report)", "await asyncio.wait(tasks, timeout=3)");
    assert_eq!(app(hears, waits), ["note"]);
    assert_eq!(app("loop.set_exception_handler(None)", waits), ["error"]);
    assert_eq!(app(hears, "print(len(tasks))"), ["error"]);
}

#[test]
fn what_somebody_is_there_to_keep_is_a_warning() {
    let client = |start: &str, end: &str| {
        python(&format!(
            "async def tell(client):\n    try:\n        await outside.tell(client)\n    except Exception:\n        print(client)\n\n\n\
             class Client:\n    {start}(self):\n        asyncio.create_task(tell(self))\n\n    def {end}(self):\n        print(self)\n"
        ))
    };
    assert_eq!(client("async def on_line", "size"), ["warning"], "the coroutine could wait for it");
    assert_eq!(client("def on_line", "close"), ["warning"], "the object's end could cancel it");
    assert_eq!(client("def on_line", "size"), ["note"], "nobody could");
    assert_eq!(client("async def close", "size"), ["note"], "it is begun at the end");
    assert_eq!(client("async def example", "close"), ["note"], "it only shows how it is used");
}

#[test]
fn a_task_that_is_given_to_be_started_is_the_one_that_was_kept() {
    let given = |started: &str| {
        python(&format!(
            "async def serve(loop: asyncio.AbstractEventLoop):\n    told = {started}\n    asyncio.ensure_future(told)\n    await told\n"
        ))
    };
    assert_eq!(given("asyncio.create_task(outside.tell(loop))"), [] as [Value; 0]);
    let shielded = |made: &str| {
        python(&format!(
            "class Line:\n    def __init__(self, loop: asyncio.AbstractEventLoop):\n        self.open = {made}\n\n    \
             def opened(self):\n        return asyncio.shield(self.open)\n\n    async def close(self):\n        self.opened()\n"
        ))
    };
    assert_eq!(shielded("loop.create_future()"), [] as [Value; 0], "nothing runs in a future");
    assert_ne!(shielded("outside.opening(loop)"), [] as [Value; 0]);
}

#[test]
fn what_is_ended_only_where_all_goes_well_is_not_called_right() {
    let ended = |then: &str| {
        let text = with_imports(&format!(
            "async def serve(line):\n    beat = asyncio.create_task(outside.beat(line))\n    {then}\n"
        ));
        let project = Project::with(&[("pyproject.toml", ""), ("a.py", &text), ("outside.py", &outside())]);
        let census: Value = serde_json::from_str(&project.run(&["census", "--format=json"]).out).unwrap();
        census["resources"][0]["answer"].clone()
    };
    assert_eq!(ended("await outside.send(line)\n    beat.cancel()"), "open", "the sending may fail");
    assert_eq!(ended("await outside.send(line)\n    await beat"), "open");
    let last = "try:\n        await outside.send(line)\n    finally:\n        beat.cancel()";
    assert_eq!(ended(last), "no");
    assert_eq!(ended("print(line)\n    await beat"), "no", "nothing waits before");
    assert_eq!(ended("await asyncio.gather(beat, outside.send(line))"), "no", "a gather that is cancelled cancels it");
}
