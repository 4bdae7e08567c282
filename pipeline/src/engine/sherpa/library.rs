//! The C library of sherpa-onnx, loaded at run time. All that is unsafe in the engines is in this file.
//!
//! The structures are those of `c-api.h` of one version, and no other is loaded.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_float};
use std::fmt;
use std::mem::zeroed;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

use libloading::Library;

use crate::audio::{Audio, Rate};

/// The version whose structures are below.
pub(super) const VERSION: &str = "2.0.1";
/// What the models hear.
const HEARD: Rate = Rate::WYOMING;

/// Why the library or a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum LibraryError {
    #[error("the library cannot be loaded: {0}")]
    Library(#[from] libloading::Error),
    #[error("the library is of version {0}, and {VERSION} is needed: run pipeline/setup.sh")]
    Version(String),
    #[error("{0} is missing: run pipeline/setup.sh")]
    Missing(String),
    #[error("a path has a zero in it")]
    Path(#[from] std::ffi::NulError),
    #[error("the library does not take the models: what it says is in the log")]
    Refused,
    #[error("the audio is longer than the library takes")]
    TooLong,
    #[error("the library gave no result")]
    NoResult,
}

type Text = *const c_char;

/// `SherpaOnnxFeatureConfig`.
#[repr(C)]
struct Features {
    sample_rate: i32,
    feature_dim: i32,
}

/// `SherpaOnnxOfflineWhisperModelConfig`.
#[repr(C)]
struct Whisper {
    texts: [Text; 4],
    numbers: [i32; 3],
}

/// `SherpaOnnxOfflineSenseVoiceModelConfig`.
#[repr(C)]
struct SenseVoice {
    texts: [Text; 2],
    use_itn: i32,
}

/// `SherpaOnnxOfflineMoonshineModelConfig`.
#[repr(C)]
struct Moonshine {
    preprocessor: Text,
    encoder: Text,
    uncached_decoder: Text,
    cached_decoder: Text,
    merged_decoder: Text,
}

/// `SherpaOnnxOfflineCanaryModelConfig`.
#[repr(C)]
struct Canary {
    texts: [Text; 4],
    use_pnc: i32,
}

/// `SherpaOnnxOfflineFunASRNanoModelConfig`.
#[repr(C)]
struct FunAsrNano {
    texts: [Text; 6],
    max_new_tokens: i32,
    temperature: c_float,
    top_p: c_float,
    seed: i32,
    language: Text,
    itn: i32,
    hotwords: Text,
}

/// `SherpaOnnxOfflineQwen3ASRModelConfig`.
#[repr(C)]
struct Qwen3Asr {
    texts: [Text; 4],
    numbers: [i32; 2],
    temperature: c_float,
    top_p: c_float,
    seed: i32,
    hotwords: Text,
}

/// `SherpaOnnxOfflineCohereTranscribeModelConfig`.
#[repr(C)]
struct CohereTranscribe {
    texts: [Text; 3],
    numbers: [i32; 2],
}

/// `SherpaOnnxOfflineModelConfig`. Neighbours that are nothing but texts, and are not used, are one field.
#[repr(C)]
struct Model {
    /// Of `transducer`, `paraformer` and `nemo_ctc`.
    texts: [Text; 5],
    whisper: Whisper,
    tdnn: Text,
    tokens: Text,
    num_threads: i32,
    debug: i32,
    provider: Text,
    model_type: Text,
    modeling_unit: Text,
    bpe_vocab: Text,
    telespeech_ctc: Text,
    sense_voice: SenseVoice,
    moonshine: Moonshine,
    /// Of `fire_red_asr`, `dolphin` and `zipformer_ctc`.
    more_texts: [Text; 4],
    canary: Canary,
    /// Of `wenet_ctc`, `omnilingual` and `medasr`.
    still_more_texts: [Text; 3],
    funasr_nano: FunAsrNano,
    fire_red_asr_ctc: Text,
    qwen3_asr: Qwen3Asr,
    cohere_transcribe: CohereTranscribe,
}

/// `SherpaOnnxOfflineLMConfig`, and `SherpaOnnxOfflineCtcFstDecoderConfig` with a whole number.
#[repr(C)]
struct TextAnd<T> {
    text: Text,
    number: T,
}

/// `SherpaOnnxOfflineRecognizerConfig`.
#[repr(C)]
struct Config {
    features: Features,
    model: Model,
    lm: TextAnd<c_float>,
    decoding_method: Text,
    max_active_paths: i32,
    hotwords_file: Text,
    hotwords_score: c_float,
    rule_fsts: Text,
    rule_fars: Text,
    blank_penalty: c_float,
    homophones: [Text; 3],
    ctc_fst_decoder: TextAnd<i32>,
}

/// The beginning of `SherpaOnnxOfflineRecognizerResult`. Only the library makes them, and only it lets them go.
#[repr(C)]
struct ResultOfStream {
    text: Text,
}

/// `SherpaOnnxOfflineRecognizer`.
#[repr(C)]
struct RawRecogniser {
    _opaque: [u8; 0],
}

/// `SherpaOnnxOfflineStream`.
#[repr(C)]
struct RawStream {
    _opaque: [u8; 0],
}

/// What is used of the library. It stays loaded as long as this is there.
struct Api {
    create: unsafe extern "C" fn(*const Config) -> *mut RawRecogniser,
    destroy: unsafe extern "C" fn(*mut RawRecogniser),
    stream: unsafe extern "C" fn(*mut RawRecogniser) -> *mut RawStream,
    destroy_stream: unsafe extern "C" fn(*mut RawStream),
    accept: unsafe extern "C" fn(*mut RawStream, i32, *const c_float, i32),
    decode: unsafe extern "C" fn(*mut RawRecogniser, *mut RawStream),
    result: unsafe extern "C" fn(*mut RawStream) -> *mut ResultOfStream,
    destroy_result: unsafe extern "C" fn(*mut ResultOfStream),
    _library: Library,
}

impl Api {
    fn load(path: &Path) -> Result<Self, LibraryError> {
        // SAFETY: the settings name the library, and whoever writes them may run what they like. Its initialisers
        // are those of C++ and expect nothing of who loads it.
        let library = unsafe { Library::new(path) }?;
        // SAFETY: in the header, the function takes nothing and returns a text that lives as long as the library.
        let version = unsafe {
            let version = library.get::<unsafe extern "C" fn() -> Text>(c"SherpaOnnxGetVersionStr")?();
            if version.is_null() { String::new() } else { CStr::from_ptr(version).to_string_lossy().into_owned() }
        };
        if version != VERSION {
            return Err(LibraryError::Version(version));
        }
        // SAFETY: the version is the one from whose header the types of `Api` are. The pointers are used as long as
        // the library is loaded, which is in the same value.
        unsafe {
            Ok(Self {
                create: *library.get(c"SherpaOnnxCreateOfflineRecognizer")?,
                destroy: *library.get(c"SherpaOnnxDestroyOfflineRecognizer")?,
                stream: *library.get(c"SherpaOnnxCreateOfflineStream")?,
                destroy_stream: *library.get(c"SherpaOnnxDestroyOfflineStream")?,
                accept: *library.get(c"SherpaOnnxAcceptWaveformOffline")?,
                decode: *library.get(c"SherpaOnnxDecodeOfflineStream")?,
                result: *library.get(c"SherpaOnnxGetOfflineStreamResult")?,
                destroy_result: *library.get(c"SherpaOnnxDestroyOfflineRecognizerResult")?,
                _library: library,
            })
        }
    }
}

/// A model that listens. One thread uses it at a time.
pub(super) struct Recogniser {
    api: Arc<Api>,
    raw: NonNull<RawRecogniser>,
}

impl fmt::Debug for Recogniser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recogniser")
    }
}

// SAFETY: a recogniser of the library is bound to no thread: it holds models and settings, and its own pool of threads.
// It is not `Sync`, so no two threads use it at once.
unsafe impl Send for Recogniser {}

/// The file `name` of the models, as the library takes it.
fn file(folder: &Path, name: &str) -> Result<CString, LibraryError> {
    let path = folder.join(name);
    // The library ends the process on some files that are missing.
    if !path.is_file() {
        return Err(LibraryError::Missing(path.display().to_string()));
    }
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

impl Recogniser {
    /// `count` recognisers with the Moonshine models of a folder, each of so many threads.
    pub(super) fn load(library: &Path, models: &Path, threads: i32, count: usize) -> Result<Vec<Self>, LibraryError> {
        let encoder = file(models, "encoder_model.ort")?;
        let decoder = file(models, "decoder_model_merged.ort")?;
        let tokens = file(models, "tokens.txt")?;
        let api = Arc::new(Api::load(library)?);
        // SAFETY: all fields are numbers and pointers, for which zero is a value, and the header asks for it.
        let mut config: Config = unsafe { zeroed() };
        config.features = Features { sample_rate: HEARD.hertz() as i32, feature_dim: 80 };
        config.model.moonshine.encoder = encoder.as_ptr();
        config.model.moonshine.merged_decoder = decoder.as_ptr();
        config.model.tokens = tokens.as_ptr();
        config.model.num_threads = threads;
        config.model.provider = c"cpu".as_ptr();
        config.decoding_method = c"greedy_search".as_ptr();
        let one = || {
            // SAFETY: the texts of `config` live until this returns; the library copies them. Unset ones may be null.
            let raw = unsafe { (api.create)(&config) };
            Ok(Self { api: api.clone(), raw: NonNull::new(raw).ok_or(LibraryError::Refused)? })
        };
        (0..count).map(|_| one()).collect()
    }

    /// What is said in `audio`. It takes its time, and nothing ends it before.
    pub(super) fn transcribe(&mut self, audio: &Audio) -> Result<String, LibraryError> {
        let samples: Vec<c_float> =
            audio.at(HEARD).samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
        let count = i32::try_from(samples.len()).map_err(|_| LibraryError::TooLong)?;
        // SAFETY: the recogniser is alive, and nobody else uses it.
        let stream = unsafe { (self.api.stream)(self.raw.as_ptr()) };
        let stream = Stream { api: &self.api, raw: NonNull::new(stream).ok_or(LibraryError::NoResult)? };
        // SAFETY: stream and recogniser are alive; there are `count` samples, and the library copies them.
        let result = unsafe {
            (self.api.accept)(stream.raw.as_ptr(), HEARD.hertz() as i32, samples.as_ptr(), count);
            (self.api.decode)(self.raw.as_ptr(), stream.raw.as_ptr());
            (self.api.result)(stream.raw.as_ptr())
        };
        let result = NonNull::new(result).ok_or(LibraryError::NoResult)?;
        // SAFETY: the result is alive until it is destroyed, once, here; its text is null or ends with a zero.
        let text = unsafe {
            let text = (*result.as_ptr()).text;
            let text = if text.is_null() { String::new() } else { CStr::from_ptr(text).to_string_lossy().into_owned() };
            (self.api.destroy_result)(result.as_ptr());
            text
        };
        Ok(text.trim().to_owned())
    }
}

impl Drop for Recogniser {
    fn drop(&mut self) {
        // SAFETY: it is alive, is not used after this, and its streams are gone: none outlives `transcribe`.
        unsafe { (self.api.destroy)(self.raw.as_ptr()) }
    }
}

/// One utterance in a recogniser.
struct Stream<'a> {
    api: &'a Api,
    raw: NonNull<RawStream>,
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // SAFETY: it is alive, and is not used after this.
        unsafe { (self.api.destroy_stream)(self.raw.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::{offset_of, size_of};

    use super::*;

    /// What a C compiler makes of the header of that version, where pointers have 64 bits.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_structures_are_those_of_the_header() {
        assert_eq!((size_of::<Config>(), size_of::<Model>()), (624, 504));
        let config = [
            (offset_of!(Config, model), 8),
            (offset_of!(Config, lm), 512),
            (offset_of!(Config, decoding_method), 528),
            (offset_of!(Config, hotwords_file), 544),
            (offset_of!(Config, rule_fsts), 560),
            (offset_of!(Config, blank_penalty), 576),
            (offset_of!(Config, homophones), 584),
            (offset_of!(Config, ctc_fst_decoder), 608),
        ];
        let model = [
            (offset_of!(Model, tdnn), 88),
            (offset_of!(Model, tokens), 96),
            (offset_of!(Model, num_threads), 104),
            (offset_of!(Model, provider), 112),
            (offset_of!(Model, telespeech_ctc), 144),
            (offset_of!(Model, sense_voice), 152),
            (offset_of!(Model, moonshine), 176),
            (offset_of!(Model, moonshine.encoder), 184),
            (offset_of!(Model, moonshine.merged_decoder), 208),
            (offset_of!(Model, canary), 248),
            (offset_of!(Model, still_more_texts), 288),
            (offset_of!(Model, funasr_nano), 312),
            (offset_of!(Model, fire_red_asr_ctc), 400),
            (offset_of!(Model, qwen3_asr), 408),
            (offset_of!(Model, cohere_transcribe), 472),
        ];
        for (ours, theirs) in config.into_iter().chain(model) {
            assert_eq!(ours, theirs);
        }
    }

    #[test]
    fn what_cannot_be_loaded_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("library.so");
        let load = || Recogniser::load(&library, folder.path(), 1, 1).unwrap_err().to_string();
        assert!(load().contains("encoder_model.ort is missing: run pipeline/setup.sh"), "{}", load());
        for name in ["encoder_model.ort", "decoder_model_merged.ort", "tokens.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(load().contains("cannot be loaded"), "{}", load());
        std::fs::write(&library, "nonsense").unwrap();
        assert!(load().contains("cannot be loaded"), "{}", load());
    }
}
