//! What the APIs of each library mean for the life of tasks, queues and gauges, as data.
//!
//! One TOML file a library, under `python/` and `rust/`; one entry an API. See [`model`] for the
//! vocabulary and [`subject`] for the notations. [`Catalogue::embedded`] is the data this version carries.
//!
//! To add an entry, copy its neighbour. A line says what is born, what is done to whom, and what comes back; what it
//! does not say is "looks at it and keeps nothing". Types are written as in the code (`Option`, `Vec`, `dict`) and get
//! their full paths when the data are loaded; `T` and `U` are a type's first and second argument. A file more in the
//! folders is embedded by the next build.

pub mod model;
pub mod subject;

mod error;
mod index;
mod load;

pub use error::LoadError;
pub use load::Catalogue;
