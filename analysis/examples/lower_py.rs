use std::time::Instant;
fn walk(p: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
    if p.is_dir() {
        let mut v: Vec<_> = std::fs::read_dir(p).unwrap().flatten().map(|e| e.path()).collect();
        v.sort();
        for e in v {
            walk(&e, out)
        }
    } else if p.extension().is_some_and(|e| e == "py" || e == "pyi") {
        out.push(p.to_path_buf())
    }
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args[0] == "print" {
        let bytes = std::fs::read(&args[1]).unwrap();
        let t = String::from_utf8_lossy(&bytes);
        print!("{}", unleak_analysis::unit::print::print(&unleak_analysis::python::lower(&t), &t));
        return;
    }
    let mut files = vec![];
    for a in &args {
        walk(std::path::Path::new(a), &mut files)
    }
    let (mut bytes, mut secs, mut problems, mut steps, mut out) = (0usize, 0f64, 0usize, 0u64, 0usize);
    let mut slow = vec![]; let mut parse = 0f64; println!("step size {}", std::mem::size_of::<unleak_analysis::unit::Step>());
    for f in &files {
        let raw = std::fs::read(f).unwrap();
        let t = String::from_utf8_lossy(&raw);
        let s = Instant::now(); std::hint::black_box(parse_only(&t)); parse += s.elapsed().as_secs_f64(); let s = Instant::now(); let l = unleak_analysis::python::lower(&t);
        let e = s.elapsed().as_secs_f64();
        bytes += t.len();
        secs += e;
        problems += l.unit.problems.len();
        steps += l.unit.bodies.iter().map(|b| b.step_count as u64).sum::<u64>();
        if !l.unit.problems.is_empty() && out < 15 {
            out += 1;
            println!("{}: {:?}", f.display(), l.unit.problems[0]);
        }
        slow.push((t.len() as f64 / e / 1e6, f.clone(), t.len()));
    }
    slow.retain(|s| s.2 > 100_000);
    slow.sort_by(|a, b| a.0.total_cmp(&b.0));
    for s in slow.iter().take(3) {
        println!("parse only {parse:.2}s"); println!("slow {:.1} MB/s {} {}", s.0, s.2, s.1.display());
    }
    println!(
        "{} files {:.1} MB {:.2}s {:.1} MB/s problems {} steps {}",
        files.len(),
        bytes as f64 / 1e6,
        secs,
        bytes as f64 / 1e6 / secs,
        problems,
        steps
    );
}
#[allow(dead_code)]
pub fn parse_only(t: &str) -> usize { ruff_python_parser::parse_unchecked(t, ruff_python_parser::ParseOptions::from(ruff_python_parser::Mode::Module)).errors().len() }
