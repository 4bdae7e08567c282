//! What is wrong with a data file, in words that help to mend it.

use smol_str::SmolStr;

/// A data file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not TOML, or not of the form the vocabulary asks for.
    #[error("{file}: {source}{}", hint(.suggestion))]
    Form {
        /// Which file.
        file: String,
        /// What the parser says.
        #[source]
        source: Box<toml::de::Error>,
        /// The known word nearest to an unknown one.
        suggestion: Option<String>,
    },
    /// Two entries claim one path.
    #[error("{file}: `{path}` is modelled twice")]
    Twice {
        /// Which file.
        file: String,
        /// Which path.
        path: SmolStr,
    },
    /// The language is none of those this analyser reads.
    #[error("{file}: the language `{language}` is not known; write `python` or `rust`")]
    Language {
        /// Which file.
        file: String,
        /// What it says.
        language: SmolStr,
    },
}

impl LoadError {
    /// Wraps what the parser says, with the nearest known word when it met an unknown one.
    pub(crate) fn form(file: &str, source: toml::de::Error) -> LoadError {
        let suggestion = nearest(source.message());
        LoadError::Form { file: file.into(), source: Box::new(source), suggestion }
    }
}

fn hint(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|word| format!("did you mean `{word}`?")).unwrap_or_default()
}

/// Reads "unknown field `a`, expected one of `b`, `c`" and gives the expected word that is most like the unknown one.
fn nearest(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next()?;
    words
        .map(|word| (strsim::damerau_levenshtein(unknown, word), word))
        .filter(|&(distance, word)| distance <= word.len() / 2)
        .min()
        .map(|(_, word)| word.to_owned())
}
