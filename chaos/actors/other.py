"""The Python module with the system's SQLite: repeatedly opens the run, writes and closes it.

The only argument is a task as JSON: the run, the journal, and the pause between two opens.
"""
import json
import random
import signal
import sys
import time

task = json.loads(sys.argv[1])
sys.path.insert(0, task["reference"])
from blackboard import Blackboard  # noqa: E402

choose = random.Random(task["seed"])
journal = open(task["journal"], "a", buffering=1, encoding="utf-8")
ends = False


def stop(_signal, _frame):
    global ends
    ends = True


signal.signal(signal.SIGTERM, stop)


def note(at, **entry):
    journal.write(json.dumps({**entry, "at": at}) + "\n")


class TaskBrief:
    """The fields that the module reads."""

    tier, role, parent_brief_id, retry_count = 1, "python", None, 0

    def __init__(self, brief_id):
        self.brief_id = brief_id

    def to_dict(self):
        return {"brief_id": self.brief_id}


def write(board, name):
    at = int(time.time() * 1000)
    board.create_brief(TaskBrief(name))
    note(at, did="brief", id=name)
    note(at, did="event", id=board.log_event("spawned", name, {"by": task["name"]}))


n = 0
while not ends:
    board = None
    try:
        board = Blackboard(task["runId"])
        for _ in range(choose.randint(0, task["writes"])):
            n += 1
            write(board, f"{task['name']}/{n}")
    except Exception as error:  # Every error is recorded in the journal.
        now = int(time.time() * 1000)
        note(now, did="error", code=type(error).__name__, message=str(error), during="the Python module")
    finally:
        if board is not None:
            board.close()
    time.sleep(choose.uniform(0, task["pauseMs"] / 1000))
