"""What counts: which detected objects may start or extend an event.

`decision` decides, by `rules` that are loaded for the camera and by its `static_memory`. These are pure, except that
`rules` reads the camera. `view` says whether a camera is frozen, black, covered, blurred or turned, by the
`signature` of each picture, which `measure` makes as often as `view_sampling` says; `repeats` finds cameras that repeat
one file. `static_objects` loads, saves and expires the rows of the memory.
"""
