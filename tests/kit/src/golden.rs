//! Golden programs: what they are given, and what they have to do, in files beside the source.
//!
//! | file | |
//! |---|---|
//! | `NAME.args` | arguments, one a line |
//! | `NAME.env` | environment variables, `NAME=VALUE`, one a line |
//! | `NAME.in` | standard input |
//! | `NAME.out` | standard output |
//! | `NAME.err` | standard error; where it exists, the status is 1 |
//! | `NAME.status` | the status, where it is another one |

use std::fs;
use std::path::Path;

/// See the head of this file. What has no file is empty, and the status is 0.
#[derive(Clone, Debug)]
pub struct Golden {
    /// Arguments.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
    /// Standard input.
    pub stdin: Vec<u8>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Exit status.
    pub status: i32,
}

impl Golden {
    /// What stands beside a program.
    pub fn beside(program: &Path) -> Golden {
        let read = |extension: &str| fs::read(program.with_extension(extension)).ok();
        let bytes = |extension: &str| read(extension).unwrap_or_default();
        let text = |extension: &str| String::from_utf8(bytes(extension)).expect("UTF-8");
        let variable = |line: &str| {
            let (name, value) = line.split_once('=').expect("NAME=VALUE");
            (name.to_string(), value.to_string())
        };
        let status = read("status").map(|_| text("status").trim().parse().expect("a number"));
        Golden {
            args: text("args").lines().map(str::to_string).collect(),
            env: text("env").lines().map(variable).collect(),
            stdin: bytes("in"),
            stdout: bytes("out"),
            stderr: bytes("err"),
            status: status.unwrap_or(i32::from(read("err").is_some())),
        }
    }

    /// Environment variables: its own, then these.
    pub fn env_with<'a>(&'a self, others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = self.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        own.chain(others.iter().copied()).collect()
    }
}
