# Sourced by the scripts here, from the root of the repository.

# Makes sure that `cargo NAME` is there in this VERSION, in target/tools and
# nowhere else on the machine: tool NAME VERSION [cargo install's options]
tool() {
    local name=$1 version=$2
    shift 2
    local installed=target/tools/$name.version
    PATH=$PWD/target/tools/bin:$PATH
    if [ "$(cat "$installed" 2>/dev/null)" != "$version" ]; then
        # never with the flags of what it is going to build
        env -u RUSTFLAGS -u CARGO_TARGET_DIR -u CARGO_BUILD_TARGET \
            cargo install --quiet --locked --root target/tools --target-dir target/tools/build \
            "$name" --version "$version" "$@" >&2
        echo "$version" >"$installed"
    fi
}
