//! Compiles the proto files in Rust alone: nobody needs `protoc`. And says where
//! Axis can't be compiled, in one sentence.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        // not only the calls are missing there: who connects, whose a file is and
        // who may read it is all told by uid and mode
        println!(
            "cargo::error=Axis runs on Linux, and compiles for macOS; it keeps agents out by what only Unix has"
        );
        return Ok(());
    }
    let files = ["axis/v1/broker.proto", "axis/v1/admin.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(protox::compile(files, ["."])?)?;
    Ok(())
}
