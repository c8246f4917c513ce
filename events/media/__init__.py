"""The pictures of an event.

`snapshot` picks the best picture and draws the boxes of its detections, `filmstrip` lists all pictures with tracks over
time for the review page, and `clip` returns the clip of the camera or makes one of the pictures.
"""
