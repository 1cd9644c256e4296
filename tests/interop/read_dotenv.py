#!/usr/bin/env python3
"""Prints the variables of a .env file as one JSON object, as python-dotenv
reads it without expanding anything."""

import json
import sys

from dotenv import dotenv_values

print(json.dumps(dotenv_values(sys.argv[1], interpolate=False)))
