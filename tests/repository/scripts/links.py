"""Every relative link of every page leads to a file that is there, and its anchor to a heading: python links.py, in the repository."""

import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"#{1,6} +(.*)")


def prose(page: Path) -> list[tuple[int, str]]:
    """The lines that are not code, with their numbers."""
    lines, fenced = [], False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            lines.append((number, line))
    return lines


def anchors(page: Path) -> set[str]:
    """The anchors of its headings, as GitHub makes them: a heading that comes again gets a number."""
    names: list[str] = []
    for _, line in prose(page):
        if heading := HEADING.fullmatch(line):
            text = LINK.sub("", heading[1].replace("[", "")).lower()
            names.append(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return {name if (before := names[:index].count(name)) == 0 else f"{name}-{before}" for index, name in enumerate(names)}


def fault(page: Path, link: str) -> str | None:
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return "there is no such file"
    if anchor and (target.suffix != ".md" or anchor not in anchors(target)):
        return "it has no such heading"
    return None


# With files that are not tracked yet: a new page is checked before it is committed.
listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], check=True, capture_output=True, text=True)
pages = [page for page in map(Path, listed.stdout.splitlines()) if page.exists()]
links = [(page, number, link) for page in pages for number, line in prose(page) for link in LINK.findall(line) if ":" not in link]
faults = [f"{page}:{number}: {link}: {why}" for page, number, link in links if (why := fault(page, link))]
sys.exit("\n".join(faults) or None)
