#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| axis_fuzz::params_to_request::run(data));
