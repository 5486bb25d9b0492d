"""A model over labelled images, image by image: resumable, shardable, and judged afterwards.

:mod:`images`        labelled images with the hash of each
:mod:`order`         in which order they are evaluated, and which shard has which
:mod:`identity`      all that a table of answers depends on; names its folder
:mod:`predictions`   the table: one row an image
:mod:`folder`        the table on disk, in parts
:mod:`preprocessors` preprocessing in the vendor's build config format
:mod:`running`       the loop: tensors in, answers on disk
:mod:`measuring`     models on a set, from files to answers
:mod:`sequential`    when an answer is decided
:mod:`merging`       shards to one table
:mod:`calibrating`   calibration on photographs
:mod:`vendor_files`  answers to the vendor's result files, and back
:mod:`judging`       claims, int8 against fp32, blame, flips
:mod:`flip_table`    the images whose answer changed, as a file
:mod:`wording`       what a shell is told
:mod:`progress`      rate and remaining time
"""
