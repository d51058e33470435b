//! What the operating system says of this process: Linux does, in files. Elsewhere nothing is
//! known.

use std::fs;

/// In hundredths of a second, whatever the kernel counts in (`USER_HZ` in proc(5)).
const TICKS: f64 = 100.0;

/// The names and units of Prometheus' own clients.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Process {
    pub resident_memory_bytes: f64,
    /// Of all threads, in the kernel too.
    pub cpu_seconds: f64,
    pub open_fds: f64,
    pub max_fds: f64,
    /// Since the epoch.
    pub start_time_seconds: f64,
}

impl Process {
    /// As it is now.
    pub fn now() -> Option<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{name}")).ok();
        let stat = Stat::parse(&read("self/stat")?)?;
        let status = read("self/status")?;
        let open = fs::read_dir("/proc/self/fd").ok()?.count();
        Some(Self {
            resident_memory_bytes: number(&status, "VmRSS:")? * 1_024.0,
            cpu_seconds: stat.cpu / TICKS,
            // Without the one that they are read through.
            open_fds: f64::from(u32::try_from(open).ok()?.saturating_sub(1)),
            max_fds: number(&read("self/limits")?, "Max open files")?,
            start_time_seconds: number(&read("stat")?, "btime")? + stat.started / TICKS,
        })
    }
}

/// The number after a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Of /proc/self/stat, in ticks.
#[derive(PartialEq, Debug)]
struct Stat {
    cpu: f64,
    /// Since the machine started.
    started: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name, in which anything may be.
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let mut field = |skip| fields.nth(skip)?.parse::<f64>().ok();
        // The fields 14, 15 and 22 of proc(5); the next one is the third.
        let (user, kernel) = (field(11)?, field(0)?);
        Some(Self {
            cpu: user + kernel,
            started: field(6)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_proc() {
        let text = "7 (a ) b) S 1 7 7 0 -1 4194560 12 0 0 0 250 50 0 0 20 0 9 0 1234 99 11 18";
        let expected = Stat {
            cpu: 300.0,
            started: 1_234.0,
        };
        assert_eq!(Stat::parse(text), Some(expected));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_known() {
        let process = Process::now().unwrap();
        assert!(process.resident_memory_bytes > 1e6);
        assert!(process.open_fds >= 3.0 && process.max_fds >= process.open_fds);
        // In this century.
        assert!((946_684_800.0..4_102_444_800.0).contains(&process.start_time_seconds));
    }
}
