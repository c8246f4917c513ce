"""Retention: remove old data by age, size and free space, in chunks, oldest first.

`units` groups rows and files that are removed together, `rules` selects units, `removal` deletes rows, `file_removal`
deletes files, `orphans` finds files without rows and rows without files, `records` deletes old rows without files,
`storage` measures disk usage, and `schedule` runs the tasks.
"""
