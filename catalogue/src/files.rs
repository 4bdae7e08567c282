//! The data files. Written by `tests/file_list.rs`.

pub(crate) const FILES: &[(&str, &str)] = &[
];
