"""Drives `axis mcp` with the official MCP SDK, as a host written by others would.

usage: mcp_client.py AXIS_BINARY   (AXIS_HOME and AXIS_IDENTITY in the environment)
Prints one JSON object with what it saw.
"""

import asyncio
import json
import os
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


async def main() -> None:
    server = StdioServerParameters(
        command=sys.argv[1],
        args=["mcp"],
        env={name: os.environ[name] for name in ("AXIS_HOME", "AXIS_IDENTITY")},
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = (await session.list_tools()).tools

        async def call(name: str, arguments: dict) -> dict:
            result = await session.call_tool(name, arguments)
            structured = getattr(result, "structured_content", None)
            if structured is None:
                structured = result.structuredContent
            return {
                "text": json.loads(result.content[0].text),
                "structured": structured,
                "is_error": bool(
                    result.is_error if hasattr(result, "is_error") else result.isError
                ),
            }

        def execute(action: str, params: dict) -> dict:
            return {
                "service": "github",
                "action": action,
                "justification": "the SDK asks for it",
                "params": params,
            }

        repo = {"owner": "acme", "repo": "axis"}
        info = getattr(hello, "server_info", None) or hello.serverInfo
        seen = {
            "server": info.name,
            "tools": [tool.name for tool in tools],
            "allowed": await call("execute_action", execute("repos.get", repo)),
            "denied": await call("execute_action", execute("pulls.create", repo)),
            "failed": await call("execute_action", execute("repos.gett", repo)),
            "listed": await call("list_actions", {"service": "github"}),
        }
        print(json.dumps(seen))


asyncio.run(main())
