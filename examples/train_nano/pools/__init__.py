"""Steps as large as a GPU likes them: pages drawn by processes, finished on the GPU, kept in pools there."""
