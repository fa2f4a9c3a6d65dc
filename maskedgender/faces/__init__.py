"""The faces of a photo, and the canonical crop of each.

In: a photo, uint8 RGB. Out: faces (box, landmarks, score, angle), largest first; square crops of them.
For other rooms: finding (all faces of a photo), detector (one pass of YuNet, and what a face is), crops (the framing
that training and serving share), geometry (turn and scale pictures). views and verification are finding's own.
"""
