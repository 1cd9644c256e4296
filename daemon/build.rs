//! A definition that was added is a reason to build anew; the compiler itself
//! only notices changes of those that it has seen.

fn main() {
    println!("cargo::rerun-if-changed=../config/services");
}
