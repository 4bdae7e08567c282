//! The data files. Written by `tests/file_list.rs`.

pub(crate) const FILES: &[(&str, &str)] = &[
    ("python/asyncio.toml", include_str!("../python/asyncio.toml")),
    ("python/builtins.toml", include_str!("../python/builtins.toml")),
    ("python/concurrent_futures.toml", include_str!("../python/concurrent_futures.toml")),
    ("rust/async_channel.toml", include_str!("../rust/async_channel.toml")),
    ("rust/async_std.toml", include_str!("../rust/async_std.toml")),
    ("rust/crossbeam_channel.toml", include_str!("../rust/crossbeam_channel.toml")),
    ("rust/flume.toml", include_str!("../rust/flume.toml")),
    ("rust/futures.toml", include_str!("../rust/futures.toml")),
    ("rust/log.toml", include_str!("../rust/log.toml")),
    ("rust/metrics.toml", include_str!("../rust/metrics.toml")),
    ("rust/prometheus.toml", include_str!("../rust/prometheus.toml")),
    ("rust/smol.toml", include_str!("../rust/smol.toml")),
    ("rust/std.toml", include_str!("../rust/std.toml")),
    ("rust/std_collections.toml", include_str!("../rust/std_collections.toml")),
    ("rust/tokio.toml", include_str!("../rust/tokio.toml")),
    ("rust/tokio_stream.toml", include_str!("../rust/tokio_stream.toml")),
    ("rust/tokio_util.toml", include_str!("../rust/tokio_util.toml")),
    ("rust/tracing.toml", include_str!("../rust/tracing.toml")),
];
