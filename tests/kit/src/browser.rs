//! A browser without a window: Chromium, spoken to by the DevTools protocol over pipes, which needs neither a
//! port nor another tool.
//!
//! Messages are JSON, each with a zero byte behind it. What is asked for is short and comes back as one string
//! without any character that JSON or this file would have to escape, so little is read of the answers: the
//! number of the request, and strings by the name of their field.

use crate::process;
use crate::tools::first_installed;
use crate::{Scratch, text};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What Chromium is started with: as much of it as possible is left out, and it takes its orders from a pipe.
const OPTIONS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
];

/// Chromium reads descriptor 3 and writes 4: the shell that becomes it makes them of what it is given.
const SHELL: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";

/// How long an answer may take.
const TIME: Duration = Duration::from_secs(60);

/// A browser with one page.
pub struct Browser {
    child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    count: u32,
    session: Option<String>,
    _profile: Scratch,
}

impl Browser {
    /// Starts it; `None` where it is not installed.
    pub fn start() -> Option<Browser> {
        let program = first_installed(&["chromium"])?;
        let profile = Scratch::new("browser");
        let mut command = Command::new("sh");
        command.args(["-c", SHELL, program]).args(OPTIONS);
        command.arg(format!("--user-data-dir={}", profile.0.display())).arg("about:blank");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = process::spawn(&mut command).expect("a shell");
        let orders = child.stdin.take();
        let pipe = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let messages = pipe.split(0).map_while(Result::ok);
            // Nobody listens when the browser is not needed any more.
            messages.map_while(|m| sender.send(text(&m)).ok()).for_each(drop);
        });
        let mut browser = Browser { child, orders, answers, count: 0, session: None, _profile: profile };
        let target = browser.order("Target.createTarget", "\"url\":\"about:blank\"");
        let target = string(&target, "targetId");
        let attached =
            browser.order("Target.attachToTarget", &format!("\"targetId\":\"{target}\",\"flatten\":true"));
        browser.session = Some(string(&attached, "sessionId"));
        Some(browser)
    }

    /// Gives an order, and waits for the answer.
    fn order(&mut self, method: &str, parameters: &str) -> String {
        self.count += 1;
        let session = self.session.iter().map(|s| format!(",\"sessionId\":\"{s}\"")).collect::<String>();
        let id = format!("{{\"id\":{},", self.count);
        let message = format!("{id}\"method\":\"{method}\",\"params\":{{{parameters}}}{session}}}\0");
        let pipe = self.orders.as_mut().expect("open until the end");
        pipe.write_all(message.as_bytes()).expect("the browser listens");
        loop {
            let answer = self.answers.recv_timeout(TIME).expect("the browser answers");
            if answer.starts_with(&id) {
                assert!(!answer.contains("\"error\":"), "{message}: {answer}");
                return answer;
            }
        }
    }

    /// Opens a page, and waits until it is there.
    pub fn open(&mut self, url: &str) {
        self.order("Page.navigate", &format!("\"url\":{}", json(url)));
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression of JavaScript in the page, as text. When it is a promise, what that gives.
    pub fn value(&mut self, expression: &str) -> String {
        let script = format!("(async () => encodeURIComponent(String(await ({expression}))))()");
        let parameters = format!("\"expression\":{},\"awaitPromise\":true", json(&script));
        let answer = self.order("Runtime.evaluate", &parameters);
        assert!(!answer.contains("\"exceptionDetails\""), "{expression}: {answer}");
        decoded(&string(&answer, "value"))
    }

    /// Waits until a condition of JavaScript holds.
    pub fn wait(&mut self, condition: &str) {
        self.value(&format!(
            "new Promise((done) => {{ const look = () => {condition} ? done() : setTimeout(look, 5); look(); }})"
        ));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends when nobody can give it orders; when it does not listen any more, not by itself.
        drop(self.orders.take());
        while let Ok(_said) = self.answers.recv_timeout(Duration::from_secs(5)) {}
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text as JSON.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

/// The first string of a field with this name.
fn string(answer: &str, name: &str) -> String {
    let start = format!("\"{name}\":\"");
    let (_, rest) = answer.split_once(&start).unwrap_or_else(|| panic!("no {name} in {answer}"));
    rest.split('"').next().unwrap_or_default().to_string()
}

/// What `encodeURIComponent` has made of a text.
fn decoded(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two digits"));
        bytes.extend(rest.bytes());
    }
    text(&bytes)
}
