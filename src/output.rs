//! Standard output and standard error. A reader who leaves early (`| head`) is no failure.

use std::io::{self, ErrorKind, IsTerminal, Write};

use crate::args::ColorWhen;
use crate::print::{Colours, Links};

/// Writes to standard output.
pub(crate) fn out(bytes: &[u8]) -> io::Result<()> {
    let mut stream = io::stdout().lock();
    match stream.write_all(bytes).and_then(|()| stream.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes to standard error; when nobody listens there is nobody to tell.
pub(crate) fn note(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether colours are meant.
pub(crate) fn colours(when: ColorWhen) -> Colours {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    match when {
        ColorWhen::Always => Colours::On(links()),
        ColorWhen::Auto if io::stdout().is_terminal() && !set("NO_COLOR") && !dumb() => Colours::On(links()),
        ColorWhen::Auto | ColorWhen::Never => Colours::Off,
    }
}

/// Whether the terminal shows links, as far as it says so. `FORCE_HYPERLINK` decides.
fn links() -> Links {
    let value = |name: &str| std::env::var(name).unwrap_or_default();
    let known = ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper"].contains(&value("TERM_PROGRAM").as_str());
    let modern = value("VTE_VERSION").parse().is_ok_and(|version: u32| version >= 5000);
    let own = ["WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION"].into_iter().any(|name| !value(name).is_empty());
    match value("FORCE_HYPERLINK").as_str() {
        "0" => Links::Off,
        "" if io::stdout().is_terminal() && (known || modern || own) => Links::On,
        "" => Links::Off,
        _ => Links::On,
    }
}
