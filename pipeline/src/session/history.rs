use std::collections::VecDeque;
use std::num::NonZeroUsize;

use crate::engine::{Said, Who};
use crate::telemetry::FORGOTTEN;

use super::Form;

/// What was said, the oldest first. When it is full, the oldest entry makes room, and is counted.
#[derive(Debug)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    capacity: NonZeroUsize,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) who: Who,
    pub(super) form: Form,
    pub(super) text: String,
    /// Whether it was ended before its end.
    interrupted: bool,
    /// Of an answer: its sentences with their lengths.
    spoken: Spoken,
}

impl Entry {
    /// An entry that was written.
    pub(super) fn written(id: String, who: Who, text: String) -> Self {
        Self { id, who, form: Form::Written, text, interrupted: false, spoken: Spoken::default() }
    }

    /// An entry that was heard, whose text is not known yet.
    pub(super) fn heard(id: String) -> Self {
        Self { form: Form::Spoken, ..Self::written(id, Who::User, String::new()) }
    }

    /// An answer that was given to its end.
    pub(super) fn answered(id: String, spoken: Spoken) -> Self {
        let form = if spoken.sentences.is_empty() { Form::Written } else { Form::Spoken };
        Self { form, text: spoken.whole(), spoken, ..Self::written(id, Who::Assistant, String::new()) }
    }

    /// An answer of which only the first part was heard.
    pub(super) fn interrupted(id: String, spoken: Spoken, heard_millis: u64) -> Self {
        let text = spoken.heard(heard_millis);
        Self { interrupted: true, text, ..Self::answered(id, spoken) }
    }
}

impl History {
    pub(super) fn new(capacity: NonZeroUsize) -> Self {
        Self { entries: VecDeque::new(), capacity }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        while self.entries.len() >= self.capacity.get() {
            self.entries.pop_front();
            FORGOTTEN.increment([]);
        }
        self.entries.push_back(entry);
    }

    /// The name of the entry that was added last.
    pub(super) fn last(&self) -> Option<String> {
        self.entries.back().map(|entry| entry.id.clone())
    }

    pub(super) fn transcribed(&mut self, id: &str, text: &str) {
        if let Some(entry) = self.find(id) {
            text.clone_into(&mut entry.text);
        }
    }

    /// Keeps only what was heard of an answer, and tells how much that is.
    pub(super) fn truncate(&mut self, id: &str, heard_millis: u64) -> Option<u64> {
        let entry = self.find(id).filter(|entry| entry.who == Who::Assistant)?;
        let millis = heard_millis.min(entry.spoken.millis());
        entry.text = entry.spoken.heard(millis);
        entry.interrupted = millis < entry.spoken.millis();
        Some(millis)
    }

    /// Forgets an entry; tells whether it was there.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    /// What somebody said last.
    pub(super) fn last_of(&self, who: Who) -> Option<String> {
        self.entries.iter().rev().find(|entry| entry.who == who).map(|entry| entry.text.clone())
    }

    /// The entry of this name.
    pub(super) fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    fn find(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// What a language model is told.
    pub(super) fn said(&self) -> impl Iterator<Item = Said> {
        self.entries.iter().filter(|entry| !entry.text.is_empty()).map(|entry| {
            let mark = if entry.interrupted { " [interrupted]" } else { "" };
            Said { who: entry.who, text: format!("{}{mark}", entry.text) }
        })
    }
}

/// An answer as far as it was made: its text, and its sentences with the length of their audio.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spoken {
    text: String,
    sentences: Vec<(String, u64)>,
}

impl Spoken {
    pub(super) fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    pub(super) fn sentence(&mut self, text: String) {
        self.sentences.push((text, 0));
    }

    pub(super) fn audio(&mut self, millis: u64) {
        if let Some((_, length)) = self.sentences.last_mut() {
            *length += millis;
        }
    }

    /// The whole text.
    pub(super) fn whole(&self) -> String {
        self.text.trim_end().to_owned()
    }

    /// The length of the audio.
    pub(super) fn millis(&self) -> u64 {
        self.sentences.iter().map(|(_, length)| length).sum()
    }

    /// What was heard in so much time. Of a sentence that was cut, as many words as fit. An answer without audio
    /// was read as far as it was written.
    pub(super) fn heard(&self, millis: u64) -> String {
        if self.sentences.is_empty() {
            return self.whole();
        }
        let mut left = millis;
        let mut heard = Vec::new();
        for (text, length) in &self.sentences {
            if left >= *length {
                heard.push(text.clone());
                left -= length;
                continue;
            }
            let words: Vec<&str> = text.split_whitespace().collect();
            let whole = (words.len() as u64 * left / length) as usize;
            heard.extend((whole > 0).then(|| words[..whole].join(" ")));
            break;
        }
        heard.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken() -> Spoken {
        let mut spoken = Spoken::default();
        for sentence in ["One two three four.", "Five six."] {
            spoken.text(sentence);
            spoken.text(" ");
            spoken.sentence(sentence.to_owned());
            spoken.audio(300);
            spoken.audio(100);
        }
        spoken
    }

    #[test]
    fn what_was_heard_ends_within_a_sentence() {
        let spoken = spoken();
        for (millis, heard) in [
            (0, ""),
            (99, ""),
            (200, "One two"),
            (400, "One two three four."),
            (600, "One two three four. Five"),
            (800, "One two three four. Five six."),
            (9_999, "One two three four. Five six."),
        ] {
            assert_eq!(spoken.heard(millis), heard, "{millis}");
        }
        assert_eq!((spoken.whole().as_str(), spoken.millis()), ("One two three four. Five six.", 800));
        let mut written = Spoken::default();
        written.text("Only text");
        assert_eq!(written.heard(0), "Only text");
    }

    #[test]
    fn the_oldest_entry_makes_room() {
        let mut history = History::new(NonZeroUsize::new(2).unwrap());
        for id in ["a", "b", "c"] {
            history.push(Entry::written(id.to_owned(), Who::User, id.to_uppercase()));
        }
        assert_eq!(history.said().map(|said| said.text).collect::<Vec<_>>(), ["B", "C"]);
        assert_eq!(history.last().as_deref(), Some("c"));
        assert!(history.remove("c") && !history.remove("c") && !history.remove("a"));
    }

    #[test]
    fn an_answer_that_was_interrupted_is_marked() {
        let mut history = History::new(NonZeroUsize::new(9).unwrap());
        history.push(Entry::interrupted("a".to_owned(), spoken(), 400));
        let text = |history: &History| history.said().next().map(|said| said.text);
        assert_eq!(text(&history).as_deref(), Some("One two three four. [interrupted]"));
        assert_eq!(history.truncate("a", 200), Some(200));
        assert_eq!(text(&history).as_deref(), Some("One two [interrupted]"));
        assert_eq!(history.truncate("a", 5_000), Some(800));
        assert_eq!(text(&history).as_deref(), Some("One two three four. Five six."));
        assert_eq!(history.truncate("b", 200), None);
        history.push(Entry::heard("u".to_owned()));
        assert_eq!(history.truncate("u", 200), None, "only answers are truncated");
    }
}
