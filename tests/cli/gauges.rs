//! How bad a count is that stays up: what would still look at it.

use serde_json::Value;

use crate::project::Project;

fn level(text: &str) -> Value {
    let text = format!("import asyncio\nimport outside\n\n\n{text}");
    let all = Project::with(&[("pyproject.toml", ""), ("a.py", &text)]).json(&["--select=ungated-gauge"]);
    all["findings"][0]["level"].clone()
}

#[test]
fn an_object_that_could_not_be_entered_is_mostly_thrown_away() {
    let client = |between: &str, last: &str| {
        format!(
            "class Client:\n    def __init__(self):\n        self.depth = 0\n\n    async def __aenter__(self):\n        self.depth += 1\n{between}        \
             return self\n\n    async def __aexit__(self, *about):\n{last}        self.depth -= 1\n\n    def is_open(self):\n        return self.depth > 0\n"
        )
    };
    let waits = "        await outside.connect()\n";
    assert_eq!(level(&client(waits, "")), "note", "its entry fails");
    assert_eq!(level(&client("", waits)), "error", "its exit does");
}

#[test]
fn a_cancellation_at_the_end_is_one_too_many() {
    let call = |tried: &str, last: &str| {
        format!(
            "class Room:\n    def __init__(self):\n        self.size, self.free = 0, asyncio.Condition()\n\n    async def send(self):\n        \
             self.size += 1\n{tried}        try:\n            await outside.send()\n        finally:\n{last}            self.size -= 1\n\n    \
             def is_full(self):\n        return self.size > 8\n"
        )
    };
    let waits = "            await self.free.acquire()\n";
    assert_eq!(level(&call("", waits)), "note");
    assert_eq!(level(&call("        await outside.ready()\n", "")), "error");
}

#[test]
fn who_leaves_it_up_at_an_ordinary_end_may_hand_it_on() {
    let take = |refused: &str| {
        format!(
            "class Room:\n    def __init__(self):\n        self.size = 0\n\n    def take(self, item):\n        self.size += 1\n        \
             {refused}\n        self.size -= 1\n        return None\n\n    def is_full(self):\n        return self.size > 8\n"
        )
    };
    assert_eq!(level(&take("if outside.has(item):\n            return outside.around(item)")), "note");
    let raised = take("if outside.has(item):\n            raise ValueError(item)");
    assert_eq!(level(&raised), "note", "what it was raised for mostly goes with it");
}

#[test]
fn of_what_the_program_runs_itself_nobody_cancels_one_turn() {
    let room = |runs: &str| {
        format!(
            "class Room:\n    def __init__(self):\n        self.size = 0\n\n    async def send(self, line):\n        self.size += 1\n        \
             try:\n            await outside.send(line)\n        except Exception:\n            pass\n        self.size -= 1\n\n    \
             def is_full(self):\n        return self.size > 8\n\n{runs}"
        )
    };
    let turns = "    async def serve(self, reader: asyncio.StreamReader):\n        while line := await reader.readline():\n            \
                 await self.send(line)\n";
    assert_eq!(level(&room("")), "error", "a caller that is not seen may give up on it");
    assert_eq!(level(&room(turns)), "note");
}

#[test]
fn who_waits_for_a_lock_is_seldom_cancelled_there() {
    let room = |wait: &str| {
        format!(
            "class Room:\n    def __init__(self):\n        self.size, self.turn = 0, asyncio.{wait}\n\n    async def send(self, line):\n        \
             self.size += 1\n        async with self.turn:\n            try:\n                await outside.send(line)\n            \
             finally:\n                self.size -= 1\n\n    def is_full(self):\n        return self.size > 8\n"
        )
    };
    assert_eq!(level(&room("Lock()")), "note");
    assert_eq!(level(&room("Semaphore(4)")), "error", "who holds it may do so for long");
}
