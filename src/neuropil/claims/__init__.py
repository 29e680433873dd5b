"""Claims of the literature, each an experiment that anyone can rerun, with a verdict computed from what it measured."""

from neuropil.claims.claim import Claim, Condition, Findings, Measured, Outcome, Trial, Verdict
from neuropil.claims.registry import claim, written
from neuropil.claims.report import write_index, write_report

__all__ = [
    "Claim",
    "Condition",
    "Findings",
    "Measured",
    "Outcome",
    "Trial",
    "Verdict",
    "claim",
    "write_index",
    "write_report",
    "written",
]
