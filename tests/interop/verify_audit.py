#!/usr/bin/env python3
"""Verifies an Axis audit log, by docs/audit.md alone and with Python's own libraries.

usage: verify_audit.py FILE [AUDIT_KEY_HEX]

FILE is `audit.jsonl`; older segments beside it are read first (compressed ones
with Python 3.14, the module `zstandard`, or the program `zstd`).
Prints what was checked and exits 0, or names the first fault and exits 1.
"""
import hashlib
import hmac
import json
import pathlib
import re
import subprocess
import sys

SUFFIX = re.compile(
    rb',"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"(?:,"mac":"([0-9a-f]{64})")?\}\Z'
)
GENESIS = (0, b"0" * 64)
GOES_ON = ("log_vanished", "chain_set_aside")
# what may be without a MAC
REFUSED = ("deny", "ask", "error")
OPEN = (
    "wrong_password", "add", "revoke", "keystore", "policy_loaded", "policy_refused",
    "service_loaded", "service_refused", "service_gone", "seal_differs", "daemon_started",
    "daemon_stopped", "log_vanished", "chain_set_aside", "torn_line", "records_dropped",
    "identity_add", "identity_remove", "keychain_set", "keychain_delete", "rotate", "undo",
    "dashboard_token", "unproven",
)  # fmt: skip


class Fault(Exception):
    pass


def unpacked(packed):
    try:
        from compression import zstd  # Python 3.14
    except ImportError:
        zstd = None
    if zstd:
        return zstd.decompress(packed)
    try:
        import zstandard
    except ImportError:
        return subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        return reader.read()


def files(log):
    """The numbers, names and contents of the log's files, oldest first."""
    name = re.compile(re.escape(log.stem) + r"-([0-9]{6,12})" + re.escape(log.suffix) + r"(\.zst)?\Z")
    segments = {}
    for path in sorted(log.parent.iterdir(), reverse=True):
        match = name.match(path.name)
        if match:
            segments[int(match[1])] = path  # the plain form, where there are both
    for number, path in sorted(segments.items()):
        content = path.read_bytes()
        yield number, path.name, unpacked(content) if path.suffix == ".zst" else content
    yield None, log.name, log.read_bytes()


class Verifier:
    def __init__(self, key):
        self.key = key
        self.last = None  # number and hash of the line before
        self.records = self.proven = 0
        self.mac_fault = self.begins = None
        self.beginnings = []  # of each file: its number, and what its first line is

    def file(self, number, name, content):
        *lines, rest = content.split(b"\n")
        for nth, line in enumerate(lines, 1):
            self.line(number, f"{name}, line {nth}", nth == 1, line)
        if rest:
            raise Fault(f"{name}, line {len(lines) + 1}: no newline at the end")
        if number is not None and not lines:
            raise Fault(f"{name}: it is empty")

    def line(self, number, place, is_first, line):
        suffix = SUFFIX.search(line)
        if not suffix:
            raise Fault(f"{place}: not an audit record")
        prev, claimed, mac = suffix.groups()
        body = line[: suffix.start()] + b"}"
        try:
            record = json.loads(body)
        except ValueError:
            raise Fault(f"{place}: not an audit record") from None
        if hashlib.sha256(prev + body).hexdigest().encode() != claimed:
            raise Fault(f"{place}: the hash is not the record's")
        seq, act = record["seq"], record.get("act")
        if is_first:
            self.beginnings.append((number, seq, prev, act in GOES_ON, place))
        goes_on = is_first and (self.last is None or act in GOES_ON)
        if not goes_on and (seq - 1, prev) != self.last:
            raise Fault(f"{place}: it doesn't follow the line before it")
        self.last = (seq, claimed)
        self.records += 1
        is_proven = self.check_mac(place, record, claimed, mac)
        if act == "segments_pruned" and (is_proven or self.key is None):
            self.begins = record["begins"]

    @staticmethod
    def needs_mac(record):
        event, decision, act = (record.get(name) for name in ("event", "decision", "act"))
        if event == "finished" and decision in REFUSED and act is None:
            return record.get("status") is not None or record.get("latency_ms") is not None
        return not (event == "admin" and decision is None and act in OPEN)

    def check_mac(self, place, record, claimed, mac):
        act = record.get("act")
        if mac is None:
            if self.needs_mac(record) and self.mac_fault is None:
                self.mac_fault = f"{place}: no MAC where one must be"
            return False
        if self.key is None:
            return False
        expected = hmac.new(self.key, claimed, hashlib.sha256).hexdigest().encode()
        if hmac.compare_digest(expected, mac):
            self.proven += 1
            if act == "init":
                self.mac_fault = None
            return True
        if self.mac_fault is None:
            self.mac_fault = f"{place}: the MAC is not this key's"
        return False

    def end(self):
        if self.beginnings:
            _, seq, prev, goes_on, place = self.beginnings[0]
            if self.begins is None:
                right = goes_on or (seq - 1, prev) == GENESIS
            else:
                pruned = (self.begins["segment"], self.begins["seq"], self.begins["prev"].encode())
                right = any(beginning[:3] == pruned for beginning in self.beginnings)
            if not right:
                raise Fault(f"{place}: the records before it were removed")
        if self.mac_fault:
            raise Fault(self.mac_fault)


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    key = bytes.fromhex(sys.argv[2]) if len(sys.argv) == 3 else None
    verifier = Verifier(key)
    try:
        for number, name, content in files(pathlib.Path(sys.argv[1])):
            verifier.file(number, name, content)
        verifier.end()
    except Fault as fault:
        print(fault)
        return 1
    said = f"{verifier.proven} proven" if key else "chained; no key given"
    print(f"{verifier.records} records, {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
