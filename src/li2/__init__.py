"""li2: run, see and check the Li₂ theory of grokking.

    from li2 import RunSpec, run
    result = run(RunSpec(group="cyclic:23", width=256, train_fraction=0.8, lr=0.005, weight_decay=5e-5))
    result.status, result.metrics, result.stages

``import li2`` is quick: PyTorch is loaded when a run is.
"""

from typing import TYPE_CHECKING, Any

from li2.errors import Li2Error
from li2.specs import (
    AscentSpec,
    BoundarySpec,
    CriticalSpec,
    EndState,
    ExecutorSpec,
    LandscapeSpec,
    Outcome,
    Plan,
    PredictionSpec,
    RunSpec,
    StageBoundary,
    VerifySpec,
)

if TYPE_CHECKING:
    from li2.api import (
        Advice,
        Ascents,
        Critical,
        Failure,
        Forecast,
        Landscape,
        Reproduced,
        RunResult,
        Score,
        Store,
        Verification,
        advise,
        boundary,
        explore,
        find_features,
        load,
        open_sweep,
        predict,
        predict_boundary,
        reproduce_figures,
        resume,
        resume_sweep,
        run,
        run_many,
        score_predictions,
        sweep,
        verify,
        write_report,
    )

__all__ = [
    "Advice",
    "AscentSpec",
    "Ascents",
    "BoundarySpec",
    "Critical",
    "CriticalSpec",
    "EndState",
    "ExecutorSpec",
    "Failure",
    "Forecast",
    "Landscape",
    "LandscapeSpec",
    "Li2Error",
    "Outcome",
    "Plan",
    "PredictionSpec",
    "Reproduced",
    "RunResult",
    "RunSpec",
    "Score",
    "StageBoundary",
    "Store",
    "Verification",
    "VerifySpec",
    "advise",
    "boundary",
    "explore",
    "find_features",
    "load",
    "open_sweep",
    "predict",
    "predict_boundary",
    "reproduce_figures",
    "resume",
    "resume_sweep",
    "run",
    "run_many",
    "score_predictions",
    "sweep",
    "verify",
    "write_report",
]

_NEEDS_TORCH = (
    "Advice",
    "AscentSpec",
    "Ascents",
    "Critical",
    "Failure",
    "Forecast",
    "Landscape",
    "Reproduced",
    "RunResult",
    "Score",
    "Store",
    "Verification",
    "advise",
    "boundary",
    "explore",
    "find_features",
    "load",
    "open_sweep",
    "predict",
    "predict_boundary",
    "reproduce_figures",
    "resume",
    "resume_sweep",
    "run",
    "run_many",
    "score_predictions",
    "sweep",
    "verify",
    "write_report",
)


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        from li2 import api

        return getattr(api, name)
    raise AttributeError(f"module 'li2' has no attribute {name!r}")
