"""ONNX operators that TVM's importer does wrong or not at all: a file a family of them.

A converter is a function from a `Node` to what it computes, registered under the operator's name
(`com.microsoft.Attention` outside of ONNX's own domain). TVM's own stays where there is none here.
"""
