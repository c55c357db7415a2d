"""The Python module while a root is pruned: creates a run, logs events and counts them through a different connection.

All must be found, because an unfinished run is not pruned. Then finishes the run, so that it is pruned, and repeats.
"""
import json
import random
import signal
import sqlite3
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


def note(what, detail):
    now = int(time.time() * 1000)
    journal.write(json.dumps({"did": "note", "what": what, "detail": detail, "at": now}) + "\n")


def missing_of(ids):
    try:
        connection = sqlite3.connect(f"file:runs/{task['runId']}/blackboard.db?mode=rw", uri=True)
        found = {row[0] for row in connection.execute("SELECT event_id FROM events")}
        connection.close()
        return len([one for one in ids if one not in found])
    except sqlite3.OperationalError as error:
        return len(ids) if "locked" not in str(error) else 0


while not ends:
    board = None
    try:
        board = Blackboard(task["runId"])
        board.create_run("made again")
        board.update_run_status("active")
        ids = [board.log_event("spawned") for _ in range(choose.randint(1, 5))]
        missing = missing_of(ids)
        note("kept" if missing == 0 else "lost", f"the Python module: {missing} of {len(ids)}")
        if missing == 0:
            board.update_run_status("done")
    except sqlite3.Error as error:
        note("again", str(error))
    finally:
        if board is not None:
            board.close()
    time.sleep(choose.choice([0, 0, choose.uniform(0, 0.004)]))
