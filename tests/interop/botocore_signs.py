"""What botocore, AWS's own Python library, would send in our place.

Reads a JSON list of requests that reached an upstream:
  service, region, key (ID:SECRET[:TOKEN]), method, path (raw), headers, body
  (base64), uploaded (whether the body came in chunks), and for S3 perhaps
  operation and params (of botocore's own S3 client).
Prints a list with, for each, the headers that botocore's signer makes of the
same request at the same time, and the raw path that its S3 client asks for.
"""

import base64
import datetime
import functools
import json
import sys
from unittest import mock

import botocore.session
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials

MADE = ("authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")


def signed_headers(asked: dict) -> dict:
    ours = asked["headers"]
    # which headers are signed is the client's choice
    chosen = ours["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {
        name: value
        for name, value in ours.items()
        if name in chosen and name not in MADE and name != "host"
    }
    request = AWSRequest(
        method=asked["method"],
        url=f"http://{ours['host']}{asked['path']}",
        headers=headers,
        data=base64.b64decode(asked["body"]),
    )
    is_s3 = asked["service"] == "s3"
    if is_s3:
        request.context["client_config"] = Config(
            s3={"payload_signing_enabled": not asked["uploaded"]}
        )
    signer = S3SigV4Auth if is_s3 else SigV4Auth
    credentials = Credentials(*asked["key"].split(":", 2))
    now = datetime.datetime.strptime(ours["x-amz-date"], "%Y%m%dT%H%M%SZ")
    now = now.replace(tzinfo=datetime.timezone.utc)
    with mock.patch("botocore.auth.get_current_datetime", return_value=now):
        signer(credentials, asked["service"], asked["region"]).add_auth(request)
    return {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() in MADE
    }


@functools.cache
def s3_client(region: str, host: str):
    """A client that sends nothing, and the list of URLs that it was asked for."""
    client = botocore.session.get_session().create_client(
        "s3",
        region_name=region,
        endpoint_url=f"http://{host}",
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        config=Config(s3={"addressing_style": "path"}),
    )
    seen = []

    def keep(request, **_):
        seen.append(request.url)
        answer = AWSResponse(request.url, 200, {}, None)
        answer._content = b""
        return answer

    client.meta.events.register("before-send.s3", keep)
    return client, seen


def raw_path(asked: dict) -> str | None:
    """The path that botocore's S3 client asks for."""
    if "operation" not in asked:
        return None
    host = asked["headers"]["host"]
    client, seen = s3_client(asked["region"], host)
    getattr(client, asked["operation"])(**asked["params"])
    return seen.pop().removeprefix(f"http://{host}")


print(
    json.dumps(
        [
            {"headers": signed_headers(asked), "path": raw_path(asked)}
            for asked in json.load(sys.stdin)
        ]
    )
)
