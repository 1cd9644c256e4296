#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| axis_fuzz::audit_lines::run(data));
