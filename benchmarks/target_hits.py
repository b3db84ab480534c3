"""Target hit rate of a profile on held-out scenes: `python -m benchmarks.target_hits` (see `training.evaluate`)."""

from training.evaluate import main

if __name__ == "__main__":
    main()
