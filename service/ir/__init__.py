"""The kernel algebra: frozen, hash-consed nodes and the few ways to build them."""
