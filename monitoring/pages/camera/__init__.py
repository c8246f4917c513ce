"""The pages of a camera: setting one up in steps, how it is, and its zones."""
