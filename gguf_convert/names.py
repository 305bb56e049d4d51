"""The names in a GGUF pair of the family: keys, tensors, the texts of its image tokens. Writers and readers of both
packages take them from here.

They are llama.cpp's own: `src/llama-arch.cpp` (llama), `tools/mtmd/clip-impl.h` (clip); only those of `Own` are ours.
"""

from __future__ import annotations

IMAGE, FAKE, GLOBAL, FIRST_TILE = "<image>", "<fake_token_around_image>", "<global-img>", "<row_1_col_1>"


class General:
    """Keys of every file."""

    ARCHITECTURE = "general.architecture"
    TYPE = "general.type"
    NAME = "general.name"
    DESCRIPTION = "general.description"
    SIZE_LABEL = "general.size_label"
    FILE_TYPE = "general.file_type"
    QUANTIZATION_VERSION = "general.quantization_version"
    ALIGNMENT = "general.alignment"


class Split:
    """Keys of a file that is one part of several."""

    NO = "split.no"
    COUNT = "split.count"
    TENSORS = "split.tensors.count"


class Own:
    """Keys of the converter: where a file comes from, and which file it belongs to."""

    VERSION = "gguf_convert.version"
    SOURCE_NAME = "gguf_convert.source.name"
    SOURCE_REVISION = "gguf_convert.source.revision"
    SOURCE_SHA256 = "gguf_convert.source.sha256"
    PAIR_ID = "gguf_convert.pair_id"


class Tokenizer:
    """Keys of the vocabulary, in the language model's file."""

    BYTE_PAIRS = "gpt2"  # MODEL of the family
    ROLES = ("bos", "eos", "unknown", "padding")  # of special tokens, see special_id

    ALL = "tokenizer."  # how each of them begins
    GGML = "tokenizer.ggml."
    ID = "_token_id"  # how each special token's key ends
    MODEL = "tokenizer.ggml.model"
    PRE = "tokenizer.ggml.pre"
    TOKENS = "tokenizer.ggml.tokens"
    TOKEN_TYPE = "tokenizer.ggml.token_type"
    SCORES = "tokenizer.ggml.scores"
    MERGES = "tokenizer.ggml.merges"
    ADD_SPACE_PREFIX = "tokenizer.ggml.add_space_prefix"
    CHAT_TEMPLATE = "tokenizer.chat_template"

    @classmethod
    def special_id(cls, role: str) -> str:
        """The key of a special token's id: "bos" → "tokenizer.ggml.bos_token_id"."""
        return f"{cls.GGML}{role}{cls.ID}"


class Llama:
    """Keys of the language model."""

    ARCHITECTURE = "llama"  # General.ARCHITECTURE of its file

    BLOCK_COUNT = "llama.block_count"
    CONTEXT_LENGTH = "llama.context_length"
    EMBEDDING_LENGTH = "llama.embedding_length"
    FEED_FORWARD_LENGTH = "llama.feed_forward_length"
    VOCAB_SIZE = "llama.vocab_size"
    EXPERT_COUNT = "llama.expert_count"
    HEAD_COUNT = "llama.attention.head_count"
    HEAD_COUNT_KV = "llama.attention.head_count_kv"
    KEY_LENGTH = "llama.attention.key_length"
    VALUE_LENGTH = "llama.attention.value_length"
    RMS_EPSILON = "llama.attention.layer_norm_rms_epsilon"
    ROPE_DIMENSION_COUNT = "llama.rope.dimension_count"
    ROPE_FREQ_BASE = "llama.rope.freq_base"
    ROPE_SCALING_TYPE = "llama.rope.scaling.type"
    ROPE_SCALING_FACTOR = "llama.rope.scaling.factor"


class Clip:
    """Keys of the projector."""

    ARCHITECTURE = "clip"  # General.ARCHITECTURE of its file
    IDEFICS3 = "idefics3"  # PROJECTOR_TYPE of the family

    PROJECTOR_TYPE = "clip.projector_type"
    HAS_VISION_ENCODER = "clip.has_vision_encoder"
    HAS_AUDIO_ENCODER = "clip.has_audio_encoder"
    HAS_GEN_AUDIO_ENCODER = "clip.has_gen_audio_encoder"
    USE_GELU = "clip.use_gelu"
    USE_SILU = "clip.use_silu"
    MINICPMV_VERSION = "clip.minicpmv_version"
    MINICPMV_QUERY_NUM = "clip.minicpmv_query_num"
    VISION_PROJECTOR_TYPE = "clip.vision.projector_type"
    IMAGE_SIZE = "clip.vision.image_size"
    PATCH_SIZE = "clip.vision.patch_size"
    PREPROC_IMAGE_SIZE = "clip.vision.preproc_image_size"  # the longest edge that a picture is first resized to, px
    EMBEDDING_LENGTH = "clip.vision.embedding_length"
    FEED_FORWARD_LENGTH = "clip.vision.feed_forward_length"
    PROJECTION_DIM = "clip.vision.projection_dim"
    BLOCK_COUNT = "clip.vision.block_count"
    HEAD_COUNT = "clip.vision.attention.head_count"
    EPSILON = "clip.vision.attention.layer_norm_epsilon"
    IMAGE_MEAN = "clip.vision.image_mean"
    IMAGE_STD = "clip.vision.image_std"
    SCALE_FACTOR = "clip.vision.projector.scale_factor"
    PATCH_MERGE_TYPE = "clip.vision.mm_patch_merge_type"
    GRID_PINPOINTS = "clip.vision.image_grid_pinpoints"
    FEATURE_LAYER = "clip.vision.feature_layer"


WEIGHT, BIAS = ".weight", ".bias"  # a tensor is the name of what it belongs to, and one of these


class LanguageTensors:
    """What has weights in the language model; with {}, in each of its layers: `ATTN_Q.format(0) + WEIGHT`."""

    TOKEN_EMBEDDING = "token_embd"
    OUTPUT_NORM = "output_norm"
    OUTPUT = "output"
    ROPE_FREQS = "rope_freqs"
    ATTN_NORM = "blk.{}.attn_norm"
    ATTN_Q = "blk.{}.attn_q"
    ATTN_K = "blk.{}.attn_k"
    ATTN_V = "blk.{}.attn_v"
    ATTN_OUTPUT = "blk.{}.attn_output"
    FFN_NORM = "blk.{}.ffn_norm"
    FFN_GATE = "blk.{}.ffn_gate"
    FFN_UP = "blk.{}.ffn_up"
    FFN_DOWN = "blk.{}.ffn_down"


class VisionTensors:
    """What has weights, and mostly biases, in the projector's file; with {}, in each layer of its vision tower."""

    PATCH_EMBEDDING = "v.patch_embd"
    POSITION_EMBEDDING = "v.position_embd"
    POST_NORM = "v.post_ln"
    CONNECTOR = "mm.model.fc"
    LN1 = "v.blk.{}.ln1"
    LN2 = "v.blk.{}.ln2"
    ATTN_Q = "v.blk.{}.attn_q"
    ATTN_K = "v.blk.{}.attn_k"
    ATTN_V = "v.blk.{}.attn_v"
    ATTN_OUT = "v.blk.{}.attn_out"
    FFN_UP = "v.blk.{}.ffn_up"
    FFN_DOWN = "v.blk.{}.ffn_down"
