//! The variables of this process.

use super::Item;

/// All of them but Axis's own.
pub fn items() -> Vec<Item> {
    let mut variables: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !name.starts_with("AXIS_"))
        .collect();
    variables.sort();
    variables
        .iter()
        .map(|(name, value)| Item::variable(name, "the environment", value))
        .collect()
}
