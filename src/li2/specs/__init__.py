"""What a run is and how it ended: frozen, validated values. No torch."""

from li2.specs.ascent_spec import AscentSpec
from li2.specs.boundary_spec import BOUNDARY_KEYS, BoundarySpec
from li2.specs.executor_spec import EXECUTOR_KEYS, ExecutorSpec
from li2.specs.keys import ASCENT_KEYS, KEYS, LANDSCAPE_KEYS, VERIFY_KEYS, Key, keys_table
from li2.specs.landscape_spec import LandscapeSpec
from li2.specs.outcome import STAGES, EndState, Outcome, StageBoundary
from li2.specs.parsing import DiagnosisSchedule, LearningRateSchedule
from li2.specs.plan import Plan, PlannedRun
from li2.specs.prediction_spec import CRITICAL_KEYS, PREDICTION_KEYS, CriticalSpec, PredictionSpec
from li2.specs.run_spec import RunSpec, overridden
from li2.specs.sources import read_config, read_overrides
from li2.specs.trained import Assignment, Facts, Trained, Untrained
from li2.specs.verify_spec import VerifySpec

__all__ = [
    "ASCENT_KEYS",
    "BOUNDARY_KEYS",
    "CRITICAL_KEYS",
    "EXECUTOR_KEYS",
    "KEYS",
    "LANDSCAPE_KEYS",
    "PREDICTION_KEYS",
    "STAGES",
    "VERIFY_KEYS",
    "AscentSpec",
    "Assignment",
    "BoundarySpec",
    "CriticalSpec",
    "DiagnosisSchedule",
    "EndState",
    "ExecutorSpec",
    "Facts",
    "Key",
    "LandscapeSpec",
    "LearningRateSchedule",
    "Outcome",
    "Plan",
    "PlannedRun",
    "PredictionSpec",
    "RunSpec",
    "StageBoundary",
    "Trained",
    "Untrained",
    "VerifySpec",
    "keys_table",
    "overridden",
    "read_config",
    "read_overrides",
]
