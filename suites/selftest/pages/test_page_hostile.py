"""Pages made to hang, flood or deceive their reader are refused at once, in a short line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.errors import LONGEST_LINE, MOST_OTHERS, ExpectationError, PageError, quoted
from harness.pages import bounds
from harness.pages.htmltables import read_html_tables
from harness.pages.reading import read_page

pytestmark = [
    pytest.mark.shows(
        "what a page shows is not what is read",
        by="invisible characters are refused with their code point; `lint` names look-alikes",
    ),
    pytest.mark.shows(
        "a hostile file hangs or floods a run, which is then cut short",
        by="regular files alone, bounded before they are read; weights held against the network",
    ),
]

ROOT = Path(__file__).resolve().parents[3]
HEAD = "| model | source | top1 |\n| --- | --- | --- |\n"
HTML = "<table><tr><td>model<td>source<td>top1</tr>\n"


def make_fifo(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's own path has 108 bytes at most
        try:
            one.bind(path.name)
        finally:
            os.chdir(here)


def make_loop(path):
    path.symlink_to(path.name)


NO_FILES = {
    "a FIFO, expected a file": make_fifo,
    "a socket, expected a file": make_socket,
    "a device, expected a file": lambda path: path.symlink_to("/dev/zero"),
    "a folder, expected a file": lambda path: path.mkdir(),
    "Too many levels of symbolic links": make_loop,
    "No such file or directory": lambda _: None,
}
COMMANDS = [
    ["extract", "{}"],
    ["extract", "--check", "{}"],
    ["extract", "--lenient", "{}"],
    ["diff", "{}", "{}"],
    ["update", "{}"],
    ["explain", "x", "--page", "{}"],
    ["explain", "--page", "{}", "--json", "x"],
    ["lint", "{}"],
]


@pytest.mark.parametrize("words", NO_FILES)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_what_is_no_file_is_told_by_every_command_and_never_waited_for(
    tmp_path, capsys, words, command
):
    path = tmp_path / "page.md"
    NO_FILES[words](path)
    if command[0] == "lint" and path.is_dir():
        words = "no page with a model table in this folder"
    assert main([part.format(path) for part in command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert str(path) in line or "/dev/zero" in line  # what the link leads to


def test_pytest_does_not_wait_for_a_page_either(tmp_path):
    os.mkfifo(tmp_path / "page.md")
    command = ["-m", "pytest", "-p", "no:cacheprovider", f"--page={tmp_path / 'page.md'}"]
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 4
    assert "page.md: cannot be read: a FIFO, expected a file" in done.stdout + done.stderr


@pytest.mark.parametrize("name", ["n" * 300, "d/" * 3000 + "page.md"])
@pytest.mark.parametrize("command", COMMANDS[:4] + COMMANDS[-1:], ids=" ".join)
def test_a_name_that_no_file_can_have_is_one_line(tmp_path, capsys, command, name):
    assert main([part.format(tmp_path / name) for part in command]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "File name too long" in line


MANY = 200_000
CROWDED = {
    "columns": ("|" + "a|" * 60_000 + "\n|" + "-|" * 60_000, 1, "characters in a line"),
    "short columns": ("|" + "a|" * 102 + "\n|" + "-|" * 102, 1, "103 columns, expected"),
    "stars": (f"{HEAD}| a | timm | {'*' * MANY} |", 3, "200,015 characters in a line"),
    **{
        mark: (f"{HEAD}\n{mark * MANY}", 4, "characters in a line, expected at most 20,000")
        for mark in ("`", "[", "<", "_", "&", "![", "^[", "[^", "<!--", "~", "\\", "&#1;")
    },
    "marks": (f"{HEAD}\n{'[^' * 1500}", 4, "3,000 characters of markup in a line, expected at mo"),
    "a paragraph": (HEAD + "\n" + "a*b*\n" * 1500, 4, "3,000 characters of markup in a paragraph"),
    "all": (HEAD + "\n" + ("*" * 1900 + "\n\n") * 60, 108, "more than 100,000 characters of m"),
    "lines": ("\n" * 30_000, 20_001, "30,001 lines, expected at most 20,000"),
    "zero": (HEAD + "| a\0b | timm | 70 |", 3, "a zero byte, which no text in UTF-8 has"),
}


@pytest.mark.parametrize("what", CROWDED)
@pytest.mark.parametrize("lenient", [False, True])
def test_a_crowded_page_is_refused_before_it_is_parsed(page_of, monkeypatch, what, lenient):
    text, line, words = CROWDED[what]
    if what != "a paragraph":
        monkeypatch.setattr("markdown_it.MarkdownIt.parse", lambda *_: pytest.fail("parsed"))
    path = page_of(text)
    with pytest.raises(PageError, match=rf"page\.md:{line}: .*{words}") as error:
        read_page(path, lenient=lenient)
    assert len(str(error.value)) < 500


def test_a_large_page_is_not_read(tmp_path):
    path = tmp_path / "page.md"
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(PageError, match="larger than 1048576 bytes"):
        read_page(path)


SPANS = "<tr>" + "<td colspan=99999999999999999999 rowspan=1000>a" * 3
WIDE = {
    "more than 100 cells in a row": HTML + "<tr>" + "<td>a\n" * 15_000 + "</table>",
    "more than 100 columns": HTML + (SPANS + "\n") * 900 + "</table>",
    "a tag in HTML that never ends": HTML + '<tr><td a="' + ("b" * 50 + "\n") * 15_000,
    "a table in HTML that never ends": (HTML + "<tr><td>a<td>timm<td>70\n") * 3000,
}


@pytest.mark.parametrize("words", WIDE)
def test_tables_in_html_have_bounds_too(page_of, words):
    with pytest.raises(PageError, match=f"{words}|another table in it"):
        read_page(page_of(WIDE[words]))


def test_cells_that_span_cost_no_more_than_the_bound():
    lines = (HTML + (SPANS + "\n") * 50 + "</table>").split("\n")
    (table,) = read_html_tables(lines, first=1, last=len(lines))
    assert max(len(row.cells) for row in table.rows) <= bounds.MOST_COLUMNS + 1


LONG = {
    "a figure": f"{HEAD}| a | timm | {'9' * 19_000} |",
    "a name": f"{HEAD}| {'a' * 19_000} | timm | 70 |",
    "a source": f"{HEAD}| a | {'t' * 19_000} | 70 |",
    "a header": f"| model | source | top1 | {'h' * 19_000} |\n|-|-|-|-|\n| a | timm | 70 | 1 |",
    "a unit": f"| model | source | top1 | MACs({'u' * 150}) |\n|-|-|-|-|\n| a | timm | 70 | 1 |",
    "a size": f"| model | source | top1 | input size |\n|-|-|-|-|\n| a | t | 70 | {'2' * 900} |",
    "a link": f"{HEAD}| a | {'[t](u) x ' * 100} | 70 |",
}


@pytest.mark.parametrize("what", LONG)
def test_an_error_about_something_long_is_short(page_of, what):
    with pytest.raises(PageError) as error:
        read_page(page_of(LONG[what]))
    assert len(str(error.value).replace(str(error.value).partition(": ")[0], "")) < 700


def test_an_error_about_many_things_has_an_end(page_of):
    rows = "".join(f"| m{n} | timm | x |\n" for n in range(1000))
    with pytest.raises(PageError, match="and 799 more") as error:
        read_page(page_of(f"{HEAD}| a | timm | 70 |\n{rows}"))
    assert len(str(error.value).splitlines()) == MOST_OTHERS + 2


VALUES = ["9" * 10**6, b"9" * 10**6, 10**10**5, [[10**10**5]], {"a" * 999: 1}, [[[[[[]]]]]]]


@pytest.mark.parametrize("value", VALUES, ids=["text", "bytes", "int", "list", "dict", "deep"])
def test_any_value_is_quoted_in_few_characters(value):
    assert len(quoted(value)) < 300


def test_no_error_has_an_endless_line():
    told = str(ExpectationError("x" * 10**6 + "\nshort"))
    assert max(map(len, told.splitlines())) < LONGEST_LINE + 100
    assert told.endswith("\nshort")


HIDDEN = {
    "\u202e": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "\u2066": "U+2066 LEFT-TO-RIGHT ISOLATE",
    "\u200b": "U+200B ZERO WIDTH SPACE",
    "\u200d": "U+200D ZERO WIDTH JOINER",
    "\u00ad": "U+00AD SOFT HYPHEN",
    "\ufe0f": "U+FE0F VARIATION SELECTOR-16",
    "\ufeff": "U+FEFF ZERO WIDTH NO-BREAK SPACE",
    "\U000e0041": "U+E0041 TAG LATIN CAPITAL LETTER A",
    "\u3164": "U+1160 HANGUL JUNGSEONG FILLER",
}


@pytest.mark.parametrize("char", HIDDEN)
@pytest.mark.parametrize("how", ["{}", "&#x{:x};"], ids=["itself", "entity"])
@pytest.mark.parametrize("html", [False, True])
def test_an_invisible_character_in_a_name_is_named(page_of, char, how, html):
    name = f"a{how.format(char if how == '{}' else ord(char))}b"
    for row in (f"| {name} | timm | 70 |", f"| ab | ti{name} | 70 |"):
        text = f"{HEAD}{row}\n"
        if html:
            cells = "<td>".join(row.strip("| ").split("|"))
            text = f"{HTML}\n<tr><td>{cells}\n</table>\n"
        with pytest.raises(PageError, match=r"page\.md:3: ") as error:
            read_page(page_of(text))
        assert f"it has the invisible {HIDDEN[char]}" in str(error.value)
        assert str(error.value).isprintable()


@pytest.mark.parametrize("cell", ["7\u200b0.1", "70.1\u202e", "\u00ad70.1"])
def test_an_invisible_character_in_a_figure_is_named(page_of, cell):
    with pytest.raises(PageError, match=r":3: top1: .*it has the invisible U\+"):
        read_page(page_of(f"{HEAD}| a | timm | {cell} |\n"))


def test_an_invisible_character_in_a_header_is_named(page_of):
    text = "| model | source | top1 | MA\u200bCs(G) |\n|-|-|-|-|\n| a | timm | 70 | 1 |\n"
    with pytest.raises(PageError, match=r"page\.md:1: unknown column .*U\+200B ZERO WIDTH SPACE"):
        read_page(page_of(text))


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_chinese_and_emoji_and_all_line_ends_stay(page_of, end):
    text = (
        "# 模型 👩‍🔬\n\n说明\u200b\n\n| 模型 | 源码 | top1 ⬆️ | 备注 |\n|-|-|-|-|\n"
        "| a（v1） | timm | 70.1 | 很好 👨‍👩‍👧 ❤️ |\n"
    )
    path = page_of("")
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", end).encode())
    (row,) = read_page(path).rows
    assert (row.name, row.line, row.claims[0].figure.text) == ("a(v1)", 7, "70.1")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_are_refused_with_a_line(page_of, encoding):
    path = page_of("")
    path.write_bytes(f"{HEAD}| a | timm | 70 |\n".encode(encoding))
    with pytest.raises(PageError, match=r"page\.md:1: (not UTF-8|a zero byte)"):
        read_page(path)
