"""What schemathesis makes up reaches further with some of what there is: ids of records that the caller can list, their
versions, and foreign keys that exist. One case in three stays as it was made up. Which is drawn from the case itself, so
one seed sends the same requests to the same database."""

import ast
import json
import os
import re
import threading
import urllib.error
import urllib.request
import zlib

import schemathesis

ADDRESS = os.environ["CALLER_ADDRESS"]
KEY = os.environ.get("CALLER_KEY", "")
# Ids that are nobody's to take: the caller itself. Who ends its own session has nothing more to say.
OWN = set(os.environ.get("CALLER_OWN", "").split(","))
NOBODY = "00000000-0000-7000-8000-000000000000"
UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


# What decides who may do what here: changed by their real ids, the rest of the run would be one refusal.
DOORS = {"/api/v1/auth/" + name for name in ("organizations", "roles", "role-permissions", "user-roles", "users", "api-keys", "sessions")}


PARSE, ONE_AT_A_TIME = ast.parse, threading.RLock()


def parse(*arguments, **named):
    """Before 3.13, CPython counts the depth of a syntax tree in one place for all threads: two that parse at once, as
    hypothesis does to describe a strategy, end in "AST constructor recursion depth mismatch"."""
    with ONE_AT_A_TIME:
        return PARSE(*arguments, **named)


ast.parse = parse


def ask(path):
    """A GET as the caller: the JSON and the ETag, or nothing."""
    headers = {"Authorization": "Bearer " + KEY} if KEY else {}
    try:
        request = urllib.request.Request(ADDRESS + path, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer), answer.headers.get("ETag")
    except urllib.error.HTTPError:
        return None, None


def collections():
    """The ids of each list that the caller can read, by the list's path."""
    paths = ask("/openapi.json")[0]["paths"]
    found = {}
    for path, methods in sorted(paths.items()):
        if "get" in methods and "{" not in path:
            answer = ask(path)[0]
            rows = answer.get("data") if isinstance(answer, dict) else None
            ids = [row["id"] for row in rows or [] if isinstance(row, dict) and UUID.match(str(row.get("id")))]
            ids = [one for one in ids if one not in OWN]
            if ids and path not in DOORS:
                found[path] = ids
    return found


KNOWN = collections() if KEY else {}
ANY = [one for ids in KNOWN.values() for one in ids[:3]]
# A list that is read under the last word of its path: `patient_id` is one of …/patients.
BY_WORD = {path.rsplit("/", 1)[1].replace("-", "_"): ids for path, ids in KNOWN.items()}


def pool(column):
    word = column.removesuffix("_id")
    tail = word.rsplit("_", 1)[-1]
    for noun in (word, tail):
        for plural in (noun + "s", noun + "es", noun[:-1] + "ies"):
            if plural in BY_WORD:
                return BY_WORD[plural]
    return ANY


def filled(value, draw, column=""):
    """The same value with ids that exist in place of those that were made up."""
    if isinstance(value, dict):
        return {name: filled(part, draw, name) for name, part in value.items()}
    if isinstance(value, list):
        return [filled(part, draw, column) for part in value]
    if isinstance(value, str) and UUID.match(value):
        ids = pool(column)
        return ids[draw % len(ids)] if ids else value
    return value


@schemathesis.hook
def map_case(context, case):
    # The tool remembers ids from answers, the caller's own among them.
    if case.path_parameters:
        case.path_parameters = {name: NOBODY if value in OWN else value for name, value in case.path_parameters.items()}
    made_up = [case.path_parameters, case.body if isinstance(case.body, (dict, list, str)) else None, case.query]
    draw = zlib.crc32(repr([case.method, case.path, made_up]).encode("utf-8", "replace"))
    if draw % 3 == 0 or not KNOWN:
        return case
    ids = KNOWN.get(case.path.split("/{", 1)[0], ANY)
    if case.path_parameters and ids:
        case.path_parameters = {name: ids[draw % len(ids)] for name in case.path_parameters}
        if case.method == "PATCH" and case.headers is not None:
            version = ask(case.path.format(**case.path_parameters))[1]
            if version:
                case.headers["If-Match"] = version
    if isinstance(case.body, (dict, list)):
        case.body = filled(case.body, draw)
    return case
