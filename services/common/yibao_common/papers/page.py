"""A sheet as one HTML page that needs nothing else: no script, no font, no picture.

Every text of it is escaped, whoever it comes from. It prints on A4 with the itemised list
on a page of its own, and in large print (14 pt) for whoever reads small letters badly.
"""

from collections.abc import Iterable
from html import escape

from yibao_common.values.sheet import Block, Grid, Lines, Pair, Prose, Room, Sheet, Table

_FONTS = (
    '"Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", '
    '"WenQuanYi Micro Hei", SimSun, sans-serif'
)
_STYLE = f"""
@page {{ size: A4; margin: 11mm 12mm; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 190mm; padding: 4mm; color: #000; background: #fff;
  font: 9pt/1.35 {_FONTS}; overflow-wrap: anywhere; }}
body.large {{ font-size: 14pt; line-height: 1.5; }}
h1 {{ font-size: 1.6em; text-align: center; margin: 0 0 .2em; }}
h2 {{ font-size: 1em; margin: .5em 0 .1em; }}
p {{ margin: 0; }}
.unit {{ text-align: right; }}
.mark {{ border: .25em double #000; font-size: 1.4em; font-weight: bold; letter-spacing: .3em;
  margin: .2em 25%; text-align: center; }}
table {{ border-collapse: collapse; width: 100%; table-layout: fixed; margin-bottom: .5em; }}
thead {{ display: table-header-group; }}
tr {{ break-inside: avoid; }}
th, td {{ border: 1px solid #444; padding: .12em .35em; text-align: left; }}
th {{ background: #eee; font-weight: bold; }}
th.amount {{ text-align: right; }}
.grid th {{ font-weight: normal; }}
.amount {{ text-align: right; font-variant-numeric: tabular-nums; }}
.strong td {{ font-weight: bold; background: #f4f4f4; }}
ol {{ margin: 0 0 .5em; padding-left: 2em; columns: 2; column-gap: 3em; }}
.large ol {{ columns: 1; }}
li {{ break-inside: avoid; }}
.signatures {{ display: flex; flex-wrap: wrap; gap: .9em 1.5em; margin-top: 1em; }}
.signatures span {{ flex: 1 1 26%; white-space: nowrap; display: flex; }}
.signatures span::after {{ content: ""; flex: 1; border-bottom: 1px solid #000; }}
.foot {{ margin-top: .6em; }}
.room {{ border: 1px solid #444; padding: .2em .35em; margin-bottom: .5em; }}
.list {{ break-before: page; }}
@media print {{ body {{ max-width: none; padding: 0 1px; }} }}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# Pairs of a grid in a row, and how wide their labels are, in common and in large print.
_COMMON_GRID, _LARGE_GRID = (3, 12), (2, 17)


def html_of(sheet: Sheet, *, large: bool) -> str:
    """Returns the page of a sheet, in UTF-8 where it is encoded."""
    mark = f'<p class="mark">{escape(sheet.mark)}</p>' if sheet.mark else ""
    signatures = "".join(f"<span>{escape(label)}：</span>" for label in sheet.signatures)
    return "".join(
        (
            '<!DOCTYPE html>\n<html lang="zh-CN">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            f"<title>{escape(sheet.title)}</title>\n<style>{_STYLE}</style>\n</head>\n",
            f'<body class="{"large" if large else "common"}">\n<main>\n',
            f"<h1>{escape(sheet.title)}</h1>\n{mark}",
            f'<p class="unit">{escape(sheet.unit)}</p>\n',
            *(_block(block, large=large) for block in sheet.front),
            f'<div class="signatures">{signatures}</div>\n' if signatures else "",
            f'<p class="foot">{escape(sheet.foot)}</p>\n</main>\n',
            _list(sheet, mark, large=large) if sheet.list_pages else "",
            "</body>\n</html>\n",
        )
    )


def _list(sheet: Sheet, mark: str, *, large: bool) -> str:
    return "".join(
        (
            f'<section class="list">\n<h1>{escape(sheet.list_title)}</h1>\n{mark}',
            f'<p class="unit">{escape(sheet.unit)}</p>\n',
            *(_block(block, large=large) for block in sheet.list_pages),
            "</section>\n",
        )
    )


def _block(block: Block, *, large: bool) -> str:
    match block:
        case Grid():
            return _grid(block, *(_LARGE_GRID if large else _COMMON_GRID))
        case Table():
            return _table(block)
        case Lines():
            lines = "".join(f"<li>{escape(line)}</li>\n" for line in block.lines)
            return f"<h2>{escape(block.caption)}</h2>\n<ol>\n{lines}</ol>\n"
        case Prose():
            head = f"<h2>{escape(block.caption)}</h2>\n" if block.caption else ""
            return head + "".join(f"<p>{escape(each)}</p>\n" for each in block.paragraphs)
        case Room():
            style = f"min-height:{block.lines * 1.6:.1f}em"
            sign = f'<p class="unit">{escape(block.sign)}</p>\n' if block.sign else ""
            text = f'<p style="{style}">{escape(block.text)}</p>\n{sign}'
            return f'<h2>{escape(block.caption)}</h2>\n<div class="room">{text}</div>\n'


def _grid(grid: Grid, pairs_a_row: int, label_percent: int) -> str:
    columns = f'<col style="width:{label_percent}%"><col>' * pairs_a_row
    rows = "".join(
        f"<tr>{_pairs(row[at : at + pairs_a_row], pairs_a_row)}</tr>\n"
        for row in grid.rows
        for at in range(0, len(row), pairs_a_row)
    )
    return f'<table class="grid"><colgroup>{columns}</colgroup>\n{rows}</table>\n'


def _pairs(row: tuple[Pair, ...], pairs_a_row: int) -> str:
    """Returns the pairs of a row; the last one takes what room is left."""
    spans = [1] * (len(row) - 1) + [2 * (pairs_a_row - len(row)) + 1]
    return "".join(
        f'<th scope="row">{escape(pair.label)}</th><td colspan="{span}">{escape(pair.value)}</td>'
        for pair, span in zip(row, spans, strict=True)
    )


def _table(table: Table) -> str:
    total = sum(column.width for column in table.columns)
    columns = "".join(
        f'<col style="width:{100 * column.width / total:.2f}%">' for column in table.columns
    )
    kinds = [' class="amount"' if column.is_amount else "" for column in table.columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.title)}</th>'
        for kind, column in zip(kinds, table.columns, strict=True)
    )
    rows = "".join(
        _row(row, kinds, number in table.strong) for number, row in enumerate(table.rows)
    )
    return (
        f"<table><colgroup>{columns}</colgroup>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody></table>\n"
    )


def _row(row: Iterable[str], kinds: list[str], is_strong: bool) -> str:
    cells = "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
    begin = '<tr class="strong">' if is_strong else "<tr>"
    return f"{begin}{cells}</tr>\n"
