"""The keys of a specification as help texts."""

from rich.markup import escape

from li2.specs import KEYS, Key, keys_table


def keys_epilog(keys: dict[str, Key] = KEYS) -> str:
    """Every key with its default, range and meaning, as rich markup for the end of a help page."""
    paragraphs = ["[bold]Keys[/bold]"]
    for name, default, values, meaning in keys_table(keys):
        paragraphs.append(f"[cyan]{name}[/cyan] = {escape(default)}  [dim]({escape(values)})[/dim]  {escape(meaning)}.")
    return "\n\n".join(paragraphs)
