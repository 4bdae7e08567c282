//! How bad a queue without a bound is: who sets the pace at which it is filled.

use serde_json::Value;

use crate::project::Project;

/// The lint is a note of itself; raised, it shows how strong the evidence is.
const RAISED: &str = "--config=levels.unbounded-queue=error";

/// The level of what is said of a program's queue, if anything is.
fn level(file: &str, text: &str) -> Value {
    finding(file, text)["level"].clone()
}

/// What it rests on beyond the code.
fn assumed(file: &str, text: &str) -> Value {
    finding(file, text)["assumption"].clone()
}

fn finding(file: &str, text: &str) -> Value {
    let root = if file.ends_with(".rs") {
        (
            "Cargo.toml",
            "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\ntokio = \"1\"\n",
        )
    } else {
        ("pyproject.toml", "")
    };
    Project::with(&[root, (file, text)]).json(&[RAISED])["findings"][0].clone()
}

/// A class with a queue, a consumer, and the code that fills it.
fn python(filler: &str) -> String {
    format!(
        "import asyncio\nimport logging\nimport outside\n\n\nclass Relay(outside.Base):\n    def __init__(self, reader: asyncio.StreamReader):\n        \
         self.reader, self.parser = reader, outside.Parser()\n        self.items = asyncio.Queue()\n\n    \
         async def run(self):\n        while True:\n            await outside.upload(await self.items.get())\n\n{filler}"
    )
}

fn of(filler: &str) -> Value {
    level("a.py", &python(filler))
}

#[test]
fn what_is_received_in_a_loop_is_an_error() {
    let read = "    async def fill(self):\n        while True:\n            data = await self.reader.read(100)\n";
    assert_eq!(of(&format!("{read}            self.items.put_nowait(data)\n")), "error");
    let decoded =
        "            self.add(outside.decode(data))\n\n    def add(self, item):\n        self.items.put_nowait(item)\n";
    assert_eq!(of(&format!("{read}{decoded}")), "error", "decoded, and added by another function");
    let fed = "            self.parser.feed(data)\n            for item in self.parser:\n                self.items.put_nowait(item)\n";
    assert_eq!(of(&format!("{read}{fed}")), "error", "a piece of what a parser was fed");
    let declared = python(
        "    async def fill(self, line: \"Line\"):\n        while True:\n            self.items.put_nowait(await line.read())\n",
    );
    let line = "\n\nclass Line:\n    async def read(self) -> bytes: ...\n";
    assert_eq!(level("a.py", &format!("{declared}{line}")), "error", "a method that is only declared");
    let itself = "    async def fill(self):\n        stream = outside.stream()\n        while True:\n            stream = stream or outside.stream()\n            \
                  async for item in stream:\n                self.items.put_nowait(item)\n";
    assert_eq!(of(itself), "error", "a stream in a variable that is made from itself");
}

#[test]
fn what_code_that_was_not_read_hands_in_is_a_note() {
    assert_eq!(
        of("    def on_message(self, data):\n        self.items.put_nowait(data)\n"),
        "note",
        "a method of its base"
    );
    let given = "    def listen(self):\n        outside.on_data(self.take)\n\n    def take(self, data):\n        self.items.put_nowait(data)\n";
    assert_eq!(of(given), "note", "a callback");
    let method =
        "    async def serve(self, app):\n        send = self.items.put\n        await app(self.reader, send)\n";
    assert_eq!(of(method), "note", "the queue's own method");
    let polled = "    def fill(self):\n        while not outside.closed():\n            data = outside.read()\n            if not data:\n                \
                  outside.sleep(1)\n                continue\n            self.items.put_nowait(data)\n";
    assert_eq!(of(polled), "note", "asked in a loop whether there is something");
}

#[test]
fn what_a_library_calls_for_each_message_is_an_error() {
    let handler = python("    async def on_message(self, data):\n        await self.items.put(data)\n")
        .replace("import outside", "import outside\nimport tornado.websocket")
        .replace("Relay(outside.Base)", "Relay(tornado.websocket.WebSocketHandler)");
    assert_eq!(level("a.py", &handler), "error");
}

#[test]
fn what_the_program_makes_for_itself_is_a_note() {
    let tick = "    async def fill(self):\n        while True:\n            await asyncio.sleep(1)\n            self.items.put_nowait(self.reader)\n";
    assert_eq!(of(tick), "note", "nothing comes in");
    let along = "    def start(self, jobs):\n        for job in jobs:\n            outside.call(self.take, job)\n\n    \
                 async def take(self, job):\n        self.items.put_nowait(job)\n";
    assert_eq!(of(along), "note", "a callback that is handed on with its argument");
}

#[test]
fn what_lives_for_one_call_is_a_note() {
    let one = |mark: &str, name: &str| {
        let body = "    items = asyncio.Queue()\n\n    async def feed():\n        async for item in socket:\n            await items.put(item)\n\n    \
                    task = asyncio.create_task(feed())\n    while not outside.is_over():\n        await outside.upload(await items.get())\n    await task\n";
        level(
            "a.py",
            &format!(
                "import asyncio\nimport fastapi\nimport outside\n\napp = fastapi.FastAPI()\n\n\n{mark}async def {name}(socket):\n{body}"
            ),
        )
    };
    assert_eq!(one("", "merge"), "note", "whoever calls it waits for what it has to do");
    assert_eq!(one("@app.websocket(\"/\")\n", "serve"), "error", "one for each client, as long as it stays");
}

#[test]
fn what_is_asked_for_comes_as_an_answer() {
    let read = |rest: &str| {
        of(&format!(
            "    async def fill(self):\n        while True:\n            self.answers.put_nowait(await self.reader.read(100))\n\n{rest}"
        ))
    };
    let ask = "    def open(self):\n        self.answers = asyncio.Queue()\n\n    async def ask(self):\n        await outside.send(\"ping\")\n        ";
    let answer = read(&format!("{ask}answer = await self.answers.get()\n        return answer == \"pong\"\n"));
    let next = read(&format!(
        "{}return await self.answers.get()\n",
        ask.replace("await outside.send(\"ping\")\n        ", "")
    ));
    assert_eq!((answer, next), ("note".into(), "error".into()));
}

#[test]
fn what_a_handler_is_given_reaches_so_far_only() {
    let hops = |count: usize| {
        let filler = "class Watch(outside.Base):\n    pass\n\n\napp = fastapi.FastAPI()\n\n\n@app.post(\"/\")\nasync def take(data, relay: Relay):\n    relay.step0(data)\n";
        let steps: String = (0..count)
            .map(|at| format!("    def step{at}(self, data):\n        self.step{}(data)\n\n", at + 1))
            .collect();
        let last = format!("    def step{count}(self, data):\n        self.items.put_nowait(data)\n\n\n");
        level(
            "a.py",
            &python(&format!("{steps}{last}{filler}")).replacen("import asyncio", "import asyncio\nimport fastapi", 1),
        )
    };
    assert_eq!((hops(1), hops(3)), ("error".into(), "note".into()));
}

#[test]
fn a_field_that_is_given_another_queue_is_told_of_once() {
    let filler = "    async def fill(self):\n        while True:\n            self.items.put_nowait(await self.reader.read(100))\n\n    \
                  def reset(self):\n        self.items = asyncio.Queue()\n";
    let all = Project::with(&[("pyproject.toml", ""), ("a.py", &python(filler))]).json(&[RAISED]);
    let levels: Vec<&str> =
        all["findings"].as_array().unwrap().iter().map(|it| it["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "note"]);
}

#[test]
fn a_list_that_is_met_in_very_many_places_is_data() {
    let read_in = |count: usize| {
        let filler = "    async def fill(self):\n        while True:\n            self.items.append(await self.reader.read(100))\n\n";
        let readers: String =
            (0..count).map(|at| format!("    def size{at}(self):\n        return len(self.items)\n\n")).collect();
        let listed = python(&format!("{filler}{readers}"))
            .replace("asyncio.Queue()", "[]")
            .replace("await outside.upload(await self.items.get())", "await outside.upload(self.items.pop(0))");
        level("a.py", &listed)
    };
    assert_eq!((read_in(200), read_in(600)), ("warning".into(), Value::Null));
}

/// A Rust program that accepts connections and sends something for each.
fn rust(declared: &str, arms: &str) -> Value {
    let text = {
        format!(
            "use tokio::{{net::TcpListener, sync::mpsc}};\n\n{declared}\npub async fn serve(listener: TcpListener) {{\n    \
             let (tx, mut rx) = mpsc::unbounded_channel();\n    tokio::spawn(async move {{ while rx.recv().await.is_some() {{}} }});\n    \
             loop {{\n        match listener.accept().await {{\n{arms}        }}\n    }}\n}}\n"
        )
    };
    level("src/lib.rs", &text)
}

#[test]
fn a_failure_is_no_flood() {
    let items = rust("", "            Ok(peer) => drop(tx.send(peer)),\n            Err(_) => continue,\n");
    let failures = rust("", "            Ok(_) => {}\n            Err(error) => drop(tx.send(error)),\n");
    assert_eq!((items, failures), ("error".into(), "note".into()));
}

#[test]
fn what_is_polled_until_it_is_ready_comes_in() {
    let text = |polled: &str| {
        let fields =
            "line: outside::Line, frames: mpsc::UnboundedSender<Vec<u8>>, inbox: mpsc::UnboundedReceiver<Vec<u8>>";
        format!(
            "use std::task::{{Context, Poll}};\nuse tokio::sync::mpsc;\n\npub struct Driver {{ {fields} }}\n\nimpl Driver {{\n    \
             pub fn new(line: outside::Line) -> (Self, mpsc::UnboundedReceiver<Vec<u8>>) {{\n        \
             let (frames, other) = mpsc::unbounded_channel();\n        let (_, inbox) = mpsc::unbounded_channel();\n        \
             (Self {{ line, frames, inbox }}, other)\n    }}\n\n    pub fn drive(&mut self, cx: &mut Context<'_>) {{\n        loop {{\n            \
             match {polled}(cx) {{\n                Poll::Ready(Some(frame)) => drop(self.frames.send(frame)),\n                \
             _ => return,\n            }}\n        }}\n    }}\n}}\n"
        )
    };
    assert_eq!(assumed("src/lib.rs", &text("self.line.poll_frame")), "this code runs more than once");
    let own = assumed("src/lib.rs", &text("self.inbox.poll_recv"));
    assert_eq!(own, "others set the pace at which it is filled", "from a queue of the program's own");
}

#[test]
fn commands_that_carry_nothing_are_no_flood() {
    let arms = "            Ok((peer, from)) => drop(tx.send(Event::Came(from.port(), peer.into()))),\n            Err(_) => continue,\n";
    let number = "pub enum Event { Came(u16, u8), Asked(tokio::sync::oneshot::Sender<bool>), Gone }\n";
    let bytes = "pub enum Event { Came(u16, Vec<u8>), Gone }\n";
    assert_eq!((rust(number, arms), rust(bytes, arms)), ("note".into(), "error".into()));
}

#[test]
fn a_bound_that_is_handed_in_is_told_of_each_caller() {
    let text = "use tokio::sync::mpsc;\n\npub struct Sender(mpsc::Sender<u8>);\n\n\
                pub fn named(capacity: usize) -> (Sender, mpsc::Receiver<u8>) {\n    bounded(capacity)\n}\n\n\
                fn bounded(capacity: usize) -> (Sender, mpsc::Receiver<u8>) {\n    let (tx, rx) = mpsc::channel(capacity);\n    (Sender(tx), rx)\n}\n\n\
                pub fn start(settings: &Settings) {\n    let frames = named(settings.frames);\n    let words = bounded(8);\n    serve(frames, words);\n    pump(4);\n}\n\n\
                fn pump(capacity: usize) -> usize {\n    let (tx, rx) = mpsc::channel(capacity);\n    serve(tx, rx);\n    capacity\n}\n";
    let project = Project::with(&[("Cargo.toml", "[package]\nname = \"a\"\n"), ("src/lib.rs", text)]);
    let census: Value = serde_json::from_str(&project.run(&["census", "--format=json"]).out).unwrap();
    let rows = census["resources"].as_array().unwrap().iter().filter(|row| row["kind"] == "queue");
    let told: Vec<_> = rows
        .map(|row| (row["location"]["start"]["line"].as_u64().unwrap(), row["bound"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(
        told,
        [(10, "`frames`".to_owned()), (15, "`settings.frames`".to_owned()), (16, "8".to_owned()), (22, "4".to_owned())],
        "the last is not handed out"
    );
}
