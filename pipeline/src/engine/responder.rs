use std::num::NonZeroUsize;
use std::time::Duration;

use super::{Engine, EngineError, LanguageModel, Origin, Said, Who, Work};
use crate::queue::Sender;
use crate::structured::Label;

/// The double for a language model: what it answers follows from what was said last, and from nothing else.
///
/// It repeats what the user said. `Count to N.` makes it say N sentences, so that there is something to interrupt.
#[derive(Debug, Clone, Copy)]
pub struct Responder {
    word: Duration,
}

const NAME: Label = Label::new("responder");
/// How far it counts at most.
const MOST: usize = 1_000;

impl Responder {
    /// A responder that says so many words in a second.
    pub fn new(words_per_second: NonZeroUsize) -> Self {
        Self { word: Duration::from_secs(1) / u32::try_from(words_per_second.get()).unwrap_or(u32::MAX) }
    }
}

/// The whole answer.
fn answer(conversation: &[Said]) -> String {
    let Some(last) = conversation.iter().rev().find(|said| said.who == Who::User) else {
        return "Hello. I am listening.".to_owned();
    };
    if let Some(count) = count(&last.text) {
        return (1..=count).map(|number| format!("This is sentence number {number}. ")).collect();
    }
    format!("You said: {}", last.text)
}

/// The number after `count to`.
fn count(text: &str) -> Option<usize> {
    let text = text.to_lowercase();
    let (_, number) = text.split_once("count to ")?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(|count: usize| count.min(MOST))
}

impl Engine for Responder {
    fn name(&self) -> Label {
        NAME
    }

    fn origin(&self) -> Origin {
        Origin::ours("an answer that follows from what was said: a test double")
    }

    fn is_double(&self) -> bool {
        true
    }
}

impl LanguageModel for Responder {
    fn answer<'a>(&'a self, conversation: &'a [Said], tokens: &'a Sender<String>) -> Work<'a, ()> {
        Box::pin(async move {
            for word in answer(conversation).split_inclusive(' ') {
                let sent = tokens.send(word.to_owned()).await;
                sent.map_err(|gone| EngineError { engine: NAME, why: gone.to_string() })?;
                tokio::time::sleep(self.word).await;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> String {
        answer(&[Said { who: Who::User, text: text.to_owned() }])
    }

    #[test]
    fn it_answers_what_was_said_last() {
        assert_eq!(answered("Hello."), "You said: Hello.");
        assert_eq!(answered("Please count to 2!"), "This is sentence number 1. This is sentence number 2. ");
        assert_eq!(answered("count to ten"), "You said: count to ten");
        assert_eq!(answered("count to 999999999").matches("This").count(), MOST);
        assert_eq!(answer(&[]), "Hello. I am listening.");
    }
}
