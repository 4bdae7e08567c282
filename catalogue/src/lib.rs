//! What the APIs of each library mean for the life of tasks, queues and gauges, as data.
//!
//! One TOML file a library, under `python/` and `rust/`; one entry an API. See [`model`] for the
//! vocabulary and [`subject`] for the notations. [`Catalogue::embedded`] is the data this version carries.

pub mod model;
pub mod subject;

mod error;
mod files;
mod index;
mod load;

pub use error::LoadError;
pub use load::Catalogue;
