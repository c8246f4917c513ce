"""What the paths of uploaded files say, as pure text without files or database.

`file_names` reads the capture time and the trigger from the names that cameras use, `recorder_channels` the channel of
a recorder, `http_paths` what the folder of an HTTP upload records. Start with `file_names.parse`.
"""
