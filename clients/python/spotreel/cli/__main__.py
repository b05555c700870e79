"""`python -m spotreel.cli`."""

from spotreel.cli.main import main

if __name__ == "__main__":
    main()
