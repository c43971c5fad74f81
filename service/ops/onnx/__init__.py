"""How operations are written in ONNX: each writer is entered in the declaration of its operation."""
