//! The page: one file that needs nothing else, with bars for people who look and tables for everybody.

use crate::history::Run;
use crate::measure::geomean;
use crate::peers::BASE;
use crate::table::{number, of_builds};
use crate::times::ratio;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");

/// Colours that `page.css` has.
const COLOURS: usize = 8;

/// What the newest run measured, and all runs; none without a run.
pub fn page(runs: &[Run]) -> Option<String> {
    let run = runs.last()?;
    let parts =
        [("times", "Times"), ("history", "History"), ("size", "Size and builds"), ("compiler", "Compiler")];
    let links: String = parts.iter().map(|(id, name)| format!("<a href=\"#{id}\">{name}</a>")).collect();
    let machine = if run.machine.is_empty() { "an unknown processor" } else { &run.machine };
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Mochi benchmarks</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>Mochi benchmarks</h1>\n\
         <p class=\"quiet\">{} {}, on {}: medians of {} rounds, size {}.</p>\n<nav aria-label=\"Parts\">{links}</nav>\n\
         </header>\n<main>\n",
        run.day(),
        escape(&run.label),
        escape(machine),
        run.rounds,
        escape(&run.size),
    );
    out += &times(run);
    out += &history(runs);
    out += &builds(run);
    out += &compiler(run);
    out += "</main>\n</body>\n</html>\n";
    Some(out)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn section(id: &str, name: &str, content: &str) -> String {
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-name\">\n<h2 id=\"{id}-name\">{name}</h2>\n{content}</section>\n"
    )
}

/// A table that can be scrolled by keyboard where it is wide. The first cell of a row names it; a row with a mark is
/// a mean.
fn table(caption: &str, head: &[String], rows: &[(bool, Vec<String>)]) -> String {
    let label = escape(caption);
    let mut out = format!(
        "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\">\n<table>\n<caption>{label}</caption>\n<thead><tr>"
    );
    for cell in head {
        write!(out, "<th scope=\"col\">{}</th>", escape(cell)).expect("string");
    }
    out += "</tr></thead>\n<tbody>\n";
    for (mean, row) in rows {
        out += if *mean { "<tr class=\"mean\">" } else { "<tr>" };
        for (n, cell) in row.iter().enumerate() {
            let cell = escape(cell);
            match n {
                0 => write!(out, "<th scope=\"row\">{cell}</th>"),
                _ => write!(out, "<td>{cell}</td>"),
            }
            .expect("string");
        }
        out += "</tr>\n";
    }
    out + "</tbody>\n</table>\n</div>\n"
}

/// What the colours stand for.
fn key<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let item =
        |(n, name): (usize, &str)| format!("<li><i class=\"c{}\"></i>{}</li>", n % COLOURS, escape(name));
    format!(
        "<ul class=\"key\" aria-hidden=\"true\">{}</ul>\n",
        names.enumerate().map(item).collect::<String>()
    )
}

/// Rows of bars with a line where 1 is; each row has a name and a value for each colour.
fn bars(label: &str, rows: &[(String, Vec<Option<f64>>)], one: bool, digits: usize) -> String {
    let most = rows.iter().flat_map(|r| r.1.iter().flatten()).copied().fold(1.0, f64::max);
    // A number stands behind each bar.
    let width = |value: f64| value / most * 90.0;
    let class = if one { "bars one" } else { "bars" };
    let mut out = format!(
        "<figure role=\"img\" aria-label=\"{}\">\n<div class=\"{class}\" style=\"--one:{:.2}%\">\n",
        escape(label),
        width(1.0)
    );
    for (name, values) in rows {
        write!(out, "<div>{}</div><div class=\"row\">", escape(name)).expect("string");
        for (n, value) in values.iter().enumerate() {
            let Some(value) = value else { continue };
            let (colour, width) = (n % COLOURS, width(*value));
            write!(out, "<div class=\"bar\"><i class=\"c{colour}\" style=\"width:{width:.2}%\"></i>{value:.digits$}</div>")
                .expect("string");
        }
        out += "</div>\n";
    }
    out + "</div>\n</figure>\n"
}

fn times(run: &Run) -> String {
    let others: Vec<&str> = run.others().collect();
    let mut out = format!(
        "<p>How many times as long as {BASE} each program takes: shorter is faster, the dashed line is {BASE}.</p>\n\
         <ul class=\"cards\" aria-label=\"Geometric means over all programs\">"
    );
    for (n, peer) in others.iter().enumerate() {
        let ratios = run.ratios(peer, None);
        let mean = number(geomean(&ratios), 2);
        let (colour, peer, count) = (n % COLOURS, escape(peer), ratios.len());
        write!(
            out,
            "<li class=\"b{colour}\"><span>{peer}</span><b>{mean}</b><span>{count} programs</span></li>"
        )
        .expect("string");
    }
    out += "</ul>\n";
    for set in run.sets() {
        let programs: Vec<_> = run.programs.iter().filter(|p| p.set == set).collect();
        let row =
            |p: &&crate::history::Program| (p.name.clone(), others.iter().map(|o| ratio(p, o)).collect());
        let rows: Vec<_> = programs.iter().map(row).collect();
        writeln!(out, "<h3>{}</h3>", escape(set)).expect("string");
        out += &key(others.iter().copied());
        let label =
            format!("Times relative to {BASE} of the programs in {set}; the table below has the numbers");
        out += &bars(&label, &rows, true, 2);
        let mut head = vec!["program".to_string(), "N".into(), format!("{BASE} s")];
        for peer in &others {
            head.extend([format!("{peer} s"), format!("{peer} ratio")]);
        }
        let mut rows = Vec::new();
        for p in programs {
            let seconds = |peer: &str| number(p.entries.get(peer).map(|e| e.seconds), 3);
            let mut row = vec![p.name.clone(), p.n.clone(), seconds(BASE)];
            for peer in &others {
                row.extend([seconds(peer), number(ratio(p, peer), 2)]);
            }
            rows.push((false, row));
        }
        let mut mean = vec!["geometric mean".to_string(), String::new(), String::new()];
        for peer in &others {
            mean.extend([String::new(), number(geomean(&run.ratios(peer, Some(set))), 2)]);
        }
        rows.push((true, mean));
        out += &table(&format!("Seconds and ratios of the programs in {set}"), &head, &rows);
    }
    section("times", "Times", &out)
}

/// The peers of all runs, those of the newest one first, so that they keep their colours.
fn peers_of_all(runs: &[Run]) -> Vec<&str> {
    let mut peers: Vec<&str> = Vec::new();
    for peer in runs.iter().rev().flat_map(Run::others) {
        if !peers.contains(&peer) {
            peers.push(peer);
        }
    }
    peers
}

fn history(runs: &[Run]) -> String {
    let peers = peers_of_all(runs);
    let mean = |run: &Run, peer: &str| geomean(&run.ratios(peer, None));
    let lines: Vec<Vec<Option<f64>>> =
        peers.iter().map(|peer| runs.iter().map(|run| mean(run, peer)).collect()).collect();
    let mut out =
        format!("<p>Geometric means over all programs of each recorded run, relative to {BASE}.</p>\n");
    out += &key(peers.iter().copied());
    out += &chart("Geometric means of the recorded runs; the table below has the numbers", &lines);
    let mut head: Vec<String> = ["run", "day", "programs", "size"].map(str::to_string).into();
    head.extend(peers.iter().map(|peer| (*peer).to_string()));
    head.push("compiler ms".into());
    let row = |run: &Run| {
        let programs = run.programs.len().to_string();
        let mut row = vec![run.label.clone(), run.day(), programs, run.size.clone()];
        row.extend(peers.iter().map(|peer| number(mean(run, peer), 3)));
        let total = run.compiler.first().map(|(_, steps)| steps.iter().map(|s| s.1 * 1e3).sum());
        row.push(number(total, 1));
        (false, row)
    };
    let rows: Vec<_> = runs.iter().rev().map(row).collect();
    out += &table("Recorded runs, the newest first", &head, &rows);
    section("history", "History", &out)
}

/// Lines over the runs.
fn chart(label: &str, lines: &[Vec<Option<f64>>]) -> String {
    let (width, height, left, top) = (900.0, 260.0, 40.0, 12.0);
    let (right, bottom) = (width - 12.0, height - 24.0);
    let count = lines.iter().map(Vec::len).max().unwrap_or(0);
    let most = lines.iter().flatten().flatten().copied().fold(1.0, f64::max);
    let step = if most > 8.0 {
        2.0
    } else if most > 3.0 {
        1.0
    } else {
        0.5
    };
    let ceiling = (most / step).ceil() * step;
    let x = |n: usize| left + (right - left) * if count > 1 { n as f64 / (count - 1) as f64 } else { 0.5 };
    let y = |value: f64| bottom - (bottom - top) * value / ceiling;
    let mut out = format!(
        "<figure>\n<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escape(label)
    );
    for k in 0..=(ceiling / step) as usize {
        let (value, y) = (k as f64 * step, y(k as f64 * step));
        let (text, below) = (left - 6.0, y + 4.0);
        writeln!(
            out,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{text}\" y=\"{below:.1}\" text-anchor=\"end\">{value}</text>"
        )
        .expect("string");
    }
    for (n, line) in lines.iter().enumerate() {
        let colour = n % COLOURS;
        let points: Vec<(f64, f64)> =
            line.iter().enumerate().filter_map(|(k, v)| Some((x(k), y((*v)?)))).collect();
        let path: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
        writeln!(out, "<polyline class=\"path s{colour}\" points=\"{}\"/>", path.trim_end()).expect("string");
        for (x, y) in points {
            writeln!(out, "<circle class=\"s{colour}\" fill=\"none\" stroke-width=\"2\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>")
                .expect("string");
        }
    }
    let (first, last) = (bottom + 18.0, right);
    if count > 1 {
        writeln!(
            out,
            "<text x=\"{left}\" y=\"{first}\">oldest run</text>\
             <text x=\"{last}\" y=\"{first}\" text-anchor=\"end\">newest run</text>"
        )
        .expect("string");
    }
    out + "</svg>\n</figure>\n"
}

fn builds(run: &Run) -> String {
    let sizes: Vec<_> =
        run.peers.iter().map(|(name, _)| (name.clone(), vec![of_builds(run, name).1])).collect();
    let mut out = "<p>Executables without symbols, in KiB: medians over all programs.</p>\n".to_string();
    out += &bars("Sizes of executables; the table below has the numbers", &sizes, false, 1);
    let head = ["peer", "build ms", "stripped KiB", "version"].map(str::to_string);
    let row = |(name, version): &(String, String)| {
        let (build, size) = of_builds(run, name);
        (false, vec![name.clone(), number(build, 1), number(size, 1), version.clone()])
    };
    let rows: Vec<_> = run.peers.iter().map(row).collect();
    out += &table("Medians of build times and of sizes", &head, &rows);
    section("size", "Size and builds", &out)
}

fn compiler(run: &Run) -> String {
    let total = |steps: &[(String, f64)]| steps.iter().map(|s| s.1).sum::<f64>();
    let longest = run.compiler.iter().map(|(_, steps)| total(steps)).fold(0.0, f64::max);
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in run.compiler.iter().flat_map(|(_, steps)| steps) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut out =
        format!("<p>Steps of building a program of {} lines, in milliseconds.</p>\n", crate::compiler::LINES);
    out += &key(names.iter().copied());
    out += "<figure role=\"img\" aria-label=\"Steps of the compiler; the table below has the numbers\">\n<div class=\"bars\">\n";
    let time =
        |steps: &[(String, f64)], name: &str| steps.iter().filter(|s| s.0 == name).map(|s| s.1).sum::<f64>();
    for (mode, steps) in &run.compiler {
        write!(out, "<div>{}</div><div class=\"stack\">", escape(mode)).expect("string");
        for (n, name) in names.iter().enumerate() {
            let width = time(steps, name) / longest * 100.0;
            write!(out, "<i class=\"c{}\" style=\"width:{width:.2}%\"></i>", n % COLOURS).expect("string");
        }
        out += "</div>\n";
    }
    out += "</div>\n</figure>\n";
    let mut head = vec!["step".to_string()];
    head.extend(run.compiler.iter().map(|(mode, _)| mode.clone()));
    let milliseconds = |seconds: f64| format!("{:.2}", seconds * 1e3);
    let mut rows: Vec<(bool, Vec<String>)> = Vec::new();
    for name in names {
        let cells = run.compiler.iter().map(|(_, steps)| milliseconds(time(steps, name)));
        rows.push((false, [name.to_string()].into_iter().chain(cells).collect()));
    }
    let totals = run.compiler.iter().map(|(_, steps)| milliseconds(total(steps)));
    rows.push((true, ["total".to_string()].into_iter().chain(totals).collect()));
    out += &table("Milliseconds of each step", &head, &rows);
    section("compiler", "Compiler", &out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::sample;

    #[test]
    fn a_page_stands_alone_and_shows_the_newest_run() {
        let page = page(&[sample("first", 2.0), sample("a <b> \"c\"", 1.0)]).expect("two runs");
        assert!(page.contains("a &lt;b&gt; &quot;c&quot;") && !page.contains("<b> \"c\""));
        for outside in ["http", "<script", "<link", "<img", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside} in the page");
        }
        for part in [
            "<td>4.00</td>",
            "first",
            "<td>4.000</td>",
            "<td>2.000</td>",
            "<th scope=\"row\">link</th><td>2.00</td>",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
    }

    #[test]
    fn what_is_opened_is_closed() {
        let page = page(&[sample("one", 1.0)]).expect("a run");
        for name in
            ["html", "body", "main", "section", "figure", "div", "table", "tr", "td", "th", "ul", "li", "svg"]
        {
            let opened =
                page.matches(&format!("<{name}>")).count() + page.matches(&format!("<{name} ")).count();
            assert_eq!(opened, page.matches(&format!("</{name}>")).count(), "{name}");
        }
        assert_eq!(super::page(&[]), None);
    }
}
