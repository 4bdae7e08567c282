//! `/memory`: the place that holds a large buffer is named, and no longer when it has let go.

// A program of its own, for it has an allocator of its own.
#[path = "service/support.rs"]
#[expect(dead_code, reason = "it needs a part only of what the other tests share")]
mod support;

use support::Running;
use unleak_pipeline::heap::Sampled;

#[global_allocator]
static ALLOCATOR: Sampled = Sampled;

const LARGE: usize = 64 * 1024 * 1024;

#[inline(never)]
fn hold_much() -> Vec<u8> {
    Vec::with_capacity(std::hint::black_box(LARGE))
}

#[inline(never)]
fn hold_many() -> Vec<Vec<u8>> {
    (0..LARGE / 2048).map(|_| Vec::with_capacity(1024)).collect()
}

/// The line of the first site that names a function.
fn line_of<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    page.lines().find(|line| line.starts_with("site ") && line.contains(name))
}

fn kilobytes(line: &str) -> usize {
    line.split(' ').nth(2).and_then(|number| number.parse().ok()).expect("a number of kilobytes")
}

#[tokio::test]
async fn what_holds_most_is_named_until_it_lets_go() {
    let running = Running::start(|settings| {
        settings.diagnostics.memory = true;
        settings.diagnostics.sample_bytes = 64 * 1024;
    })
    .await;
    let (much, many) = (hold_much(), hold_many());
    let (status, page) = running.get("/memory", "").await;
    assert_eq!(status, 200, "{page}");
    if cfg!(target_os = "linux") {
        assert!(page.contains("VmRSS:"), "{page}");
    }
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        let told = page.lines().find_map(|line| line.strip_prefix("allocator, in use: ")).expect("the allocator tells");
        let told: usize = told.trim_end_matches(" kB").parse().unwrap();
        assert!(told >= (LARGE + LARGE / 2) / 1024, "{page}");
    }
    let line = line_of(&page, "hold_much").unwrap_or_else(|| panic!("{page}"));
    assert!(
        line.starts_with("site 1: ") && line.contains("samples, memory::hold_much (pipeline/tests/memory.rs:"),
        "{page}"
    );
    assert_eq!(kilobytes(line), LARGE / 1024, "{page}");
    let small = kilobytes(line_of(&page, "hold_many").unwrap_or_else(|| panic!("{page}")));
    assert!((LARGE / 4096..LARGE / 1024).contains(&small), "{page}");
    assert!(page.lines().filter(|line| line.starts_with("site ")).count() <= 20, "{page}");

    drop((much, many));
    let (_, page) = running.get("/memory", "").await;
    assert!(!page.contains("hold_m"), "{page}");
    assert!(running.stop().await.is_clean());
}
