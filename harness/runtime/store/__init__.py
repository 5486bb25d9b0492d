"""Content-addressed store of everything built: found again by what went in, never used damaged.

<root>/<step>/<digest>/         one entry: the files a step made, and
                       entry.json   what it is, with sizes and hashes
                       used         held while in use; its time is that of the last use
                       let-go       there where large files were removed to make room
<root>/blobs/<aa>/<sha256>      large files, hard-linked from the entries that hold them
<root>/locks/, <root>/tmp/      who builds what, and what is not finished
"""

from harness.runtime.store.entries import Entry, FileRecord
from harness.runtime.store.keys import JSON, Key
from harness.runtime.store.lazy import LazyArtifact
from harness.runtime.store.store import Store, open_store

__all__ = ["JSON", "Entry", "FileRecord", "Key", "LazyArtifact", "Store", "open_store"]
