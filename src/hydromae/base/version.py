"""The version of the package that is running."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("hydromae")
except PackageNotFoundError:  # run from a source tree that is not installed
    VERSION = "0+unknown"
