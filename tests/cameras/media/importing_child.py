"""A process that decodes, and cannot be started: a library of it is broken. For tests alone."""

raise ImportError("cannot import name 'imread' from 'cv2'")
