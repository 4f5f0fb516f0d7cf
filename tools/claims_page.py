"""Write docs/claims.md from the JSON of a verification.

li2 verify --json > claims.json
python tools/claims_page.py claims.json > docs/claims.md
"""

import json
import sys
from pathlib import Path
from typing import Any

HEAD = """# The claims, measured

Every numbered statement of the Li₂ paper (Y. Tian, arXiv:2509.21519, version 5) as `{command}` measures it in
{seconds:.0f} s of process time: as it is printed, and, apart from that, as we correct it.
[corrections.md](corrections.md) has the derivations. `li2 verify --html claims.html` draws the figures, too, and
`li2 verify theorem-2 group=file:my_table.csv` measures on a group of yours.

![Verdicts and the first claim of the page that li2 verify writes](claims.png)
"""


def main() -> None:
    """Print the page."""
    values = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    print(HEAD.format(**values))
    print("| claim | verdict | measured on |\n| --- | --- | --- |")
    for claim in values["claims"]:
        where = ", ".join(finding["group"] for finding in claim["findings"] if finding["group"]) or "–"
        print(f"| [{claim['title']}](#{claim['claim']}) | {claim['verdict']} | {where} |")
    for claim in values["claims"]:
        print_claim(claim)


def print_claim(claim: dict[str, Any]) -> None:
    """A statement, what was found on each group, and the checks of the first group where it applies."""
    print(f'\n<a id="{claim["claim"]}"></a>\n\n## {claim["title"]}: {claim["verdict"]}\n')
    print(f"**Stated.** {plain(claim['statement'])}\n")
    if claim["correction"]:
        print(f"**Found.** {plain(claim['correction'])}\n")
    print(f"**Measured.** {plain(claim['method'])}\n")
    for finding in claim["findings"]:
        where = f"**{finding['group']}**, {finding['verdict']}. " if finding["group"] else ""
        print(f"- {where}{plain(finding['summary'])}")
        for note in finding["notes"]:
            print(f"  - {plain(note)}")
    shown = next((finding for finding in claim["findings"] if finding["statement"]), None)
    if shown is None:
        return
    print(f"\n| {'check' if shown['group'] is None else 'check on ' + shown['group']} | predicted | measured | |")
    print("| --- | --- | --- | --- |")
    for part in ("statement", "correction"):
        for check in shown[part]:
            what = plain(check["what"])
            what = f"*{what}*" if part == "correction" else what
            cells = (what, number(check["predicted"]), number(check["measured"]), "✓" if check["passed"] else "✗")
            print("| " + " | ".join(cells) + " |")
    if shown["correction"]:
        print("\nIn italics: checks of the correction.")


def plain(text: str) -> str:
    """Words in which asterisks and bars are only that."""
    return text.replace("*", "\\*").replace("|", "\\|")


def number(value: float | str | None) -> str:
    """Four digits, or the words."""
    return plain(value) if isinstance(value, str) else "–" if value is None else f"{value:.4g}"


if __name__ == "__main__":
    main()
