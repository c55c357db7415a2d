"""Counts words as an agent of a run, until the run is done: python3 both-doors.py RUN AGENT. Start any number of them."""

import json
import os
import shlex
import subprocess
import sys

command = shlex.split(os.environ.get("RUN_BLACKBOARD", "npx run-blackboard"))
# Longer than the work on one brief takes. Work that takes long renews its claim, or is a program that `work` runs.
lease = os.environ.get("LEASE", "1m")
run, agent = sys.argv[1:3]

NOTHING, LOST = 4, 5


def call(name, *words, stdin=""):
    """Returns the exit code and what the command printed."""
    done = subprocess.run([*command, name, run, *words], input=stdin, capture_output=True, text=True)
    if done.returncode not in (0, NOTHING, LOST):
        raise RuntimeError(done.stderr)
    return done.returncode, done.stdout


while True:
    code, claim = call("claim", "--agent", agent, "--lease", lease, "--role", "count", "--wait")
    if code == NOTHING:
        break
    text = json.loads(claim)["brief"]["payload"]["text"]
    result = json.dumps({"words": len(text.split())})
    code, _ = call("complete", "--claim", "-", "--result", result, stdin=claim)
    if code == LOST:
        print("another agent has the brief", file=sys.stderr)
