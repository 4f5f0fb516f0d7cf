"""Numbers, times and sizes as people read them."""


def printed_seconds(seconds: float) -> str:
    """A time with one unit or two, such as ``40 s``, ``12 min`` or ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours / 24:.1f} days"


def printed_bytes(count: float) -> str:
    """A size in MB or GB."""
    return f"{count / 1e6:.0f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"


def counted(count: int, what: str) -> str:
    """A number of things, such as ``1 run`` or ``1,200 runs``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
