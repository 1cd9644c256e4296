# What jq has and jaq's own definitions don't, as far as agents write it.
def toarray: if type == "array" then . else [.] end;
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def date: todate;
def IN(s): any(s == .; .);
def IN(source; s): any(source == s; .);
def INDEX(rows; name): reduce rows as $row ({}; .[$row | name | tostring] = $row);
def INDEX(name): INDEX(.[]; name);
def leaf_paths: paths(scalars);
def tostream:
  path(def r: (.[]? | r), .; r) as $p
  | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def truncate_stream(events):
  . as $depth
  | null
  | events
  | if .[0] | length > $depth then .[0] |= .[$depth:] else empty end;
def fields(text):
  if type != "array" then error("only an array can be a line of a table") else . end
  | map(
      if type == "string" then text
      elif . == null then ""
      elif type == "number" or type == "boolean" then tojson
      else error("only strings, numbers, true, false and null can be fields of a table")
      end
    );
def @csv: fields("\"" + (split("\"") | join("\"\"")) + "\"") | join(",");
def @tsv:
  fields(
    split("\\") | join("\\\\")
    | split("\t") | join("\\t")
    | split("\r") | join("\\r")
    | split("\n") | join("\\n")
  )
  | join("\t");
