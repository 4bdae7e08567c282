//! Where memory is: what the kernel and the allocator say, and the places in the code that hold most of it.

mod sampler;

use std::collections::HashMap;
use std::ffi::c_void;
use std::fmt::Write as _;
use std::path::Path;

pub use sampler::{Sampled, sample};

/// The places that are named.
const SITES: usize = 20;
/// The functions of this program that are named with a place, as those that led there.
const CALLERS: usize = 3;
/// What is not ours to change: a place is named by the first function outside of it.
const STANDARD: [&str; 5] = ["alloc", "core", "std", "hashbrown", "backtrace"];

/// What looks at memory, and what it has read of the program's debugging information.
#[derive(Debug, Default)]
pub struct Looker {
    /// By return address. There are no more than calls in the code of the program.
    places: HashMap<usize, Place>,
}

/// The functions at one address, with those that were inlined there, the innermost first.
#[derive(Debug, Default)]
struct Place {
    /// Whether the sampler is here: what is further in is its own.
    sampler: bool,
    functions: Vec<Function>,
}

#[derive(Debug)]
struct Function {
    /// Whether it belongs to this program, and not to a package of others.
    ours: bool,
    text: String,
}

impl Looker {
    /// All that is known, as lines of a name and a value. It may read debugging information: it takes its time, and blocks.
    pub(crate) fn report(&mut self) -> String {
        let mut page = kernel().unwrap_or_default();
        for (name, bytes) in sampler::allocator().into_iter().flatten() {
            page.push_str(&format!("{name}: {} kB\n", bytes / 1024));
        }
        if let Some(every) = sampler::interval() {
            // What a look takes itself is not what is looked for.
            page.push_str(&sampler::unsampled(|| self.sites(every)));
        }
        page
    }

    /// The places that hold most, as far as samples tell.
    fn sites(&mut self, every: usize) -> String {
        let (samples, left_out) = sampler::samples();
        let known = self.places.len();
        let mut sites: HashMap<String, (f64, usize)> = HashMap::new();
        for sample in &samples {
            let (bytes, count) = sites.entry(self.site(&sample.stack)).or_default();
            *bytes += sample.bytes;
            *count += 1;
        }
        if self.places.len() > known {
            // Debugging information takes many megabytes, and all that was asked of it is kept.
            backtrace::clear_symbol_cache();
            sampler::give_back();
        }
        let mut sites: Vec<_> = sites.into_iter().collect();
        sites.sort_by(|(_, a), (_, b)| b.0.total_cmp(&a.0));
        let mut page = format!("samples held: {}, one in {every} bytes; {left_out} had no room\n", samples.len());
        for (number, (site, (bytes, count))) in sites.iter().take(SITES).enumerate() {
            // Writing to a string does not fail.
            let _ = writeln!(page, "site {}: {:.0} kB in {count} samples, {site}", number + 1, bytes / 1024.0);
        }
        page
    }

    /// The function that asked for memory, outside of the standard library, and those of this program that led there.
    fn site(&mut self, stack: &[usize]) -> String {
        for &address in stack {
            self.places.entry(address).or_insert_with(|| Place::at(address));
        }
        let places: Vec<_> = stack.iter().filter_map(|address| self.places.get(address)).collect();
        let first = places.iter().rposition(|place| place.sampler).unwrap_or(0);
        let mut functions = places.iter().skip(first).flat_map(|place| &place.functions);
        let Some(site) = functions.next() else { return "unknown".to_owned() };
        let callers = functions.filter(|function| function.ours).take(CALLERS);
        let texts: Vec<_> = std::iter::once(site).chain(callers).map(|function| function.text.as_str()).collect();
        texts.join(" < ")
    }
}

impl Place {
    /// What is known of an address. A program that was stripped knows nothing.
    fn at(address: usize) -> Self {
        let mut place = Self::default();
        backtrace::resolve(std::ptr::without_provenance_mut::<c_void>(address), |symbol| {
            let Some(name) = symbol.name().map(|name| plain(&format!("{name:#}"))) else { return };
            let file = symbol.filename();
            if name.contains("heap::sampler::") || file.is_some_and(|file| file.ends_with("heap/sampler.rs")) {
                place = Self { sampler: true, functions: Vec::new() };
            } else if !is_standard(&name) && !file.is_some_and(is_of_standard) {
                let ours = match file {
                    Some(file) => {
                        file.extension().is_some_and(|kind| kind == "rs")
                            && !file.to_string_lossy().contains("/registry/src/")
                    }
                    None => name.trim_start_matches('<').starts_with(concat!(env!("CARGO_CRATE_NAME"), "::")),
                };
                let text = match (file, symbol.lineno()) {
                    (Some(file), Some(line)) => format!("{name} ({}:{line})", short(file)),
                    _ => name,
                };
                place.functions.push(Function { ours, text });
            }
        });
        place
    }
}

/// What the kernel says of this process, if it does.
fn kernel() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let told = ["VmRSS", "VmHWM", "VmData", "Threads"];
    let lines = status.lines().filter(|line| told.iter().any(|name| line.starts_with(name)));
    Some(lines.map(|line| format!("{line}\n")).collect())
}

/// A name without the types that it was made for, which can be longer than a page.
fn plain(name: &str) -> String {
    let (mut plain, mut depth) = (String::new(), 0_usize);
    for (at, sign) in name.char_indices() {
        match sign {
            // At its beginning it is a type and its trait.
            '<' if depth > 0 || at > 0 => depth += 1,
            '>' if depth > 0 && !name[..at].ends_with('-') => depth -= 1,
            _ if depth == 0 => plain.push(sign),
            _ => {}
        }
    }
    plain.replace("::::", "::")
}

/// Whether a file is of the standard library. A function that was inlined may be named without its package.
fn is_of_standard(file: &Path) -> bool {
    file.starts_with("/rustc") || file.to_string_lossy().contains("/rustlib/src/rust/")
}

/// The end of a path: enough to find the file.
fn short(file: &Path) -> String {
    let parts: Vec<_> = file.iter().map(|part| part.to_string_lossy()).collect();
    parts[parts.len().saturating_sub(3)..].join("/")
}

/// Whether a function belongs to the standard library.
fn is_standard(name: &str) -> bool {
    let of_standard = |path: &str| {
        let path = path.trim_start_matches(['<', '&', '*', '[', '(']);
        path.split_once("::").is_some_and(|(package, _)| STANDARD.contains(&package))
    };
    let of_type = match name.split_once(" as ") {
        // `<u8 as alloc::vec::SpecFromElem>::from_elem` is of the trait's package, for its own types.
        Some((kind, of)) if name.starts_with('<') && !kind.contains("::") => of_standard(of),
        _ => false,
    };
    of_type || of_standard(name) || name.starts_with("__r")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_library_is_told_from_the_rest() {
        for name in [
            "alloc::vec::Vec<T,A>::with_capacity_in",
            "<alloc::alloc::Global as core::alloc::Allocator>::allocate",
            "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem",
            "<T as alloc::slice::hack::ConvertVec>::to_vec",
            "__rustc::__rust_alloc",
        ] {
            assert!(is_standard(name), "{name}");
        }
        for name in [
            "unleak_pipeline::service::Service::bind",
            "<unleak_pipeline::queue::Pressed as core::future::future::Future>::poll",
            "coreutils::run",
            "main",
        ] {
            assert!(!is_standard(name), "{name}");
        }
    }

    #[test]
    fn a_path_is_shortened() {
        assert_eq!(short(Path::new("/somewhere/pipeline/src/heap.rs")), "pipeline/src/heap.rs");
        assert_eq!(short(Path::new("main.rs")), "main.rs");
    }

    #[test]
    fn a_stack_that_nobody_knows_has_a_site() {
        assert_eq!(Looker::default().site(&[1]), "unknown");
    }

    #[test]
    fn a_name_is_freed_of_types() {
        for (name, plainly) in [
            ("alloc::vec::Vec<T,A>::with_capacity_in", "alloc::vec::Vec::with_capacity_in"),
            ("<bytes::Bytes<u8> as core::Clone<A<B>>>::clone", "<bytes::Bytes as core::Clone>::clone"),
            ("new<a::B<fn() -> c::D>, e::F>", "new"),
            ("a::b::<c>::d", "a::b::d"),
        ] {
            assert_eq!(plain(name), plainly);
        }
    }
}
