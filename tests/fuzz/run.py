"""Read thousands of damaged inputs: python tests/fuzz/run.py --cases 2000 --seed 7 [--only 'model:17']."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path[:] = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]


def main() -> None:
    """Run the cases, print the table, and end with 1 where one failed."""
    from fuzz.drive import fuzz

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only")
    options = parser.parse_args()
    report = fuzz(options.cases, options.seed, only=options.only, say=True)
    print(report.table())
    sys.exit(bool(report.failed))


if __name__ == "__main__":
    main()
