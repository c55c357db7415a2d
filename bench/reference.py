"""
The Python reference as a side of the bench: reads lines "OPERATION CALLS", makes that many calls, and prints the
milliseconds they took. `python3 reference.py BLACKBOARD.PY FOLDER`
"""
import importlib.util
import os
import sys
import time

spec = importlib.util.spec_from_file_location("blackboard", sys.argv[1])
blackboard = importlib.util.module_from_spec(spec)
spec.loader.exec_module(blackboard)
os.chdir(sys.argv[2])

board = blackboard.Blackboard("bench")
board.create_run("Find out what it costs")
# Same as fillLog in sites.ts.
board._conn.execute("PRAGMA synchronous = OFF")
for n in range(1100, -1, -1):
    board._conn.execute(f"PRAGMA user_version = {n}")
board._conn.execute("PRAGMA synchronous = FULL")

PAYLOAD = {
    "task": "Write the handler that receives webhooks: check the signature, answer within a second, queue the rest.",
    "files": ["src/webhooks/receive.ts", "src/webhooks/signature.ts", "test/webhooks/receive.test.ts"],
    "limit": {"tokens": 120000, "minutes": 30},
    "draft": False,
}
RESULT = {
    "summary": "Three files changed, all tests pass; the signature is compared in constant time.",
    "changed": [{"file": "src/webhooks/receive.ts", "lines": 84}],
    "cost": {"tokens": 48211, "minutes": 11.5},
}
DETAIL = {"agent": "coder-3", "attempt": 1, "seconds": 41.25, "note": "passed on the first try"}


class TaskBrief:
    def __init__(self):
        self.brief_id = blackboard._new_uuid()
        self.parent_brief_id = None
        self.tier = 1
        self.role = "coder"
        self.retry_count = 0

    def to_dict(self):
        return PAYLOAD


ids = []
turn = 0


def create_brief():
    brief = TaskBrief()
    board.create_brief(brief)
    return brief.brief_id


def next_id():
    global turn
    turn += 1
    return ids[turn % len(ids)]


def spawn():
    board.log_event("spawned", create_brief(), DETAIL)


def complete():
    brief_id = next_id()
    board.update_brief_result(brief_id, RESULT)
    board.log_event("completed", brief_id, DETAIL)


operations = {
    "createWorkstream": lambda: board.create_workstream(name="HTTP API", tier=1, owner_agent_id="lead"),
    "createBrief": create_brief,
    "updateBriefStatus": lambda: board.update_brief_status(next_id(), "active" if turn // len(ids) % 2 else "pending"),
    "updateBriefResult": lambda: board.update_brief_result(next_id(), RESULT),
    "incrementBriefRetry": lambda: board.increment_brief_retry(next_id()),
    "logEvent": lambda: board.log_event("spawned", None, DETAIL),
    "spawnBrief": spawn,
    "completeBrief": complete,
    "getRunSummary": board.get_run_summary,
}

ids.extend(create_brief() for _ in range(1000))
print("ready", flush=True)
for line in sys.stdin:
    name, calls = line.split()
    operation = operations[name]
    start = time.perf_counter()
    for _ in range(int(calls)):
        operation()
    print((time.perf_counter() - start) * 1000, flush=True)
