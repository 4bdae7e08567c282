//! Settings: where they stand, what they mean, what is said of mistakes in them.

use insta::assert_snapshot;
use serde_json::Value;

use crate::project::Project;

const LEAK: &str = "import asyncio\n\n\nasync def start():\n    asyncio.create_task(fetch(1))\n\n\nasync def fetch(at):\n    raise OSError(await outside.fetch(at))\n";

/// `path lint level` of what is found.
fn found(project: &Project, arguments: &[&str]) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let line =
        |finding: &Value| [&finding["location"]["path"], &finding["lint"], &finding["level"]].map(word).join(" ");
    project.json(arguments)["findings"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn what_is_excluded_is_not_read_unless_named() {
    let project = Project::with(&[
        ("pyproject.toml", ""),
        ("unleak.toml", "exclude = ['vendor/', '*_pb2.py', '/deep/**']\n"),
        ("a.py", ""),
        ("b_pb2.py", ""),
        ("vendor/c.py", ""),
        ("deep/er/d.py", ""),
    ]);
    assert_eq!(project.checked(&[]), 1);
    assert_eq!(project.checked(&["vendor"]), 1);
    assert_eq!(project.checked(&["deep/er"]), 1);
    assert_eq!(project.checked(&["b_pb2.py"]), 1);
}

#[test]
fn the_nearest_file_up_to_the_context_counts() {
    let project = Project::with(&[
        ("unleak.toml", "nonsense = 1\n"),
        ("p/pyproject.toml", ""),
        ("p/unleak.toml", "exclude = ['a.py']\n"),
        ("p/a.py", ""),
        ("p/q/a.py", ""),
        ("p/q/b.py", ""),
        ("r/pyproject.toml", ""),
        ("r/a.py", ""),
    ]);
    assert_eq!(project.checked(&["p/q"]), 1);
    assert_eq!(project.checked(&["r"]), 1, "what stands above a context is not its settings");
}

#[test]
fn the_nearest_file_of_each_source_file_counts() {
    let project = Project::with(&[
        ("pyproject.toml", "[tool.unleak]\nlevels = {fire-and-forget = 'note'}\n"),
        ("a.py", LEAK),
        ("sub/Cargo.toml", "[package.metadata.unleak]\nlevels.fire-and-forget = 'warning'\n"),
        ("sub/a.py", LEAK),
        ("sub/deep/b.py", LEAK),
        ("off/unleak.toml", "ignore = ['fire-and-forget']\n"),
        ("off/pyproject.toml", "[tool.unleak]\nnonsense = 1\n"),
        ("off/a.py", LEAK),
        ("plain/pyproject.toml", "[tool.other]\nlevels = 1\n"),
        ("plain/a.py", LEAK),
    ]);
    let all = [
        "a.py fire-and-forget note",
        "plain/a.py fire-and-forget note",
        "sub/a.py fire-and-forget warning",
        "sub/deep/b.py fire-and-forget warning",
    ];
    assert_eq!(found(&project, &[]), all);
    assert_eq!(found(&project, &["sub/deep"]), all[3..]);
    assert_eq!(project.run(&["check", "a.py"]).code, 0, "a note does not fail");
    assert_eq!(project.run(&["check", "sub"]).code, 1);
}

#[test]
fn the_workspace_speaks_for_its_packages() {
    let project = Project::with(&[
        ("Cargo.toml", "[workspace]\n[workspace.metadata.unleak]\nlevels.fire-and-forget = 'note'\n"),
        ("p/Cargo.toml", "[package]\nname = 'p'\n"),
        ("p/a.py", LEAK),
    ]);
    assert_eq!(found(&project, &[]), ["p/a.py fire-and-forget note"]);
}

#[test]
fn a_file_can_extend_another_of_its_repository() {
    let project = Project::with(&[
        (".git/HEAD", ""),
        ("base/unleak.toml", "exclude = ['gen.py']\nlevels = {fire-and-forget = 'note'}\n"),
        ("base/gen.py", LEAK),
        ("app/unleak.toml", "extend = '../base/unleak.toml'\nlevels.raw-gather = 'off'\n"),
        ("app/a.py", LEAK),
        ("app/gen.py", LEAK),
    ]);
    let notes = ["app/a.py fire-and-forget note", "app/gen.py fire-and-forget note"];
    assert_eq!(found(&project, &[]), notes, "globs are relative to the file they stand in");
    for (extend, why) in [
        ("../app/unleak.toml", "it leads back to itself"),
        ("../../outside.toml", "it stands outside the repository"),
        ("none.toml", "No such file"),
    ] {
        std::fs::write(project.path("../outside.toml"), "strict = true").unwrap();
        std::fs::write(project.path("app/unleak.toml"), format!("extend = '{extend}'")).unwrap();
        let ran = project.run(&["check"]);
        let said = format!("error: `[PROJECT]/app/unleak.toml`: cannot extend `{extend}`: {why}");
        assert!(ran.err.starts_with(&said), "{}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", 2));
    }
}

#[test]
fn lints_can_be_turned_off_and_not_asked_in_some_files() {
    let project = Project::with(&[
        ("unleak.toml", "[per-file-ignores]\n'/gen/' = ['fire-and-forget']\n'*_pb2.py' = ['fire-and-forget']\n"),
        ("a.py", LEAK),
        ("a_pb2.py", LEAK),
        ("gen/x/b.py", LEAK),
        ("gen/c.py", "x = 1  # unleak: ignore[fire-and-forget] cannot be judged here\n"),
    ]);
    assert_eq!(found(&project, &[]), ["a.py fire-and-forget error"]);
    assert_eq!(found(&project, &["--config=levels.fire-and-forget=off"]), [""; 0]);
    assert_eq!(found(&project, &["--select=raw-gather"]), [""; 0]);
    assert_eq!(found(&project, &["--isolated", "a_pb2.py"]), ["a_pb2.py fire-and-forget error"]);
}

#[test]
fn the_command_line_comes_first() {
    let text = "select = ['raw-gather']\nignore = ['fire-and-forget']\nlevels.fire-and-forget = 'note'\n";
    let project = Project::with(&[("unleak.toml", text), ("a.py", LEAK), ("own.toml", "min-confidence = 'likely'\n")]);
    assert_eq!(found(&project, &[]), [""; 0]);
    assert_eq!(found(&project, &["--select=fire-and-forget"]), ["a.py fire-and-forget note"]);
    assert_eq!(found(&project, &["--select=fire-and-forget", "--ignore=fire-and-forget"]), [""; 0]);
    let arguments = ["--select=fire-and-forget", "--config", "levels = {fire-and-forget = 'warning'}"];
    assert_eq!(found(&project, &arguments), ["a.py fire-and-forget warning"]);
    assert_eq!(found(&project, &["--config", "own.toml"]), ["a.py fire-and-forget error"]);
    assert_eq!(found(&project, &["--isolated"]), ["a.py fire-and-forget error"]);
    assert_eq!(project.run(&["check", "--config", "none.toml"]).code, 2);
}

#[test]
fn models_of_the_project_are_part_of_the_catalogue() {
    let model = "library = 'jobs'\nlanguage = 'python'\ndocs = 'https://example.invalid'\n\
        call = [{ path = 'jobs.start', birth = { kind = 'task' }, returns = 'asyncio.Task', example = 'jobs.start(f())' }]\n";
    let code = "import jobs\n\n\nasync def start(f):\n    jobs.start(f())\n";
    let project = Project::with(&[("pyproject.toml", ""), ("a.py", code), ("models/jobs.toml", model)]);
    assert_eq!(found(&project, &[]), [""; 0]);
    let project = project.file("unleak.toml", "models = ['models/jobs.toml']\n");
    assert_eq!(found(&project, &[]), ["a.py fire-and-forget error"]);
    let ran = project.run(&["why", "a.py:5"]);
    assert!(ran.out.contains("task made by `jobs.start`"), "{}", ran.out);
    let wrong = |text: &str, said: &str| {
        std::fs::write(project.path("models/jobs.toml"), text).unwrap();
        let ran = project.run(&["check"]);
        assert!(ran.code == 2 && ran.err.contains("models/jobs.toml") && ran.err.contains(said), "{}", ran.err);
    };
    wrong(&model.replace("'task'", "'tsk'"), "did you mean `task`?");
    wrong(&model.replace("'python'", "'perl'"), "the language `perl` is not known");
    std::fs::write(project.path("../secret"), "a secret").unwrap();
    let ran = project.file("unleak.toml", "models = ['../secret']\n").run(&["check"]);
    assert!(ran.err.contains("`../secret` stands outside the repository"), "{}", ran.err);
}

#[test]
fn the_models_that_the_guide_shows_mean_what_it_says() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/own-models.md")).unwrap();
    let shown: Vec<(&str, &str)> =
        page.split("```").skip(1).step_by(2).filter_map(|block| block.split_once("\n# ")?.1.split_once('\n')).collect();
    assert_eq!(
        shown.iter().map(|(path, _)| *path).collect::<Vec<_>>(),
        ["models/courier.toml", "unleak.toml", "app.py"]
    );
    let project = Project::with(&shown);
    let line = |words: &str| shown[2].1.lines().position(|line| line.contains(words)).unwrap() + 1;
    let json = project.json(&[]);
    let found: Vec<(String, usize)> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["lint"].as_str().unwrap().to_owned(), it["location"]["start"]["line"].as_u64().unwrap() as usize))
        .collect();
    let expected = [("unbounded-queue", line("nothing bounds it")), ("fire-and-forget", line("nobody keeps it"))];
    assert_eq!(found, expected.map(|(lint, line)| (lint.to_owned(), line)));
}

#[test]
fn a_bound_above_the_budget_is_none() {
    let queue = "import asyncio\nimport aiometer\n\nBATCH = 5000\n\n\nclass Inbox:\n    def __init__(self):\n        \
        self.items = asyncio.Queue(maxsize=BATCH)\n\n    async def on_message(self, message):\n        \
        self.items.put_nowait(message)\n\n    async def run(self):\n        while True:\n            \
        print(await self.items.get())\n\n\nasync def handle(request, ask):\n    rows = await request.json()\n    \
        return await aiometer.run_on_each(ask, rows, max_at_once=300)\n";
    let project =
        Project::with(&[("unleak.toml", ""), ("small/unleak.toml", ""), ("a.py", queue), ("small/b.py", queue)]);
    assert_eq!(found(&project, &[]), [""; 0]);
    let project = project.file("small/unleak.toml", "[budgets]\nqueue = 4999\nat-once = 299\n");
    assert_eq!(found(&project, &[]), ["small/b.py unbounded-queue note", "small/b.py raw-gather note"]);
    let project = project.file("small/unleak.toml", "[budgets]\nqueue = 5000\nat-once = 300\n");
    assert_eq!(found(&project, &[]), [""; 0], "as many as the budget are allowed");
    for (text, said) in
        [("queu = 1", "did you mean `queue`?"), ("queue = 0", "nonzero"), ("workers = 'x'", "invalid type")]
    {
        let ran = project.run(&["check", "--config", &format!("budgets = {{ {text} }}")]);
        assert!(ran.code == 2 && ran.err.contains(said), "{}", ran.err);
    }
}

#[test]
fn known_owners_and_safe_calls_are_right() {
    let tasks = "import asyncio\n\n\ndef spawn(work):\n    return asyncio.create_task(work)\n\n\n\
        class Owner:\n    async def adopt(self, work):\n        asyncio.create_task(work)\n";
    let main =
        "from app.tasks import spawn\n\n\nasync def work():\n    ...\n\n\nasync def main():\n    spawn(work())\n";
    let project = Project::with(&[("pyproject.toml", ""), ("src/app/tasks.py", tasks), ("src/app/main.py", main)]);
    let (caller, owner) = ("src/app/main.py fire-and-forget error", "src/app/tasks.py fire-and-forget warning");
    assert_eq!(found(&project, &[]), [caller, owner]);
    assert_eq!(found(&project, &["--config", "owners = ['app.tasks.Owner']"]), [caller]);
    assert_eq!(found(&project, &["--config", "safe-calls = ['app.tasks.spawn']"]), [owner]);
    assert_eq!(found(&project, &["--config", "safe-calls = ['asyncio.create_task']"]), [caller]);
    let json = project.json(&["--config", "owners = ['app.tasks.spawn', 'app.tasks.Owner']"]);
    assert_eq!((json["findings"].as_array().map(Vec::len), &json["statistics"]["excused"]), (Some(0), &Value::from(2)));
}

#[test]
fn the_help_names_what_the_project_prefers() {
    let project = Project::with(&[
        ("unleak.toml", "[prefer]\n'asyncio.create_task' = 'app.tasks.spawn'\n"),
        ("a.py", LEAK),
        (
            "b.py",
            &LEAK
                .replace("import asyncio", "from asyncio import create_task")
                .replace("asyncio.create_task", "create_task"),
        ),
    ]);
    for finding in project.json(&["a.py"])["findings"].as_array().unwrap() {
        let help = finding["help"].as_str().unwrap();
        assert!(help.starts_with("use `app.tasks.spawn`, as this project prefers; else await it"), "{help}");
    }
}

#[test]
fn files_and_settings_can_be_shown() {
    let project = Project::with(&[
        ("pyproject.toml", "[tool.unleak]\nextend = 'base.toml'\nselect = ['raw-gather']\n"),
        ("base.toml", "exclude = ['gen/']\n[levels]\nraw-gather = 'warning'\n"),
        ("a.py", LEAK),
        ("sub/unleak.toml", "strict = true\nignore = ['raw-gather']\n"),
        ("sub/b.py", LEAK),
        ("gen/c.py", LEAK),
    ]);
    let ran = project.run(&["check", "--show-files"]);
    assert_eq!((ran.out.as_str(), ran.err.as_str(), ran.code), ("a.py\nsub/b.py\n", "", 0));
    assert_eq!(project.run(&["check", "--show-files", "gen"]).out, "gen/c.py\n");
    assert_snapshot!(project.run(&["check", "--show-settings", "--config=preview=true", "a.py"]).out);
    let ran = project.run(&["check", "--show-settings"]);
    assert!(ran.out.contains("# 1 file with the settings of `sub/unleak.toml`\n"), "{}", ran.out);
}

#[test]
fn a_manifest_that_does_not_speak_of_us_is_none_of_our_business() {
    let project = Project::with(&[("pyproject.toml", "this is not TOML"), ("a.py", "")]);
    assert_eq!(project.run(&["check"]).code, 0);
}

#[test]
fn mistakes_end_with_two_and_say_what_to_do() {
    for (text, said) in [
        ("exlude = []", "there is no key `exlude`; did you mean `exclude`?"),
        ("exclude = 'x'", "invalid type: string \"x\", expected a sequence"),
        ("exclude = ['a{b']", "`a{b` is not a glob"),
        ("exclude", "TOML parse error at line 1"),
        ("select = ['raw-gahter']", "there is no lint `raw-gahter`; did you mean `raw-gather`?"),
        ("levels.raw-gahter = 'off'", "there is no lint `raw-gahter`; did you mean `raw-gather`?"),
        ("levels.raw-gather = 'of'", "there is no word `of`; did you mean `off`?"),
        ("per-file-ignores.'a' = ['raw-gahter']", "did you mean `raw-gather`?"),
        ("min-confidence = 'certian'", "did you mean `certain`?"),
        ("min-level = 'warnig'", "there is no word `warnig`; did you mean `warning`?"),
        ("min-level = 'off'", "there is no word `off`; there are `note`, `warning`, `error`"),
        ("min-levle = 'note'", "there is no key `min-levle`; did you mean `min-level`?"),
        ("models = ['none.toml']", "none.toml"),
    ] {
        let project = Project::with(&[("unleak.toml", text), ("a.py", "")]);
        for command in ["check", "census"] {
            let ran = project.run(&[command]);
            assert_eq!((ran.out.as_str(), ran.code), ("", 2), "{text}");
            assert!(
                ran.err.starts_with("error: ") && ran.err.contains("unleak.toml") | text.contains("models"),
                "{}",
                ran.err
            );
            assert!(ran.err.contains(said), "{text}: {}", ran.err);
        }
        assert_eq!(project.run(&["check", "--isolated"]).code, 0);
    }
}
