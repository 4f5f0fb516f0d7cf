"""The one exception that a user's mistake raises."""


class Li2Error(ValueError):
    """A mistake in what the user gave: one sentence saying what is wrong and what would be right.

    The command line prints it without a traceback and exits with code 2.
    """
