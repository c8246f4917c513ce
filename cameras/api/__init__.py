"""The REST API of cameras, zones and uploads.

`cameras` has the views of cameras and zones, `uploads` those of uploads and the HTTP upload, `inputs` the request
bodies, `file_response` how files and pictures are sent. The response bodies are in `cameras.serializers`.
"""
