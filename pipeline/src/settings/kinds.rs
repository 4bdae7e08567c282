use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use hyper::Uri;
use serde::{Deserialize, Serialize, Serializer};
use subtle::ConstantTimeEq;

/// A time in seconds, from none to a day.
#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(Duration);

impl Seconds {
    /// A time that is known to be in range.
    pub const fn of(seconds: f64) -> Self {
        Self(Duration::from_millis((seconds * 1000.0) as u64))
    }

    /// The time.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, Self::Error> {
        if (0.0..=86_400.0).contains(&seconds) {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err("a time is between 0 and 86400 seconds")
        }
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0.as_secs_f64()
    }
}

impl fmt::Debug for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A share, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Share(f64);

impl Share {
    /// A share that is known to be in range.
    pub const fn of(share: f64) -> Self {
        Self(share)
    }

    /// The share.
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Share {
    type Error = &'static str;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        if (0.0..=1.0).contains(&share) { Ok(Self(share)) } else { Err("a share is between 0 and 1") }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

/// The part of the work that a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    All,
    /// Serves conversations, and leaves what follows from them to workers.
    Gateway,
    /// Does what follows from conversations.
    Worker,
}

impl Role {
    /// Its name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Role::All => "all",
            Role::Gateway => "gateway",
            Role::Worker => "worker",
        }
    }

    /// Whether it serves conversations.
    pub fn serves(self) -> bool {
        self != Role::Worker
    }

    /// Whether it does what follows from them.
    pub fn works(self) -> bool {
        self != Role::Gateway
    }
}

/// An engine that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpeechToText {
    /// The double: text carried over audio tones.
    Tones,
    /// Moonshine models in the C library of sherpa-onnx.
    SherpaOnnx,
    /// A server that speaks Wyoming.
    Wyoming,
    /// A server that speaks the audio interface of OpenAI.
    #[serde(rename = "openai")]
    OpenAi,
}

/// An engine that speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextToSpeech {
    /// The double: text carried over audio tones.
    Tones,
    /// `espeak-ng`, in a child process.
    EspeakNg,
    /// A server that speaks Wyoming.
    Wyoming,
    /// A server that speaks the audio interface of OpenAI.
    #[serde(rename = "openai")]
    OpenAi,
}

/// The address of a store outside: over https, or over plain http on this machine and in its own network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint(String);

impl Endpoint {
    /// Whether what goes there can be read on the way.
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http:")
    }
}

impl TryFrom<String> for Endpoint {
    type Error = &'static str;

    fn try_from(address: String) -> Result<Self, Self::Error> {
        const WHY: &str =
            "an endpoint is an address over https, or over plain http in a private network, without a user";
        let uri: Uri = address.parse().map_err(|_| WHY)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(WHY) };
        let may_be = match scheme {
            "https" => true,
            "http" => is_near(authority.host()),
            _ => false,
        };
        if !may_be || authority.as_str().contains('@') || uri.query().is_some() {
            return Err(WHY);
        }
        Ok(Self(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'))))
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a host is this machine or in its own network. A name without a dot is known only there.
fn is_near(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Ok(IpAddr::V6(address)) => address.is_loopback() || address.is_unique_local(),
        Err(_) => !host.contains('.'),
    }
}

/// Text that no log, no page and no error shows.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Secret(String);

impl TryFrom<String> for Secret {
    type Error = &'static str;

    fn try_from(secret: String) -> Result<Self, Self::Error> {
        if secret.is_empty() { Err("a key is not empty") } else { Ok(Self(secret)) }
    }
}

impl Secret {
    /// The secret, for the one who is to have it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `shown` is the secret, in a time that does not tell how much of it is right.
    pub fn matches(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(set)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(set)")
    }
}
