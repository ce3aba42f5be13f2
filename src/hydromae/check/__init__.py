"""What `check` looks for in each kind of data, one idea a file. The package itself can be called, as a function."""

import sys
from types import ModuleType
from typing import Any


class _Check(ModuleType):
    """A package that can be called, since `hydromae.check` is both the package and the function."""

    def __call__(self, target: Any, *arguments: Any, **options: Any) -> Any:
        """See `hydromae.check.any_target.check_any`, and `progress` as in all functions of `hydromae`."""
        from hydromae.check.any_target import check_any
        from hydromae.tasks.public import public

        return public(check_any)(target, *arguments, **options)


sys.modules[__name__].__class__ = _Check
