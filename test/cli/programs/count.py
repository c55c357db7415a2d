#!/usr/bin/env python3
"""Counts words. Writes a line to "overlaps" if another attempt at the same brief is running."""
import fcntl
import json
import os
import sys
import time

payload = json.load(sys.stdin)
with open("lock-" + os.environ["RUN_BLACKBOARD_BRIEF"], "w") as lock:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        with open("overlaps", "a") as overlaps:
            print(os.environ["RUN_BLACKBOARD_CLAIM"], file=overlaps)
    # The work takes longer than the lease, so that a program that is left over meets the next attempt.
    time.sleep(payload["seconds"])
    json.dump({"words": len(payload["text"].split())}, sys.stdout)
