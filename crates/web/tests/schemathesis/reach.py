"""Gives a caller persons whom it reaches, as an administrator does, and prints the operations that its roles give.

reach.py ADDRESS KEY USER own|ward|caseload ROLE..."""

import json
import sys
import urllib.request

address, key, user, reach, roles = *sys.argv[1:5], sys.argv[5:]


def ask(path, body=None):
    headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data, headers), timeout=20) as answer:
        return json.load(answer)


# Students, of whom there is most to see, before other persons.
found = ask("/api/v1/school/students?limit=200&fields=id,patient_id")["data"]
persons = sorted({row["patient_id"] for row in found})[: 1 if reach == "own" else 3]
assert persons, "nobody is there"
for person in persons:
    if reach == "caseload":
        ask("/api/v1/auth/caseload-assignments", {"user_id": user, "patient_id": person, "kind": "care_team"})
    else:
        proof = {"relation": "self"} if reach == "own" else {"relation": "legal_rep", "proof": "COURT_ORDER", "valid_to": "2199-12-31"}
        ask("/api/v1/auth/user-person-links", {"user_id": user, "patient_id": person, **proof})

given = {p for role in ask("/api/v1/auth/role-matrix")["roles"] if role["name"] in roles for p in role["permissions"]}
paths = ask("/openapi.json")["paths"]
operations = {op["operationId"] for methods in paths.values() for op in methods.values() if op.get("x-permission") in given}
assert operations, "the roles give nothing"
print("\n".join(sorted(operations)))
