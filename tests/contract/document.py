"""An OpenAPI document, and whether values are of its schemas."""

import copy
import functools

import jsonschema
import referencing
import referencing.jsonschema

BASE = "urn:holdfast:openapi"
METHODS = ("get", "post")


def close(document: dict):
    """Has every object that lists its fields refuse others. Clients must take fields that they do not know; here
    nothing may come that is not written down."""
    def walk(node):
        if isinstance(node, dict):
            if node.get("type") in ("object", ["object", "null"]) and "properties" in node:
                node.setdefault("additionalProperties", False)
            for name, child in node.items():
                if name not in ("example", "examples"):
                    walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(document["components"]["schemas"])
    walk(document["paths"])
    # A problem is narrowed by what stands beside it, which has not all of its fields.


class Document:
    def __init__(self, raw: dict):
        self.raw = raw
        closed = copy.deepcopy(raw)
        close(closed)
        resource = referencing.Resource(contents=closed, specification=referencing.jsonschema.DRAFT202012)
        self.registry = referencing.Registry().with_resource(BASE, resource)

    def operations(self):
        """(path, method, operation), in the order of the document."""
        for path, item in self.raw["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def resolve(self, node: dict) -> dict:
        while "$ref" in node:
            node = functools.reduce(lambda at, part: at[part.replace("~1", "/")],
                                    node["$ref"].removeprefix("#/").split("/"), self.raw)
        return node

    def wrong(self, pointer: str, value) -> list[str]:
        """What is wrong with a value of the schema at `pointer`."""
        validator = jsonschema.Draft202012Validator({"$ref": f"{BASE}#{pointer}"}, registry=self.registry)
        return [f"{error.json_path}: {error.message}"[:500] for error in validator.iter_errors(value)]

    def examples(self):
        """(pointer of the schema, name, value) of all bodies that the document shows."""
        for path, method, operation in self.operations():
            base = f"/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
            places = [(f"{base}/requestBody", operation["requestBody"])] if "requestBody" in operation else []
            places += [(f"{base}/responses/{status}", response) for status, response in operation["responses"].items()]
            for pointer, place in places:
                if "$ref" in place:
                    pointer, place = place["$ref"].removeprefix("#"), self.resolve(place)
                for media, content in place.get("content", {}).items():
                    for name, example in content.get("examples", {}).items():
                        where = f"{pointer}/content/{media.replace('/', '~1')}/schema"
                        yield where, name, self.resolve(example)["value"]
