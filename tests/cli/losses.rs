//! What makes a task that nobody keeps an error: it is seen what is lost by it. Else it is a warning.

use serde_json::Value;

use crate::project::Project;

/// The levels of what is said of the tasks that a program drops, in the order of its lines.
fn levels(text: &str) -> Vec<Value> {
    let text = format!("import asyncio\nimport contextlib\nimport typing\nimport outside\n\n\n{text}");
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", &text)]);
    let found = project.json(&["--select=fire-and-forget"]);
    found["findings"].as_array().unwrap().iter().map(|finding| finding["level"].clone()).collect()
}

/// A task that runs a coroutine with this body.
fn runs(body: &str) -> Vec<Value> {
    levels(&format!(
        "class Gone(Exception):\n    pass\n\n\nclass Lost(Gone):\n    pass\n\n\nasync def fetch(at):\n    \
         if await outside.fetch(at) is None:\n        raise Lost(at)\n\n\n\
         async def work(at, told):\n    {body}\n\n\nasync def start(at, told):\n    asyncio.create_task(work(at, told))\n"
    ))
}

#[test]
fn what_is_raised_and_reaches_nobody_is_lost() {
    assert_eq!(runs("await outside.fetch(at)"), ["warning"], "nothing is seen to be raised");
    assert_eq!(runs("await fetch(at)"), ["error"]);
    let handled = |class: &str| runs(&format!("try:\n        await fetch(at)\n    except {class}:\n        print(at)"));
    assert_eq!(handled("Lost"), ["warning"]);
    assert_eq!(handled("Gone"), ["warning"], "its class derives from what is handled");
    assert_eq!(handled("KeyError"), ["error"]);
    let within = |class: &str| runs(&format!("with contextlib.suppress({class}):\n        await fetch(at)"));
    assert_eq!((within("Gone"), within("KeyError")), (vec!["warning".into()], vec!["error".into()]));
    let again = "try:\n        await fetch(at)\n    except Gone:\n        print(at)\n        raise";
    assert_eq!(runs(again), ["error"], "the handler lets it go on");
}

#[test]
fn that_a_caller_asks_for_what_makes_no_sense_is_no_failure_that_is_missed() {
    let raises = |before: &str, class: &str, after: &str| {
        runs(&format!("{before}if told is None:\n        raise {class}(at)\n    {after}"))
    };
    let waits = "await outside.fetch(at)";
    assert_eq!(raises("", "ValueError", waits), ["warning"]);
    assert_eq!(raises("", "OSError", waits), ["error"]);
    assert_eq!(
        raises("told = await outside.fetch(at)\n    ", "ValueError", "print(at)"),
        ["error"],
        "it is about an answer"
    );
    assert_eq!(raises("", "StopAsyncIteration", waits), ["warning"], "an end is no failure");
}

#[test]
fn what_is_raised_far_away_is_about_something_else() {
    let deep = |calls: usize| {
        let further = (1..=calls).map(|at| format!("async def f{at}(at):\n    await f{}(at)\n\n\n", at - 1));
        let first = "async def f0(at):\n    if await outside.ask(at):\n        raise OSError(at)\n\n\n".to_owned();
        let start = format!("async def start(at):\n    asyncio.create_task(f{calls}(at))\n");
        levels(&std::iter::once(first).chain(further).chain([start]).collect::<String>())
    };
    assert_eq!(deep(2), ["error"]);
    assert_eq!(deep(3), ["warning"]);
}

#[test]
fn what_is_raised_on_a_way_that_no_call_takes_is_not_raised() {
    let asked = |args: &str| {
        levels(&format!(
            "async def send(at, strict=False):\n    try:\n        await outside.send(at)\n    except Exception as failed:\n        \
             if strict:\n            raise failed\n        print(failed)\n\n\n\
             async def work(at, told):\n    await send(at{args})\n\n\nasync def start(at, told):\n    asyncio.create_task(work(at, told))\n"
        ))
    };
    assert_eq!(asked(""), ["warning"], "it is left out, and the default keeps it from being raised");
    assert_eq!(asked(", strict=False"), ["warning"]);
    assert_eq!(asked(", strict=True"), ["error"]);
    assert_eq!(asked(", told"), ["error"]);
}

#[test]
fn work_that_only_waits_by_the_clock_is_missed_by_nobody() {
    let turns = |body: &str| {
        levels(&format!(
            "async def wake():\n    while True:\n        {body}\n\n\nasync def start():\n    asyncio.create_task(wake())\n"
        ))
    };
    assert_eq!(turns("await asyncio.sleep(1)"), ["warning"]);
    assert_eq!(turns("await asyncio.sleep(1)\n        print(await outside.next())"), ["error"]);
}

#[test]
fn a_scope_of_the_program_handles_what_it_never_raises_again() {
    let within = |handler: &str| {
        levels(&format!(
            "@contextlib.contextmanager\ndef told(at):\n    try:\n        yield\n    except OSError as failed:\n        {handler}\n\n\n\
             async def work(at):\n    with told(at):\n        if await outside.ask(at):\n            raise OSError(at)\n\n\n\
             async def start(at):\n    asyncio.create_task(work(at))\n"
        ))
    };
    assert_eq!(within("at.set_exception(failed)"), ["warning"]);
    assert_eq!(within("if at:\n            raise"), ["error"]);
}

#[test]
fn whoever_is_called_with_the_task_may_ask_what_it_raised() {
    let within = |put_on: &str| {
        levels(&format!(
            "async def work(at):\n    if await outside.ask(at):\n        raise OSError(at)\n\n\n\
             def begin(at):\n    task = asyncio.create_task(work(at))\n\n    \
             def ended(done):\n        print(done.exception())\n\n    {put_on}\n    return task\n\n\n\
             async def start(at):\n    begin(at)\n"
        ))
    };
    assert_eq!(within("print(ended)"), ["error"]);
    assert_eq!(within("task.add_done_callback(ended)"), ["note"], "the wrapper puts it on");
    assert_eq!(within("task.add_done_callback(at)"), ["note"], "what is put on was not read");
}

#[test]
fn a_scope_keeps_what_its_exit_says_it_has_dealt_with() {
    let within = |scope: &str, given: &str| {
        levels(&format!(
            "class Answered:\n    def __init__(self, at):\n        self.at = at\n\n    def __enter__(self):\n        return self\n\n    \
             def __exit__(self, kind, failed, trace):\n        self.at.answer(failed)\n        {given}\n\n\n\
             async def work(at):\n    with {scope}(at):\n        if await outside.ask(at):\n            raise OSError(at)\n\n\n\
             async def start(at):\n    asyncio.create_task(work(at))\n"
        ))
    };
    assert_eq!(within("Answered", "return True"), ["warning"]);
    assert_eq!(within("Answered", "return failed is None"), ["warning"], "on some way it may");
    assert_eq!(within("Answered", "return False"), ["error"]);
    assert_eq!(within("Answered", "print(kind)"), ["error"]);
    assert_eq!(within("outside.scope", "return False"), ["warning"], "what its exit does was not read");
}

#[test]
fn a_module_that_refuses_to_be_imported_starts_nothing() {
    let start = "async def work(at):\n    if await outside.ask(at):\n        raise OSError(at)\n\n\nasync def start(at):\n    asyncio.create_task(work(at))\n";
    assert_eq!(levels(start), ["error"]);
    assert_eq!(levels(&format!("raise ImportError('gone')\n\n\n{start}")), [] as [Value; 0]);
    assert_eq!(levels(&format!("if outside.old:\n    raise ImportError('gone')\n\n\n{start}")), ["error"]);
    let called = |sync: &str| {
        levels(&format!(
            "SYNC = {sync}\n\n\n{start}\n\nasync def serve(at):\n    if not SYNC:\n        await start(at)\n"
        ))
    };
    assert_eq!((called("True"), called("False")), (vec![], vec!["error".into()]), "where it is called, nothing runs");
}

#[test]
fn a_decorator_of_the_program_may_handle_what_is_raised() {
    let marked = |mark: &str| {
        levels(&format!(
            "def logged(work):\n    return outside.logged(work)\n\n\n{mark}async def fetch(at):\n    \
             raise OSError(await outside.fetch(at))\n\n\nasync def start(at):\n    asyncio.create_task(fetch(at))\n"
        ))
    };
    assert_eq!((marked("@logged\n"), marked("")), (vec!["warning".into()], vec!["error".into()]));
}

#[test]
fn only_what_runs_here_raises_here() {
    assert_eq!(runs("await asyncio.wait_for(fetch(at), 5)"), ["error"]);
    let kept = "told.add(asyncio.create_task(fetch(at)))\n    await outside.fetch(at)";
    assert_eq!(runs(kept), ["warning"], "what the other task raises is that one's");
    let generator = levels(
        "async def items(at):\n    yield at\n    raise OSError(await outside.fetch(at))\n\n\n\
         async def work(at):\n    outside.show(items(at))\n    await outside.fetch(at)\n\n\n\
         async def start(at):\n    asyncio.create_task(work(at))\n",
    );
    assert_eq!(generator, ["warning"], "a generator that is made has not begun");
}

#[test]
fn what_is_raised_of_a_class_that_is_not_known_may_be_what_is_handled() {
    let handled = |class: &str| {
        runs(&format!(
            "try:\n        raise outside.failure(await outside.fetch(at))\n    except {class}:\n        print(at)"
        ))
    };
    assert_eq!(handled("outside.Failure"), ["warning"]);
    assert_eq!(handled("KeyError"), ["warning"]);
    assert_eq!(handled("asyncio.CancelledError"), ["error"], "a cancellation is no failure");
    assert_eq!(runs("raise outside.failure(await outside.fetch(at))"), ["error"], "nobody handles anything");
    let translated = |made: &str| {
        levels(&format!(
            "def translated(at) -> BaseException:\n    return outside.translated(at)\n\n\n\
             async def work(at):\n    try:\n        raise {made}(await outside.fetch(at))\n    except KeyError:\n        \
             print(at)\n\n\nasync def start(at):\n    asyncio.create_task(work(at))\n"
        ))
    };
    assert_eq!(translated("translated"), ["warning"], "it may be any exception");
    assert_eq!(translated("Exception"), ["error"], "it is this one");
}

#[test]
fn a_function_is_no_others_where_all_callers_give_it_their_own() {
    let given = |body: &str| {
        levels(&format!(
            "async def check(at):\n    {body}\n\n\n\
             async def tick(function: typing.Callable):\n    while outside.more():\n        await asyncio.sleep(1)\n        \
             asyncio.create_task(function(1))\n\n\nasync def main():\n    await tick(check)\n"
        ))
    };
    assert_eq!(given("await outside.fetch(at)"), ["error"]);
    let handled = "try:\n        await outside.fetch(at)\n    except Exception:\n        print(at)";
    assert_eq!(given(handled), ["warning"]);
}

#[test]
fn what_others_wrote_may_raise_anything() {
    assert_eq!(runs("await told(at)"), ["error"]);
    assert_eq!(runs("try:\n        await told(at)\n    except Exception:\n        print(at)"), ["warning"]);
    let hook = |body: &str| {
        levels(&format!(
            "class View:\n    async def on_end(self):\n        {body}\n\n    async def end(self):\n        asyncio.create_task(self.on_end())\n"
        ))
    };
    assert_eq!(hook("raise NotImplementedError"), ["error"], "it is there for others to write");
    assert_eq!(hook("await outside.end(self)"), ["warning"]);
}

#[test]
fn what_is_to_go_on_for_ever_is_lost_when_it_does_not() {
    let beat = |around: &str| {
        levels(&format!(
            "async def beat():\n    {around}:\n        await outside.beat()\n\n\nasync def start():\n    asyncio.create_task(beat())\n"
        ))
    };
    assert_eq!((beat("while True"), beat("if outside.ready()")), (vec!["error".into()], vec!["warning".into()]));
    let told = |handler: &str| {
        levels(&format!(
            "async def beat(writer):\n    try:\n        while True:\n            await outside.beat(writer)\n    {handler}\n\n\n\
             async def serve(reader: asyncio.StreamReader, writer):\n    while await reader.readline():\n        \
             asyncio.create_task(beat(writer))\n"
        ))
    };
    assert_eq!(told("finally:\n        outside.end(writer)"), ["error"]);
    assert_eq!(told("except Exception as failed:\n        print(failed)"), ["warning"], "its own handler hears of it");
}

#[test]
fn a_try_that_holds_nothing_but_the_start_was_to_handle_its_failures() {
    let tried = |before: &str, handler: &str| {
        levels(&format!(
            "async def start(at):\n    try:\n        {before}asyncio.create_task(outside.fetch(at))\n    except {handler}\n"
        ))
    };
    let counts = "Exception:\n        print(at)";
    assert_eq!(tried("", counts), ["error"]);
    assert_eq!(tried("print(at)\n        ", counts), ["warning"], "it may be for something else");
    assert_eq!(tried("", "RuntimeError:\n        print(at)"), ["warning"], "it is for a loop that does not run");
    assert_eq!(tried("", "Exception:\n        pass"), ["warning"], "it handles nothing");
}

#[test]
fn what_is_lost_counts_for_nothing_where_something_speaks_for_it() {
    let ended = |name: &str| {
        levels(&format!(
            "class Link:\n    async def bye(self):\n        raise OSError(await outside.send(self))\n\n    \
             async def {name}(self):\n        asyncio.create_task(self.bye())\n"
        ))
    };
    assert_eq!((ended("renew"), ended("close")), (vec!["error".into()], vec!["note".into()]));
}
