"""Holds messages to Slack's own description of them, as its SDK has it: a JSON list of payloads on stdin."""

import json
import sys
import warnings

from slack_sdk.models.blocks import Block

# Slack docs, "Reference: blocks": what the SDK does not check.
MOST_BLOCKS = 50
MOST_TEXT = 40_000

# What the SDK does not know it leaves out with a warning.
warnings.simplefilter("error")
failed = False
for payload in json.load(sys.stdin):
    try:
        blocks = payload["blocks"]
        assert 1 <= len(blocks) <= MOST_BLOCKS, f"{len(blocks)} blocks"
        assert 1 <= len(payload["text"]) <= MOST_TEXT, "the text's length"
        read = [block.to_dict() for block in Block.parse_all(blocks)]
        assert read == blocks, f"read as {json.dumps(read)}"
    except Exception as error:
        failed = True
        print(f"{error!r}: {json.dumps(payload)[:500]}", file=sys.stderr)
sys.exit(1 if failed else 0)
