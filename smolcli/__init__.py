"""smol reads images, documents and video on your own machine with SmolVLM, through llama.cpp."""

__version__ = "0.1.0"
