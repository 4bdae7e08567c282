//! What is made from itself is read to an end: variables, fields, functions, types, imports and loops that go in circles.
//! What is said of a circle does not depend on which of it is read first.

mod support;

use std::fs;

use serde_json::Value;
use support::{each, report, temporary_folder, unleak};

/// Python statements after which `x`, `y`, `f`, `g` and `self.x` depend on themselves.
const PYTHON: &[&str] = &[
    "x = x.next()",
    "x = x",
    "x, y = y, x",
    "x = y.a; y = x.a",
    "x = [x]",
    "x = {1: x}; x = x[1]",
    "x = lambda: x",
    "x = f(g, x)",
    "x = await x",
    "x = await g(x)",
    "x += x",
    "x = x if x else y",
    "x = x or y; y = y or x",
    "self.x = self.x.next()",
    "self.x = self.y; self.y = self.x",
    "self.x = self; x = self.x.x.x",
    "self.x.append(self.x)",
    "x = asyncio.shield(x)",
    "x = asyncio.gather(*x)",
    "x = [a for a in x]",
    "x = asyncio.create_task(self.run(x))",
    "x = partial(x, x)",
    "x.add_done_callback(x)",
    "x = max(x, y); y = min(x, y)",
    "x = self.run(self.run(x))",
    "for x in x: y = x",
    "async for x in x: pass",
    "async with x as x: pass",
    "x = A(x)",
    "x = x()",
    "global f; f = g",
    "x = queue.get(); queue.put_nowait(x)",
    "queue = queue",
    "limit = limit + 1",
    "del x; x = x",
];

/// Rust statements of the same sort.
const RUST: &[&str] = &[
    "x = x.next();",
    "let x = x;",
    "let (x, y) = (y, x);",
    "x = y.a; y = x.a;",
    "let x = vec![x];",
    "let x = || x;",
    "let x = move || { x() };",
    "x = f(x); x = g(x);",
    "let x = x.await;",
    "let x = async move { x.await };",
    "x += x;",
    "x = if x { x } else { y };",
    "self.x = self.x.next();",
    "self.x = self.y; self.y = self.x;",
    "let x = self.x.x.x.clone();",
    "self.x.push(self.x.clone());",
    "let x = Arc::new(x.clone());",
    "let x = join_all(x).await;",
    "let x: Vec<_> = x.into_iter().map(|x| x).collect();",
    "let x = tokio::spawn(self.run(x));",
    "let x = self.run(self.run(x));",
    "for x in x { y = x; }",
    "while let Some(x) = x.next().await { y = x; }",
    "loop { x = x.parent(); if x.is_none() { break; } }",
    "let x = A { x: x };",
    "let x = x()?;",
    "match x { x => y = x }",
    "let Some(x) = x else { return };",
    "tokio::select! { x = x => {}, y = self.run(x) => {} }",
    "let (tx, rx) = mpsc::channel(LIMIT); tx.send(rx); rx.recv().send(tx);",
];

fn python(statement: &str) -> String {
    format!(
        "import asyncio\nfrom functools import partial\nfrom a import *\nimport a\n\n\
         limit = limit\n\n\
         def f(x, y=None):\n    return g(x)\n\n\
         def g(x):\n    return f(x, f)\n\n\
         class A(B):\n    @property\n    def size(self):\n        return self.size\n\n    \
         async def run(self, x, y=None):\n        queue = asyncio.Queue(limit)\n        while True:\n            \
         {statement}\n            if x.closed() or self.x.closed():\n                return y\n            \
         asyncio.create_task(self.run(x))\n            await asyncio.gather(*x)\n            queue.put_nowait(x)\n            \
         self.count += 1\n\n\
         class B(A):\n    def __init__(self, x):\n        self.x = x\n        self.count = 0\n        \
         self.task = asyncio.create_task(self.run(self.task))\n",
    )
}

fn rust(statement: &str) -> String {
    format!(
        "use std::sync::Arc;\nuse tokio::sync::mpsc;\npub use self::a::*;\nmod a {{ pub use super::*; }}\n\
         type X = Y;\ntype Y = X;\nconst LIMIT: usize = LIMIT;\ntrait T: U {{}}\ntrait U: T {{}}\n\
         struct A {{ x: Arc<A>, y: X }}\n\
         fn f(x: X) -> impl T {{ g(x) }}\nfn g(x: X) -> impl T {{ f(x) }}\n\
         impl A {{\n    async fn run(self: Arc<Self>, mut x: X, mut y: Y) {{\n        \
         loop {{\n            {statement}\n            if x.closed() {{ return; }}\n            \
         tokio::spawn(self.clone().run(x, y));\n            join_all(x).await;\n            self.x.push(x);\n        }}\n    }}\n}}\n\
         impl Drop for A {{ fn drop(&mut self) {{ self.x.drop(); drop(self.y); }} }}\n",
    )
}

#[test]
fn what_is_made_from_itself_is_read_to_an_end() {
    let files =
        PYTHON.iter().map(|one| ("a.py", python(one), *one)).chain(RUST.iter().map(|one| ("a.rs", rust(one), *one)));
    let wrong = each(files.collect(), |(name, text, statement)| {
        let folder = temporary_folder();
        fs::write(folder.path().join(name), text).expect("a temporary file");
        let ran = unleak(folder.path(), &["census", ".", "--format", "json"]);
        let read = serde_json::from_str::<Value>(&ran.stdout).is_ok_and(|census| !census["resources"].is_null());
        (!read).then(|| format!("{name}, `{statement}`: {:?} {}", ran.code, ran.stderr.lines().last().unwrap_or("")))
    });
    report("programs that go in circles", &wrong.into_iter().flatten().collect::<Vec<_>>());
}

/// Imports of a package, in its own `__init__.py`, of what it does not have.
const NOWHERE: &[&str] = &[
    "from pkg.gone import gone\nx = gone\n",
    "from pkg.gone.gone import gone\nx = gone.gone\n",
    "from pkg import gone\nx = gone.gone.gone\n",
    "import pkg.gone as gone\nx = gone.x.gone.x\n",
    "from .gone import gone\nx = gone.x.x\n",
    "from pkg.gone import *\nfrom pkg import *\nfrom pkg.gone import gone\nx = gone.x\n",
    "from pkg.gone import x\nfrom pkg.x import gone\ny = x.gone.x\n",
];

#[test]
fn imports_that_lead_nowhere_are_followed_once() {
    let wrong = each(NOWHERE.to_vec(), |imports| {
        let folder = temporary_folder();
        fs::create_dir(folder.path().join("pkg")).expect("a temporary folder");
        let uses = "def f(a: gone) -> x:\n    return gone(x)\n\ndef g(a: Client) -> x:\n    return f(gone.x)\n";
        fs::write(folder.path().join("pkg/__init__.py"), format!("{imports}{uses}")).expect("a temporary file");
        let ran = unleak(folder.path(), &["check", "."]);
        (ran.code != Some(0)).then(|| format!("{imports:?}: {:?} {}", ran.code, ran.stderr))
    });
    report("imports that lead nowhere", &wrong.into_iter().flatten().collect::<Vec<_>>());
}

/// Modules that call each other, or get their names from each other, by what stands for the name of each; and how often the
/// task that each starts is started.
const AROUND: &[(&str, [&str; 3], &str)] = &[
    (
        "functions that call each other, one of them called for each message",
        [
            "import asyncio\nimport Q\nasync def p():\n    asyncio.create_task(asyncio.sleep(1))\n    await Q.q()\n",
            "import asyncio\nimport R\nasync def q():\n    asyncio.create_task(asyncio.sleep(1))\n    await R.r()\n",
            "import asyncio\nimport P\nasync def r():\n    asyncio.create_task(asyncio.sleep(1))\n    await P.p()\n\
             async def listen(socket):\n    async for message in socket:\n        await r()\n",
        ],
        "per-event",
    ),
    (
        "a parameter that goes round",
        [
            "import asyncio\nimport Q\ndef p(runs):\n    runs.create_task(asyncio.sleep(1))\n    Q.q(runs)\n",
            "import asyncio\nimport R\ndef q(runs):\n    runs.create_task(asyncio.sleep(1))\n    R.r(runs)\n",
            "import asyncio\nimport P\ndef r(runs):\n    runs.create_task(asyncio.sleep(1))\n    P.p(runs)\n\
             async def listen(socket):\n    async for message in socket:\n        r(asyncio.get_running_loop())\n",
        ],
        "per-event",
    ),
    (
        "names that modules take over from each other",
        [
            "from Q import *\nfrom R import *\nasync def p():\n    start(aio.sleep(1))\n",
            "from P import *\nasync def q():\n    start(aio.sleep(1))\n",
            "import asyncio as aio\nfrom asyncio import create_task as start\n\
             async def r():\n    start(aio.sleep(1))\n",
        ],
        "unknown",
    ),
];

const ORDERS: [[&str; 3]; 6] =
    [["a", "b", "c"], ["a", "c", "b"], ["b", "a", "c"], ["b", "c", "a"], ["c", "a", "b"], ["c", "b", "a"]];

#[test]
fn what_is_said_of_a_circle_is_the_same_from_everywhere() {
    let tried = AROUND.iter().flat_map(|around| ORDERS.map(|names| (around, names)));
    let wrong = each(tried.collect(), |((what, modules, often), names)| {
        let folder = temporary_folder();
        for (module, name) in modules.iter().zip(names) {
            let text = ["P", "Q", "R"].iter().zip(names).fold((*module).to_owned(), |text, (stands_for, name)| {
                text.replace(&format!("import {stands_for}"), &format!("import {name}"))
                    .replace(&format!("from {stands_for} "), &format!("from {name} "))
                    .replace(&format!("{stands_for}."), &format!("{name}."))
            });
            fs::write(folder.path().join(format!("{name}.py")), text).expect("a temporary file");
        }
        let ran = unleak(folder.path(), &["census", ".", "--format", "json"]);
        let census: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
        let rows = census["resources"].as_array().cloned().unwrap_or_default();
        let said: Vec<&str> = rows.iter().filter_map(|row| row["many"].as_str()).collect();
        (said != [*often; 3]).then(|| format!("{what}, as {names:?}: {said:?}"))
    });
    report("circles that differ with what is read first", &wrong.into_iter().flatten().collect::<Vec<_>>());
}

/// Large programs are written so: each module takes over all names of all others. Who follows each of them anew through
/// each of them never comes to an end.
#[test]
fn modules_that_all_take_over_each_others_names_are_read_to_an_end() {
    const MODULES: usize = 40;
    let folder = temporary_folder();
    let write = |name: String, text: String| fs::write(folder.path().join(name), text).expect("a temporary file");
    let declared: String = (0..MODULES).map(|at| format!("mod m{at};\n")).collect();
    // An alias of the name is somewhere, but in none of them.
    let alias = "type Sender<T> = tokio::sync::mpsc::UnboundedSender<T>;\n";
    write("main.rs".to_owned(), format!("{declared}{alias}fn main() {{}}\n"));
    for at in 0..MODULES {
        let others = (0..MODULES).filter(|other| *other != at);
        let taken: String = others.map(|other| format!("pub use crate::m{other}::*;\n")).collect();
        let own = format!("pub struct S{at} {{ to: Sender<Nothing> }}\nfn f{at}(s: &S{at}) {{ s.to.send(1); }}\n");
        write(format!("m{at}.rs"), taken + &own);
    }
    let ran = unleak(folder.path(), &["check", "."]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
