//! An allocator that takes a sample, with its stack, about once in so many bytes, and forgets it when it is freed.
//!
//! The chance of an allocation to be taken is `1 - exp(-size / interval)`. Its share of the whole is its size over that
//! chance, so that what many small allocations hold is seen as well as what one large allocation holds.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The system's allocator, with samples of what it gives once [`sample`] says so. Until then, each call costs it one look
/// at a number that does not change.
#[derive(Debug, Default, Clone, Copy)]
pub struct Sampled;

/// An allocation that is still held.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    /// The bytes that it stands for.
    pub(super) bytes: f64,
    /// Where it was made: return addresses, the innermost first.
    pub(super) stack: Arc<[usize]>,
}

/// The functions of a stack that are kept.
const DEPTH: usize = 64;
/// The samples that are held at once. With their stacks they take about half a kilobyte each.
const ROOM: usize = 32 * 1024;
/// A power of two, well above [`ROOM`].
const MARKS: usize = 64 * 1024;

/// The bytes between two samples, on average; 0 until some are taken. It is never 0 again: whoever frees a sample knows of it
/// from the thread that took it.
static INTERVAL: AtomicUsize = AtomicUsize::new(0);
/// How many samples are held of the addresses that fall on each mark. Most frees find none, and need no lock.
static MARKED: [AtomicU32; MARKS] = [const { AtomicU32::new(0) }; MARKS];
static SAMPLES: Mutex<BTreeMap<usize, Sample>> = Mutex::new(BTreeMap::new());
/// Samples that found no room.
static LEFT_OUT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    // Without a destructor, and made when the program is compiled: its use allocates nothing.
    static HERE: Here = const { Here { busy: Cell::new(false), left: Cell::new(0), seed: Cell::new(0) } };
}

struct Here {
    /// Whether this thread is in the sampler, whose own memory is not sampled.
    busy: Cell<bool>,
    /// The bytes until the next sample.
    left: Cell<usize>,
    /// The state of the random numbers of this thread; 0 before the first.
    seed: Cell<u64>,
}

/// Takes samples from now on, one in `interval` bytes on average.
pub fn sample(interval: NonZeroUsize) {
    INTERVAL.store(interval.get(), Ordering::Relaxed);
}

/// The bytes between two samples, if they are taken.
pub(super) fn interval() -> Option<usize> {
    Some(INTERVAL.load(Ordering::Relaxed)).filter(|interval| *interval > 0)
}

/// The samples that are held, and how many more found no room.
pub(super) fn samples() -> (Vec<Sample>, usize) {
    let held = unsampled(|| locked().values().cloned().collect());
    (held, LEFT_OUT.load(Ordering::Relaxed))
}

/// Does `work`, whose own memory is neither sampled nor looked for.
pub(super) fn unsampled<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            HERE.with(|here| here.busy.set(self.0));
        }
    }
    let _restore = Restore(HERE.with(|here| here.busy.replace(true)));
    work()
}

/// What the system's allocator says of all that went through it, in bytes, if it does.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn allocator() -> Option<[(&'static str, usize); 3]> {
    // SAFETY: it takes nothing and returns numbers.
    let told = unsafe { libc::mallinfo2() };
    Some([
        ("allocator, from the system", told.arena + told.hblkhd),
        ("allocator, in use", told.uordblks + told.hblkhd),
        ("allocator, free", told.fordblks),
    ])
}

/// Gives memory that is free back to the system, if the allocator does.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches nothing that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// What the system's allocator says of all that went through it, in bytes, if it does.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn allocator() -> Option<[(&'static str, usize); 3]> {
    None
}

// SAFETY: every call is handed on to the system's allocator as it came. What is done besides does not touch the memory, and
// does not panic.
unsafe impl GlobalAlloc for Sampled {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller answers for the layout.
        let memory = unsafe { System.alloc(layout) };
        given(memory, layout.size());
        memory
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller answers for the layout.
        let memory = unsafe { System.alloc_zeroed(layout) };
        given(memory, layout.size());
        memory
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // Before it is freed: then it may be another's.
        freed(memory);
        // SAFETY: the caller answers for the memory and the layout.
        unsafe { System.dealloc(memory, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        freed(memory);
        // SAFETY: the caller answers for the memory, the layout and the size.
        let moved = unsafe { System.realloc(memory, layout, size) };
        given(moved, size);
        moved
    }
}

#[inline]
fn given(memory: *mut u8, size: usize) {
    let interval = INTERVAL.load(Ordering::Relaxed);
    if interval == 0 || memory.is_null() {
        return;
    }
    if HERE.with(|here| !here.busy.get() && here.is_due(size, interval)) {
        unsampled(|| keep(memory.addr(), size, interval));
    }
}

#[inline]
fn freed(memory: *mut u8) {
    // Whoever frees it has it from the thread that marked it, and sees the mark.
    if INTERVAL.load(Ordering::Relaxed) > 0 && MARKED[mark(memory.addr())].load(Ordering::Relaxed) > 0 {
        forget(memory.addr());
    }
}

#[cold]
#[inline(never)]
fn keep(address: usize, size: usize, interval: usize) {
    let mut stack = [0; DEPTH];
    let mut depth = 0;
    // SAFETY: on Unix, it unwinds the stack of this thread and shares nothing with others.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            if let Some(place) = stack.get_mut(depth) {
                *place = frame.ip().addr();
                depth += 1;
            }
            depth < DEPTH
        });
    }
    let size = size as f64;
    let bytes = size / -f64::exp_m1(-size / interval as f64);
    let stack = stack.get(..depth).unwrap_or_default().into();
    let mut samples = locked();
    if samples.len() >= ROOM {
        LEFT_OUT.fetch_add(1, Ordering::Relaxed);
    } else if samples.insert(address, Sample { bytes, stack }).is_none() {
        MARKED[mark(address)].fetch_add(1, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn forget(address: usize) {
    // What frees memory while it has the lock frees no sample.
    if HERE.with(|here| here.busy.get()) {
        return;
    }
    unsampled(|| {
        if locked().remove(&address).is_some() {
            MARKED[mark(address)].fetch_sub(1, Ordering::Relaxed);
        }
    });
}

/// Each change to the samples is a single step.
fn locked() -> MutexGuard<'static, BTreeMap<usize, Sample>> {
    SAMPLES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mark(address: usize) -> usize {
    mixed(address as u64) as usize % MARKS
}

/// The mixer of SplitMix64.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl Here {
    /// Whether an allocation of `size` is to be sampled.
    fn is_due(&self, size: usize, interval: usize) -> bool {
        if self.seed.get() == 0 {
            // Each thread has numbers of its own.
            static THREADS: AtomicU64 = AtomicU64::new(1);
            let number = THREADS.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            self.seed.set(mixed(number) | 1);
            self.left.set(self.wait(interval));
        }
        match self.left.get().checked_sub(size) {
            Some(left) => {
                self.left.set(left);
                false
            }
            None => {
                self.left.set(self.wait(interval));
                true
            }
        }
    }

    /// The bytes until the next sample: without memory, so that no pattern of a program is missed.
    fn wait(&self, interval: usize) -> usize {
        let seed = self.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15).max(1);
        self.seed.set(seed);
        let share = (mixed(seed) >> 11) as f64 / (1_u64 << 53) as f64;
        (-(1.0 - share).ln() * interval as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_bytes_is_taken_whatever_the_size() {
        for size in [1, 100, 10_000] {
            let here = Here { busy: Cell::new(false), left: Cell::new(0), seed: Cell::new(0) };
            let taken = (0..100_000_000 / size).filter(|_| here.is_due(size, 10_000)).count() as f64;
            let share = size as f64 / -f64::exp_m1(-(size as f64) / 10_000.0);
            let told = taken * share;
            assert!((0.95e8..1.05e8).contains(&told), "{size}: {taken} samples stand for {told} bytes");
        }
    }

    #[test]
    fn what_is_freed_is_forgotten_and_room_is_bounded() {
        let addresses = (0..ROOM + 5).map(|number| 16 * number + 1);
        addresses.clone().for_each(|address| keep(address, 100, 1_000));
        let (held, left_out) = samples();
        assert_eq!((held.len(), left_out), (ROOM, 5));
        assert!(held.iter().all(|sample| !sample.stack.is_empty() && sample.bytes > 1_000.0));
        addresses.clone().for_each(forget);
        assert_eq!(samples().0.len(), 0);
        assert!(addresses.clone().all(|address| MARKED[mark(address)].load(Ordering::Relaxed) == 0));
    }
}
