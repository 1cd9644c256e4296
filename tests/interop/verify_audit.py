#!/usr/bin/env python3
"""Verifies an Axis audit log, by docs/audit.md alone and with Python's own libraries.

usage: verify_audit.py FILE [AUDIT_KEY_HEX]

Prints what was checked and exits 0, or names the first fault and exits 1.
"""
import hashlib
import hmac
import json
import re
import sys

SUFFIX = re.compile(
    rb',"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"(?:,"mac":"([0-9a-f]{64})")?\}\Z'
)
GOES_ON = ("log_vanished", "chain_set_aside")


class Fault(Exception):
    pass


def verify(content, key):
    """Returns the number of records and how many of them the key proves."""
    *lines, rest = content.split(b"\n")
    last_seq, last_hash, proven, mac_fault = 0, b"0" * 64, 0, None
    for number, line in enumerate(lines, 1):
        suffix = SUFFIX.search(line)
        if not suffix:
            raise Fault(f"line {number}: not an audit record")
        prev, claimed, mac = suffix.groups()
        body = line[: suffix.start()] + b"}"
        try:
            record = json.loads(body)
        except ValueError:
            raise Fault(f"line {number}: not an audit record") from None
        if hashlib.sha256(prev + body).hexdigest().encode() != claimed:
            raise Fault(f"line {number}: the hash is not the record's")
        follows = record["seq"] == last_seq + 1 and prev == last_hash
        if not follows and not (number == 1 and record.get("act") in GOES_ON):
            raise Fault(f"line {number}: it doesn't follow the line before it")
        last_seq, last_hash = record["seq"], claimed
        if key is None:
            continue
        if mac is None:
            needs_one = (
                record["event"] == "started"
                or record.get("decision") == "allow"
                or record.get("act") == "keystore_accepted"
            )
            if needs_one and mac_fault is None:
                mac_fault = f"line {number}: no MAC where one must be"
        elif hmac.compare_digest(hmac.new(key, claimed, hashlib.sha256).hexdigest().encode(), mac):
            proven += 1
            if record.get("act") == "init":
                mac_fault = None
        elif mac_fault is None:
            mac_fault = f"line {number}: the MAC is not this key's"
    if rest:
        raise Fault(f"line {len(lines) + 1}: no newline at the end")
    if mac_fault:
        raise Fault(mac_fault)
    return len(lines), proven


def main() -> int:
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    key = bytes.fromhex(sys.argv[2]) if len(sys.argv) == 3 else None
    with open(sys.argv[1], "rb") as log:
        content = log.read()
    try:
        records, proven = verify(content, key)
    except Fault as fault:
        print(fault)
        return 1
    print(f"{records} records, " + (f"{proven} proven" if key else "chained; no key given"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
