//! The memory of a run: what is given up stays for what comes next.
//!
//! A run takes what it needs and is over; until then each step gives up what the next one asks for again. The allocator
//! returns what has been free for ten milliseconds to the system, which must clear it before it gives it back: up to a
//! third of a run's time. That it should not is an option that only a call of C sets, and this crate is there for that
//! one call: nothing else in `unleak` is `unsafe`.

use std::ffi::c_int;

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

/// Many small things are made, and most systems' own allocators are slow at that.
pub use mimalloc::MiMalloc as Allocator;

/// After how many milliseconds what is free goes back to the system. The bindings do not name it: this is its
/// number in `mi_option_e` of `mimalloc.h`.
const PURGE_DELAY: mi_option_t = 15 as c_int;

/// As a delay: never.
const NEVER: std::ffi::c_long = -1;

/// From now on what is given up is kept until the process ends, unless `MIMALLOC_PURGE_DELAY` says otherwise. Meant for
/// the start of a process that is over soon: it holds what it needed most at one time.
pub fn keep() {
    // SAFETY: the function takes two plain numbers, the first of which is an option of this version (`_mi_option_last` is
    // larger), and may be called at any time.
    unsafe { mi_option_set_default(PURGE_DELAY, NEVER) }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    fn purge_delay() -> std::ffi::c_long {
        // SAFETY: the function takes a plain number that is an option of this version, and may be called at any time.
        unsafe { mi_option_get(PURGE_DELAY) }
    }

    #[test]
    fn the_option_is_the_one_that_is_meant_and_is_set() {
        assert_eq!(purge_delay(), 10, "what the allocator's manual says of `MIMALLOC_PURGE_DELAY`");
        keep();
        assert_eq!(purge_delay(), NEVER);
    }
}
