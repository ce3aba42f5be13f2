"""Sentences about undeclared codes of missing values, with the configuration line that declares them."""

from dataclasses import dataclass, field

from hydromae.check.codes import Codes
from hydromae.check.exclusions import Exclusion
from hydromae.check.report import CheckReport
from hydromae.check.subject import Subject, counted

_EVERYDAY = 90.0  # a smaller code may be a real value of another modality, and listing it would make that missing too


@dataclass
class CodeFindings:
    """The codes of all modalities, reported together, since one list of missing values holds for all.

    Attributes:
        remedy: what to do besides listing a code, as preparing a store anew.
    """

    remedy: str = ""
    _found: list[tuple[Subject, Codes, tuple[str, ...] | None]] = field(default_factory=list)

    def add(self, subject: Subject, codes: Codes, stations: tuple[str, ...] | None = None) -> None:
        """Add what was seen in a modality; `stations` are the columns of a series, None of a grid."""
        self._found.append((subject, codes, stations))

    def tell(self, report: CheckReport) -> None:
        """Add an error for each code."""
        for subject, codes, stations in self._found:
            for code, seen in codes.found().items():
                place = "in a cell" if stations is None else f"at station {stations[seen.column]}"
                low, high = codes.others
                others = f", where its other values are {low:.4g} to {high:.4g}" if low <= high else ""
                looked = " of the days looked at" if stations is None and report.sampled_every > 1 else ""
                seldom = f"{counted(seen.count, 'time')}{looked}, first {place} on {subject.day(seen.day)}"
                text = (
                    f"{subject.where}: {subject.name} is {code!r} {subject.units} {seldom}{others}; it seems to mean "
                )
                if (other := self._used_by(code, subject)) is None:
                    text += f"mean missing, so list it in data.missing_values{self.remedy}"
                    report.error(text, exclusion=Exclusion(missing_values=(code,)))
                else:
                    text += (
                        "mean missing, so make it missing in the file (data.missing_values would take it from "
                        f"{other} too)"
                    )
                    report.error(text)

    def _used_by(self, code: float, subject: Subject) -> str | None:
        """Name of another modality for which the code is a plausible value."""
        if abs(code) >= _EVERYDAY:
            return None
        for other, codes, _ in self._found:
            low, high = codes.others
            if other.name != subject.name and low <= code <= high:
                return other.name
        return None
