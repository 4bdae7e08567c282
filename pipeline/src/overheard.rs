//! What the thread of a test logs.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::subscriber::DefaultGuard;

/// Listens until it is dropped.
pub(crate) struct Overheard {
    written: Arc<Mutex<Vec<u8>>>,
    _listening: DefaultGuard,
}

impl Overheard {
    /// Begins to listen to this thread.
    pub(crate) fn here() -> Self {
        let written = Arc::new(Mutex::new(Vec::new()));
        let page = Page(written.clone());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || page.clone()).finish();
        Self { written, _listening: tracing::subscriber::set_default(subscriber) }
    }

    /// Waits until these words have been logged.
    ///
    /// # Panics
    ///
    /// After ten seconds without them.
    pub(crate) async fn until(&self, words: &str) {
        for _ in 0..1_000 {
            if String::from_utf8_lossy(&self.written.lock().unwrap()).contains(words) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not in ten seconds: {words}");
    }
}

#[derive(Clone)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
