//! Under which name a vault's master password is kept: no other vault's.

use std::path::Path;

/// The account of the vault at its usual place.
const USUAL: &str = "master-password";

/// The account of the vault whose keystore is `keystore`. The one at the usual
/// place in `home` is `master-password`; each other one has its path in the
/// name, so that a second vault never takes or replaces the first one's.
pub fn account(keystore: &Path, home: Option<&Path>) -> String {
    let usual = home.map(|home| home.join(DATA).join("keystore.json"));
    if usual.as_deref() == Some(keystore) {
        return USUAL.to_owned();
    }
    format!("{USUAL} of {}", keystore.display())
}

/// Where the system keeps programs' data, below the home directory.
#[cfg(target_os = "macos")]
const DATA: &str = "Library/Application Support/axis";
#[cfg(windows)]
const DATA: &str = "AppData/Local/axis/data";
#[cfg(not(any(target_os = "macos", windows)))]
const DATA: &str = ".local/share/axis";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_vault_at_its_usual_place_has_the_plain_name() {
        let home = Path::new("/home/ann");
        let usual = home.join(DATA).join("keystore.json");
        assert_eq!(account(&usual, Some(home)), "master-password");
        for (keystore, home) in [
            (Path::new("/tmp/second/keystore.json"), Some(home)),
            (&usual, Some(Path::new("/home/bob"))),
            (&usual, None),
        ] {
            let account = account(keystore, home);
            assert_eq!(
                account,
                format!("master-password of {}", keystore.display())
            );
        }
    }
}
