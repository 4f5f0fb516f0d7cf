"""``li2 report``: write the report of a run, or the page of reproduced figures, anew."""

from pathlib import Path
from typing import Annotated

import typer


def report_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Of a run, or of reproduced figures.")],
) -> None:
    """Write the report of a run, or the page of reproduced figures, anew from what the directory holds."""
    from li2 import api  # both load PyTorch
    from li2.reproduce import is_reproduction

    print(api.write_gallery(directory) if is_reproduction(directory) else api.write_report(api.load(directory)))
