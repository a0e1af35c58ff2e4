"""Prints what the transform of AWS SAM makes of a template, as JSON. Nothing is asked of AWS.

usage: translate.py TEMPLATE
"""

import json
import os
import sys

# The translator asks for the partition of a region, whichever.
os.environ["AWS_DEFAULT_REGION"] = "eu-west-1"

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

with open(sys.argv[1], encoding="utf-8") as file:
    template = yaml_parse(file.read())

# What `sam deploy` uploads first.
for resource in template["Resources"].values():
    for property in ("CodeUri", "ContentUri"):
        if property in resource.get("Properties", {}):
            resource["Properties"][property] = "s3://bucket/code.zip"

print(json.dumps(Translator({}, Parser()).translate(template, {}), indent=1))
