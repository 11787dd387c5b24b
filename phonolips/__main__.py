"""Run the command line with `python -m phonolips`."""

from phonolips.cli import main

if __name__ == "__main__":
    main()
