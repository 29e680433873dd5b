"""The report's page: its style sheet and its frame. Everything is inline; the page asks the network for nothing."""

from __future__ import annotations

from neuropil.view.markup import text

STYLE = """
:root{color-scheme:light dark;--ink:#1d222b;--soft:#5b6472;--line:#dfe3e8;--card:#f5f7f9;--page:#fff;
--low:#e9edf1}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#9aa4b2;--line:#2f3742;--card:#1b2028;--page:#12161c;
--low:#2a313b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:58rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}
h1{font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .35rem;font-weight:650;text-wrap:balance}
h2{font-size:1.15rem;margin:0 0 .4rem;font-weight:620}
h3{font-size:.85rem;margin:1.4rem 0 .4rem;font-weight:600;color:var(--soft)}
section{margin-top:2.75rem}
p{margin:.3rem 0}
.lead{color:var(--soft);font-size:1.05rem}
.note{color:var(--soft);font-size:.86rem;max-width:44rem;margin-bottom:.8rem}
.partial{border-left:3px solid #e0602a;padding:.4rem .8rem;background:var(--card);margin-top:1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.6rem,1fr));gap:.6rem;margin:1.6rem 0 0}
.tiles div{background:var(--card);border-radius:.55rem;padding:.7rem .85rem .75rem;min-width:0}
.tiles dt{font-size:.78rem;color:var(--soft)}
.tiles dd{margin:.1rem 0 0;font-size:1.32rem;font-weight:620;line-height:1.25;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
.tiles small{display:block;font-size:.76rem;font-weight:400;color:var(--soft);min-height:1.2em}
figure{margin:.6rem 0 0;overflow-x:auto}
figure svg{display:block;width:100%;height:auto;min-width:38rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft);font-size:.78rem;vertical-align:bottom}
th,td{text-align:right;padding:.34rem .55rem;border-bottom:1px solid var(--line);white-space:nowrap}
th.l,td.l{text-align:left;padding-left:0}
td.l{font-weight:600}
td:last-child,th:last-child{padding-right:0}
.bar{display:inline-block;position:relative;width:7.5rem;height:.62rem;background:var(--low);border-radius:.2rem;
overflow:hidden;vertical-align:middle}
.bar i{position:absolute;top:0;bottom:0;left:0}
.bar.mid::after{content:"";position:absolute;left:50%;top:0;bottom:0;border-left:1px solid var(--soft)}
.stack{display:flex;gap:2px;height:1.35rem;border-radius:.35rem;overflow:hidden}
.stack i{min-width:2px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.4rem;padding:0;margin:.55rem 0 0;font-size:.86rem}
.legend b{display:inline-block;width:.7rem;height:.7rem;border-radius:.15rem;margin-right:.4rem}
.legend span{color:var(--soft);font-variant-numeric:tabular-nums}
pre{background:var(--card);border-radius:.55rem;padding:.8rem 1rem;overflow-x:auto;font:.82rem/1.5 ui-monospace,
SFMono-Regular,Menlo,Consolas,monospace;margin:.5rem 0 0}
code{font:.86em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
summary{cursor:pointer;color:var(--soft)}
@media (max-width:34rem){main{padding:1.5rem 1rem 3rem}h1{font-size:1.45rem}
.tiles{grid-template-columns:repeat(2,1fr)}}
@media print{:root{--ink:#000;--soft:#444;--line:#ccc;--card:#f3f3f3;--page:#fff;--low:#e6e6e6}
main{max-width:none;padding:0}body{font-size:10.5pt}section{margin-top:1.4rem}figure,.tiles,.stack,tr{break-inside:avoid}
h2{break-after:avoid}figure svg{min-width:0}pre{white-space:pre-wrap}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def page(title: str, body: str) -> str:
    """A whole HTML document around ready HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
