//! Questions to the catalogue, and what it says of data files that are wrong.

use unleak_catalogue::Catalogue;
use unleak_catalogue::model::{Effect, Kind};
use unleak_catalogue::subject::{Subject, TypeRef};

fn canonical(language: &str, path: &str) -> Option<String> {
    Catalogue::embedded().canonical(language, path).map(String::from)
}

#[test]
fn other_names_of_modules_types_and_calls_lead_to_the_entry() {
    for (language, written, own) in [
        ("python", "asyncio.tasks.Task.cancel", "asyncio.Task.cancel"),
        ("python", "asyncio.Task.add_done_callback", "asyncio.Future.add_done_callback"),
        ("python", "asyncio.PriorityQueue.put_nowait", "asyncio.Queue.put_nowait"),
        ("python", "builtins.list.append", "list.append"),
        ("python", "typing.Dict.pop", "dict.pop"),
        ("python", "asyncio.SelectorEventLoop.create_task", "asyncio.AbstractEventLoop.create_task"),
        ("python", "threading.RLock", "threading.Lock"),
        ("rust", "tokio::task::spawn", "tokio::spawn"),
        ("rust", "Vec::new", "std::vec::Vec::new"),
        ("rust", "alloc::vec::Vec::push", "std::vec::Vec::push"),
        ("rust", "core::mem::drop", "std::mem::drop"),
        ("rust", "drop", "std::mem::drop"),
        ("rust", "futures_util::future::FutureExt::boxed", "futures::FutureExt::boxed"),
        ("rust", "futures_util::future::join_all", "futures::future::join_all"),
        ("rust", "smol::channel::unbounded", "async_channel::unbounded"),
        ("rust", "std::println!", "println!"),
        ("rust", "std::usize::MAX", "usize::MAX"),
        ("rust", "prometheus::IntGauge::inc", "prometheus::Gauge::inc"),
    ] {
        assert_eq!(canonical(language, written).as_deref(), Some(own), "{written}");
    }
}

#[test]
fn languages_do_not_mix() {
    assert_eq!(canonical("rust", "asyncio.create_task"), None);
    assert_eq!(canonical("python", "tokio::spawn"), None);
    assert_eq!(canonical("python", "drop"), None);
    assert_eq!(canonical("rust", "len"), None);
    assert_eq!(canonical("java", "list"), None);
}

#[test]
fn what_is_not_modelled_is_nothing() {
    assert_eq!(canonical("python", "asyncio.no_such_thing"), None);
    assert_eq!(canonical("python", "my.asyncio.create_task"), None);
    assert_eq!(canonical("rust", "my::spawn"), None);
}

#[test]
fn methods_are_inherited() {
    let catalogue = Catalogue::embedded();
    let found = |ty, name| catalogue.method("python", ty, name).map(|call| call.path.to_string());
    assert_eq!(found("asyncio.Task", "cancel").as_deref(), Some("asyncio.Task.cancel"));
    assert_eq!(found("asyncio.Task", "done").as_deref(), Some("asyncio.Future.done"));
    assert_eq!(found("janus.AsyncQueue", "put").as_deref(), Some("asyncio.Queue.put"));
    assert_eq!(found("asyncio.Task", "launch"), None);
    assert_eq!(found("my.Task", "cancel"), None);
}

#[test]
fn bases_may_form_a_ring() {
    let library = Catalogue::parse(
        "ring.toml",
        r#"
        library = "ring"
        language = "python"
        docs = ""
        type = [{ path = "ring.A", bases = ["ring.B"] }, { path = "ring.B", bases = ["ring.A"] }]
        "#,
    );
    let catalogue = Catalogue::new(vec![("ring.toml".into(), library.unwrap())]).unwrap();
    assert!(catalogue.method("python", "ring.A", "f").is_none());
}

#[test]
fn extension_methods_are_found_by_bare_name() {
    let catalogue = Catalogue::embedded();
    let paths = |name| catalogue.any_method("rust", name).map(|call| call.path.to_string()).collect::<Vec<_>>();
    assert!(paths("buffer_unordered").contains(&"futures::StreamExt::buffer_unordered".to_owned()));
    assert!(paths("instrument").contains(&"tracing::Instrument::instrument".to_owned()));
    assert!(paths("abort_all").is_empty());
    let named: Vec<_> = catalogue.methods_named("python", "create_task").map(|call| call.path.as_str()).collect();
    assert!(named.contains(&"asyncio.TaskGroup.create_task"));
    assert!(!named.contains(&"asyncio.create_task"));
}

#[test]
fn names_hint_at_types() {
    let hinted = Catalogue::embedded().hinted("python", "_loop");
    assert_eq!(hinted.iter().map(|ty| ty.as_str()).collect::<Vec<_>>(), ["asyncio.AbstractEventLoop"]);
    assert!(Catalogue::embedded().hinted("python", "pool_of_water").is_empty());
}

#[test]
fn prefixes_are_modules() {
    let catalogue = Catalogue::embedded();
    for (language, path) in
        [("python", "asyncio"), ("python", "asyncio.tasks"), ("rust", "tokio::sync"), ("rust", "core")]
    {
        assert!(catalogue.is_module(language, path), "{path}");
    }
    assert!(!catalogue.is_module("python", "tokio"));
    assert_eq!(catalogue.library_of("rust", "tokio::spawn").unwrap().library, "tokio");
}

#[test]
fn the_data_use_short_names_and_give_full_ones() {
    let call = Catalogue::embedded().call("rust", "tokio::sync::mpsc::Receiver::recv").unwrap();
    let option = TypeRef::Named { path: "std::option::Option".into(), args: vec![TypeRef::Element] };
    assert_eq!(call.returns, Some(option));
    assert_eq!(call.does[&Subject::Receiver], Effect::Take);
    let spawn = Catalogue::embedded().call("python", "asyncio.create_task").unwrap();
    assert_eq!(spawn.birth.as_ref().unwrap().kind, Kind::Task);
}

#[test]
fn a_users_entry_takes_the_place_of_ours() {
    let library = Catalogue::parse(
        "mine.toml",
        r#"
        library = "mine"
        language = "python"
        docs = ""
        call = [
          { path = "asyncio.create_task", also = ["mine.go"], example = "asyncio.create_task(work())" },
        ]
        "#,
    );
    let catalogue = Catalogue::embedded().with("mine.toml", library.unwrap()).unwrap();
    let call = catalogue.call("python", "mine.go").unwrap();
    assert_eq!(call.birth, None);
    assert_eq!(catalogue.library_of("python", "asyncio.create_task").unwrap().library, "mine");
}

#[test]
fn a_wrong_file_is_told_from_a_wrong_word() {
    let wrong = |text: &str| Catalogue::parse("mine.toml", text).unwrap_err().to_string();
    let head = "library = \"mine\"\nlanguage = \"python\"\ndocs = \"\"\n";
    let unknown_key = wrong(&format!("{head}call = [{{ path = \"a\", retruns = \"b\", example = \"a()\" }}]"));
    assert!(unknown_key.starts_with("mine.toml: "), "{unknown_key}");
    assert!(unknown_key.contains("line 4"), "{unknown_key}");
    assert!(unknown_key.contains("did you mean `returns`?"), "{unknown_key}");
    let unknown_effect =
        wrong(&format!("{head}call = [{{ path = \"a\", does = {{ 0 = \"canceled\" }}, example = \"a()\" }}]"));
    assert!(unknown_effect.contains("did you mean `cancelled`?"), "{unknown_effect}");
    let unknown_language = wrong("library = \"mine\"\nlanguage = \"java\"\ndocs = \"\"\n");
    assert!(unknown_language.contains("`python` or `rust`"), "{unknown_language}");
    let twice = Catalogue::parse(
        "mine.toml",
        &format!("{head}call = [{{ path = \"a\", example = \"a()\" }}, {{ path = \"a\", example = \"a()\" }}]"),
    );
    let twice = Catalogue::new(vec![("mine.toml".into(), twice.unwrap())]).unwrap_err().to_string();
    assert_eq!(twice, "mine.toml: `a` is modelled twice");
}
