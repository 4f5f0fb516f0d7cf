"""``li2 report``: write a run's report anew."""

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A run's directory.")],
) -> None:
    """Write the report of a run anew, from what its directory holds."""
    from li2 import api  # loads PyTorch

    print(api.write_report(api.load(directory)))
