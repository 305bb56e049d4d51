"""The projector's side (mmproj): VisionConfig comes in; its metadata keys and the tensors that it must have go out."""

from __future__ import annotations

from collections.abc import Iterator

from gguf import GGUFValueType

from .config import VisionConfig
from .metadata import Metadata
from .plan import Wanted

PREPROC_KEY = "clip.vision.preproc_image_size"
EPS_KEY = "clip.vision.attention.layer_norm_epsilon"
LINEARS = {  # transformers' name → llama.cpp's; the vision tower's q and k are not reordered
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "self_attn.k_proj": "attn_k",
    "self_attn.out_proj": "attn_out",
    "self_attn.q_proj": "attn_q",
    "self_attn.v_proj": "attn_v",
}


def write_keys(vision: VisionConfig, text_hidden: int, metadata: Metadata, file_type: int) -> None:
    """Keys `clip.*`, as llama.cpp's mtmd reads them. Without preproc_image_size it would not enlarge small images."""
    metadata.uint32("general.file_type", file_type)
    metadata.boolean("clip.has_vision_encoder", True)
    metadata.uint32("clip.vision.projection_dim", text_hidden)
    metadata.uint32("clip.vision.image_size", vision.image_px)
    metadata.uint32("clip.vision.patch_size", vision.patch_px)
    metadata.uint32("clip.vision.embedding_length", vision.hidden)
    metadata.uint32("clip.vision.feed_forward_length", vision.ffn)
    metadata.uint32("clip.vision.block_count", vision.layers)
    metadata.uint32("clip.vision.attention.head_count", vision.heads)
    metadata.array("clip.vision.image_mean", GGUFValueType.FLOAT32, vision.mean)
    metadata.array("clip.vision.image_std", GGUFValueType.FLOAT32, vision.std)
    metadata.string("clip.projector_type", "idefics3")
    metadata.float32(EPS_KEY, vision.eps)
    metadata.uint32("clip.vision.projector.scale_factor", vision.scale_factor)
    metadata.boolean("clip.use_gelu", True)
    metadata.uint32(PREPROC_KEY, vision.longest_edge_px)
    metadata.uint32("general.quantization_version", 2)


def wanted(vision: VisionConfig, text_hidden: int) -> Iterator[Wanted]:
    """Every tensor, in file order. Embeddings, norms and biases stay F32."""
    hidden, ffn = vision.hidden, vision.ffn
    merged = hidden * vision.scale_factor**2
    yield Wanted("connector.modality_projection.proj.weight", "mm.model.fc.weight", (text_hidden, merged))
    embeddings = "vision_model.embeddings."
    patch = (hidden, vision.channels, vision.patch_px, vision.patch_px)
    yield Wanted(embeddings + "patch_embedding.bias", "v.patch_embd.bias", (hidden,), keep_f32=True)
    yield Wanted(embeddings + "patch_embedding.weight", "v.patch_embd.weight", patch, keep_f32=True)
    position = (vision.patches, hidden)
    yield Wanted(embeddings + "position_embedding.weight", "v.position_embd.weight", position, keep_f32=True)
    for i in range(vision.layers):
        source, target = f"vision_model.encoder.layers.{i}.", f"v.blk.{i}."
        yield from _pair(source + "layer_norm1", target + "ln1", (hidden,))
        yield from _pair(source + "layer_norm2", target + "ln2", (hidden,))
        for theirs, ours in LINEARS.items():
            shape = {"mlp.fc1": (ffn, hidden), "mlp.fc2": (hidden, ffn)}.get(theirs, (hidden, hidden))
            yield from _pair(source + theirs, target + ours, shape)
    yield from _pair("vision_model.post_layernorm", "v.post_ln", (hidden,))


def _pair(source: str, target: str, shape: tuple[int, ...]) -> Iterator[Wanted]:
    """Bias and weight of one layer."""
    yield Wanted(source + ".bias", target + ".bias", shape[:1], keep_f32=True)
    yield Wanted(source + ".weight", target + ".weight", shape, keep_f32=len(shape) == 1)
