"""The command line as `python -m hydromae`, for where its script is not on the path."""

from hydromae.app.cli import main

if __name__ == "__main__":
    main()
