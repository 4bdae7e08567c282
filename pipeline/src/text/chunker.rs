//! Cuts a stream of tokens into sentences that can be spoken.
//!
//! A full stop is the end of a sentence only if what comes next says so: `3.14`, `example.com/a.b`, `Dr. Who`,
//! `e.g. this`, `J. S. Bach` and `well... maybe` go on. Scripts without spaces end at their own marks. A sentence
//! that never ends is cut at the cap, so that the buffer has a bound whatever the model says.

/// Marks that end a sentence when white space follows.
const ENDS: &[char] = &['.', '!', '?', '…', '؟', '।', '۔', '։', '؛'];
/// Marks that end a sentence by themselves.
const WIDE_ENDS: &[char] = &['。', '！', '？', '｡'];
/// What may stand between the mark and the white space.
const CLOSERS: &[char] = &['"', '\'', ')', ']', '}', '»', '”', '’', '」', '』', '）', '】'];
/// A full stop after these is never an end: a name or a number follows.
const TITLES: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "sr", "jr", "hr", "fr", "vs", "no", "nr", "fig", "gen", "capt", "sgt", "mt",
];
/// A full stop after these is an end only if something new begins.
const SHORT: &[&str] = &[
    "etc", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "inc", "ltd", "co", "corp", "approx", "dept", "est", "z.b", "d.h",
    "u.a", "usw", "bzw", "ca", "cf", "al", "jan", "feb", "aug", "sept", "oct", "nov", "dec",
];

/// The longest sentence, in characters, unless settings say otherwise.
pub const CAP: usize = 2_000;

/// A buffer of at most its cap, from which whole sentences are taken.
#[derive(Debug)]
pub struct Chunker {
    buffer: String,
    /// How many characters are in the buffer.
    length: usize,
    cap: usize,
}

impl Chunker {
    /// A chunker whose sentences have at most `cap` characters.
    pub fn new(cap: usize) -> Self {
        Self { buffer: String::new(), length: 0, cap: cap.max(1) }
    }

    /// Adds a token and returns the sentences that are whole now.
    pub fn push(&mut self, token: &str) -> Vec<String> {
        let mut sentences = Vec::new();
        for c in token.chars() {
            if let Some(end) = self.end_before(c) {
                self.cut(end, &mut sentences);
            }
            if self.length >= self.cap {
                let end = self.forced();
                self.cut(end, &mut sentences);
            }
            self.buffer.push(c);
            self.length += 1;
        }
        sentences
    }

    /// Everything that is left, when the stream has ended.
    pub fn finish(mut self) -> Vec<String> {
        let mut sentences = Vec::new();
        self.cut(self.buffer.len(), &mut sentences);
        sentences
    }

    /// Moves the text before `end` out of the buffer.
    fn cut(&mut self, end: usize, sentences: &mut Vec<String>) {
        let rest = self.buffer.split_off(end);
        let sentence = std::mem::replace(&mut self.buffer, rest);
        self.length = self.buffer.chars().count();
        let sentence = sentence.trim();
        if !sentence.is_empty() {
            sentences.push(sentence.to_owned());
        }
    }

    /// Where a sentence ends in the buffer, now that it is known that `next` follows.
    fn end_before(&self, next: char) -> Option<usize> {
        if next.is_whitespace() || CLOSERS.contains(&next) {
            // A line that ends is a sentence, as in a list or a heading.
            return (next == '\n' && !self.buffer.trim().is_empty()).then_some(self.buffer.len());
        }
        let text = self.buffer.trim_end();
        let open = text.trim_end_matches(CLOSERS);
        let mark = open.chars().next_back()?;
        if WIDE_ENDS.contains(&mark) && !WIDE_ENDS.contains(&next) {
            return Some(text.len());
        }
        let spaced = text.len() < self.buffer.len();
        (spaced && ENDS.contains(&mark) && ends(open, next)).then_some(self.buffer.len())
    }

    /// Where to cut a sentence that does not end: after a space if there is one in its second half, and never
    /// within a letter and its marks.
    fn forced(&self) -> usize {
        let half = self.buffer.len() / 2;
        if let Some(space) = self.buffer.rfind(char::is_whitespace).filter(|space| *space >= half) {
            return space;
        }
        let (last, _) = self.buffer.char_indices().rfind(|(_, c)| !joins(*c)).unwrap_or((0, ' '));
        if last == 0 { self.buffer.len() } else { last }
    }
}

/// Whether the sentence `text`, which has its mark at the end, ends where `next` begins a word.
fn ends(text: &str, next: char) -> bool {
    if text.ends_with("..") || text.ends_with('…') {
        return !next.is_lowercase();
    }
    let Some(before) = text.strip_suffix('.') else { return true };
    let word = before.rsplit(char::is_whitespace).next().unwrap_or(before);
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let mut letters = word.chars();
    let initial = letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none() && word != "i";
    // `1. First`: the number of an item, at the start of a sentence.
    let number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()) && before.trim().len() == word.len();
    if initial || number || TITLES.contains(&word.as_str()) {
        return false;
    }
    if SHORT.contains(&word.as_str()) {
        return next.is_uppercase();
    }
    // In most scripts a sentence does not begin with a small letter; in those without capitals any may.
    !next.is_lowercase()
}

/// Whether `c` belongs to the character before it.
fn joins(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{93c}'..='\u{94d}' | '\u{3099}' | '\u{309a}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentences of `text`, however it is cut into tokens.
    fn sentences(text: &str) -> Vec<String> {
        let at_once = tokens([text]);
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(tokens(letters.iter().map(String::as_str)), at_once, "letter by letter");
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        assert_eq!(tokens(words), at_once, "word by word");
        at_once
    }

    fn tokens<'a>(tokens: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        let mut chunker = Chunker::new(CAP);
        let mut sentences: Vec<String> = tokens.into_iter().flat_map(|token| chunker.push(token)).collect();
        sentences.extend(chunker.finish());
        sentences
    }

    #[test]
    fn plain_sentences() {
        assert_eq!(sentences("One. Two! Three? Four"), ["One.", "Two!", "Three?", "Four"]);
        assert_eq!(
            sentences("He said \"Stop.\" Then he went. (Really.) Yes."),
            ["He said \"Stop.\"", "Then he went.", "(Really.)", "Yes."]
        );
        assert_eq!(sentences("What?! No way."), ["What?!", "No way."]);
        assert_eq!(sentences("So do I. You too."), ["So do I.", "You too."]);
    }

    #[test]
    fn what_does_not_end_a_sentence() {
        for whole in [
            "Pi is 3.14 and e is 2.72.",
            "See https://example.com/a.b?c=d. it is there.",
            "Ask Dr. Who or Mrs. Smith.",
            "Fruit, e.g. apples, i.e. the red ones.",
            "J. S. Bach wrote it.",
            "Well... maybe later.",
            "Wait … no.",
            "It costs $1.50 at approx. 5 p.m. daily.",
            "1. First of all",
            "Version 1.2.3.4 is out",
        ] {
            assert_eq!(sentences(whole), [whole]);
        }
    }

    #[test]
    fn an_abbreviation_or_ellipsis_before_something_new_is_an_end() {
        assert_eq!(sentences("Apples, pears etc. Then more."), ["Apples, pears etc.", "Then more."]);
        assert_eq!(sentences("He left at 5 p.m. She stayed."), ["He left at 5 p.m.", "She stayed."]);
        assert_eq!(sentences("I wonder... Maybe."), ["I wonder...", "Maybe."]);
        assert_eq!(sentences("Go to example.com. Then wait."), ["Go to example.com.", "Then wait."]);
    }

    #[test]
    fn scripts_without_spaces() {
        assert_eq!(sentences("你好。我是机器人！真的？是的"), ["你好。", "我是机器人！", "真的？", "是的"]);
        assert_eq!(sentences("「行こう。」と言った。はい。"), ["「行こう。」", "と言った。", "はい。"]);
        assert_eq!(sentences("本当！？はい。"), ["本当！？", "はい。"]);
        assert_eq!(sentences("नमस्ते। आप कैसे हैं? ठीक।"), ["नमस्ते।", "आप कैसे हैं?", "ठीक।"]);
    }

    #[test]
    fn lines_are_sentences() {
        assert_eq!(sentences("A list\n- one\n\n- two\n"), ["A list", "- one", "- two"]);
    }

    #[test]
    fn a_sentence_that_never_ends_is_cut_at_the_cap() {
        let mut chunker = Chunker::new(100);
        let mut all = Vec::new();
        for _ in 0..1_000 {
            all.extend(chunker.push("word, "));
            assert!(chunker.buffer.chars().count() <= 100 && chunker.length == chunker.buffer.chars().count());
        }
        all.extend(chunker.finish());
        assert!(all.iter().all(|sentence| sentence.chars().count() <= 100));
        assert_eq!(all.join(" "), "word, ".repeat(1_000).trim_end());
    }

    #[test]
    fn a_forced_cut_keeps_letters_whole_and_loses_nothing() {
        for text in ["e\u{301}".repeat(500), "ไทย".repeat(400), "a".repeat(999), "\u{301}".repeat(50)] {
            for cap in [1, 2, 3, 7, 64] {
                let mut chunker = Chunker::new(cap);
                let mut all = chunker.push(&text);
                all.extend(chunker.finish());
                assert!(all.iter().all(|sentence| sentence.chars().count() <= cap));
                assert_eq!(all.concat(), text);
            }
        }
        let mut chunker = Chunker::new(7);
        assert!(chunker.push(&"e\u{301}".repeat(50)).iter().all(|sentence| sentence.starts_with('e')));
    }

    #[test]
    fn nothing_is_lost_at_the_end() {
        let mut chunker = Chunker::new(CAP);
        assert_eq!(chunker.push("First. Second"), ["First."]);
        assert_eq!(chunker.finish(), ["Second"]);
        assert!(Chunker::new(CAP).finish().is_empty());
        assert!(sentences(" \n \t ").is_empty());
    }
}
