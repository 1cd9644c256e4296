#!/usr/bin/env python3
"""Reads an Axis keystore, version 2, by docs/keystore.md alone.

    read_keystore.py KEYSTORE < password

Prints one JSON object: name -> {"secret", "hosts", "base_url"?}, reserved
entries with their secret in hex. Needs the package `cryptography`. It exists to
prove that the format is what the page says; it wipes nothing.
"""

import hashlib
import hmac
import json
import sys

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def hkdf(root, salt, info):
    return HKDF(SHA256(), 32, salt, info).derive(root)


def bound_to(*items):
    out = b""
    for item in items:
        if isinstance(item, int):
            item = item.to_bytes(8, "big")
        elif isinstance(item, str):
            item = item.encode()
        out += len(item).to_bytes(4, "big") + item
    return out


def open_box(box, root, info, aad):
    salt, iv, ciphertext, tag = (
        bytes.fromhex(box[field]) for field in ("salt", "iv", "ciphertext", "tag")
    )
    return AESGCM(hkdf(root, salt, info)).decrypt(iv, ciphertext + tag, aad)


def read(keystore, password):
    kdf, cipher = keystore["kdf"], keystore["cipher"]
    assert keystore["version"] == 2
    assert kdf["algorithm"] == "PBKDF2-HMAC-SHA-512"
    assert 210_000 <= kdf["iterations"] <= 10_000_000
    assert cipher == "AES-256-GCM"

    head = (2, kdf["algorithm"], kdf["iterations"], cipher)
    salt = bytes.fromhex(kdf["salt"])
    root = hashlib.pbkdf2_hmac("sha512", password, salt, kdf["iterations"], 32)
    vault_key = open_box(
        keystore["vault_key"],
        root,
        b"axis keystore v2 vault key",
        bound_to("axis keystore vault key", *head, salt),
    )

    unsigned = {key: value for key, value in keystore.items() if key != "mac"}
    message = json.dumps(unsigned, separators=(",", ":")).encode()
    mac_key = hkdf(vault_key, None, b"axis keystore v2 mac")
    mac = hmac.new(mac_key, message, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(mac, keystore["mac"]), "the MAC does not fit"

    contents = {}
    for name, entry in keystore["entries"].items():
        metadata = entry["metadata"]
        aad = bound_to(
            "axis keystore entry",
            *head,
            name,
            metadata.get("service", ""),
            metadata.get("label", ""),
            metadata["created_at"],
            metadata["updated_at"],
        )
        plaintext = open_box(entry, vault_key, b"axis keystore v2 entry", aad)
        contents[name] = json.loads(plaintext)
        if not name.startswith("."):
            secret = bytes.fromhex(contents[name]["secret"])
            contents[name]["secret"] = secret.decode()
    return contents


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        parsed = json.load(file)
    given = sys.stdin.buffer.read().removesuffix(b"\n")
    print(json.dumps(read(parsed, given)))
