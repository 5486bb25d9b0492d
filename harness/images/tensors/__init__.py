"""Image files to tensors: streamed from worker processes, and kept on disk for each pipeline.

with PreprocessingPool(FileToTensor("page"), workers=8) as pool:
    stream = Stream(pool, paths, size=32)
    for batch in stream: ...            # batch.indices, batch.tensors
    stream.bad                          # what has no tensor, and why

with TensorCache(folder, read_files(paths), FileToTensor("page"), workers=8) as cache:
    for batch in cache.batches(size=32): ...
    cache.bad
"""

from harness.images.tensors.batches import Batch, Stream
from harness.images.tensors.cache import TensorCache
from harness.images.tensors.files import Files, read_files
from harness.images.tensors.pool import PreprocessingPool
from harness.images.tensors.preprocessor import FileToTensor, Preprocessor
from harness.images.tensors.storage import Cached, prune, survey
from harness.images.tensors.supplies import Preprocessed, Supply, Tensors

__all__ = [
    "Batch",
    "Cached",
    "FileToTensor",
    "Files",
    "Preprocessed",
    "PreprocessingPool",
    "Preprocessor",
    "Stream",
    "Supply",
    "TensorCache",
    "Tensors",
    "prune",
    "read_files",
    "survey",
]
