"""A believable mask, drawn on a face from its five landmarks.

In: a photo, landmarks, a style, a random generator. Out: the photo with the mask on, and which pixels it covers.
For other rooms: drawing (draw_mask and STYLES), pose (how the head stands).
"""
