"""`python -m clients`: makes both clients, or the one that is named."""

from __future__ import annotations

import argparse

from clients.making import make_python, make_typescript

MAKERS = {"python": make_python, "typescript": make_typescript}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="./dev clients", description="Makes the clients from openapi/openapi.json.")
    parser.add_argument("name", nargs="?", choices=MAKERS, help="only this one")
    only = parser.parse_args().name
    for name in [only] if only else MAKERS:
        MAKERS[name]()
