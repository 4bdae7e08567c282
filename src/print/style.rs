//! Colours and links of a terminal, where they may be used.

use unleak_lints::Level;

use super::{Colours, Links, level as word, page};

/// The name of a lint; where links may be used, one to its page.
pub(super) fn lint(name: &str, colours: Colours) -> String {
    match colours {
        Colours::On(Links::On) => format!("\u{1b}]8;;{}\u{1b}\\{name}\u{1b}]8;;\u{1b}\\", page(name)),
        Colours::On(Links::Off) | Colours::Off => name.to_owned(),
    }
}

/// The word for a level, in its colour.
pub(super) fn level(level: Level, colours: Colours) -> String {
    let colour = match level {
        Level::Note => 32,
        Level::Warning => 33,
        Level::Error => 31,
    };
    match colours {
        Colours::On(_) => format!("\u{1b}[1;{colour}m{}\u{1b}[0m", word(level)),
        Colours::Off => word(level).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_page() {
        let linked = lint("raw-gather", Colours::On(Links::On));
        assert!(
            linked.starts_with("\u{1b}]8;;https://") && linked.contains("docs/lints/raw-gather.md\u{1b}\\raw-gather")
        );
        assert_eq!(lint("raw-gather", Colours::On(Links::Off)), "raw-gather");
        assert_eq!(level(Level::Error, Colours::Off), "error");
        assert_eq!(level(Level::Error, Colours::On(Links::Off)), "\u{1b}[1;31merror\u{1b}[0m");
    }
}
