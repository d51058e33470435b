//! `dwell completions` and `dwell man`.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::commands::{run, well};

/// Every command.
const COMMANDS: [&str; 9] = [
    "serve",
    "migrate",
    "check",
    "token",
    "demo",
    "stats",
    "backup",
    "completions",
    "man",
];

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = well(&["completions", shell]);
        for name in COMMANDS {
            assert!(script.contains(name), "{shell}: {name}");
        }
        assert!(script.contains("database-url"), "{shell}");
    }
    assert_eq!(run(&["completions", "tcsh"]).2, Some(2));
}

#[test]
fn bash_understands_its_completions() {
    let mut bash = Command::new("bash");
    let bash = bash.args(["--norc", "-s"]);
    let mut bash = bash
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let script = well(&["completions", "bash"])
        + "\nCOMP_WORDS=(dwell mig); COMP_CWORD=1; _dwell dwell mig dwell; echo \"${COMPREPLY[@]}\"\n";
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "migrate\n");
}

#[test]
fn there_is_a_page_for_each_command() {
    let page = well(&["man"]);
    assert!(page.contains(".TH dwell 1"), "{page}");
    for name in COMMANDS {
        assert!(page.contains(&format!("dwell\\-{name}(1)")), "{name}");
        let own = well(&["man", name]);
        assert!(own.contains(&format!(".TH dwell-{name} 1")), "{own}");
    }
    assert!(page.contains("DWELL_DATABASE_URL"));
    let (_, complaint, code) = run(&["man", "nothing"]);
    assert_eq!(
        (complaint.as_str(), code),
        ("dwell: there is no command nothing\n", Some(1))
    );
}
