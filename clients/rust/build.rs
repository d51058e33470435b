//! Makes the client of the contract, without a system protoc.

use std::{error::Error, fs, io, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../../proto");
    let files: Vec<PathBuf> = fs::read_dir("../../proto/dwell/v1")?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()?;
    let descriptors = protox::compile(files, ["../../proto"])?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_fds(descriptors)?;
    Ok(())
}
