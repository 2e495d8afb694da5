#!/usr/bin/env python3
"""Flattens a description of the Engine API to facts, one a line, that SecDocker's tables are held
against.

    git -C moby show v20.10.24:api/swagger.yaml | tests/engine-api/extract.py 'v20.10.24 (COMMIT)' \
        > tests/engine-api/v1.41.txt

`route METHOD PATH`, `query METHOD PATH NAME: TYPE` and, for requests with a JSON body,
`body METHOD PATH FIELD: TYPE`, where `[]` is an element of a list and `{}` a value of a map. Needs
PyYAML. Facts are taken, sentences are not.
"""

import sys

import yaml

METHODS = {"get", "head", "post", "put", "delete"}


class Facts:
    def __init__(self, description):
        self.description = description
        self.lines = set()

    def resolved(self, schema):
        while "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            schema = self.description["definitions"][name]
        return schema

    def body(self, where, path, schema, above=()):
        name = schema.get("$ref")
        if name in above:
            return
        above = above + (name,) if name else above
        schema = self.resolved(schema)
        parts = schema.get("allOf", [])
        for part in parts:
            self.body(where, path, part, above)
        fields = schema.get("properties", {})
        for field, inner in fields.items():
            self.body(where, f"{path}.{field}" if path else field, inner, above)
        kind = schema.get("type")
        more = schema.get("additionalProperties")
        if kind == "array":
            self.body(where, path + "[]", schema["items"], above)
        elif isinstance(more, dict):
            self.body(where, path + "{}", more, above)
        elif not parts and not fields and path:
            self.lines.add(f"body {where} {path}: {kind or 'object'}")

    def operation(self, where, parameters):
        self.lines.add(f"route {where}")
        for parameter in parameters:
            if parameter["in"] == "query":
                self.lines.add(f"query {where} {parameter['name']}: {parameter['type']}")
            elif parameter["in"] == "body":
                self.body(where, "", parameter["schema"])

    def read(self):
        for path, operations in self.description["paths"].items():
            shared = operations.get("parameters", [])
            for method, operation in operations.items():
                if method in METHODS:
                    parameters = shared + operation.get("parameters", [])
                    self.operation(f"{method.upper()} {path}", parameters)


def main():
    description = yaml.safe_load(sys.stdin)
    facts = Facts(description)
    facts.read()
    version = description["info"]["version"]
    print(f"# Engine API v{version}: facts from api/swagger.yaml of github.com/moby/moby, {sys.argv[1]}.")
    print("# Made by tests/engine-api/extract.py, which says how.")
    print("\n".join(sorted(facts.lines)))


main()
