//! Compiles the proto files in Rust alone: nobody needs `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["axis/v1/broker.proto", "axis/v1/admin.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={file}");
    }
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(protox::compile(files, ["."])?)?;
    Ok(())
}
