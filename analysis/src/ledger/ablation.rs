//! Facts that can be taken away, so that a test sees whether each decides anything.
//!
//! A function that turns a verdict begins with `fact!` and its own name. In a build for that test it can be made to say
//! no, or to find nothing; in any other build the line is none.

/// Begins a function that tells a fact. Without the fact, it gives what stands behind the arrow.
macro_rules! fact {
    ($name:ident) => {
        fact!($name => Default::default());
    };
    ($name:ident => $without:expr) => {
        #[cfg(feature = "ablation")]
        if $crate::ledger::ablation::is_gone(concat!(module_path!(), "::", stringify!($name))) {
            return $without;
        }
    };
}

#[cfg(feature = "ablation")]
mod taken {
    use std::cell::RefCell;

    thread_local! {
        /// What is taken away from what this thread does.
        static GONE: RefCell<Option<String>> = const { RefCell::new(None) };
    }

    /// Does something without a fact, as far as this thread does it.
    pub fn without<T>(fact: &str, work: impl FnOnce() -> T) -> T {
        let before = GONE.replace(Some(fact.to_owned()));
        let found = work();
        GONE.set(before);
        found
    }

    /// Whether this thread has to do without a fact.
    pub(in crate::ledger) fn is_gone(fact: &str) -> bool {
        GONE.with_borrow(|gone| gone.as_deref() == Some(fact))
    }
}

#[cfg(feature = "ablation")]
pub use taken::without;

#[cfg(feature = "ablation")]
pub(in crate::ledger) use taken::is_gone;
