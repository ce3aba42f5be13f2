"""The command line, the console and the demo."""
