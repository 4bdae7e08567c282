//! A line that says how far a long run is, on a terminal; and how long each step took.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use unleak_analysis::Step;

/// A run that is over before this is not worth a line.
const LONG: Duration = Duration::from_secs(1);
/// How often the line changes at most.
const OFTEN: Duration = Duration::from_millis(100);

/// How far a run is.
pub(crate) struct Progress {
    state: Mutex<State>,
}

struct State {
    begun: Instant,
    laps: Vec<(String, Duration)>,
    last: Instant,
    files: usize,
    done: usize,
    at: &'static str,
    shown: Option<Instant>,
    /// Where the line is written; `None` where nobody sees it.
    terminal: Option<Box<dyn Write + Send>>,
}

impl Progress {
    /// A run begins. Its line is shown where standard error is a terminal.
    pub(crate) fn begin() -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let terminal = (std::io::stderr().is_terminal() && !dumb).then(|| Box::new(std::io::stderr()) as _);
        Progress::on(terminal, Instant::now())
    }

    fn on(terminal: Option<Box<dyn Write + Send>>, begun: Instant) -> Progress {
        let state = State { begun, laps: Vec::new(), last: begun, files: 0, done: 0, at: "", shown: None, terminal };
        Progress { state: Mutex::new(state) }
    }

    /// What has been done since the last lap.
    pub(crate) fn lap(&self, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let took = now.duration_since(state.last);
        state.laps.push((what.to_owned(), took));
        state.last = now;
    }

    /// A project of so many files is analysed next.
    pub(crate) fn expect(&self, files: usize) {
        self.change(|state| (state.files, state.done, state.at) = (files, 0, "reading"));
    }

    /// A step of the analysis.
    pub(crate) fn step(&self, step: Step) {
        match step {
            Step::Lowered => self.change(|state| state.done += 1),
            Step::Linking => {
                self.lap("read");
                self.change(|state| (state.done, state.at) = (0, "linking"));
            }
            Step::Deciding => {
                self.lap("linked");
                self.change(|state| state.at = "deciding");
            }
            Step::Decided { files } => self.change(|state| state.done += files),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.show();
    }

    /// Takes the line away: something else is printed.
    pub(crate) fn clear(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.shown.take().is_some() {
            state.write("\r\x1b[K");
        }
    }

    /// How long each step took.
    pub(crate) fn told(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.laps.iter().map(|(what, time)| format!("{what}: {:.1} ms\n", time.as_secs_f64() * 1e3)).collect()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl State {
    fn show(&mut self) {
        if self.terminal.is_none() || self.begun.elapsed() < LONG || self.shown.is_some_and(|at| at.elapsed() < OFTEN) {
            return;
        }
        self.shown = Some(Instant::now());
        let (at, files, seconds) = (self.at, self.files, self.begun.elapsed().as_secs());
        let done = if self.done > 0 { format!("{} of ", self.done) } else { String::new() };
        self.write(&format!("\r\x1b[K{at} {done}{files} files, {seconds} s"));
    }

    /// Where the terminal is gone there is nobody to tell.
    fn write(&mut self, text: &str) {
        if let Some(terminal) = &mut self.terminal {
            let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(begun: Instant) -> String {
        let screen = Screen::default();
        let progress = Progress::on(Some(Box::new(screen.clone())), begun);
        progress.expect(3);
        progress.step(Step::Lowered);
        drop(progress);
        String::from_utf8(screen.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn only_a_long_run_shows_a_line_and_takes_it_away() {
        assert_eq!(shown(Instant::now()), "");
        let long_ago = Instant::now().checked_sub(Duration::from_secs(7)).unwrap();
        assert_eq!(shown(long_ago), "\r\x1b[Kreading 3 files, 7 s\r\x1b[K");
    }
}
