"""An S3 server written by others, which checks each request's signature with
botocore: moto, with its authentication switched on.

usage: s3_server.py
Prints one JSON object (the base URL, an access key and one with a session
token) and serves until its standard input ends.
"""

import json
import logging
import sys

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    ],
}

logging.getLogger("werkzeug").setLevel(logging.ERROR)
# port 0: whichever is free
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"


def client(service: str):
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="setup",
        aws_secret_access_key="setup",
    )


iam = client("iam")
iam.create_user(UserName="axis")
iam.put_user_policy(
    UserName="axis", PolicyName="all", PolicyDocument=json.dumps(ALLOW)
)
key = iam.create_access_key(UserName="axis")["AccessKey"]
role = iam.create_role(RoleName="axis", AssumeRolePolicyDocument=json.dumps(TRUST))
iam.put_role_policy(RoleName="axis", PolicyName="all", PolicyDocument=json.dumps(ALLOW))
session = client("sts").assume_role(
    RoleArn=role["Role"]["Arn"], RoleSessionName="axis"
)["Credentials"]

# from here on nothing is let in unsigned
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0

print(
    json.dumps(
        {
            "url": url,
            "key": f"{key['AccessKeyId']}:{key['SecretAccessKey']}",
            "session": ":".join(
                session[name]
                for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")
            ),
        }
    ),
    flush=True,
)
sys.stdin.read()
server.stop()
