use std::time::Duration;

use super::*;

fn read(file: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipeline.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()));
    Settings::read(Some(&path), environment).map_err(|error| error.to_string())
}

#[test]
fn defaults_hold_and_are_shown_as_a_file_that_says_the_same() {
    let settings = Settings::read(None, []).unwrap();
    assert!(settings.listen.http.ip().is_loopback());
    assert_eq!(settings.times.receive.get(), Duration::from_secs(300));
    let again = read(&settings.show(), &[]).unwrap();
    assert_eq!(settings.show(), again.show());
}

#[test]
fn the_environment_wins_over_the_file_over_the_defaults() {
    let file = "[times]\nreceive = 100\ndrain = 20.5\n[store]\nfolder = \"a\"";
    let environment = [("TIMES_RECEIVE", "7"), ("STORE_FOLDER", "some where"), ("LISTEN_HTTP", "127.0.0.1:1")];
    let settings = read(file, &environment).unwrap();
    assert_eq!(settings.times.receive.get(), Duration::from_secs(7));
    assert_eq!(settings.times.drain.get(), Duration::from_millis(20_500));
    assert_eq!(settings.times.send.get(), Duration::from_secs(10));
    assert_eq!(settings.store.folder, Path::new("some where"));
    assert_eq!(settings.listen.http.port(), 1);
    let settings = read("", &[("SECURITY_KEY", "12345"), ("ENGINES_LANGUAGE_MODEL", "4")]).unwrap();
    assert!(settings.security.key.unwrap().matches("12345") && settings.engines.language_model == "4");
    assert_eq!(read("", &[("TIMES_LANGUAGE_MODEL", "3")]).unwrap().times.language_model, Seconds::of(3.0));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (file, environment, told) in [
        ("[times]\nrecieve = 1", &[][..], "unknown field `recieve`"),
        ("[times]\nreceive = -1", &[], "between 0 and 86400"),
        ("[times]\nreceive = nan", &[], "between 0 and 86400"),
        ("[queues]\nspeech = 0", &[], "nonzero"),
        ("[hearing]\nthreshold = 2.0", &[], "between 0 and 1"),
        ("what", &[], "pipeline.toml"),
        ("", &[("TIMES_RECIEVE", "1")], "UNLEAK_PIPELINE_TIMES_RECIEVE: unknown field `recieve`"),
        ("", &[("NOTHING", "1")], "by its section and its key"),
        ("", &[("LIMITS_SESSIONS", "many")], "UNLEAK_PIPELINE_LIMITS_SESSIONS"),
        ("[listen]\nhttp = \"0.0.0.0:80\"", &[], "needs security.key"),
        ("[listen]\nwyoming = \"0.0.0.0:1\"\n[security]\nkey = \"a\"", &[], "needs security.open_wyoming"),
        ("[limits]\nmessage_burst = 1", &[], "at least messages_per_second"),
        ("[aftermath]\nwebhook = \"ftp://example.com\"", &[], "over http or https"),
        ("[security]\nkey = \"\"", &[], "not empty"),
        ("[process]\nrole = \"boss\"", &[], "unknown variant `boss`"),
        ("[process]\nrole = \"gateway\"", &[], "needs store.nats"),
        ("[process]\nrole = \"worker\"\n[store]\nnats = \"nats://localhost\"", &[], "needs store.postgres"),
        ("[store]\narchive_bucket = \"voices\"\narchive_region = \"a\"", &[], "archive_key with archive_secret"),
        ("[store]\narchive_bucket = \"voices\"\narchive_key = \"a\"\narchive_secret = \"b\"", &[], "or archive_region"),
        ("[store]\narchive_bucket = \"a/b/c\"", &[], "digits, dots and hyphens"),
        ("[store]\narchive_region = \"a\"", &[], "needs archive_bucket"),
        ("[store]\npostgres = \"postgres://a:b@c/d?sslmode=allow\"", &[], "store.postgres: PostgreSQL: sslmode=allow"),
        ("[store]\narchive_endpoint = \"http://example.com\"", &[], "an endpoint is"),
        ("[store]\narchive_endpoint = \"http://8.8.8.8\"", &[], "an endpoint is"),
        ("[store]\narchive_endpoint = \"https://a:b@example.com\"", &[], "an endpoint is"),
        ("[store]\narchive_endpoint = \"here:1\"", &[], "an endpoint is"),
        ("[times]\njob = 10\n[store]\nnats = \"nats://localhost\"", &[], "job must be at least"),
        ("[engines]\nspeech_to_text = \"ears\"", &[], "`sherpa-onnx`"),
        ("[engines]\nspeech_to_text = \"wyoming\"", &[], "needs speech_to_text_server"),
        ("[engines]\ntext_to_speech = \"openai\"\ntext_to_speech_server = \"here:1\"", &[], "http or https for openai"),
        ("[engines]\ntext_to_speech = \"wyoming\"", &[], "needs speech_to_text_server"),
        ("", &[("ENGINES_TEXT_TO_SPEECH", "mouth")], "`espeak-ng`"),
    ] {
        let error = read(file, environment).unwrap_err();
        assert!(error.contains(told), "{file} {environment:?}: {error}");
    }
    let error = Settings::read(Some(Path::new("no/such/file")), []).unwrap_err().to_string();
    assert!(error.contains("no/such/file"), "{error}");
}

#[test]
fn an_endpoint_is_plain_in_a_private_network_only() {
    for (address, plain) in [
        ("https://example.com", false),
        ("https://example.com:9000/s3/", false),
        ("http://127.0.0.1:9000", true),
        ("http://10.1.2.3", true),
        ("http://[::1]:9000", true),
        ("http://minio:9000", true),
    ] {
        let endpoint = Endpoint::try_from(address.to_owned()).unwrap();
        assert_eq!(endpoint.is_plain(), plain, "{address}");
        assert_eq!(endpoint.to_string(), address.trim_end_matches('/'));
    }
}

#[test]
fn settings_that_nobody_names_are_found() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(find(folder.path()), None);
    for place in PLACES.iter().rev() {
        let place = folder.path().join(place);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(&place, "").unwrap();
        assert_eq!(find(folder.path()), Some(place), "the later one, over the former");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let settings = read("[listen]\nhttp = \"0.0.0.0:80\"", &[("SECURITY_KEY", "hunter2")]).unwrap();
    assert!(!settings.show().contains("hunter2"));
    assert!(!format!("{settings:?}").contains("hunter2"));
    let stores = "[store]\nnats = \"nats://a:hunter2@b\"\npostgres = \"postgres://a:hunter2@b/c\"";
    assert!(!read(stores, &[]).unwrap().show().contains("hunter2"));
    let archive = "[store]\narchive_bucket = \"voices\"\narchive_region = \"a\"\narchive_key = \"hunter2\"\narchive_secret = \"hunter2\"";
    assert!(!read(archive, &[]).unwrap().show().contains("hunter2"));
    let key = settings.security.key.unwrap();
    assert!(key.matches("hunter2"));
    assert!(!key.matches("hunter") && !key.matches("hunter22") && !key.matches(""));
}
