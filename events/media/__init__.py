"""The pictures of an event.

`snapshot` picks the best picture and draws the boxes of its detections, `paths` draws where its objects went,
`filmstrip` lists all pictures with the objects over time for the review page, and `clip` returns the clip of the camera
or makes one of the pictures.
"""
