"""The tables of operators in docs/formats.md; `python -m tests.docs.format_tables` writes them into the page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from service.frontends import mathjson_operators, mathoptformat_operators
from service.frontends.formulas import Vocabulary
from tests.service_process import ROOT

PAGE = ROOT / "docs" / "formats.md"
VOCABULARIES: Mapping[str, Vocabulary] = {
    "mathoptformat": mathoptformat_operators.OPERATORS,
    "mathjson": mathjson_operators.OPERATORS,
}
_KNOWN = re.compile(r"(<!-- known (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_REFUSED = re.compile(r"(<!-- refused (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def known(vocabulary: Vocabulary) -> str:
    """A row for every operator: its name, and what it means in x, y and z."""
    rows = []
    for name, operator in vocabulary.known.items():
        formulas = [*dict.fromkeys([*operator.formulas, *([operator.collects] if operator.collects else [])])]
        shown = [formula for formula in formulas if formula != "x" or len(formulas) == 1]
        many = ", for neighbours" if operator.chains else ", and so on" if operator.folds else ""
        rows.append(f"| `{escaped(name)}` | {', '.join(f'`{escaped(formula)}`' for formula in shown)}{many} |")
    return "\n".join(["| operator | means |", "| --- | --- |", *rows, ""])


def refused(vocabulary: Vocabulary) -> str:
    """The operators without a meaning, by the reason."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in vocabulary.refused.items():
        by_reason[reason].append(f"`{name}`")
    rows = [f"| {', '.join(names)} | {reason} |" for reason, names in by_reason.items()]
    return "\n".join(["| operators | why |", "| --- | --- |", *rows, ""])


def escaped(text: str) -> str:
    """As it stands in a table."""
    return text.replace("|", "\\|")


def with_tables(page: str) -> str:
    """The page with the tables that the code has."""
    page = _KNOWN.sub(lambda found: found[1] + known(VOCABULARIES[found[2]]) + found[3], page)
    return _REFUSED.sub(lambda found: found[1] + refused(VOCABULARIES[found[2]]) + found[3], page)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
