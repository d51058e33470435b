//! Compiles `proto/` without a system protoc, and keeps the descriptor set for reflection.

use std::{env, error::Error, fmt::Write, fs, path::PathBuf};

use tonic_prost_build::FileDescriptorSet;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let mut files = fs::read_dir("proto/dwell/v1")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    files.sort();

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("dwell_descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    let descriptors = compiler.file_descriptor_set();
    fs::write(out.join("rpc.rs"), rpcs(&descriptors)?)?;
    tonic_prost_build::configure()
        .build_client(true)
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}

/// An enumeration of the RPCs of the contract: a `match` on it that forgets one does not build.
fn rpcs(descriptors: &FileDescriptorSet) -> Result<String, std::fmt::Error> {
    let (mut names, mut paths, mut found) = (String::new(), String::new(), String::new());
    for file in &descriptors.file {
        if file.package() != "dwell.v1" {
            continue;
        }
        for service in &file.service {
            for method in &service.method {
                let name = method.name();
                let path = format!("/{}.{}/{name}", file.package(), service.name());
                writeln!(names, "    {name},")?;
                writeln!(paths, "            Self::{name} => {path:?},")?;
                writeln!(found, "            {path:?} => Some(Self::{name}),")?;
            }
        }
    }
    Ok(format!(
        "/// An RPC of the contract.\n\
         #[derive(Clone, Copy, PartialEq, Eq, Debug)]\n\
         pub enum Rpc {{\n{names}}}\n\n\
         impl Rpc {{\n\
         \x20   /// Its path: `/package.Service/Method`.\n\
         \x20   #[must_use]\n\
         \x20   pub const fn path(self) -> &'static str {{\n\
         \x20       match self {{\n{paths}        }}\n    }}\n\n\
         \x20   /// The RPC at a path.\n\
         \x20   #[must_use]\n\
         \x20   pub fn at(path: &str) -> Option<Self> {{\n\
         \x20       match path {{\n{found}            _ => None,\n        }}\n    }}\n}}\n"
    ))
}
