"""Models of ONNX as graphs: bytes in, the object of the graph format out."""

from service.frontends.onnx.model import read_onnx

__all__ = ["read_onnx"]
