"""What a tuned network is timed beside, and what people call it."""

from dgtl_ray.peers.catalogue import PEERS

# torch.compile takes a minute to compile: `dgtl bench networks` has it.
PEER_NAMES = ("pytorch", "onnxruntime", "openvino", "mnn", "ncnn")
CONTENDERS = ("tuned", "untuned", *PEER_NAMES)
TITLES = {"tuned": "tuned", "untuned": "TVM untuned", **{p: PEERS[p].title for p in PEER_NAMES}}
