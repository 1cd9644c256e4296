"""A Cloud Storage server written by others, in memory.

usage: gcs_server.py
Prints its base URL as a JSON object and serves until its standard input ends.
"""

import json
import logging
import sys

from gcp_storage_emulator.server import create_server

logging.disable(logging.CRITICAL)
# port 0: whichever is free
server = create_server("127.0.0.1", 0, in_memory=True)
server.start()
port = server._api._httpd.server_port
print(json.dumps({"url": f"http://127.0.0.1:{port}"}), flush=True)
sys.stdin.read()
server.stop()
