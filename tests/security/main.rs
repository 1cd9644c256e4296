//! Attacks: what the agent, a hostile upstream or a careless file may try.
//!
//! # Faults that other vaults had, and the tests that fail on each
//!
//! In these files, unless another place is named.
//!
//! | fault | tests |
//! | --- | --- |
//! | the password stands in `/proc/PID/environ` | `same_uid`; `process`: `an_axisd_given_the_password_…`, `an_autostarted_axisd_keeps_little_…`; `inheritance`; `memory/clients` |
//! | each call leaves copies of the key in memory | `memory/daemon`: `copies_outside_locked_pages_…` |
//! | a key that the upstream reflects goes to the agent or into the log | `leaks`: `a_reflected_credential_…`; `reflections`; `daemon/src/upstream/guard/tests.rs` |
//! | params reach other endpoints or hosts, set headers, or write what others write | `params`; `end_to_end/services`: `hostile_path_params_…`; `daemon/src/catalogue/path.rs`, `daemon/src/catalogue/action/tests/` |
//! | a redirect carries the key along | `upstream`: `a_redirect_to_another_host_…`; `daemon/src/upstream/tests/redirects.rs` |
//! | the agent's environment hooks the daemon | `process`: `what_an_agent_loads_into_its_shim_…`, `an_autostarted_axisd_keeps_little_…`, `proxies_of_the_environment_…`; `inheritance` |
//! | keystore entries can be swapped; a malformed or future one is taken, or overwritten | `keystore`; modes: `end_to_end/daemon`: `an_open_directory_or_keystore_…` |
//! | the agent widens its rights by a command or a file of its own | `end_to_end/sealing`; without the password nothing that widens rights is done: `end_to_end/approvals`, `end_to_end/identities` |
//! | the agent names any identity | `end_to_end/identities`; on the general socket it can, which `axis policy check` says |
//! | an earlier rule hides a later ttl or limit, silently | `daemon/src/policy/warnings/tests.rs`; `end_to_end/policy`: `a_check_says_what_can_hardly_be_meant_and_where` |
//! | calls at once pass one ttl or limit; each host has its own; a restart resets them | `end_to_end/policy`: `of_many_calls_at_once_…`, `limits_and_cooldowns_survive_…`; fifty kills under load: `reliability/kills` |
//! | the agent runs `axis allow` itself | `end_to_end/editing`: `a_sealed_policy_is_sealed_with_the_change_…`; `end_to_end/sealing` |
//! | a policy saved by rename is read once; a deleted one still allows | `end_to_end/policy`: `a_saved_policy_is_live_…`, `a_deleted_policy_denies_…` |
//! | the agent names any identity | `identities`; `end_to_end/identities` |
//! | the log is edited unseen; calls go on without it | `end_to_end/owner`: `logs_show_…_and_verify`; `interop`; `reliability`: `a_log_that_cant_be_written_…`, `a_full_disk_…` |
//! | a long justification is logged; the agent's words forge a line | `leaks`: `a_long_justification_…`; `end_to_end/owner`: `the_agents_words_…` |
//! | lengths count UTF-16; large answers pass; a hung body has no timeout | `shim/src/arguments.rs`; `upstream`: `an_answer_over_the_cap_…`, `an_upstream_that_hangs_…`; `daemon/src/upstream/tests/limits.rs` |
//! | params named like secrets are dropped | `end_to_end/services`: `each_action_is_on_the_wire_…` |
//! | a name passes the policy in one case and isn't found in the other | `end_to_end/policy`: `names_compare_without_case_everywhere` |
//! | missing, numeric or `constructor` arguments crash; malformed lines and batches get no reply | `end_to_end/shim`: `wrong_arguments_…`, `malformed_lines_…`; `end_to_end/services`: `an_unknown_name_…` |
//! | `ttl: .nan` blocks for ever | `daemon/src/policy/document/tests.rs` |
//! | killing the shim leaves a child behind | `end_to_end/shim`: `a_killed_shim_…`, `the_shim_ends_at_once_…` |
//! | the shim dies in another directory | `end_to_end/shim`: `a_shim_with_nothing_but_home_in_a_deleted_directory_…`, `the_shim_works_in_any_directory_…` |
//! | typos pass: services, fields, decisions; an edit by command deletes comments | `end_to_end/typos` |
//! | of three `add` at once one is left | `end_to_end/owner`: `three_adds_at_once_…` |
//! | a clean setup configures an identity that the policy doesn't know | `end_to_end/setup/script`: `what_a_host_is_configured_with_…` |
//! | a setup wipes other servers out of a host's file that has comments | `end_to_end/setup/script`: `running_it_again_…`; `cli/src/hosts/tests/` |
//! | more than three credentials cost money | `end_to_end/setup/script`: `keys_of_the_environment_…` |
//! | a pasted key hangs or keeps its line end; a wrong password is told after the key was typed; the first password isn't confirmed | `end_to_end/setup/terminal` |
//! | the dashboard serves any Host and any user; ten health checks at once derive ten keys | `dashboard/requests`: `only_its_own_name_…`; `dashboard/owners`: `another_user_of_the_machine_…`; `dashboard/clients`: `ten_health_checks_at_once_…` |
//! | a second dashboard claims to run; the page needs other servers; no `--version` | `dashboard/owners`: `a_second_dashboard_on_the_same_port_…`; `browser/usable`: `no_page_needs_anything_from_elsewhere` |
//! | a killed rotation leaves two passwords; one of a character is taken | `reliability/rotations`; `end_to_end/rotation`: `a_wrong_old_or_a_short_new_password_changes_nothing` |

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod dashboard;
mod flood;
mod fuzzed;
mod identities;
mod inheritance;
mod isolation;
mod keystore;
mod leaks;
mod left_on_disk;
mod logging;
mod memory;
mod params;
mod process;
mod reflections;
mod same_uid;
mod sources;
mod sudo;
mod system_user;
mod unlockable;
mod upstream;
