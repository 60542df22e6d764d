"""Which architectures there are, each by its factory."""

from collections.abc import Mapping

_ROOM = "dgtl_ray.bench.zoo"
_FILES: Mapping[str, tuple[str, ...]] = {
    "residual": ("resnet50", "resnext", "densenet", "inception_v3", "regnet"),
    "compact": (
        "squeezenet",
        "mobilenet_v2",
        "mobilenet_v3",
        "efficientnet_b0",
        "shufflenet_v2",
    ),
    "patches": ("convnext", "vit", "swin"),
    "maps": ("unet", "deeplab", "yolo", "autoencoder"),
    "language": ("bert", "distilbert", "gpt2", "llama", "t5_encoder"),
    "sequences": ("lstm_classifier", "gru", "wav2vec"),
}
ARCHITECTURES: Mapping[str, str] = {
    name: f"{_ROOM}.{file}:{name}" for file, names in _FILES.items() for name in names
}
