//! A panic is a bug, so it's an error in the log, with the request or turn it happened in.

use std::panic::{self, PanicHookInfo};

use logging::STUDENT_TEXT;

/// Logs every panic from now on, in place of the message on the standard error.
///
/// A panic's message may contain data: one about a string's boundary quotes the string. So the logged error holds only
/// text that is in the source.
pub(super) fn report() {
    panic::set_hook(Box::new(log));
}

fn log(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let fixed = panic.payload().downcast_ref::<&'static str>().copied();
    let thread = std::thread::current();
    tracing::error!(
        panic.place = place,
        panic.thread = thread.name().unwrap_or("unnamed"),
        error = fixed.unwrap_or("withheld, as it may hold a student's words; LOG_STUDENT_TEXT=on shows it"),
        "the program panicked, which is a bug"
    );
    tracing::info!(target: STUDENT_TEXT, { panic.words = panic.payload_as_str() }, "what the panic said");
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{Layer as _, filter::filter_fn, layer::SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is logged when this panics within a request.
    fn logged(shows_text: bool, panics: fn()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_ansi(false);
        let layer = layer.with_filter(filter_fn(move |metadata| shows_text || metadata.target() != STUDENT_TEXT));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let _within = tracing::info_span!("request", request.id = "r-1").entered();
            report();
            let panicked = panic::catch_unwind(panics);
            let _ = panic::take_hook();
            assert!(panicked.is_err());
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    // One test, since there is one hook.
    #[test]
    fn a_panic_is_an_error_with_its_request_and_without_a_students_words() {
        let quoting = || {
            let text = "비밀스러운 질문".to_owned();
            let _ = &text[..std::hint::black_box(1)];
        };
        let line = logged(false, quoting);
        assert!(line.contains("ERROR") && line.contains("r-1") && line.contains("panics.rs:"), "{line}");
        assert!(line.contains("withheld") && !line.contains("비밀"), "{line}");
        assert!(logged(true, quoting).contains("비밀"));
        assert!(logged(false, || panic!("words of the source")).contains("words of the source"));
    }
}
