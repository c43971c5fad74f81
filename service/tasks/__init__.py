"""Use cases: plain data in, plain data out; they compose the stages and know no HTTP."""
