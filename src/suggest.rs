//! "Did you mean …?"

/// The name that was probably meant, if one is near enough.
pub(crate) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase().replace('_', "-");
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(&typed, &name.replace('_', "-")), name));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))?;
    (best.0 >= 0.75).then_some(best.1)
}

/// The end of a sentence about an unknown name: a suggestion, or where to look.
pub(crate) fn tail(suggestion: Option<&str>, otherwise: &str) -> String {
    match suggestion {
        Some(name) => format!("did you mean `{name}`?"),
        None => otherwise.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 3] = ["fire-and-forget", "raw-gather", "unbounded-queue"];

    #[test]
    fn a_near_name_is_suggested_and_a_far_one_is_not() {
        assert_eq!(nearest("fire_and_forgot", NAMES), Some("fire-and-forget"));
        assert_eq!(nearest("RawGather", NAMES), Some("raw-gather"));
        assert_eq!(nearest("zzz", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }
}
