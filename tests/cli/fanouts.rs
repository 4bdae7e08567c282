//! How bad a fan-out is: what of it is lost, and who would know.

use serde_json::Value;

use crate::project::{Project, outside};

/// The level of what is said of a Python program's fan-out, if anything is.
fn level(text: &str) -> Value {
    let text = format!("import asyncio\nimport outside\n\n\n{text}");
    let all = Project::with(&[("pyproject.toml", ""), ("a.py", &text), ("outside.py", &outside())])
        .json(&["--select=raw-gather"]);
    all["findings"][0]["level"].clone()
}

#[test]
fn failures_that_nobody_else_has_are_lost() {
    let gather = |items: &str| {
        format!(
            "async def tell(users):\n    tasks = {items}\n    await asyncio.gather(*tasks, return_exceptions=True)\n"
        )
    };
    assert_eq!(level(&gather("[user() for user in users]")), "error", "others wrote what runs");
    assert_eq!(level(&gather("[outside.send(user) for user in users]")), "note", "the program mostly tells of its own");
    let told_to_stop = "async def close(items):\n    tasks = [asyncio.create_task(outside.send(item)) for item in items]\n    \
                        await outside.first(tasks)\n    for task in tasks:\n        if outside.is_late(task):\n            task.cancel()\n    \
                        await asyncio.gather(*tasks, return_exceptions=True)\n";
    assert_ne!(level(told_to_stop), "error", "some were told to stop");
}

#[test]
fn what_made_the_items_is_not_what_is_run_for_each() {
    let work = |body: &str| {
        level(&format!(
            "from concurrent.futures import ThreadPoolExecutor\n\n\ndef save(item):\n    {body}\n\n\n\
             def start(convert, items):\n    made = []\n    for item in items:\n        made.append(convert(item))\n    \
             with ThreadPoolExecutor(max_workers=2) as pool:\n        pool.map(save, made)\n"
        ))
    };
    assert_eq!(work("item()"), "error");
    let handled = "try:\n        item()\n    except Exception as failed:\n        print(failed)";
    assert_eq!(work(handled), "note", "`convert` ran before");
}

#[test]
fn what_a_decorator_does_with_failures_is_not_seen() {
    let setup = |mark: &str| {
        format!(
            "async def set_up(tools):\n{mark}    async def one(tool):\n        await tool()\n\n    \
             await asyncio.gather(*(one(tool) for tool in tools), return_exceptions=True)\n"
        )
    };
    assert_eq!((level(&setup("")), level(&setup("    @outside.logged\n"))), ("error".into(), "note".into()));
}

#[test]
fn what_a_callback_is_put_on_runs_and_is_asked() {
    let cron =
        "def call(job, told):\n    asyncio.gather(job(), job(), return_exceptions=True).add_done_callback(told)\n";
    assert_eq!(level(cron), Value::Null);
}

#[test]
fn what_ends_gives_up_on_what_does_not_end_in_time() {
    let within = |name: &str| {
        format!(
            "class Context:\n    def __init__(self, links):\n        self.links = links\n\n    async def {name}(self):\n        \
             tasks = [asyncio.create_task(link.flush()) for link in self.links]\n        \
             done, _ = await asyncio.wait(tasks, timeout=3)\n        return [task.result() for task in done]\n"
        )
    };
    assert_eq!((level(&within("poll")), level(&within("shutdown"))), ("note".into(), Value::Null));
}

#[test]
fn a_task_that_nobody_asks_tells_of_its_failure_itself() {
    let wait = "async def tell(users):\n    tasks = [asyncio.create_task(outside.send(user)) for user in users]\n    await asyncio.wait(tasks)\n";
    assert_eq!(level(wait), "note");
}

#[test]
fn where_one_fails_the_others_may_well_go_on() {
    let tasks = "async def tell(users):\n    tasks = [asyncio.create_task(outside.send(user)) for user in users]\n    await asyncio.gather(*tasks)\n";
    assert_eq!(level(tasks), "note");
    let race = |around: &str| {
        format!(
            "async def next(sockets, reader: asyncio.StreamReader):\n{around}        for first in \
             asyncio.as_completed([outside.read(socket) for socket in sockets]):\n            await first\n            break\n"
        )
    };
    assert_eq!(level(&race("    while await reader.readline():\n")), "error", "the slower ones pile up");
    assert_eq!(level(&race("    if sockets:\n")), "note", "nobody knows how often");
}

#[test]
fn a_helper_whose_failures_many_drop_is_told_of_once() {
    let calls = |count: usize| {
        let callers: String =
            (0..count).map(|at| format!("\n\nasync def tell{at}(users):\n    await send_all(users)\n")).collect();
        let text = format!(
            "import asyncio\nimport outside\n\n\nasync def send_all(users):\n    \
             return await asyncio.gather(*[user() for user in users], return_exceptions=True)\n{callers}"
        );
        let all = Project::with(&[("pyproject.toml", ""), ("a.py", &text), ("outside.py", &outside())])
            .json(&["--select=raw-gather"]);
        let lines = all["findings"].as_array().unwrap().iter();
        lines
            .filter(|it| it["level"] == "error")
            .map(|it| it["location"]["start"]["line"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!((calls(2), calls(4)), (vec![10, 14], vec![6]));
}
