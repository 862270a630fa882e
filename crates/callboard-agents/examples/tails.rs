//! Measures reading conversation files of unusual sizes: `cargo run --release --example tails`.
//!
//! Makes the files in a temporary directory (some 3 GB, most of it holes), reads each once to have
//! it in memory, and then prints the median and the slowest time of reading it, the median of what
//! that takes of the processor (on a machine that does other things too), and of memory.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use callboard_agents::activity::Sparkline;
use callboard_agents::transcript::{Depth, Format, Transcript};

const ROUNDS: usize = 50;
/// 2026-11-21, 05:41:00, when the last lines were written.
const NOW: u64 = 1_795_239_660_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| dir.path().join(name);

    let huge = holes(&at("huge.jsonl"), 1 << 30, &conversation(20))?;
    row("1 GiB, mostly a hole", &[huge], Depth::Status)?;
    let long = one_long_line(&at("long.jsonl"), 50 << 20)?;
    row("1 GiB, one line of 50 MB at the end", &[long], Depth::Status)?;
    let torn = torn(&at("torn.jsonl"), 50 << 20)?;
    row("1 GiB, half a line of 50 MB at the end", &[torn], Depth::Status)?;
    let requests = [conversation(1), requests(3 << 20)].concat();
    let behind = holes(&at("requests.jsonl"), 1 << 30, &requests)?;
    row("1 GiB, 3 MB of requests at the end", &[behind], Depth::Status)?;

    let many = (0..30)
        .map(|n| holes(&at(&format!("many-{n}.jsonl")), 100 << 20, &conversation(5_000)))
        .collect::<Result<Vec<_>, _>>()?;
    row("30 of 100 MB", &many, Depth::Status)?;
    row("30 of 100 MB", &many, Depth::Activity)?;
    Ok(())
}

/// Reads the files, and prints what that took.
fn row(what: &str, files: &[PathBuf], depth: Depth) -> Result<(), Box<dyn std::error::Error>> {
    let sparkline = Sparkline::new(NOW, 60_000);
    let read = || -> std::io::Result<()> {
        for path in files {
            let transcript =
                Transcript { format: Format::Claude, path: path.clone(), session_id: "x".into() };
            transcript.read(depth, sparkline)?;
        }
        Ok(())
    };
    let before = memory_kib("VmRSS:")?;
    // From here on the peak is that of reading.
    fs::write("/proc/self/clear_refs", "5")?;
    read()?;
    let grown = memory_kib("VmHWM:")?.saturating_sub(before);
    let (mut times, mut used): (Vec<Duration>, Vec<Duration>) = Default::default();
    for _ in 0..ROUNDS {
        let (start, before) = (Instant::now(), processor_time()?);
        read()?;
        times.push(start.elapsed());
        used.push(processor_time()? - before);
    }
    times.sort();
    used.sort();
    let (median, slowest, used) = (times[ROUNDS / 2], times[ROUNDS - 1], used[ROUNDS / 2]);
    println!(
        "{what:<40} {depth:<9?} median {median:>9.1?}  slowest {slowest:>9.1?}  processor {used:>9.1?}  memory +{grown} KiB"
    );
    Ok(())
}

/// What this process took of the processor.
fn processor_time() -> Result<Duration, Box<dyn std::error::Error>> {
    Ok(clock_gettime(ClockId::ProcessCPUTime).try_into()?)
}

/// What this process has of memory, or had at most, in KiB.
fn memory_kib(what: &str) -> Result<u64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)).ok_or("not in status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Turns of a conversation, a few seconds apart, the last one answered.
fn conversation(turns: u64) -> Vec<u8> {
    let text = "Some words of an answer, with \\\"quotes\\\" and lines.\\n".repeat(8);
    let lines = (0..turns).flat_map(|turn| {
        let seconds = 40 * 60 - (turns - turn).min(40 * 60 - 1);
        let (minute, second) = (seconds / 60, seconds % 60);
        let time = format!("2026-11-21T05:{minute:02}:{second:02}.000Z");
        [
            format!(r#"{{"parentUuid":"p{turn}","isSidechain":false,"type":"user","message":{{"role":"user","content":"{text}"}},"uuid":"u{turn}","timestamp":"{time}"}}"#),
            format!(r#"{{"parentUuid":"u{turn}","isSidechain":false,"message":{{"id":"m{turn}","role":"assistant","model":"claude-opus-5-5","content":[{{"type":"tool_use","id":"t{turn}","name":"Bash","input":{{"command":"{text}"}}}}],"stop_reason":"tool_use","usage":{{"input_tokens":5,"output_tokens":9}}}},"type":"assistant","uuid":"a{turn}","timestamp":"{time}"}}"#),
            format!(r#"{{"parentUuid":"a{turn}","isSidechain":false,"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"t{turn}","type":"tool_result","content":"{text}"}}]}},"uuid":"r{turn}","timestamp":"{time}","toolUseResult":{{"stdout":"{text}"}}}}"#),
            format!(r#"{{"parentUuid":"r{turn}","isSidechain":false,"message":{{"id":"n{turn}","role":"assistant","model":"claude-opus-5-5","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","usage":{{"input_tokens":5,"output_tokens":9}}}},"type":"assistant","uuid":"b{turn}","timestamp":"{time}"}}"#),
        ]
    });
    lines.flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// Lines of requests, together so long.
fn requests(bytes: usize) -> Vec<u8> {
    let body = "text that is sent to the model ".repeat(5_000);
    let line = format!("{{\"type\":\"api-request-shape\",\"shape\":{{\"system\":\"{body}\"}}}}\n");
    line.repeat(bytes / line.len()).into_bytes()
}

/// A file of a size that ends with this.
fn holes(path: &Path, size: u64, end: &[u8]) -> std::io::Result<PathBuf> {
    let mut file = File::create(path)?;
    file.seek(SeekFrom::Start(size - end.len() as u64 - 1))?;
    file.write_all(b"\n")?;
    file.write_all(end)?;
    Ok(path.to_owned())
}

fn long_line(bytes: usize) -> Vec<u8> {
    let image = "iVBORw0KGgoAAAANSUhEUgAA".repeat(bytes / 24);
    format!(r#"{{"parentUuid":"p","isSidechain":false,"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"t","type":"tool_result","content":[{{"type":"image","source":{{"type":"base64","data":"{image}"}}}}]}}]}},"uuid":"u","timestamp":"2026-11-21T05:41:00.000Z"}}"#).into_bytes()
}

fn one_long_line(path: &Path, bytes: usize) -> std::io::Result<PathBuf> {
    holes(path, 1 << 30, &[conversation(20), long_line(bytes), b"\n".to_vec()].concat())
}

fn torn(path: &Path, bytes: usize) -> std::io::Result<PathBuf> {
    let mut line = long_line(bytes);
    line.truncate(bytes - 100);
    holes(path, 1 << 30, &[conversation(20), line].concat())
}
