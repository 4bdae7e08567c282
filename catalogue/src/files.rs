//! The data files. Written by `tests/file_list.rs`.

pub(crate) const FILES: &[(&str, &str)] = &[
    ("python/asyncio.toml", include_str!("../python/asyncio.toml")),
    ("python/builtins.toml", include_str!("../python/builtins.toml")),
    ("python/concurrent_futures.toml", include_str!("../python/concurrent_futures.toml")),
    ("rust/std.toml", include_str!("../rust/std.toml")),
    ("rust/std_collections.toml", include_str!("../rust/std_collections.toml")),
    ("rust/tokio.toml", include_str!("../rust/tokio.toml")),
];
