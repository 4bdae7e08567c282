"""Markdown, rendered by markdown-it."""

import re

from markdown_it import MarkdownIt

from common import check, project, unleak

folder = project("markdown")
(folder / "odd.py").write_text('import asyncio\n\n\nasync def f(a):\n    asyncio.create_task(a["x|y_z*"]())\n')
html = MarkdownIt("commonmark", {"html": True}).enable("table").render(unleak(folder, "check", "--format=markdown", "--min-level=note"))
rows = re.findall(r"<tr>\n(<td.*?)</tr>", html, re.DOTALL)
report = check(folder)
assert len(rows) == len(report["findings"]) > 20
assert all(row.count("<td") == 3 for row in rows), "a cell ends where it is meant to"
assert html.count("<li>") > len(rows) and html.count("<details>") == html.count("</details>") == 1
print(f"{len(rows)} rows rendered by markdown-it")
