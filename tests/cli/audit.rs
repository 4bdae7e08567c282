//! The audit: the whole ledger as one page, weighed against verdicts and an audit before.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::project::Project;

const SERVICE: &str = "\
import asyncio


class Service:
    def __init__(self):
        self.calls = asyncio.Queue(maxsize=32)
        self.worker = None

    async def start(self):
        self.worker = asyncio.create_task(self.work())
        asyncio.create_task(self.warm())

    async def work(self):
        while True:
            await self.calls.get()

    async def warm(self):
        await asyncio.sleep(1)

    async def stop(self):
        self.worker.cancel()
        await self.worker
";

fn service() -> Project {
    Project::with(&[("pyproject.toml", ""), ("app/service.py", SERVICE)])
}

fn audited(project: &Project, arguments: &[&str]) -> Value {
    let ran = project.run(&[&["audit", "-o", "now.json"], arguments].concat());
    assert_eq!(ran.code, 0, "an audit states and does not judge: {}", ran.err);
    serde_json::from_str(&fs::read_to_string(project.path("now.json")).unwrap()).unwrap()
}

#[test]
fn an_audit_says_what_leaks_what_is_right_and_how_it_was_found() {
    let ran = service().run(&["audit"]);
    assert_eq!((ran.err.as_str(), ran.code), ("", 0));
    assert_snapshot!(ran.out);
}

#[test]
fn the_page_needs_nothing_else_and_shows_code_as_text() {
    let service = SERVICE.replace("self.warm())", "self.warm())  # <script>alert('&')</script>");
    let project = Project::with(&[("pyproject.toml", ""), ("app/service.py", &service)]);
    assert_eq!(project.run(&["audit", "-o", "audit.html"]).code, 0);
    let page = fs::read_to_string(project.path("audit.html")).unwrap();
    for foreign in ["<script", "src=", "<link", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for shown in ["&lt;script&gt;alert('&amp;')", "<svg", "@media print", "app/service.py:11:9", "Looked at and right"]
    {
        assert!(page.contains(shown), "{shown}");
    }
}

#[test]
fn a_verdict_is_honoured_until_its_last_day() {
    let project = service();
    let found = audited(&project, &[]);
    let fingerprint = found["leaks"][0]["fingerprint"].as_str().unwrap();
    let verdict = |until: &str| {
        format!(
            "[[accepted]]\nfingerprint = \"{fingerprint}\"\nwhy = \"once\"\nwho = \"the team\"\nuntil = \"{until}\"\n"
        )
    };
    let project = project.file("verdicts.toml", verdict("9999-12-31"));
    let accepted = audited(&project, &["--verdicts", "verdicts.toml"]);
    assert_eq!(accepted["leaks"], Value::Array(Vec::new()));
    assert_eq!(accepted["accepted"][0][1]["who"], "the team");

    let project = project.file("verdicts.toml", verdict("2000-01-01"));
    let late = audited(&project, &["--verdicts", "verdicts.toml"]);
    assert_eq!(late["leaks"].as_array().unwrap().len(), 1);
    assert!(late["notes"][0].as_str().unwrap().ends_with("held until 2000-01-01"), "{}", late["notes"]);

    let project = project.file("verdicts.toml", verdict("some day"));
    let ran = project.run(&["audit", "--verdicts", "verdicts.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("`until = \"some day\"`, which is no day"), "{}", ran.err);
}

#[test]
fn an_audit_is_compared_with_one_before() {
    let project = service();
    let before = audited(&project, &[]);
    fs::rename(project.path("now.json"), project.path("before.json")).unwrap();
    let mended = SERVICE.replace("asyncio.create_task(self.warm())", "await self.warm()");
    let project = project.file(
        "app/service.py",
        format!("{mended}\n    async def warm_again(self):\n        asyncio.create_task(self.warm())\n"),
    );
    let now = audited(&project, &["--compare", "before.json"]);
    assert_eq!(before["changes"], Value::Null);
    assert_eq!(now["changes"]["same"], 0);
    assert!(now["changes"]["new"][0].as_str().unwrap().starts_with("app/service.py:25:9: fire-and-forget"));
    assert!(now["changes"]["gone"][0].as_str().unwrap().starts_with("app/service.py:11:9: fire-and-forget"));
    assert_eq!(project.run(&["audit", "--compare", "app/service.py"]).code, 2);
}

#[test]
fn the_ending_says_how_an_audit_is_written() {
    let ran = service().run(&["audit", "-o", "audit.pdf"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("let it end in `.html`, `.md` or `.json`"), "{}", ran.err);
}
