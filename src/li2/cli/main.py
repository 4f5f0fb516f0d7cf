"""The entry point: dispatches to the commands and turns failures into one sentence and an exit code."""

import sys

import typer

from li2.cli.boundary import BOUNDARY_EPILOG, boundary_command
from li2.cli.groups import groups_app
from li2.cli.landscape import LANDSCAPE_EPILOG, landscape_command
from li2.cli.options import with_subcommand
from li2.cli.predict import predict_app
from li2.cli.report import report_command
from li2.cli.reproduce import REPRODUCE_EPILOG, reproduce_command
from li2.cli.run import RUN_EPILOG, run_command
from li2.cli.show_config import show_config_command
from li2.cli.sweep import sweep_app
from li2.cli.verify import VERIFY_EPILOG, verify_command
from li2.errors import Li2Error

app = typer.Typer(
    help="Run, see and check the Li₂ theory of grokking.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command("run", epilog=RUN_EPILOG)(run_command)
app.command("show-config")(show_config_command)
app.command("landscape", epilog=LANDSCAPE_EPILOG)(landscape_command)
app.command("verify", epilog=VERIFY_EPILOG)(verify_command)
app.command("boundary", epilog=BOUNDARY_EPILOG)(boundary_command)
app.command("reproduce", epilog=REPRODUCE_EPILOG)(reproduce_command)
app.command("report")(report_command)
app.add_typer(predict_app, name="predict")
app.add_typer(sweep_app, name="sweep")
app.add_typer(groups_app, name="groups")


def main() -> int:
    """Run the command line; returns 0, 1 (failed), 2 (a mistake in what was asked) or 130 (interrupted)."""
    try:
        app(args=with_subcommand(sys.argv[1:]))
    except SystemExit as stop:  # typer's own way to end, its usage errors included
        return stop.code if isinstance(stop.code, int) else 0
    except Li2Error as error:
        return _complain(str(error), 2)
    except KeyboardInterrupt:
        return _complain("interrupted.", 130)
    except OSError as error:
        return _complain(f"{error.filename or 'writing'}: {error.strerror or error}.", 1)
    return 0


def _complain(sentence: str, code: int) -> int:
    print(f"li2: {sentence}", file=sys.stderr)
    return code
