"""Pictures and clips: recognise, validate, decode and show them.

Every file is decoded in a process of its own, because it may be hostile. Callers use:

- `decoder`: validate a file, or read pixels and frames from it. Start here.
- `picture`, `stills`, `frame_cache`: the pictures of an upload, for detectors and for people.
- `formats`, `file_types`, `containers`: what names and first bytes say, without decoding.

Only the decoder process imports `image_file`, `video`, `clip_stream`, `render`, `transforms`, `exif` and
`still_headers` to decode. `decoder_process`, `decoder_protocol`, `decoder_child`, `sandbox` and `decoder_self_test`
start, restrict and check that process. `motion` measures where something moves in a long clip, and `frame_selection`
chooses which of its frames are analysed.
"""
