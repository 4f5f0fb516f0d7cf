"""Many runs by a plan or a search: a store of their results, executors that train them, laws fitted to them."""

from li2.sweeps.boundary import Boundary
from li2.sweeps.cluster import slurm_script
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.sweeps.driver import Progress
from li2.sweeps.executor import Executor
from li2.sweeps.schema import Status
from li2.sweeps.session import (
    Cost,
    begin_boundary,
    begin_sweep,
    boundary_cost,
    boundary_of,
    carry_on,
    check,
    cost_of,
    executor_for,
    is_complete,
    open_store,
)
from li2.sweeps.store import Store
from li2.sweeps.summary import summary

__all__ = [
    "Boundary",
    "Cost",
    "Crossing",
    "CrossingStatus",
    "Executor",
    "Progress",
    "Status",
    "Store",
    "begin_boundary",
    "begin_sweep",
    "boundary_cost",
    "boundary_of",
    "carry_on",
    "check",
    "cost_of",
    "executor_for",
    "is_complete",
    "open_store",
    "slurm_script",
    "summary",
]
