//! `# noqa: RUF006`, `# ruff: ignore[asyncio-dangling-task]`: comments for other tools whose lints say the same as one of ours.

/// The codes and names that other tools have for it, and our lint.
const ALIASES: [(&str, &str); 3] =
    [("RUF006", "fire-and-forget"), ("ASYNC300", "fire-and-forget"), ("asyncio-dangling-task", "fire-and-forget")];

/// Our lints that a comment silences, and the codes that say so. A `noqa` without codes means other tools.
pub(super) fn read(text: &str) -> Option<(Vec<&'static str>, Vec<String>)> {
    let rest = after_noqa(text).or_else(|| in_brackets(text))?;
    let (mut lints, mut codes) = (Vec::new(), Vec::new());
    let words = rest.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    for word in words.take_while(|word| is_code(word)) {
        if let Some((_, lint)) = ALIASES.iter().find(|(code, _)| code.eq_ignore_ascii_case(word)) {
            codes.push(word.to_owned());
            lints.push(*lint);
        }
    }
    lints.dedup();
    (!codes.is_empty()).then_some((lints, codes))
}

fn after_noqa(text: &str) -> Option<&str> {
    let at = text.to_ascii_lowercase().find("noqa")?;
    text[at + "noqa".len()..].trim_start().strip_prefix(':')
}

/// What stands in the brackets of `ruff: ignore[…]`.
fn in_brackets(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("ruff:")?;
    let (inside, _) = rest.trim_start().strip_prefix("ignore[")?.split_once(']')?;
    Some(inside)
}

fn is_code(word: &str) -> bool {
    if ALIASES.iter().any(|(code, _)| code.eq_ignore_ascii_case(word)) {
        return true;
    }
    let letters = word.chars().take_while(char::is_ascii_alphabetic).count();
    letters > 0 && letters < word.len() && word[letters..].chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_that_say_the_same_count() {
        let read = |text| read(text).map(|(lints, codes)| format!("{} {}", lints.join(","), codes.join(",")));
        assert_eq!(read("noqa: RUF006").as_deref(), Some("fire-and-forget RUF006"));
        assert_eq!(read("NOQA:E501,async300 - why").as_deref(), Some("fire-and-forget async300"));
        assert_eq!(read("type: ignore  # noqa: ASYNC300, RUF006").as_deref(), Some("fire-and-forget ASYNC300,RUF006"));
        let by_name = "ruff: ignore[asyncio-dangling-task]";
        assert_eq!(read(by_name).as_deref(), Some("fire-and-forget asyncio-dangling-task"));
        for text in [
            "ruff: ignore[unused-import]",
            "ruff: ignore",
            "noqa",
            "noqa: E501",
            "noqa RUF006",
            "noqa: see RUF006",
            "RUF006",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
