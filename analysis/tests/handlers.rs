//! Functions that a library calls by itself run once per event: by a decorator, by being handed over, by overriding.

use unleak_analysis::ledger::{Answer, Kind, Many};
use unleak_analysis::source::{Language, Source};
use unleak_analysis::{Analysis, Counting, Course, analyse};
use unleak_catalogue::Catalogue;

fn analysed(files: &[(&str, &str)], counting: Counting) -> Analysis {
    let sources: Vec<Source> =
        files.iter().map(|(path, text)| Source::from_bytes(path, Language::Python, text.as_bytes())).collect();
    analyse(&sources, Catalogue::embedded(), &Course::to_the_end(counting))
}

/// How often the tasks of a program are born, in the order of the text.
fn tasks(text: &str) -> Vec<Many> {
    let analysis = analysed(&[("app.py", text)], Counting::Resources);
    analysis.ledger.census().iter().filter(|entry| entry.kind == Kind::Task).map(|entry| entry.many).collect()
}

#[test]
fn a_decorator_that_is_a_variables_method_makes_a_handler() {
    let text = "import asyncio\nfrom fastapi import FastAPI\napp = FastAPI()\n\n\
                @app.get('/')\nasync def index():\n    asyncio.create_task(work())\n\n\
                @app.on_event('startup')\nasync def start():\n    asyncio.create_task(work())\n";
    assert_eq!(tasks(text), [Many::PerEvent, Many::Unknown]);
}

#[test]
fn the_variable_may_be_local_or_imported() {
    let local = "import asyncio\nfrom aiohttp import web\n\ndef make():\n    routes = web.RouteTableDef()\n\n    \
                 @routes.get('/')\n    async def index(request):\n        asyncio.create_task(work())\n";
    assert_eq!(tasks(local), [Many::PerEvent]);
    let bot = "from discord.ext import commands\nbot = commands.Bot('!')\n";
    let cog = "import asyncio\nfrom bot import bot\n\n@bot.event\nasync def on_message(message):\n    asyncio.create_task(work())\n";
    let analysis = analysed(&[("bot.py", bot), ("cog.py", cog)], Counting::Resources);
    let many: Vec<Many> = analysis.ledger.census().iter().map(|entry| entry.many).collect();
    assert_eq!(many, [Many::PerEvent]);
}

#[test]
fn a_method_that_a_librarys_class_calls_is_a_handler() {
    let text = "import asyncio\n\nclass Base(asyncio.Protocol):\n    pass\n\nclass Lines(Base):\n    \
                def data_received(self, data):\n        asyncio.create_task(work())\n\n    \
                def other(self):\n        asyncio.create_task(work())\n";
    assert_eq!(tasks(text), [Many::PerEvent, Many::Unknown]);
}

#[test]
fn a_class_of_ones_own_with_such_methods_makes_no_handlers() {
    let text = "import asyncio\n\nclass App:\n    def get(self, path):\n        return lambda f: f\n\napp = App()\n\n\
                @app.get('/')\nasync def index():\n    asyncio.create_task(work())\n\n\
                class Lines:\n    def data_received(self, data):\n        asyncio.create_task(work())\n";
    assert_eq!(tasks(text), [Many::Unknown, Many::Unknown]);
}

#[test]
fn a_handler_reached_through_an_attribute_of_a_librarys_type() {
    let text = "import asyncio\nfrom aiohttp import web\n\nasync def index(request):\n    asyncio.create_task(work())\n\n\
                def make(app: web.Application):\n    app.router.add_get('/', index)\n";
    assert_eq!(tasks(text), [Many::PerEvent]);
}

#[test]
fn a_decorator_may_make_an_object_of_a_function() {
    let text = "from discord.ext import commands, tasks\n\nclass Ticks(commands.Cog):\n    def __init__(self):\n        \
                self.tick.start()\n\n    @tasks.loop(seconds=5)\n    async def tick(self):\n        pass\n";
    let analysis = analysed(&[("ticks.py", text)], Counting::Resources);
    let [entry] = analysis.ledger.census() else { panic!("{:?}", analysis.ledger.census()) };
    assert_eq!((entry.maker.as_str(), entry.answer), ("self.tick.start", Answer::No));
}

#[test]
fn a_function_decorated_with_a_method_of_itself_is_read() {
    let text = "import asyncio\n\n@f.register\ndef f():\n    asyncio.create_task(work())\n";
    assert_eq!(tasks(text), [Many::Unknown]);
}

#[test]
fn decorators_that_decorate_each_other_are_read() {
    let class =
        "import asyncio\n\nclass A:\n    @a.m\n    def m(self):\n        asyncio.create_task(work())\n\na = A()\n";
    assert_eq!(tasks(class), [Many::Unknown]);
    let one = "import two\nimport asyncio\n\n@two.f\ndef g():\n    asyncio.create_task(work())\n";
    let two = "import one\n\n@one.g\ndef f():\n    pass\n\nx = f()\n\n@x.h\ndef k():\n    return f()\n";
    let analysis = analysed(&[("one.py", one), ("two.py", two)], Counting::Resources);
    assert_eq!(analysis.ledger.census().len(), 1);
}

#[test]
fn a_modules_variable_is_known_by_the_names_that_imports_give_it() {
    let state = "import asyncio\n\njobs = asyncio.Queue()\n";
    let between = "from state import jobs as letters\n";
    let server = "from aiohttp import web\nfrom between import letters as waiting\n\nasync def take(request):\n    \
                  waiting.put_nowait(await request.read())\n\n\
                  def make(app: web.Application):\n    app.router.add_get('/', take)\n";
    let reader = "import state\n\nasync def run():\n    while True:\n        print(await state.jobs.get())\n";
    let files = [("state.py", state), ("between.py", between), ("server.py", server), ("reader.py", reader)];
    let analysis = analysed(&files, Counting::Resources);
    let [queue] = analysis.ledger.census() else { panic!("{:?}", analysis.ledger.census()) };
    assert_eq!((queue.maker.as_str(), queue.answer), ("asyncio.Queue", Answer::Yes));
}

#[test]
fn an_instance_may_be_called() {
    let text = "import aiohttp\nfrom sqlalchemy.ext.asyncio import async_sessionmaker\n\n\
                Session = async_sessionmaker()\n\nasync def save():\n    async with Session() as session:\n        \
                await session.commit()\n";
    let analysis = analysed(&[("db.py", text)], Counting::LibrariesToo);
    let [met] = &analysis.ledger.statistics().libraries[..] else { panic!("one library") };
    assert_eq!((met.library.as_str(), met.entries, met.calls), ("sqlalchemy", 3, 3));
}

#[test]
fn libraries_are_counted_only_when_asked_and_never_by_a_name_alone() {
    let text = "import asyncio\n\nasync def run(loop):\n    loop.create_task(work())\n    asyncio.create_task(work())\n    \
                asyncio.create_task(work())\n";
    assert_eq!(analysed(&[("a.py", text)], Counting::Resources).ledger.statistics().libraries, []);
    let analysis = analysed(&[("a.py", text)], Counting::LibrariesToo);
    let [met] = &analysis.ledger.statistics().libraries[..] else { panic!("one library") };
    assert_eq!((met.language, met.library.as_str(), met.entries, met.calls), ("python", "asyncio", 1, 2));
}

#[test]
fn an_amount_below_zero_takes_a_count_down() {
    let text = "from opentelemetry import metrics\n\nactive = metrics.get_meter('a').create_up_down_counter('n')\n\n\
                async def serve(request):\n    active.add(1)\n    await request.work()\n    active.add(-1)\n";
    let analysis = analysed(&[("m.py", text)], Counting::Resources);
    let gauges: Vec<Answer> = analysis.ledger.census().iter().map(|entry| entry.answer).collect();
    assert_eq!(gauges, [Answer::Yes]);
}
