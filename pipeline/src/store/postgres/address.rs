use std::path::PathBuf;

use deadpool_postgres::tokio_postgres::Config;
use deadpool_postgres::tokio_postgres::config::{Host, SslMode};
use percent_encoding::percent_decode_str;

use super::failed;
use crate::store::StoreError;

/// Who may answer for the database, where TLS is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// Anyone: what is said cannot be overheard, but is said to whoever answers.
    Anyone,
    /// Whoever the authorities in this file vouch for, under any name.
    AnyName(PathBuf),
    /// Whoever these authorities vouch for under the name of the host.
    ThisName(Authorities),
}

/// Who vouches for the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authorities {
    /// The authorities of this machine.
    Machine,
    /// Those in a file.
    File(PathBuf),
}

/// Reads an address as other clients of PostgreSQL do, `sslmode` and `sslrootcert` included.
pub(super) fn read(address: &str) -> Result<(Config, Trust), StoreError> {
    let mut asked = Asked::default();
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| address.starts_with(scheme));
    let rest = if is_url { asked.take_from_url(address) } else { asked.take_from_words(address) };
    let mut config: Config = rest.parse().map_err(failed)?;
    let (mode, trust) = asked.meaning().map_err(|why| StoreError::Postgres(why.to_owned()))?;
    // Nobody listens on the way to a socket of this machine, and the server does not speak TLS there.
    let hosts = config.get_hosts();
    let is_here = !hosts.is_empty() && hosts.iter().all(|host| matches!(host, Host::Unix(_)));
    config.ssl_mode(if is_here { SslMode::Disable } else { mode });
    if hosts_are_missing(&config) {
        // So that there is a name to speak TLS with.
        for address in config.get_hostaddrs().to_vec() {
            config.host(address.to_string());
        }
    }
    Ok((config, trust))
}

fn hosts_are_missing(config: &Config) -> bool {
    config.get_hosts().is_empty()
}

/// What an address says of TLS. The driver knows neither all of the modes nor a file of authorities.
#[derive(Debug, Default)]
struct Asked {
    mode: Option<String>,
    authorities: Option<String>,
}

impl Asked {
    /// Keeps a parameter, if it is one of these.
    fn take(&mut self, key: &str, value: impl FnOnce() -> String) -> bool {
        let kept = match key {
            "sslmode" => &mut self.mode,
            "sslrootcert" => &mut self.authorities,
            _ => return false,
        };
        *kept = Some(value());
        true
    }

    /// Takes what `scheme://user:password@host/database?key=value&key=value` says of TLS; returns the rest.
    fn take_from_url(&mut self, url: &str) -> String {
        let start = url.find("://").map_or(0, |at| at + 3);
        let is_user = |at: &usize| url[start + at..].starts_with('@');
        let host = start + url[start..].find(['@', '/']).filter(is_user).unwrap_or(0);
        let Some(query) = url[host..].find('?').map(|at| host + at) else { return url.to_owned() };
        let is_other = |pair: &&str| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            !self.take(key, || percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let others: Vec<_> = url[query + 1..].split('&').filter(is_other).collect();
        if others.is_empty() { url[..query].to_owned() } else { format!("{}?{}", &url[..query], others.join("&")) }
    }

    /// Takes what `key=value key='quoted value'` says of TLS; returns the rest.
    fn take_from_words(&mut self, words: &str) -> String {
        let (mut others, mut rest) = (String::new(), words);
        while let Some(equals) = rest.find('=') {
            let key = rest[..equals].trim();
            let after = rest[equals + 1..].trim_start();
            let (value, length) = value(after);
            let end = rest.len() - after.len() + length;
            if !self.take(key, || value) {
                others.push_str(&rest[..end]);
            }
            rest = &rest[end..];
        }
        others + rest
    }

    fn meaning(&self) -> Result<(SslMode, Trust), &'static str> {
        let file = self.authorities.as_deref().filter(|file| *file != "system");
        let mode = match (self.mode.as_deref(), &self.authorities) {
            (None, Some(_)) if file.is_none() => "verify-full",
            (mode, _) => mode.unwrap_or("prefer"),
        };
        let system = file.is_none() && self.authorities.is_some();
        match (mode, file) {
            ("verify-full", None) => Ok((SslMode::Require, Trust::ThisName(Authorities::Machine))),
            ("verify-full", Some(file)) => Ok((SslMode::Require, Trust::ThisName(Authorities::File(file.into())))),
            _ if system => Err("sslrootcert=system needs sslmode=verify-full, for anyone has a certificate of theirs"),
            ("verify-ca", None) => Err("sslmode=verify-ca needs sslrootcert, a file"),
            // With authorities it has always meant that they are asked.
            ("verify-ca" | "require", Some(file)) => Ok((SslMode::Require, Trust::AnyName(file.into()))),
            ("disable" | "prefer", Some(_)) => Err("sslrootcert needs sslmode=require, verify-ca or verify-full"),
            ("require", None) => Ok((SslMode::Require, Trust::Anyone)),
            ("prefer", None) => Ok((SslMode::Prefer, Trust::Anyone)),
            ("disable", None) => Ok((SslMode::Disable, Trust::Anyone)),
            ("allow", _) => Err("sslmode=allow is not done here: say prefer, or require"),
            _ => Err("sslmode is one of disable, prefer, require, verify-ca and verify-full"),
        }
    }
}

/// The value that a text begins with, and its length there. It can be quoted, and anything in it escaped.
fn value(text: &str) -> (String, usize) {
    let quoted = text.starts_with('\'');
    let (mut value, mut escaped) = (String::new(), false);
    for (at, char) in text.char_indices().skip(usize::from(quoted)) {
        match char {
            _ if escaped => {
                value.push(char);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' if quoted => return (value, at + 1),
            char if char.is_whitespace() && !quoted => return (value, at),
            char => value.push(char),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> PathBuf {
        PathBuf::from("/etc/a b.pem")
    }

    #[test]
    fn an_address_says_who_may_answer() {
        let this = |authorities| (SslMode::Require, Trust::ThisName(authorities));
        for (url, words, meaning) in [
            ("", "", (SslMode::Prefer, Trust::Anyone)),
            ("?sslmode=disable", " sslmode=disable", (SslMode::Disable, Trust::Anyone)),
            ("?sslmode=require", " sslmode = require", (SslMode::Require, Trust::Anyone)),
            ("?sslmode=verify-full", " sslmode='verify-full'", this(Authorities::Machine)),
            ("?sslrootcert=system", " sslrootcert=system", this(Authorities::Machine)),
            (
                "?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fetc/a%20b.pem",
                " sslmode=verify-full connect_timeout=3 sslrootcert='/etc/a b.pem'",
                this(Authorities::File(file())),
            ),
            (
                "?sslrootcert=/etc/a%20b.pem&sslmode=verify-ca",
                " sslrootcert=/etc/a\\ b.pem sslmode=verify-ca",
                (SslMode::Require, Trust::AnyName(file())),
            ),
            (
                "?sslmode=require&sslrootcert=/etc/a%20b.pem",
                " sslmode=require sslrootcert=/etc/a\\ b.pem",
                (SslMode::Require, Trust::AnyName(file())),
            ),
        ] {
            for address in [
                format!("postgres://ada:p?a%40ss@example.com:5433/voices{url}"),
                format!("user=ada password='p?a@ss' host=example.com port=5433 dbname=voices{words}"),
            ] {
                let (config, trust) = read(&address).unwrap_or_else(|error| panic!("{address}: {error}"));
                assert_eq!((config.get_ssl_mode(), trust), meaning, "{address}");
                assert_eq!(config.get_password(), Some(&b"p?a@ss"[..]), "{address}");
                assert_eq!((config.get_user(), config.get_dbname()), (Some("ada"), Some("voices")), "{address}");
                assert_eq!(config.get_hosts(), [Host::Tcp("example.com".to_owned())], "{address}");
                assert_eq!(config.get_ports(), [5433], "{address}");
            }
        }
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        for (address, told) in [
            ("postgres://a:hunter2@b/c?sslmode=allow", "say prefer, or require"),
            ("postgres://a:hunter2@b/c?sslmode=on", "one of disable, prefer, require, verify-ca and verify-full"),
            ("postgres://a:hunter2@b/c?sslmode", "one of disable"),
            ("postgres://a:hunter2@b/c?sslmode=verify-ca", "needs sslrootcert"),
            ("postgres://a:hunter2@b/c?sslmode=verify-ca&sslrootcert=system", "needs sslmode=verify-full"),
            ("postgres://a:hunter2@b/c?sslmode=require&sslrootcert=system", "needs sslmode=verify-full"),
            ("postgres://a:hunter2@b/c?sslrootcert=/etc/a.pem", "needs sslmode=require"),
            ("postgres://a:hunter2@b/c?sslcert=/etc/a.pem", "`sslcert`"),
            ("host=b password=hunter2 sslmode=maybe", "one of disable"),
            ("host=b password=hunter2 sslcrl=a", "`sslcrl`"),
            ("host=b password=hunter2 nonsense", "unexpected EOF"),
        ] {
            let told_of = read(address).unwrap_err().to_string();
            assert!(told_of.contains(told) && !told_of.contains("hunter2"), "{address}: {told_of}");
        }
    }

    #[test]
    fn a_socket_of_this_machine_needs_no_tls_and_an_address_is_a_name() {
        let (config, _) = read("postgres:///c?host=/run/postgresql&sslmode=require").unwrap();
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
        let (config, _) = read("hostaddr=127.0.0.1 sslmode=require").unwrap();
        assert_eq!(config.get_hosts(), [Host::Tcp("127.0.0.1".to_owned())]);
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
    }
}
