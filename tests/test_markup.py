"""Texts that carry instructions: what is said of them, and how."""

import time
import warnings

import pytest

from phonolips.errors import InputError, PhonolipsWarning
from phonolips.speech.text.g2p import text_to_phones
from phonolips.speech.text.markup.read import TEXT_FORMATS, format_of_file, read_script, recognise
from phonolips.speech.words import BREAK, SpokenWord


def said(text: str, **options: str) -> str:
    """Write what is said: words, and pauses as their seconds or the time that they end at."""
    with warnings.catch_warnings(action="ignore", category=PhonolipsWarning):
        words = text_to_phones(text, **options)
    return " ".join(map(shown, words))


def shown(word: SpokenWord) -> str:
    if word.word:
        return word.word
    return f"@{word.at:g}" if word.at is not None else f"{word.pause_seconds:g}"


def find(text: str, word: str) -> SpokenWord:
    return next(each for each in text_to_phones(text) if each.word == word)


# ---------------------------------------------------------------- SSML


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('Hello <break time="500ms"/> world', "hello 0.5 world"),
        ('Hello <break time="1.5s"/> world', "hello 1.5 world"),
        ("Hello <break/> world", "hello 0.4 world"),
        ('Hello <break strength="x-strong"/> world', "hello 1 world"),
        ('Hello. <break time="100ms"/> World', "hello 0.4 world"),
        ('Hello. <break time="2s"/> World', "hello 2 world"),
        ('Hello<break time="2s"/>. World', "hello 2 world"),
        ('Hello, <break strength="none"/> world', "hello world"),
        ('Hello<break strength="none"/>, world', "hello world"),
        ('Hello <break time="1s"/><break time="2s"/> world', "hello 3 world"),
        ('<break time="1s"/>Hello<break time="2s"/>', "1 hello 2"),
        ("<p>Hello</p><p>world</p>", "hello 0.4 world"),
        ("<s>Hello</s>\n\n   <s>world</s>", "hello 0.4 world"),
        ("Hello\n\n   world", "hello world"),
        ('<sub alias="World Wide Web Consortium">W3C</sub>', "world wide web consortium"),
        ('<say-as interpret-as="characters">AbC-1</say-as>', "a b c dash one"),
        ('<say-as interpret-as="spell-out">a</say-as>', "a"),
        ('<say-as interpret-as="cardinal">1999</say-as>', "one thousand nine hundred and ninety nine"),
        ('<say-as interpret-as="ordinal">3</say-as> man', "third man"),
        ('<say-as interpret-as="digits">2024</say-as>', "two zero two four"),
        ('<say-as interpret-as="telephone">555-1234</say-as>', "five five five 0.2 one two three four"),
        ('<say-as interpret-as="date" format="dmy">3/2/2024</say-as>',
         "the third of february twenty twenty four"),
        ('<say-as interpret-as="date" format="mdy">3/2/2024</say-as>', "march second twenty twenty four"),
        ('<say-as interpret-as="date" format="ymd">20240302</say-as>', "march second twenty twenty four"),
        ('<say-as interpret-as="expletive">damn</say-as> it', "0.5 it"),
        ('<audio src="cat.wav">a cat<desc>miaow</desc></audio> ran', "a cat ran"),
        ("Tom &amp; Jerry & caf&eacute; 1 < 2", said("Tom & Jerry & café 1 < 2", text_format="plain")),
        ('<amazon:effect name="whispered">secret</amazon:effect>', "secret"),
        ("<!-- not this -->this", "this"),
        ("<![CDATA[a < b & c]]>", said("a < b & c", text_format="plain")),
    ],
)  # fmt: skip
def test_ssml(inside: str, expected: str) -> None:
    assert said(f'<speak version="1.1" xml:lang="en-US">{inside}</speak>') == expected


def test_say_as_in_other_languages() -> None:
    assert said('<speak><say-as interpret-as="digits">12</say-as></speak>', language="de") == "1 2"
    assert said('<speak><say-as interpret-as="characters">ab</say-as></speak>', language="de") == "a b"
    with pytest.warns(PhonolipsWarning, match="say-as ordinal"):
        text_to_phones('<speak><say-as interpret-as="ordinal">3</say-as> Tag</speak>', language="de")


def test_a_document_with_its_head() -> None:
    text = (
        '<?xml version="1.0"?>\n<!DOCTYPE speak PUBLIC "-//W3C//DTD SYNTHESIS 1.0//EN"\n'
        ' "http://www.w3.org/TR/speech-synthesis/synthesis.dtd">\n'
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">Hello</speak>'
    )
    assert said(text) == "hello"
    assert said("<speak>Hello <emphasis>world</emphasis>.</speak> Tom &amp; Jerry") == "hello world 0.4 tom and jerry"
    assert said('No root <break time="1s"/> at all') == "no root 1 at all"


@pytest.mark.parametrize(
    ("rate", "expected"),
    [("x-slow", 0.5), ("slow", 0.64), ("medium", 1), ("fast", 1.55), ("x-fast", 2), ("80%", 0.8), ("0.8", 0.8),
     ("+10%", 1.1), ("-20%", 0.8), ("150%", 1.5)],
)  # fmt: skip
def test_prosody_rate(rate: str, expected: float) -> None:
    assert find(f'<speak>one <prosody rate="{rate}">two</prosody> three</speak>', "two").rate == pytest.approx(expected)
    assert find(f'<speak>one <prosody rate="{rate}">two</prosody> three</speak>', "three").rate == 1


def test_rates_inside_each_other() -> None:
    text = '<speak><prosody rate="50%">one <prosody rate="+50%">two</prosody> <prosody rate="2">six</prosody></prosody></speak>'
    assert [find(text, word).rate for word in ("one", "two", "six")] == [0.5, 0.75, 2]


def test_emphasis_levels() -> None:
    text = '<speak><emphasis level="strong">one</emphasis> <emphasis>two</emphasis> <emphasis level="reduced">six</emphasis> ten</speak>'
    assert [find(text, word).emphasis for word in ("one", "two", "six", "ten")] == [1.5, 1.3, 0.7, 1]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Dr. [Smith] is", "doctor *smith is"),
        ("pay [$5] million", "pay *five *million *dollars"),
        ("on March [5] we", "on march *fifth we"),
        ("10-[12] of", "ten to *twelve of"),
        ("in [2024] we", "in *twenty *twenty *four we"),
        ("he [did] not", "he *did not"),
        ("an un[believ]able thing", "an *unbelievable thing"),
        ("[all of it]", "*all *of *it"),
    ],
)
def test_tags_do_not_change_how_words_are_read(written: str, expected: str) -> None:
    words = text_to_phones(written.replace("[", "<emphasis>").replace("]", "</emphasis>"))
    assert " ".join("*" * (word.emphasis != 1) + shown(word) for word in words) == expected


@pytest.mark.parametrize(
    ("alphabet", "phones"),
    [
        ("ipa", "pɪˈkɑːn"), ("x-sampa", "pI&quot;kA:n"), ("cmu-arpabet", "P IH0 K AA1 N"),
        ("x-arpabet", "p ih k aa1 n"), ("x-cmu", "P IH0 . K AA1 N"),
    ],
)  # fmt: skip
def test_phonemes(alphabet: str, phones: str) -> None:
    text = f'<speak>the <phoneme alphabet="{alphabet}" ph="{phones}">pecan</phoneme> pie</speak>'
    word = find(text, "pecan")
    assert word.phones == ("P", "IH", "K", "AA", "N")
    assert word.source == f"phoneme {alphabet}"
    assert said(text) == "the pecan pie"
    assert said(text.replace("pecan", "butter pecan")) == "the butter pecan pie"
    assert said(text.replace(">pecan<", "><")) == "the P IH K AA N pie"


def test_languages() -> None:
    words = text_to_phones(
        '<speak>The <lang xml:lang="de-DE">Bücher,</lang> <voice xml:lang="en-GB">here</voice></speak>'
    )
    assert [(word.word, word.language) for word in words] == [("the", ""), ("bücher", "de"), ("", ""), ("here", "")]
    assert words[1].source == "espeak de"
    given = text_to_phones('<speak>das <phoneme ph="bʊk">Buch</phoneme></speak>', language="de")
    assert given[1].language == "en-us"  # whose voice has these phones


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('<speak>Hello <break time="1s"> world</speak>', 1, "<break> is not closed"),
        ("<speak>\n<emphasis>Hello</speak>", 2, "<emphasis> is not closed"),
        ("<speak>Hello", 1, "no element found|unclosed token|mismatched tag"),
        ('<speak>\n\n<break time="soon"/></speak>', 3, "break time 'soon'; expected such as 500ms"),
        ('<speak><break time="3601s"/></speak>', 1, "at most 3600s"),
        ('<speak><break strength="big"/></speak>', 1, "break strength 'big'; expected one of none"),
        ('<speak><prosody rate="quick">x</prosody></speak>', 1, "prosody rate 'quick'; expected one of x-slow"),
        ('<speak><prosody rate="900%">x</prosody></speak>', 1, "from 0.2 to 5 times"),
        ('<speak><emphasis level="loud">x</emphasis></speak>', 1, "emphasis level 'loud'; expected one of strong"),
        ('<speak><phoneme alphabet="cmu-arpabet" ph="QQ1">x</phoneme></speak>', 1, "phoneme: "),
        ('<speak><phoneme alphabet="ipa" ph="Ж">x</phoneme></speak>', 1, "phoneme: "),
        ("<speak><phoneme>x</phoneme></speak>", 1, "has no ph"),
        ("<speak><sub>x</sub></speak>", 1, "has no alias"),
        ('<!DOCTYPE s [<!ENTITY a "b">]>\n<speak>&a;</speak>', 1, "declares entities, which are refused"),
        ("<speak>" + "<p>" * 10_000 + "x", 1, "inside each other, over 100 deep"),
    ],
)
def test_broken_ssml_is_one_line(text: str, line: int, message: str) -> None:
    with pytest.raises(InputError, match=rf"^SSML, line {line}: .*({message})") as caught:
        text_to_phones(text)
    assert "\n" not in str(caught.value)


def test_breaks_beyond_all_measure() -> None:
    with pytest.raises(InputError, match=r"breaks of the text last 5.0 hours together; expected at most 4"):
        text_to_phones("<speak>x" + '<break time="3600s"/>' * 5 + "</speak>")


def test_one_warning_names_what_is_not_obeyed() -> None:
    text = (
        '<speak><prosody pitch="high" volume="loud">a</prosody> <foo>b</foo> <foo/> <mstts:silence type="x"/>'
        '<say-as interpret-as="spelling">c</say-as> <lang xml:lang="qqq">d</lang><phoneme alphabet="sapi" ph="x">e</phoneme></speak>'
    )
    with pytest.warns(PhonolipsWarning) as caught:
        text_to_phones(text)
    (message,) = {str(item.message) for item in caught}
    assert message.startswith("ignored in the text: ")
    for part in ("<foo> 2 times", "prosody pitch", "prosody volume", "<mstts:silence>", "say-as spelling",
                 "language qqq", "phoneme alphabet sapi"):  # fmt: skip
        assert part in message


# ---------------------------------------------------------------- HTML and plain text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>Hello <b>big</b><br>world</p>", "hello big 0.2 world"),
        ("<ul><li>One<li>Two</ul>", "one 0.4 two"),
        ("<p>One &amp; two&nbsp;three &#39;em</p>", "one and two three em"),
        ("<p>One<script>if (a < b) say('no')</script><style>p {}</style> two</p>", "one two"),
        ("<!DOCTYPE html><html><head><title>Not this</title></head><body>This</body></html>", "this"),
        ("<p>One<!-- <b>no</b> --> two</p>", "one two"),
        ('<p><a href="http://x.y?a>b">Link</a> <img src="a.png" alt="a cat"></p>', "link a cat"),
        ("<table><tr><td>One</td><td>two</td></tr><tr><td>Six</td></tr></table>", "one 0.2 two 0.4 six"),
        ("<p title=it's>that</p>", "that"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ("<p>x</p><script>never closed", "x"),
    ],
)
def test_html(text: str, expected: str) -> None:
    assert said(text, text_format="html").replace("'em", "em") == expected


def test_html_emphasis() -> None:
    assert find("<p>I <em>did</em> it</p>", "did").emphasis == 1.3
    assert find("<p>I <strong>did</strong> it</p>", "did").emphasis == 1.5


def test_entities_in_plain_text() -> None:
    assert said("Tom &amp; Jerry&nbsp;ran") == "tom and jerry ran"
    assert said("R&D; AT&T") == said("R&D; AT&T", text_format="plain")


@pytest.mark.parametrize(
    "text",
    ["5 < 3 > 2", "a<b and c>d", "x <- y -> z", "5 * 3 * 2", "*sighs* I know", "I <3 you", "if a<b then c>b",
     "1. First", "- no", "> what", "a_b_c", "[1] says", "it's -- well -- odd", "NOTE: this", "INT is a type",
     "Alice: Hi!", "He said: [no]", "#hashtag", "00:01 --> later", "C++ & C#", "<3", "a | b"],
)  # fmt: skip
def test_plain_text_stays_plain(text: str) -> None:
    assert recognise(text) == "plain"


def test_private_characters_of_a_text_are_no_marks() -> None:
    assert said("one \U000f0000two\U000f0001 three") == "one two three"
    assert said("<speak>one \U000f0000two <break time='1s'/>three</speak>") == "one two 1 three"


# ---------------------------------------------------------------- Markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# A title\n\nSome words", "a title 0.4 some words"),
        ("A title\n=======\nSome words", "a title 0.4 some words"),
        ("- one\n- two\n  - three", "one 0.4 two 0.4 three"),
        ("1. one\n2. two", "one 0.4 two"),
        ("A [link](https://x.y/z 'title') and ![a cat](cat.png)", "a link and a cat"),
        ("> quoted\n> words\n\nno", "quoted words 0.4 no"),
        ("one\n\n---\n\ntwo", "one 0.4 two"),
        ("| one | two |\n|---|---|\n| six | ten |", "one 0.2 two 0.4 six 0.2 ten"),
        ("a `code` span", "a code span"),
        ("5 * 3 * 2", said("5 * 3 * 2", text_format="plain")),
        ("before\n\n```\ncode()\n```\n\nafter", "before 0.4 after"),
        ("---\ntitle: no\n---\nyes", "yes"),
        ("word[^1]\n\n[^1]: not this\n\nend", "word 0.4 end"),
        ("- [ ] one\n- [x] two", "one 0.4 two"),
        ("~~gone~~ \\*star\\*", "gone star"),
        ("one<br>two", "one 0.2 two"),
    ],
)
def test_markdown(text: str, expected: str) -> None:
    assert said(text, text_format="markdown") == expected


def test_markdown_emphasis_and_what_is_left_out() -> None:
    assert find("I **did** it", "did").emphasis == 1.5
    with pytest.warns(PhonolipsWarning, match="ignored in the text: blocks of code 2 times"):
        text_to_phones("# Title\n\n```\na\n```\n\n    b\n")
    assert recognise("See [this](https://x.y) now") == "markdown"
    assert recognise("# Heading\n\ntext") == "markdown"
    assert format_of_file("notes.md") == "markdown"
    assert format_of_file("notes.txt") == "auto"


# ---------------------------------------------------------------- subtitles

SRT = "1\n00:00:01,000 --> 00:00:04,000\nHello there.\n\n2\n00:00:05,000 --> 00:00:07,500\n<i>How are you?</i>\n"


def test_srt() -> None:
    assert recognise(SRT) == "srt"
    assert said(SRT) == "@1 hello there @5 how are you @7.5"
    assert said("\ufeff" + SRT.replace("\n", "\r\n")) == said(SRT)
    assert said(SRT.replace(",", ".")) == said(SRT)
    assert said(SRT.replace("\n\n", "\n\n\n\n")) == said(SRT)
    assert said(SRT.replace("1\n", "", 1)) == said(SRT)


def cue(*lines: str) -> str:
    return said("00:00:01,000 --> 00:00:02,000\n" + "\n".join(lines), text_format="srt")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("[music]", "Hello"), "hello"),
        (("(laughs) Hello [door slams]",), "hello"),
        (("JOHN: Hello",), "hello"),
        (("MAN 2: Hello",), "hello"),
        (("- Hello", "- Goodbye"), "hello 0.4 goodbye"),
        (("-Hello", "-Goodbye"), "hello 0.4 goodbye"),
        ((">> Hello",), "hello"),
        (("♪ la la ♪",), "la la"),
        (("♪♪", "Hello"), "hello"),
        (("{\\an8}Hello", "<font color='#fff'>you</font>"), "hello you"),
        (("Tom &amp; Jerry",), "tom and jerry"),
        (("Hello", "there"), "hello there"),
        (("2024", "was"), "twenty twenty four was"),
        (("Hello\\Nthere",), "hello there"),
    ],
)
def test_what_is_said_of_a_cue(lines: tuple[str, ...], expected: str) -> None:
    assert cue(*lines) == f"@1 {expected} @2"


def test_names_and_sounds_are_counted() -> None:
    with pytest.warns(PhonolipsWarning, match=r"^ignored in the text: \[music\] 2 times, JOHN:$"):
        text_to_phones("00:01,0 --> 00:02,0\n[music]\nJOHN: Hi\n[music]", text_format="srt")


def test_cues_out_of_order_overlapping_and_empty() -> None:
    text = "1\n00:00:05,000 --> 00:00:06,000\nlast\n\n2\n00:00:01,000 --> 00:00:09,000\nfirst\n\n3\n00:00:02,000 --> 00:00:03,000\n\n"
    assert said(text) == "@1 first @5 last @9"
    with pytest.warns(PhonolipsWarning, match="order of 1 cues"):
        text_to_phones(text)


def test_webvtt() -> None:
    text = (
        "WEBVTT - a title\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\n\nNOTE\nnot this\nnor this\n\n"
        "name of a cue\n00:01.500 --> 00:02.000 align:start position:0%\n<v.loud Bob>Hello <c.red>there</c> <00:01.700>you</v>\n"
        "\nNOTE between\n\n01:00:00.000 --> 01:00:01.000\n<ruby>yes<rt>no</rt></ruby> &lt;3\n"
    )
    assert recognise(text) == "vtt"
    assert said(text).startswith("@1.5 hello there you @3600 yes")
    assert said(text).endswith("@3601")
    assert format_of_file("film.VTT") == "vtt"


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("Hello", "srt", "SubRip subtitles hold no cue; expected lines such as"),
        ("WEBVTT\n\n", "vtt", "WebVTT subtitles hold no cue"),
        ("05:00:00,000 --> 05:00:01,000\nhi", "srt", "last 5.0 hours; expected at most 4"),
        ("00:00:01,000 --> 00:00:02,000\n[music]", "srt", r"no words; expected .*left out: \[music\]"),
        ("Hello", "word", "text_format 'word'; expected one of auto, plain"),
    ],
)
def test_subtitles_that_cannot_be_said(text: str, form: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        text_to_phones(text, text_format=form)


# ---------------------------------------------------------------- screenplays

SCREENPLAY = """INT. HOUSE - DAY

JOHN
(whispering)
Hello there. [laughs] *sighs* Alice: Hi!

Mary walks in.

MARY (O.S.)
Who is
that?

CUT TO:

EXT. GARDEN - NIGHT
"""


def test_screenplay() -> None:
    assert recognise(SCREENPLAY) == "screenplay"
    assert said(SCREENPLAY) == "hello there 0.4 hi 0.4 who is that"
    with pytest.warns(PhonolipsWarning, match=r"lines of action.*|.*scene headings 2 times"):
        text_to_phones(SCREENPLAY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Alice: Hi! Bob: Hello there.", "hi 0.4 hello there"),
        ("Alice: (sadly) Oh no.\nBob: *laughs* What?", "oh no 0.4 what"),
        ("She said: hello", "she said 0.2 hello"),
        ("5 * 3 * 2", said("5 * 3 * 2", text_format="plain")),
        ("Title: A Film\nAuthor: Me\n\n.THE VOID\n\n@McAvoy\nHi _there_.\n\n> FADE OUT.", "hi there"),
    ],
)
def test_dialogue(text: str, expected: str) -> None:
    assert said(text, text_format="screenplay") == expected


# ---------------------------------------------------------------- hostile texts


@pytest.mark.parametrize(
    "piece",
    ["<", "<p>", "<!--", "<a ", "&", "&lt", "*", "[", "**a", "<b>", "[a](", "`", "<br>", "(a", "INT. ", "- ", "> ", "|-",
     "_a", "[^a", "a\n---|", "<speak>", "<![CDATA[", "<script>", "{\\", "00:00:01,000 --> ", "A: ", "\n", "<x y='", "A\n"],
)  # fmt: skip
def test_hostile_text_ends_quickly(piece: str) -> None:
    text = piece * (50_000 // len(piece))
    for form in TEXT_FORMATS:
        start = time.process_time()
        try:
            read_script(text, form)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        assert time.process_time() - start < 2, form


def test_a_text_that_is_too_long_is_refused_before_it_is_read() -> None:
    start = time.process_time()
    with pytest.raises(InputError, match="1,000,000 characters; expected at most 200,000"):
        text_to_phones("<" * 1_000_000)
    assert time.process_time() - start < 0.5


def test_pauses_that_are_asked_for_say_so() -> None:
    words = text_to_phones('<speak>One, two <break time="300ms"/> three.</speak>')
    assert [word.source for word in words if not word.word] == ["", BREAK]
