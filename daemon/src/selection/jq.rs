//! A jq expression: text to filter, filter over one JSON value.

use std::io::{self, Write};

use jaq_core::load::lex::Token;
use jaq_core::load::{self, Arena, File, Lexer, Loader};
use jaq_core::{Compiler, Ctx, Vars, compile, data, unwrap_valr};
use jaq_json::{Val, read, write};
use serde_json::value::RawValue;

/// What jq has beyond JSON in, JSON out: the environment, the system's time
/// zone, its messages, and an end of the process.
const LEFT_OUT: [&str; 9] = [
    "env",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "localtime",
    "strflocaltime",
];

/// Definitions beside jaq's own.
const MORE: &str = include_str!("more.jq");

/// Longest message about one value, in characters: it may quote the value.
const MAX_MESSAGE_CHARS: usize = 300;

/// Deepest output.
const MAX_DEPTH: usize = 100;

/// jq's values are more than JSON's.
const NO_JSON: &str = "it puts out what JSON can't hold: not a number, an infinite one, bytes, \
    a key that is no string, or more than a hundred levels";

type Data = data::JustLut<Val>;

/// An expression that can be applied.
pub(super) struct Filter(jaq_core::Filter<Data>);

/// Why an expression gave no result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// What it asks of the input is not there.
    Failed(String),
    /// It puts out more than may be.
    TooLarge,
}

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let definitions = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs())
            .chain(load::parse(MORE, |parser| parser.defs()).unwrap_or_default())
            .filter(|definition| !LEFT_OUT.contains(&definition.name));
        let functions = jaq_core::funs::<Data>()
            .chain(jaq_std::funs::<Data>())
            .chain(jaq_json::funs::<Data>())
            .filter(|(name, ..)| !LEFT_OUT.contains(name));
        // data modules are looked for when the expression runs
        if let Ok(tokens) = Lexer::new(expression).lex()
            && let Some(Token(word @ ("import" | "include" | "module"), _)) = tokens.first()
        {
            return Err(format!("there are no modules here, so no {word}"));
        }
        let arena = Arena::default();
        let program = File {
            code: expression,
            path: (),
        };
        let modules = Loader::new(definitions)
            .load(&arena, program)
            .map_err(|errors| first(&errors, |error| unreadable(expression, error)))?;
        Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map(Self)
            .map_err(|errors| first(&errors, |error| undefined(expression, error)))
    }

    /// Applies it to one JSON value: one output is the result, several are an
    /// array, none is `null`. The result has at most `most` bytes.
    pub fn apply(&self, input: &[u8], most: usize) -> Result<Vec<u8>, Fault> {
        let input = read::parse_single(input)
            .map_err(|error| Fault::Failed(format!("the result is no JSON: {error}")))?;
        let context = Ctx::<Data>::new(&self.0.lut, Vars::new([]));
        let mut text = Capped {
            bytes: vec![b'['],
            most: most.saturating_add(1),
        };
        let mut outputs = 0_usize;
        for output in self.0.id.run((context, input)).map(unwrap_valr) {
            let output = output.map_err(|error| Fault::Failed(cut(&error.to_string())))?;
            if too_deep(&output, MAX_DEPTH) {
                return Err(Fault::Failed(NO_JSON.to_owned()));
            }
            if outputs > 0 {
                text.write_all(b",").map_err(|_| Fault::TooLarge)?;
            }
            let begin = text.bytes.len();
            write::write(&mut text, &write::Pp::default(), 0, &output)
                .map_err(|_| Fault::TooLarge)?;
            if serde_json::from_slice::<&RawValue>(&text.bytes[begin..]).is_err() {
                return Err(Fault::Failed(NO_JSON.to_owned()));
            }
            outputs += 1;
        }
        let mut text = text.bytes;
        match outputs {
            0 => text = b"null".to_vec(),
            1 => {
                text.remove(0);
            }
            _ => text.push(b']'),
        }
        Ok(text)
    }
}

/// Readers downstream stop at about 128 levels.
fn too_deep(value: &Val, most: usize) -> bool {
    match value {
        Val::Arr(items) => most == 0 || items.iter().any(|item| too_deep(item, most - 1)),
        Val::Obj(members) => most == 0 || members.values().any(|value| too_deep(value, most - 1)),
        _ => false,
    }
}

fn first<P, E>(errors: &[(File<&str, P>, E)], tell: impl Fn(&E) -> Option<String>) -> String {
    let told = errors.iter().find_map(|(_, error)| tell(error));
    told.unwrap_or_else(|| "it is no jq expression".to_owned())
}

fn unreadable(expression: &str, error: &load::Error<&str>) -> Option<String> {
    Some(match error {
        load::Error::Io(errors) => {
            let (part, why) = errors.first()?;
            format!("{why} {}", place(expression, part))
        }
        load::Error::Lex(errors) => {
            let (expected, found) = errors.first()?;
            expected_but(expression, expected.as_str(), found)
        }
        load::Error::Parse(errors) => {
            let (expected, found) = errors.first()?;
            expected_but(expression, expected.as_str(), found)
        }
    })
}

fn expected_but(expression: &str, expected: &str, found: &str) -> String {
    let place = place(expression, found);
    let found: String = found.chars().take(20).collect();
    if found.is_empty() {
        format!("expected {expected} {place}, where it ends")
    } else {
        format!("expected {expected} {place}, but found {found:?}")
    }
}

fn undefined(expression: &str, errors: &Vec<compile::Error<&str>>) -> Option<String> {
    let (name, what) = errors.first()?;
    let kind = what.as_str();
    let arity = match what {
        compile::Undefined::Filter(arity) if *arity > 0 => format!(" with {arity} arguments"),
        _ => String::new(),
    };
    let name: String = name.chars().take(60).collect();
    let place = place(expression, errors.first()?.0);
    Some(format!("there is no {kind} {name:?}{arity} {place}"))
}

/// Where `part` of `expression` begins.
fn place(expression: &str, part: &str) -> String {
    let offset = part.as_ptr().addr().checked_sub(expression.as_ptr().addr());
    let Some(before) = offset.and_then(|at| expression.get(..at)) else {
        return "in it".to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    if line == 1 {
        format!("at character {column}")
    } else {
        format!("at line {line}, character {column}")
    }
}

/// `message` in one line of so many characters.
fn cut(message: &str) -> String {
    let mut line = String::with_capacity(message.len().min(MAX_MESSAGE_CHARS));
    let mut left = MAX_MESSAGE_CHARS;
    for c in message.chars() {
        let shown = if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        };
        let Some(still_left) = left.checked_sub(shown.chars().count()) else {
            line.push('…');
            break;
        };
        left = still_left;
        line.push_str(&shown);
    }
    line
}

/// A text that ends in an error where it gets too long.
struct Capped {
    bytes: Vec<u8>,
    most: usize,
}

impl Write for Capped {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUES: &str = r#"{"items":[{"id":1,"title":"a b","n":12345678901234567890123},{"id":2,"title":"ü","n":1.10}],"total":2}"#;

    fn applied(expression: &str) -> Result<String, Fault> {
        let filter = Filter::parse(expression).unwrap_or_else(|why| panic!("{expression}: {why}"));
        let output = filter.apply(ISSUES.as_bytes(), 1000)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn one_output_is_the_result_several_are_an_array_none_is_null() {
        for (expression, result) in [
            (".total", "2"),
            (".items[].id", "[1,2]"),
            ("[.items[].id]", "[1,2]"),
            (".items[0] | {id, title}", r#"{"id":1,"title":"a b"}"#),
            (".items[] | select(.id > 5)", "null"),
            ("empty", "null"),
            (".nothing", "null"),
            (".items | length, .[0].title", r#"[2,"a b"]"#),
            (".items[1].title | ascii_upcase", r#""ü""#),
            ("[.items[] | select(.title | test(\"^a\")) | .id]", "[1]"),
            ("\"\\(.total) in all\"", r#""2 in all""#),
        ] {
            assert_eq!(applied(expression).as_deref(), Ok(result), "{expression}");
        }
    }

    #[test]
    fn what_agents_know_of_jq_is_there() {
        for (expression, result) in [
            (
                r#"[1, "a\"b", null, true] | @csv"#,
                r#""1,\"a\"\"b\",,true""#,
            ),
            (r#"["a\tb\\c\nd", 1.5] | @tsv"#, r#""a\\tb\\\\c\\nd\t1.5""#),
            ("[[1], 2] | map(toarray)", "[[1],[2]]"),
            ("2 | IN(1, 2), IN(3)", "[true,false]"),
            ("IN((1, 2); (2, 3))", "true"),
            (
                "[{a: 1}, {a: 2}] | INDEX(.a)",
                r#"{"1":{"a":1},"2":{"a":2}}"#,
            ),
            ("[{a: [1]}] | [leaf_paths]", r#"[[0,"a",0]]"#),
            ("[1, [2]] | [tostream]", "[[[0],1],[[1,0],2],[[1,0]],[[1]]]"),
            (
                "[1 | truncate_stream([[0], 1], [[1, 0], 2], [[1, 0]], [[1]])]",
                "[[[0],2],[[0]]]",
            ),
            (r#""abca" | trimstr("a")"#, r#""bc""#),
        ] {
            assert_eq!(applied(expression).as_deref(), Ok(result), "{expression}");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        assert_eq!(
            applied(".items[].n").as_deref(),
            Ok("[12345678901234567890123,1.10]")
        );
    }

    #[test]
    fn a_wrong_expression_is_told_with_its_place() {
        for (expression, parts) in [
            ("", &["expected term", "where it ends"][..]),
            (".items[", &["closing bracket", "character 8"]),
            (".items | | .x", &["expected", "character 10"]),
            (".items | lenght", &["no filter \"lenght\"", "character 10"]),
            ("$x", &["no variable \"$x\""]),
            (
                ".a\n| foo(1; 2)",
                &["\"foo\" with 2 arguments", "line 2, character 3"],
            ),
            ("import \"a\" as a; .", &["no modules"]),
            ("import \"a\" as $a; $a", &["no modules"]),
            ("module {}; include \"a\"; .", &["no modules"]),
            ("💣", &["character 1"]),
            ("\"\\q\"", &["escape"]),
        ] {
            let problem = Filter::parse(expression).err().unwrap_or_default();
            for part in parts {
                assert!(problem.contains(part), "{expression:?}: {problem}");
            }
        }
    }

    #[test]
    fn nothing_but_json_in_and_json_out_is_there() {
        for expression in [
            "env",
            "$ENV",
            "$__prog_args",
            "input",
            "inputs",
            "input_filename",
            "halt",
            "halt(1)",
            "halt_error",
            "debug",
            "debug(1)",
            "stderr",
            "stderr_empty",
            "debug_empty",
            "localtime",
            "strflocaltime(\"%Z\")",
            "get_search_list",
            "include \"x\"; .",
        ] {
            assert!(Filter::parse(expression).is_err(), "{expression}");
        }
    }

    #[test]
    fn what_does_not_fit_the_input_is_said_in_a_short_sentence() {
        for (expression, part) in [
            (".total[0]", "cannot index"),
            (".total | keys", "cannot"),
            ("error(\"my own\")", "my own"),
            ("error([range(1000)])", "…"),
            ("error(\"\\u001b\" * 1000)", "…"),
            ("error(\"\u{9b}2J\")", r"\u{9b}2J"),
            ("nan", "JSON can't hold"),
            ("infinite", "JSON can't hold"),
            ("{(1|tostring|tobytes): 1}", "JSON can't hold"),
            ("\"a\" | tobytes", "JSON can't hold"),
            ("reduce range(200) as $i (1; [.])", "a hundred levels"),
        ] {
            let Err(Fault::Failed(problem)) = applied(expression) else {
                panic!("{expression} fits");
            };
            assert!(problem.contains(part), "{expression}: {problem}");
            assert!(problem.chars().count() <= MAX_MESSAGE_CHARS + 1);
            assert!(!problem.contains(char::is_control), "{problem:?}");
        }
    }

    #[test]
    fn an_output_that_is_too_long_ends_there() {
        for expression in [
            "repeat(1)",
            "\"x\" * 2000",
            "[range(2000)]",
            "range(infinite)",
        ] {
            assert_eq!(applied(expression), Err(Fault::TooLarge), "{expression}");
        }
        assert_eq!(applied("\"x\" * 998").map(|text| text.len()), Ok(1000));
        assert_eq!(applied("\"x\" * 999"), Err(Fault::TooLarge));
    }
}
