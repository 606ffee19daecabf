"""The leak zoo at full size: every kind planted at 1 % of the rows of each real set; one table of what was named.

Thresholds were chosen on the train files of snips and clinc150; the other sets were only measured. Of a set with more than
*--rows* rows a random sample is taken. False alarms are rows that are flagged, not planted, and not near to any row by the
independent rule (all pairs, normalised edit distance from .75; see ``tests/judge/checks/zoo.py``).
"""

from __future__ import annotations

import argparse
import datetime
import random
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "src"), str(HERE.parent / "tests" / "judge" / "checks")]
SHARED = HERE.parents[1] / "shared" / "data"


def main() -> None:
    import zoo
    from zoo_texts import REAL, real

    parser = argparse.ArgumentParser()
    parser.add_argument("--sets", nargs="+", default=REAL)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    outcomes: dict[str, zoo.Outcome] = {}
    for name in options.sets:
        texts = real(SHARED, name)
        texts = random.Random(options.seed).sample(texts, min(options.rows, len(texts)))
        world = zoo.clean(texts, options.seed)
        zoo.plant(world, options.seed, texts)
        with tempfile.TemporaryDirectory() as folder:
            room = zoo.open_world(world, Path(folder))
            start = time.process_time()
            zoo.findings(room)
            seconds = time.process_time() - start
            outcomes[name] = zoo.judge(world, room)
        print(f"{name}: {len(room.rows)} rows checked in {seconds:.1f} s of processor time", flush=True)
    print("| planted | " + " | ".join(outcomes) + " | all | least |")
    print("|---" * (len(outcomes) + 3) + "|")
    for kind in zoo.VARIANTS:
        counts = [outcome.planted[kind] for outcome in outcomes.values()]
        named, planted = sum(c[1] for c in counts), sum(c[0] for c in counts)
        cells = [f"{hit} / {all_}" for all_, hit in counts] + [f"{named / planted:.1%}", f"{zoo.least(kind):.0%}"]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    for of in ("leak", "duplicate"):
        shares = [alarms / rows for alarms, rows in (outcome.alarms[of] for outcome in outcomes.values())]
        print(f"| false alarms, {of} | " + " | ".join(f"{share:.2%}" for share in shares) + " | | 1% |")
    print(f"| near by the rule, not planted | {' | '.join(str(o.near_by_rule) for o in outcomes.values())} | | |")
    print(datetime.date.today())


if __name__ == "__main__":
    main()
