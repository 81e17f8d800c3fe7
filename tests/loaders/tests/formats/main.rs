//! Tests of the loaders, a folder a format.

mod file;
mod macho;
mod patches;
mod pe;
mod run;
