//! Turns the built-in service definitions from YAML into JSON, which axisd
//! reads many times faster at its start.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let written = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../config/services");
    let built = PathBuf::from(env::var("OUT_DIR")?).join("services");
    println!("cargo::rerun-if-changed={}", written.display());
    if built.exists() {
        fs::remove_dir_all(&built)?;
    }
    fs::create_dir_all(&built)?;
    for entry in fs::read_dir(&written)? {
        let path = entry?.path();
        let name = path.file_name().ok_or("a definition without a name")?;
        let text = fs::read_to_string(&path)?;
        let definition: Value =
            serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let json = Path::new(name).with_extension("json");
        fs::write(built.join(json), definition.to_string())?;
    }
    Ok(())
}
