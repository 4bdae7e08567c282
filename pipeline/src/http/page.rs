//! The live page, and the files that it is made of.

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::{Answer, typed};

/// Nothing but the page's own files is loaded, and nothing in the text of the page is run.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The file of the page that is served at `path`.
pub(super) fn file(path: &str) -> Option<Answer> {
    let (kind, text) = match path {
        "/" => (HTML, include_str!("page/page.html")),
        "/page.css" => (CSS, include_str!("page/page.css")),
        "/page.js" => (SCRIPT, include_str!("page/page.js")),
        "/conversation.js" => (SCRIPT, include_str!("page/conversation.js")),
        "/watch.js" => (SCRIPT, include_str!("page/watch.js")),
        "/worklet.js" => (SCRIPT, include_str!("page/worklet.js")),
        "/tones.mjs" => (SCRIPT, include_str!("page/tones.mjs")),
        _ => return None,
    };
    let mut answer = typed(kind, text.to_owned());
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    Some(answer)
}
