"""What goes when: by age, by size, by free room; files with their rows, in chunks, oldest first.

`units` says what belongs together, `rules` what is to go, `removal` deletes rows, `garbage` unlinks files,
`orphans` finds files and rows that lost each other, `records` drops old messages, `schedule` runs it all.
"""
