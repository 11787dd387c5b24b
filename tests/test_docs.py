"""The documentation: links lead somewhere; paths, modules and options that are named exist; one version."""

import ast
import re
import tomllib
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest
import typer.main

import phonolips
from phonolips import cli

PROJECT = Path(__file__).resolve().parents[1]
FOLDERS = ("docs", "phonolips", "recipes", "tests", "tools")
COMMANDS = typer.main.get_command(cli.app).commands
PAGES = sorted(
    {*PROJECT.glob("*.md"), *(page for folder in FOLDERS for page in (PROJECT / folder).rglob("*.md"))}
    - set(PROJECT.glob("**/node_modules/**/*.md"))
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
PLACE = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w./*-]+")
MODULE = re.compile(r"(?<![\w./])phonolips(?:\.[a-z_]+)+")
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(PROJECT).as_posix())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    seen: Counter[str] = Counter()
    result = set()
    for slug in slugs:
        result.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return result


@pages
def test_links_lead_somewhere(page):
    for target in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{target}: no such file"
        if anchor and there.suffix == ".md":
            assert anchor in anchors(there), f"{target}: no such heading"


@pages
def test_paths_that_are_named_exist(page):
    for place in PLACE.findall(page.read_text(encoding="utf-8")):
        name = place.rstrip(".-")
        found = list(PROJECT.glob(name)) if "*" in name else [PROJECT / name]
        assert found, f"{name}: no such file"
        assert all(path.exists() for path in found), f"{name}: no such file"


@pages
def test_modules_that_are_named_exist(page):
    if page.name == "CHANGELOG.md" or page.parent.name == "versions":  # which name the modules of earlier versions
        return
    for name in MODULE.findall(page.read_text(encoding="utf-8")):
        parts = name.split(".")
        if parts[1] in dir(phonolips):
            continue
        depth = max(n for n in range(1, len(parts) + 1) if is_module(parts[:n]))
        found = import_module(".".join(parts[:depth]))
        for part in parts[depth:]:
            assert hasattr(found, part), f"{name}: no {part} in {found.__name__}"
            found = getattr(found, part)


def is_module(parts: list[str]) -> bool:
    path = PROJECT.joinpath(*parts)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


@pages
def test_python_examples_are_python(page):
    for example in EXAMPLE.findall(page.read_text(encoding="utf-8")):
        ast.parse(example)


def commands_of(page: Path) -> list[list[str]]:
    """Return the commands in code blocks and code spans of a page, as words; comments left out."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    lines = [line.partition(" #")[0] for code in (*blocks, *spans) for line in re.split(r"\n|&&?|;", code)]
    return [line.split() for line in lines if line.split()]


def known_options(words: list[str]) -> set[str] | None:
    """Return the options of one of our commands, tools or recipes; None for what is not ours."""
    if words[0] in ("$", "phonolips", "python", "python3"):
        words = words[1:]
    if words and words[0] in COMMANDS:
        return {name for param in COMMANDS[words[0]].params for name in (*param.opts, *param.secondary_opts)} | {
            "--help"
        }
    if words and re.fullmatch(r"(tools|recipes|tests)/.+\.(py|sh)", words[0]):
        sources = [PROJECT / words[0]]
        if words[0].endswith(".sh"):
            sources.append(PROJECT / "recipes/common/stages.sh")
        return {
            "--help",
            *re.findall(r"--[a-z][a-z0-9-]+", "".join(source.read_text(encoding="utf-8") for source in sources)),
        }
    return None


@pages
def test_options_that_are_named_exist(page):
    if page.name == "CHANGELOG.md":
        return
    for words in commands_of(page):
        known = known_options(words)
        if known is None:
            continue
        end = words.index("--") if "--" in words else len(words)
        for word in words[:end]:
            name = re.match(r"--[a-z][a-z0-9-]*", word)
            assert name is None or name[0] in known, f"{' '.join(words)}: no option {name[0]}"


def test_the_changelog_knows_this_version():
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert versions[0] in ("Unreleased", phonolips.__version__)
    assert phonolips.__version__ in versions


def test_the_version_stands_in_one_place():
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "phonolips.__version__"}
    cited = re.search(r"^version: (.+)$", (PROJECT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited is not None
    assert cited[1] == phonolips.__version__
