"""Any picture file becomes upright sRGB pixels.

In: a path. Out: uint8 RGB (height, width, 3), or one sentence that says why not.
For other rooms: photos (whole photos, as the app reads them), reduced_decoding (portraits at a training size, fast),
folders (which files of a folder are pictures), buckets (photos under addresses).
"""
