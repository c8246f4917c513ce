"""Files on disk: the camera root, and our own files below the data folder.

- `tree`, `walk`, `writer`, `paths`: reach files below a root safely. No name leads out of the root, and no link is
  followed.
- `content`: verify that an open file still has the content that was accepted.
- `originals`, `thumbnails`, `quarantine`, `spool`: the files that belong to an upload.
- `disk_guard`: pause intake while the disk is nearly full.

Start with `tree.Tree`.
"""
