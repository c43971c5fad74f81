"""`python -m service.settings` prints docs/settings.md."""

from __future__ import annotations

from service.settings.page import page

if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - printing is what it is started for
