"""Any picture file becomes upright sRGB pixels.

In: a path. Out: uint8 RGB (height, width, 3), or one sentence that says why not.
For other rooms: photos, folders (which files of a folder are pictures), buckets (photos under addresses).
"""
