"""The projector's side (mmproj): VisionConfig comes in; its metadata keys and the tensors that it must have go out."""

from __future__ import annotations

from collections.abc import Iterator

from gguf import GGUFValueType

from .config import VisionConfig
from .metadata import Metadata
from .names import BIAS, WEIGHT, Clip, General
from .names import VisionTensors as Tensors
from .plan import Wanted

LINEARS = {  # transformers' name → llama.cpp's; the vision tower's q and k are not reordered
    "mlp.fc1": Tensors.FFN_UP,
    "mlp.fc2": Tensors.FFN_DOWN,
    "self_attn.k_proj": Tensors.ATTN_K,
    "self_attn.out_proj": Tensors.ATTN_OUT,
    "self_attn.q_proj": Tensors.ATTN_Q,
    "self_attn.v_proj": Tensors.ATTN_V,
}


def write_keys(vision: VisionConfig, text_hidden: int, metadata: Metadata, file_type: int) -> None:
    """Keys `clip.*`, as llama.cpp's mtmd reads them. Without preproc_image_size it would not enlarge small images."""
    metadata.uint32(General.FILE_TYPE, file_type)
    metadata.boolean(Clip.HAS_VISION_ENCODER, True)
    metadata.uint32(Clip.PROJECTION_DIM, text_hidden)
    metadata.uint32(Clip.IMAGE_SIZE, vision.image_px)
    metadata.uint32(Clip.PATCH_SIZE, vision.patch_px)
    metadata.uint32(Clip.EMBEDDING_LENGTH, vision.hidden)
    metadata.uint32(Clip.FEED_FORWARD_LENGTH, vision.ffn)
    metadata.uint32(Clip.BLOCK_COUNT, vision.layers)
    metadata.uint32(Clip.HEAD_COUNT, vision.heads)
    metadata.array(Clip.IMAGE_MEAN, GGUFValueType.FLOAT32, vision.mean)
    metadata.array(Clip.IMAGE_STD, GGUFValueType.FLOAT32, vision.std)
    metadata.string(Clip.PROJECTOR_TYPE, Clip.IDEFICS3)
    metadata.float32(Clip.EPSILON, vision.eps)
    metadata.uint32(Clip.SCALE_FACTOR, vision.scale_factor)
    metadata.boolean(Clip.USE_GELU, True)
    metadata.uint32(Clip.PREPROC_IMAGE_SIZE, vision.longest_edge_px)
    metadata.uint32(General.QUANTIZATION_VERSION, 2)


def wanted(vision: VisionConfig, text_hidden: int) -> Iterator[Wanted]:
    """Every tensor, in file order. Embeddings, norms and biases stay F32."""
    hidden, ffn = vision.hidden, vision.ffn
    merged = hidden * vision.scale_factor**2
    yield Wanted("connector.modality_projection.proj.weight", Tensors.CONNECTOR + WEIGHT, (text_hidden, merged))
    embeddings = "vision_model.embeddings."
    patch = (hidden, vision.channels, vision.patch_px, vision.patch_px)
    yield Wanted(embeddings + "patch_embedding.bias", Tensors.PATCH_EMBEDDING + BIAS, (hidden,), keep_f32=True)
    yield Wanted(embeddings + "patch_embedding.weight", Tensors.PATCH_EMBEDDING + WEIGHT, patch, keep_f32=True)
    position = (vision.patches, hidden)
    yield Wanted(embeddings + "position_embedding.weight", Tensors.POSITION_EMBEDDING + WEIGHT, position, keep_f32=True)
    for i in range(vision.layers):
        source = f"vision_model.encoder.layers.{i}."
        yield from _pair(source + "layer_norm1", Tensors.LN1.format(i), (hidden,))
        yield from _pair(source + "layer_norm2", Tensors.LN2.format(i), (hidden,))
        for theirs, ours in LINEARS.items():
            shape = {"mlp.fc1": (ffn, hidden), "mlp.fc2": (hidden, ffn)}.get(theirs, (hidden, hidden))
            yield from _pair(source + theirs, ours.format(i), shape)
    yield from _pair("vision_model.post_layernorm", Tensors.POST_NORM, (hidden,))


def _pair(source: str, target: str, shape: tuple[int, ...]) -> Iterator[Wanted]:
    """Bias and weight of one layer."""
    yield Wanted(source + ".bias", target + BIAS, shape[:1], keep_f32=True)
    yield Wanted(source + ".weight", target + WEIGHT, shape, keep_f32=len(shape) == 1)
