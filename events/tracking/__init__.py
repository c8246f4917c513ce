"""Tracks: which detections of an event show the same object, and what that object did.

`follow` links detections to tracks, and `assignment` finds the best pairs of one picture. `movement` says where and how
long an object was, and `describe` puts it into words. `update` stores the tracks of an event.
"""
