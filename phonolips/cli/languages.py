"""The command `phonolips languages`: which languages a text can be in."""

import json
from typing import Annotated

import typer

from phonolips.errors import InputError, did_you_mean


def languages(
    query: Annotated[
        str | None, typer.Argument(help="Only those whose codes or names hold this, such as german or zh.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List the languages that a text can be in: their codes for --language, names, scripts, and what to expect."""
    typer.echo(describe_languages(query, as_json=as_json))


def describe_languages(query: str | None = None, *, as_json: bool = False) -> str:
    """Write the list of `phonolips languages`; raise InputError where no language is like `query`."""
    from phonolips.speech.text.detect import can_be_told, script_of
    from phonolips.speech.text.figures import figures_note
    from phonolips.speech.text.languages import MISREAD, all_languages, find_languages

    found = list(all_languages().values()) if query is None else find_languages(query)
    if not found:
        names = [language.name for language in all_languages().values()]
        raise InputError(
            f"no language is like {query!r}{did_you_mean(query or '', names)}; all of them: phonolips languages"
        )
    if as_json:
        rows = [
            {
                "code": language.code,
                "name": language.name,
                "own_name": language.own_name,
                "script": _script(script_of(language.own_name)),
                "other_names": language.others,
                "auto": can_be_told(language.code),
                "figures": figures_note(language.code),
                "note": MISREAD.get(language.code, ""),
            }
            for language in found
        ]
        return json.dumps(rows, ensure_ascii=False, indent=1)
    lines = [f"{'code':19} {'language':37} {'script':10} {'auto':4} own name, other codes"]
    for language in found:
        script, auto = _script(script_of(language.own_name)), "yes" if can_be_told(language.code) else "no"
        others = ", ".join((language.own_name, *language.others))
        lines.append(f"{language.code:19} {language.name:37} {script:10} {auto:4} {others}")
        if query is not None:
            lines.append(f"{'':19} figures: {figures_note(language.code)}")
        if language.code in MISREAD:
            lines.append(f"{'':19} ! {MISREAD[language.code]}")
    lines.append(
        f"{len(found)} languages and accents. auto: --language auto can tell it from the text. Use: "
        f"phonolips synth --language {found[0].code} --text ..."
    )
    return "\n".join(lines)


def _script(name: str) -> str:
    """Write Unicode's name of a script as people do."""
    return {"CJK": "Chinese", "HIRAGANA": "Kana"}.get(name, name.capitalize())
