"""reference.py RUN_ID: the Python reference as a process, on runs/RUN_ID/blackboard.db below the working directory.

Prints "ready", then answers each line, a JSON object, with one:
    {"call": METHOD, "with": ARGUMENTS}   what the method of the reference gives
    {"write": COUNT}                      what was written: COUNT rounds of it, as fast as it goes
"""
import json
import sys

from blackboard import Blackboard


class TaskBrief:
    """What the reference asks of one."""

    def __init__(self, brief_id, tier, role, parent_brief_id=None, retry_count=0, **fields):
        self.brief_id, self.tier, self.role = brief_id, tier, role
        self.parent_brief_id, self.retry_count, self.fields = parent_brief_id, retry_count, fields

    def to_dict(self):
        return {"brief_id": self.brief_id, "tier": self.tier, "role": self.role, **self.fields}


def call(board, method, arguments):
    if "brief" in arguments:
        arguments["brief"] = TaskBrief(**arguments["brief"])
    return getattr(board, method)(**arguments)


def write(board, count):
    for n in range(count):
        brief_id = f"python/{n}"
        board.create_brief(TaskBrief(brief_id, 1, "python", n=n))
        board.log_event("spawned", brief_id, {"by": "python", "n": n})
        board.increment_brief_retry("counter")
        board.update_brief_result(brief_id, {"n": n})
    return count


def main():
    board = Blackboard(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "write" in asked:
            answer = write(board, asked["write"])
        else:
            answer = call(board, asked["call"], asked["with"])
        print(json.dumps({"answer": answer}), flush=True)
    board.close()


main()
