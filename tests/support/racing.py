"""A process that delivers and rolls back at random, with others: CONFIG SEED TURNS."""

RACER = """
import os, random, sys
from cdml.cli import run
config, seed, turns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
choose = random.Random(seed)
for turn in range(turns):
    words = ["rollback", "--reason", f"{seed}.{turn}"]
    if choose.random() < 0.6:
        words = ["deploy", "--model", choose.choice("1234"), "--override",
                 "champion-moved,quarantined", "--reason", f"{seed}.{turn}"]
    code = run([*words, "--config", config, "--output-dir", f".cdml-{seed}"])
    print("ended", code, flush=True)
"""
